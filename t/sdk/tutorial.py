"""tutorial.py PAGE: what hermod-plugin-tutorial(7) has its reader write, run and see,
as a bash script that is to be read by 94-tutorial.t."""
import re, shlex, sys


def plain(block):
    lines = []
    for line in block.split('\n'):
        if line.startswith('\\&'):
            line = line[2:]
        lines.append(line.replace('\\e', '\\'))
    return '\n'.join(lines)


text = open(sys.argv[1]).read()
blocks = re.findall(r'^\.\\" ([^\n]*)\n\.Bd -literal\n(.*?)\n\.Ed$', text, re.M | re.S)
assert len(blocks) == text.count('.Bd -literal'), 'a listing without a mark'
for kind, block in blocks:
    block = plain(block)
    if kind.startswith('file '):
        print('listing %s %s' % (shlex.quote(kind[5:]), shlex.quote(block)))
    elif kind == 'shell':
        for line in block.split('\n'):
            assert line.startswith('$ '), line
            print('says %s' % shlex.quote(line[2:]))
    elif kind == 'output':
        print('seen %s' % shlex.quote(block))
    else:
        raise SystemExit('what is %s?' % kind)

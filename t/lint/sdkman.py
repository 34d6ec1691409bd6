"""sdkman.py: where hooks.def, the interface headers and the manual disagree.

Prints a line for each, with the page it belongs to: hooks or services.
"""
import glob, os, re, sys
sys.path.insert(0, os.path.dirname(__file__))
sys.dont_write_bytecode = True
from abi import hooks, log, read, strip

TODAY = 'include'
KEPT = sorted(glob.glob('t/sdk/abi-*'),
              key=lambda d: [int(n) for n in d.rpartition('-')[2].split('.')])


def since(has):
    """The first version for which has(folder) is true."""
    for kept in KEPT:
        if os.path.isdir(kept + '/hermod') and has(kept):
            return kept.rpartition('-')[2]
    return '%d.%d' % log(TODAY)[:2]


def sections(page):
    """Name and lines of each .Ss, with the .Sh it stands in."""
    found, head, name = [], '', None
    for line in open(page).read().split('\n'):
        if line.startswith('.Sh '):
            head, name = line[4:], None
        elif line.startswith('.Ss '):
            name = line[4:]
            found.append((head, name, []))
        elif name is not None:
            found[-1][2].append(line)
    return found


def item(lines, name):
    """What stands below ".It name"."""
    at = '.It ' + name
    return lines[lines.index(at) + 1] if at in lines else 'nothing'


def table(folder):
    return [re.match(r'HM_(\w+)\((\w+), ?(.*)\)', h).groups()
            for h in hooks(folder)]


def check_hooks(page):
    known = {'DECIDE': ('DECISIONS', 'Argument'), 'EVENT': ('EVENTS', 'Event')}
    for kind, (head, word) in known.items():
        mine = [(n, l) for h, n, l in sections(page) if h == head]
        theirs = [(name, arg) for k, name, arg in table(TODAY) if k == kind]
        names = [n for n, _ in theirs]
        if [n for n, _ in mine] != names:
            print('hooks', head, 'has', [n for n, _ in mine], 'not', names)
            continue
        for (name, lines), (_, arg) in zip(mine, theirs):
            if item(lines, word) != '.Vt ' + arg:
                print('hooks', name, 'has', item(lines, word), 'not .Vt', arg)
            first = since(lambda d: name in [n for _, n, _ in table(d)])
            if item(lines, 'Since') != first:
                print('hooks', name, 'is since', first)


def ops(folder):
    return {n[len('struct hm_'):-len('_ops')]: [m for m in members if
            not m.endswith(' size')]
            for n, members in read(folder)[0].items() if n.endswith('_ops')}


def flat(text):
    text = re.sub(r'\s+', ' ', strip(text).replace('\\e', '\\'))
    return re.sub(r'\s*([(),*;])\s*', r'\1', text).strip()


def member_name(member):
    return re.search(r'\(\*(\w+)\)', member).group(1)


def check_services(page):
    found = {n: l for h, n, l in sections(page) if h == 'INTERFACES'}
    today = ops(TODAY)
    for name in sorted(set(found) ^ set(today)):
        print('services', name, 'is in page or headers alone')
    for name in sorted(set(found) & set(today)):
        lines = found[name]
        if '.In hermod/iface/%s.h' % name not in lines:
            print('services', name, 'does not name its header')
        if item(lines, 'Since') != since(lambda d: name in ops(d)):
            print('services', name, 'is since', since(lambda d: name in ops(d)))
        text = '\n'.join(lines)
        block = re.search(r'\.Bd -literal\n(.*?)\n\.Ed', text, re.S)
        want = ''.join(m + ';' for m in today[name])
        if block is None or flat(block.group(1)) != flat(want):
            print('services', name, 'has not the functions of its header')
        told = re.findall(r'^\.It Fn (\w+)$', text, re.M)
        names = [member_name(m) for m in today[name]]
        if told != names:
            print('services', name, 'explains', told, 'not', names)
            continue
        for member in names:
            first = since(lambda d: member in
                          [member_name(m) for m in ops(d).get(name, [])])
            about = re.search(r'^\.It Fn %s\n(.*?)(?=^\.It|^\.El|\Z)' % member,
                              text, re.M | re.S).group(1)
            if first != item(lines, 'Since') and 'Since ' + first not in about:
                print('services', name, member, 'is since', first)


check_hooks('man/hermod-hooks.7')
check_services('man/hermod-services.7')

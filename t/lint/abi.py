"""abi.py KEPT TODAY: what compiled plugins rely on, then and now.

Both are folders that hold hermod/*.h. Prints a line for everything that breaks a
plugin built with KEPT, each with the group it belongs to; with --prototypes, the
functions of KEPT as C instead, and with --structs the names of its structs.
"""
import glob, os, re, sys

# Whoever allocates them says how large they are: they may grow at the end.
GROWS = re.compile(r'struct (hm_module_def|hm_server|hm_[a-z0-9]+_ops)$')


def strip(text):
    text = re.sub(r'/\*.*?\*/', ' ', text, flags=re.S)
    text = re.sub(r'^[ \t]*#(.*\\\n)*.*$', '', text, flags=re.M)
    return text


def declarations(text):
    """Splits at depth 0: behind ';', and behind the body of a function."""
    depth, start, i = 0, 0, 0
    while i < len(text):
        c = text[i]
        depth += c in '{(' or 0
        depth -= c in '})' or 0
        body = c == '}' and depth == 0 and re.search(r'\)\s*{', text[start:i])
        if (c == ';' and depth == 0) or body:
            yield ' '.join(text[start:i + 1].split())
            start = i + 1
        i += 1


def split_members(body):
    depth, start = 0, 0
    for i, c in enumerate(body):
        depth += c in '{(' or 0
        depth -= c in '})' or 0
        if c == ';' and depth == 0:
            # Names of parameters may change, blanks as well.
            yield re.sub(r'\s*([(),*;])\s*', r'\1', body[start:i].strip())
            start = i + 1


def number(text, known):
    text = re.sub(r'\b(HM_[A-Z0-9_]+)\b', lambda m: str(known[m.group(1)]), text)
    return eval(text, {}) if re.fullmatch(r'[\d\sx<>|+()-]+', text) else text


def read(folder):
    structs, enums, functions, typedefs = {}, {}, [], {}
    for path in sorted(glob.glob(folder + '/hermod/*.h') +
                       glob.glob(folder + '/hermod/iface/*.h')):
        for d in declarations(strip(open(path).read())):
            m = re.match(r'struct (\w+) {(.*)};$', d)
            if m:
                structs['struct ' + m.group(1)] = list(split_members(m.group(2)))
                continue
            m = re.match(r'enum (\w+) {(.*)};$', d)
            if m:
                known = {}
                at = -1
                for word in m.group(2).split(','):
                    name, _, value = word.strip().partition('=')
                    if re.fullmatch(r'\w+\s*', name):
                        at = number(value, known) if value else at + 1
                        known[name.strip()] = at
                enums['enum ' + m.group(1)] = known
                continue
            if d.startswith('typedef '):
                typedefs[d.rstrip(';').split()[-1]] = d
            elif d.startswith('HM_API ') and '(' in d and '{' not in d:
                functions.append(d)
    return structs, enums, functions, typedefs


def hooks(folder):
    text = strip(open(folder + '/hermod/hooks.def').read())
    return [' '.join(h.split()) for h in
            re.findall(r'HM_(?:DECIDE|EVENT)\([^)]*\)', text)]


def log(folder):
    text = open(folder + '/hermod/abi.h').read()
    major, minor = re.findall(r'define HM_ABI_M\w+ (\d+)', text)
    entries = re.findall(r'^ \*   (\d+\.\d+)  \d{4}-\d\d-\d\d  (.*(?:\n \*  {6,}.*)*)',
                         text, flags=re.M)
    return int(major), int(minor), entries


def compare(kept, today):
    old, new = read(kept), read(today)
    for name, members in old[0].items():
        now = new[0].get(name)
        if now is None:
            print('structs', name, 'is gone')
        elif now[:len(members)] != members:
            was = next((a for a, b in zip(members, now + [''] * 99) if a != b), '')
            print('structs', name + ':', '"%s"' % was, 'is not where it was')
    for name, values in old[1].items():
        for word, value in values.items():
            if word in ('HM_ERRCODES', 'HM_HOOK_COUNT'):
                continue
            now = new[1].get(name, {}).get(word)
            if now != value:
                print('enums', word, 'was', value, 'and is', now)
    for name, text in old[3].items():
        if new[3].get(name) != text:
            print('typedefs', name, 'was', text)
    was, now = hooks(kept), hooks(today)
    if now[:len(was)] != was:
        print('hooks', next(a for a, b in zip(was, now + [''] * 99) if a != b),
              'is not where it was')
    return old, new


def untold(kept, today, old, new):
    """What is new must stand in the dated log."""
    major, minor, entries = log(today)
    if not entries or entries[0][0] != '%d.%d' % (major, minor):
        print('log the newest entry is not of %d.%d' % (major, minor))
    first = '%d.%d' % log(kept)[:2]
    text = ' '.join(t for v, t in entries if v != first)
    words = set(re.findall(r'\w+(?:\.h)?', text))
    for path in glob.glob(today + '/hermod/**/*.h', recursive=True):
        name = os.path.basename(path)
        if os.path.exists(path.replace(today, kept, 1)):
            continue
        if name not in words and name[:-2] not in words:
            print('log', name, 'is new')
    for hook in hooks(today)[len(hooks(kept)):]:
        name = re.match(r'\w+\((\w+)', hook).group(1)
        if name not in words:
            print('log', 'hook', name, 'is new')
    for name, members in old[0].items():
        if not GROWS.match(name):
            continue
        for member in new[0].get(name, [])[len(members):]:
            member = re.search(r'\(\*(\w+)\)|(\w+)(?:\[\w*\])?$', member)
            member = member.group(1) or member.group(2)
            if member not in words:
                print('log', name, 'has a new', member)
    if minor == log(kept)[1] and (old != new or hooks(kept) != hooks(today)):
        print('log', 'there are changes since', first,
              'but HM_ABI_MINOR was not raised')



def main():
    if sys.argv[1] == '--prototypes':
        print('\n'.join(read(sys.argv[2])[2]))
    elif sys.argv[1] == '--structs':
        for struct, body in read(sys.argv[2])[0].items():
            if body:
                print(struct, 'grows' if GROWS.match(struct) else 'fixed')
    else:
        untold(*sys.argv[1:3], *compare(*sys.argv[1:3]))


if __name__ == '__main__':
    main()

"""disk.py - what a disk can hold after a power cut, from the record of shim.c.

What was written and synced is there. Of what was not, some pieces are: a write
is torn at sectors or pages, a file has its new length or not. A name that was
made, moved or removed counts once its folder was synced; before that, changes
of a folder are there up to some point, or as any selection.
"""
import os
import struct

EVENTS = (None, "write", "truncate", "sync", "synced", "create", "rename",
          "unlink", "link", "mkdir")
HEAD = struct.Struct("<IIQQQII")


def read_record(path):
    """(position at its end, kind, number, ino, offset, len, name, to, bytes)"""
    with open(path, "rb") as f:
        data = f.read()
    at = 0
    while len(data) - at >= HEAD.size:
        kind, number, ino, offset, size, name, to = HEAD.unpack_from(data, at)
        at += HEAD.size
        names = data[at:at + name].decode(), \
            data[at + name:at + name + to].decode()
        at += name + to
        kind = EVENTS[kind]
        bytes_ = b""
        if kind == "write":
            bytes_ = data[at:at + size]
            at += size
        yield (at, kind, number, ino, offset, size) + names + (bytes_,)


class File:
    """Durable bytes, and what is on its way: (offset, bytes) or a length."""

    def __init__(self, data=b""):
        self.data = bytearray(data)
        self.waiting = []
        self.settled = 0         # how many changes are durable

    def put(self, change):
        if isinstance(change, int):
            if change < len(self.data):
                del self.data[change:]
            else:
                self.data.extend(bytes(change - len(self.data)))
            return
        offset, data = change
        if len(self.data) < offset:
            self.data.extend(bytes(offset - len(self.data)))
        self.data[offset:offset + len(data)] = data

    def settle(self, upto):
        n = upto - self.settled
        if n <= 0:
            return               # a later sync was faster
        for change in self.waiting[:n]:
            self.put(change)
        del self.waiting[:n]
        self.settled = upto

    def torn(self, rng, piece, mode):
        """A copy after the cut: mode says how much of it came through."""
        copy = File(self.data)
        for change in self.waiting:
            if isinstance(change, int):
                if mode == "all" or mode == "some" and rng.random() < 0.5:
                    copy.put(change)
                continue
            offset, data = change
            at = 0
            while at < len(data):
                n = min(piece - (offset + at) % piece, len(data) - at)
                if mode == "all" or mode == "some" and rng.random() < 0.5:
                    copy.put((offset + at, data[at:at + n]))
                at += n
        return copy.data


class Disk:
    def __init__(self, base):
        self.files = {}          # ino -> File
        self.names = {}          # durable: path -> ino, or None for a folder
        self.now = {}            # as the program sees them
        self.waiting = {}        # folder -> changes of names
        self.syncs = {}          # number -> what it will have brought to disk
        for at, folders, files in os.walk(base):
            rel = os.path.relpath(at, base)
            for name in folders:
                self.names[os.path.normpath(os.path.join(rel, name))] = None
            for name in files:
                path = os.path.join(at, name)
                st = os.lstat(path)
                with open(path, "rb") as f:
                    self.files[st.st_ino] = File(f.read())
                self.names[os.path.normpath(os.path.join(rel, name))] = \
                    st.st_ino
        self.now = dict(self.names)
        self.unnamed = set()
        self.inos = 1 << 70      # of files whose number was used before

    def name_changed(self, changes, *folders):
        """changes: [(path, ino or None or "gone")], all or none of them."""
        for path, ino in changes:
            if ino == "gone":
                self.now.pop(path, None)
            else:
                self.now[path] = ino
        entry = [changes, set(folders)]
        for folder in folders:
            self.waiting.setdefault(folder, []).append(entry)

    def fresh(self, ino):
        """A new file with that number; a former one goes on without it."""
        if ino in self.files:
            self.inos += 1
            self.files[self.inos] = self.files.pop(ino)
            for names in (self.names, self.now):
                for path, have in names.items():
                    if have == ino:
                        names[path] = self.inos
            for entries in self.waiting.values():
                for entry in entries:
                    entry[0] = [(p, self.inos if i == ino else i)
                                for p, i in entry[0]]
        self.files[ino] = File()

    def event(self, kind, number, ino, offset, size, name, to, data):
        folder = os.path.dirname(name) or "."
        if kind in ("write", "truncate") and ino not in self.files:
            self.unnamed.add(name)   # a spool, which needs no name
            self.fresh(ino)
        if kind == "write":
            self.files[ino].waiting.append((offset, data))
        elif kind == "truncate":
            self.files[ino].waiting.append(size)
        elif kind == "create":
            self.fresh(ino)
            self.name_changed([(name, ino)], folder)
        elif kind == "mkdir":
            self.name_changed([(name, None)], folder)
        elif kind == "unlink":
            self.name_changed([(name, "gone")], folder)
        elif kind == "link":
            self.name_changed([(to, self.now.get(name))],
                              os.path.dirname(to) or ".")
        elif kind == "rename":
            self.name_changed([(name, "gone"), (to, self.now.get(name))],
                              folder, os.path.dirname(to) or ".")
        elif kind == "sync":
            self.syncs[number] = self.begun(ino, name)
        elif kind == "synced":
            for what, n in self.syncs.pop(offset, ()):
                self.end_sync(what, n)

    def begun(self, ino, name):
        """What a sync that begins now covers."""
        if name == "*":
            return [(f, f.settled + len(f.waiting))
                    for f in self.files.values()] + \
                [(d, list(w)) for d, w in self.waiting.items()]
        if ino in self.files:
            file = self.files[ino]
            return [(file, file.settled + len(file.waiting))]
        return [(name, list(self.waiting.get(name, ())))]

    def end_sync(self, what, covered):
        if isinstance(what, File):
            what.settle(covered)
            return
        for entry in covered:
            if any(entry is e for e in self.waiting[what]):
                self.names_settled(entry)

    def names_settled(self, entry):
        self.apply_names(self.names, entry[0])
        for folder in entry[1]:
            self.waiting[folder] = [e for e in self.waiting[folder]
                                    if e is not entry]

    @staticmethod
    def apply_names(names, changes):
        for path, ino in changes:
            if ino == "gone":
                names.pop(path, None)
            else:
                names[path] = ino

    def write(self, target, rng, owner=None):
        """The disk after a cut at this moment."""
        names = dict(self.names)
        seen = set()
        for folder, entries in sorted(self.waiting.items()):
            how = rng.choice(("none", "all", "prefix", "prefix", "some"))
            n = {"none": 0, "all": len(entries)}.get(
                how, rng.randrange(len(entries) + 1))
            for i, entry in enumerate(entries):
                if id(entry) in seen:
                    continue
                seen.add(id(entry))
                if i < n if how != "some" else rng.random() < 0.5:
                    self.apply_names(names, entry[0])
        piece = rng.choice((512, 4096))
        mode = rng.choice(("all", "none", "some", "some", "some"))
        os.mkdir(target, 0o750)
        for path in sorted(names):
            full = os.path.join(target, path)
            if names[path] is None:
                os.makedirs(full, 0o700, exist_ok=True)
                continue
            if not os.path.isdir(os.path.dirname(full)):
                continue             # its folder was not there yet
            with open(full, "wb") as f:
                f.write(self.files[names[path]].torn(rng, piece, mode))
            os.chmod(full, 0o600)
        if owner:
            for at, folders, files in os.walk(target):
                for name in [at] + [os.path.join(at, x)
                                    for x in folders + files]:
                    os.chown(name, *owner)

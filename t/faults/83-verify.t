#!/usr/bin/env python3
# Q03: flipped bits, spoiled pages, cut and missing and strange files, wrong
# permissions, under a server that runs and one that does not: found and named by
# "hermod verify", mended or set aside by --fix, and whoever is not named reads
# what he had, byte for byte. ROUNDS=n SEED=n repeat it.
import glob
import os
import random
import shutil
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from torture import *  # noqa: E402,F403

ROUNDS = setting("ROUNDS", 10)
SEED = setting("SEED", random.SystemRandom().randrange(1 << 31))
work_dir()
diag("SEED=%d ROUNDS=%d" % (SEED, ROUNDS))
rng = random.Random(SEED)
PAGE = 16384
TABLES = ("store-names", "store-box", "store-subs", "store-hot", "store-msg",
          "store-cold", "store-log", "store-gone", "store-index")
EVERYBODY = frozenset(USERS)


def table_of(v, names=TABLES):
    """A table, and whom damage of it may touch: what a record of a body says can be
    read from the bodies again."""
    name = rng.choice(names + (v.blob,) * 2)
    return name, frozenset() if name == v.blob else None


def flip(path, at, bit=None):
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ (1 << (rng.randrange(8) if bit is None
                                     else bit))]))


def spoil(path, at, size):
    with open(path, "r+b") as f:
        f.seek(at)
        f.write(rng.randbytes(size))


# ---- damages: each returns (what, whom it may touch, what must be said) --------
# whom: None, those whom verify names; nobody is touched in silence.

def bit_in_table(v, data):
    name, _ = table_of(v)
    path = os.path.join(data, "kv", name + ".db")
    page = rng.randrange(os.path.getsize(path) // PAGE)
    at = rng.randrange(512 if page == 0 else PAGE)
    flip(path, page * PAGE + at)
    return "a flipped bit at %d in page %d of %s" % (at, page, name), \
        frozenset(), None


def spoiled_page(v, data):
    name, touched = table_of(v)
    path = os.path.join(data, "kv", name + ".db")
    page = rng.randrange(1, os.path.getsize(path) // PAGE)
    spoil(path, page * PAGE + rng.randrange(26, PAGE - 700), 600)
    return "a spoiled page %d of %s" % (page, name), touched, name


def spoiled_root(v, data):
    name, touched = table_of(v)
    spoil(os.path.join(data, "kv", name + ".db"), PAGE + 40, 600)
    return "a spoiled root of %s" % name, touched, name


def no_first_page(v, data):
    name, touched = table_of(v)
    spoil(os.path.join(data, "kv", name + ".db"), 12, 400)
    return "no first page of %s" % name, touched, name


def cut_table(v, data):
    name, touched = table_of(v, ("store-cold", "store-log", "store-index",
                                 "store-msg"))
    path = os.path.join(data, "kv", name + ".db")
    os.truncate(path, os.path.getsize(path) * 2 // 3 // 512 * 512)
    return "%s is cut" % name, touched, name


def no_log(v, data):
    for path in glob.glob(os.path.join(data, "kv", "log.*")):
        os.remove(path)
    return "the log is missing", frozenset(), "log"


def a_body(data, load):
    """A message of anna's alone: (token, file, place)."""
    tokens = [t for o in load.everybody if o.user == "anna"
              for b in o.state.boxes.values() for t, _ in b.messages.values()
              if t.startswith("a")]
    for token in rng.sample(tokens, len(tokens)):
        text = load.mail.text[token]
        for path in glob.glob(os.path.join(data, "blob", "*.seg")) + \
                glob.glob(os.path.join(data, "blob-fs", "??", "*")) + \
                glob.glob(os.path.join(data, "blob", "??", "*")):
            with open(path, "rb") as f:
                at = f.read().find(text)
            if at >= 0:
                return token, path, at
    raise RuntimeError("no body was found")


def bit_in_body(v, data):
    token, path, at = a_body(data, v.load)
    flip(path, at + rng.randrange(10, 60))
    return "a flipped bit in a body", frozenset(("anna",)), "anna"


def no_body(v, data):
    token, path, at = a_body(data, v.load)
    if path.endswith(".seg"):
        spoil(path, at - 32, 32)
    else:
        os.remove(path)
    return "a missing body", frozenset(("anna",)), "anna"


def cut_bodies(v, data):
    token, path, at = a_body(data, v.load)
    os.truncate(path, at + 20)
    return "a cut file of bodies", None, "body"


def strange_files(v, data):
    for name in ("kv/strange", "blob/strange", "blob/99.seg.old"):
        if os.path.isdir(os.path.join(data, os.path.dirname(name))):
            with open(os.path.join(data, name), "w") as f:
                f.write("strange")
            shutil.chown(os.path.join(data, name), *v.owner)
    return "strange files", frozenset(), "strange"


def no_permission(v, data):
    path = rng.choice(glob.glob(os.path.join(data, "kv", "store-*.db")))
    os.chmod(path, 0)
    os.chown(path, 0, 0)
    v.put_right = lambda: (os.chmod(path, 0o600), os.chown(path, *v.owner))
    return "no permission", frozenset(), os.path.basename(path)[:-3]


OFFLINE = (bit_in_table, bit_in_table, spoiled_page, spoiled_page, spoiled_root,
           no_first_page, cut_table, no_log, bit_in_body, no_body, cut_bodies,
           strange_files, no_permission)
ONLINE = (bit_in_table, spoiled_page, bit_in_body, no_body, strange_files)


class Case:
    def __init__(self, base, blob):
        self.base, self.blob = base, blob
        self.victim = base.victim
        self.data = self.victim.path("etc", "data")
        self.bad = []

    def restore(self):
        shutil.rmtree(self.data)
        shutil.copytree(self.base.copy, self.data)
        for at, folders, files in os.walk(self.data):
            for name in [at] + [os.path.join(at, x) for x in folders + files]:
                os.chown(name, *self.victim.owner)
        self.victim.put_right = None
        self.load = self.base.load_again()
        self.victim.load = self.load
        self.load.everybody = list(self.load.owners)
        open(self.victim.log, "w").close()

    def verify(self, *words):
        """Its words, with those of the log."""
        before = len(self.victim.read_log())
        out = self.victim.command("verify", *words)
        return out + self.victim.stderr + self.victim.read_log()[before:]

    def refused(self, said):
        """It does not start: whether the way out is told, and taken."""
        if "/repair and start again" in said:
            path = os.path.join(self.data, "kv", "repair")
            with open(path, "w"):
                pass
            os.chown(path, *self.victim.owner)
        elif self.victim.put_right:
            self.victim.put_right()
        else:
            self.bad.append("no way out is told: " + said[-400:])

    def named(self, said):
        return {u for u in USERS if "account %s" % u in said}

    def repair(self):
        """Until nothing is wrong; who was named on the way."""
        said, words = "", ["--fix"]
        for _ in range(6):
            out = self.verify(*words)
            said += out
            if "--force" in out:
                words = ["--fix", "--force"]
            if self.victim.status == 0 and "0 problems" in out:
                return said
            if '" cannot be opened' in out:
                self.refused(out)
            if "opened next" in out and self.running():
                self.victim.stop()
                self.victim.start()
        self.bad.append("is never clean: " + said[-600:])
        return said

    def running(self):
        return self.victim.process and self.victim.process.poll() is None

    def compare(self, touched):
        port = self.victim.ports["imap"]
        mine = [o for o in self.load.owners if o.user not in touched]
        for line in judge(port, mine, [], self.load.mail, Tally()):
            self.bad.append(line)
        for user in touched:         # what there is, is right
            wrong = bodies_wrong(observe(port, user), self.load.mail)
            if wrong:
                self.bad.append("%s: %s" % (user, wrong))
        for user in USERS:
            imap = Imap(port, user)
            imap.ask("APPEND INBOX", self.load.mail.text[
                self.load.mail.new("after")])
            imap.close()

    def offline(self, damage):
        what, touched, word = damage(self.victim, self.data)
        said = self.verify()
        if self.victim.status == 0 and "flipped bit" not in said:
            self.bad.append("verify says nothing")
        if word and word not in said:
            self.bad.append("%s is not named: %s" % (word, said[-400:]))
        said += self.repair()
        self.victim.start()
        self.end(what, touched, said)

    def online(self, damage):
        self.victim.start()
        carl = [o for o in self.load.owners if o.user == "carl"]
        others, self.load.owners = self.load.owners, carl
        senders, self.load.senders = self.load.senders, []
        self.load.start()
        what, touched, word = damage(self.victim, self.data)
        said = self.verify()
        # what carl's mail changes all the time is soon written again
        if damage is not bit_in_table and word != self.victim.blob and \
                self.victim.status == 0 and "flipped bit" not in said:
            self.bad.append("verify says nothing")
        said += self.verify("--fix")
        self.load.stop()
        self.bad += self.load.broken
        self.load.owners, self.load.senders = others, senders
        for owner in carl:           # what was refused meanwhile is unsure
            if owner.pending and touched is not None and not touched:
                self.bad.append("%s was refused" % owner.prefix)
        said += self.repair()
        self.end(what, touched, said)

    def end(self, what, touched, said):
        self.victim.wait_answer("bert")
        if touched is None:
            touched = self.named(said)
        self.compare(touched)
        out = self.verify()
        if self.victim.status:
            self.bad.append("verify at the end: " + out[-400:])
        status = self.victim.stop()
        if status != 0:
            self.bad.append("stops badly, with %d: %s" % (
                status, self.victim.read_log()[-800:]))
        what = "%s: %s" % (self.blob, what)
        if not ok(not self.bad, "Q03 %s; %s touched" % (
                what, ", ".join(sorted(touched)) or "nobody")):
            for line in self.bad[:8]:
                diag(line[:1200])
            diag(self.victim.worries()[-1500:])


class Base:
    """A data directory with three accounts, and what is promised of it."""

    def __init__(self, blob):
        self.victim = Victim({"kv-bdb": "cache: 1M\n"}, blob=blob)
        self.victim.blob = blob
        data = self.victim.path("etc", "data")
        self.victim.owner = (os.stat(data).st_uid, os.stat(data).st_gid)
        self.victim.start()
        load = Load(self.victim, rng.random(), reloads=False)
        load.start()
        load.wait(600)
        load.stop()
        bad = load.judge(Tally())
        if bad:
            diag(bad[:3])
        self.victim.stop()
        self.load = load
        self.copy = self.victim.path("copy")
        shutil.copytree(data, self.copy)

    def load_again(self):
        """The same promises, for one who changes them."""
        load = Load(self.victim, 1, reloads=False)
        load.mail = self.load.mail
        for mine, theirs in zip(load.owners, self.load.owners):
            mine.state = theirs.state.copy()
            mine.mail = load.mail
            mine.arrived = dict(theirs.arrived)
            mine.count = theirs.count
        return load


for blob in ("blob-segment", "blob-fs"):
    base = Base(blob)
    share = ROUNDS - ROUNDS // 3 if blob == "blob-segment" else ROUNDS // 3
    cases = [(False, d) for d in OFFLINE] + [(True, d) for d in ONLINE]
    rng.shuffle(cases)
    for i in range(share):
        online, damage = cases[i % len(cases)]
        case = Case(base, blob + (", in use" if online else ""))
        case.restore()
        try:
            (case.online if online else case.offline)(damage)
        except Exception as e:
            if not ok(False, "Q03 %s %s: %s" % (case.blob, damage.__name__,
                                                str(e)[-700:])):
                diag(case.bad)
                diag(case.victim.worries()[-1500:])
            if case.running():
                case.victim.stop()
        if os.environ.get("STOP") and hermod._failed:
            os._exit(1)
    base.victim.remove()
finish()

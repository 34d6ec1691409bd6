"""faults.py - calls that fail when they are told to: the control page of shim.c."""
import errno
import mmap
import os
import struct

from torture import HERE, Victim

KINDS = ("write", "pwrite", "fsync", "fdatasync", "rename", "unlink", "link",
         "open", "create", "ftruncate", "mkdir", "mmap", "read",
         "db get", "db put", "db del", "db cursor", "db cursor get",
         "db cursor close", "db begin", "db commit", "db abort",
         "db checkpoint", "db flush", "db open")
OFF, ONCE, ON = 0, 1, 2
SHORT = 0                            # in place of an errno: half is written
BYTES = 4096
SHIM = os.path.join(os.environ.get("top_builddir", "."),
                    "t", "faults", ".libs", "shim.so")


class Control:
    """mode, mask, nth, error, matched, hits, hit_kind, numbers, counts[]"""

    def __init__(self, path):
        with open(path, "wb") as f:
            f.write(bytes(BYTES))
        with open(path, "r+b") as f:
            self.page = mmap.mmap(f.fileno(), BYTES)

    def get(self, i):
        return struct.unpack_from("<Q", self.page, 8 * i)[0]

    def put(self, i, value):
        struct.pack_into("<Q", self.page, 8 * i, value)

    def arm(self, mode, kinds, nth, error):
        self.put(0, OFF)
        self.put(1, sum(1 << KINDS.index(k) for k in kinds))
        self.put(2, nth)
        self.put(3, error)
        self.put(4, 0)
        self.put(5, 0)
        self.put(0, mode)

    def disarm(self):
        """How often it failed."""
        self.put(0, OFF)
        return self.get(5)

    def counts(self):
        return {k: self.get(8 + i) for i, k in enumerate(KINDS)}


def shim_env(directory, control, record=None):
    env = {"LD_PRELOAD": SHIM, "HERMOD_SHIM_DIR": directory,
           "HERMOD_SHIM_CONTROL": control}
    if record:
        env["HERMOD_SHIM_RECORD"] = record
    # the shim does not mind who comes first
    env["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + \
        ":verify_asan_link_order=0"
    env["LSAN_OPTIONS"] = os.environ.get("LSAN_OPTIONS", "") + \
        ":print_suppressions=0:suppressions=" + os.path.abspath(
            os.path.join(HERE, "..", "..", "build-aux", "lsan.supp"))
    return env


def shimmed(record=False, **more):
    """A server with the shim, and its control page."""
    victim = Victim(**more)
    control = Control(victim.path("control"))
    victim.env = shim_env(victim.path("etc", "data"), victim.path("control"),
                          victim.path("record") if record else None)
    return victim, control


NAMES = {getattr(errno, n): n for n in ("ENOSPC", "EIO", "EMFILE", "EDQUOT",
                                        "ENOMEM", "EACCES", "EROFS")}
NAMES[SHORT] = "a short write"

"""small.py - a server on a small file system of its own, to be filled."""
import ctypes
import os

from torture import Victim, skip_all

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, MS_REC, MS_PRIVATE, MNT_DETACH = 0x20000, 0x4000, 1 << 18, 2


def can_mount():
    """From here on mounts are our own."""
    return os.getuid() == 0 and LIBC.unshare(CLONE_NEWNS) == 0 and \
        LIBC.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) == 0


def small_disk(path, options):
    st = os.stat(path)
    if LIBC.mount(b"tmpfs", path.encode(), b"tmpfs", 0, options.encode()) != 0:
        skip_all("no small disk can be mounted")
    os.chown(path, st.st_uid, st.st_gid)
    os.chmod(path, 0o750)


class Small(Victim):
    """On a file system of that size."""

    def __init__(self, options, conf, **more):
        self.options = options
        super().__init__(conf=conf, **more)

    def _configure(self, conf, hermod_yaml):
        super()._configure(conf, hermod_yaml)
        self.data = self.path("etc", "data")
        small_disk(self.data, self.options)

    def remove(self):
        if self.process and self.process.poll() is None:
            self.stop()
        LIBC.umount2(self.data.encode(), MNT_DETACH)
        super().remove()

    def fill(self, left):
        """Leaves so many bytes."""
        st = os.statvfs(self.data)
        with open(os.path.join(self.data, "ballast"), "wb") as f:
            os.posix_fallocate(f.fileno(), 0, max(
                1, st.f_bavail * st.f_frsize - left))

    def use_inodes(self):
        n = 0
        try:
            while True:
                open(os.path.join(self.data, "inode%d" % n), "w").close()
                n += 1
        except OSError:
            return

    def make_room(self):
        for name in os.listdir(self.data):
            if name == "ballast" or name.startswith("inode"):
                os.remove(os.path.join(self.data, name))

"""A file system of a test's own that can be filled, be made read-only, and fail."""

import fcntl
import os
import pathlib
import struct
import subprocess

# EXT4_IOC_SHUTDOWN of linux/fs.h, and what to do with what waits to be written.
EXT4_SHUTDOWN = 0x8004587D
WITHOUT_FLUSH = 2
TMPFS_MIB = 2048


class Disk:
    """An ext4 file system in a file where loop devices can be had (as root), else a tmpfs. Needs a mount namespace (namespace.py)."""

    def __init__(self, directory, mib):
        self.place = directory / "disk"
        self.place.mkdir()
        self.image = directory / "disk.img"
        subprocess.run(["truncate", "-s", f"{mib}M", self.image], check=True)
        made = subprocess.run(["/sbin/mkfs.ext4", "-q", "-m", "0", self.image], check=False, capture_output=True)
        looped = made.returncode == 0 and self._mount_image().returncode == 0
        if not looped:
            self.image.unlink()
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={min(mib, TMPFS_MIB)}m", "tmpfs", self.place], check=True)
        self.kind = "ext4" if looped else "tmpfs"
        self.ballast = self.place / "ballast"

    def _mount_image(self):
        return subprocess.run(["mount", "-o", "loop,errors=remount-ro", self.image, self.place], check=False, capture_output=True)

    def fill(self):
        with open(self.ballast, "wb") as ballast:
            for chunk in (1 << 24, 1 << 16, 1 << 12):
                try:
                    while True:
                        free = os.statvfs(self.place)
                        size = min(chunk, max(free.f_bavail * free.f_frsize, 1))
                        os.posix_fallocate(ballast.fileno(), ballast.seek(0, os.SEEK_END), size)
                except OSError:
                    continue

    def empty(self):
        self.ballast.unlink(missing_ok=True)

    def fail(self):
        """Lets every write fail from now on, and what was not synced be lost; false where this disk cannot."""
        if self.kind != "ext4":
            return False
        place = os.open(self.place, os.O_RDONLY)
        try:
            fcntl.ioctl(place, EXT4_SHUTDOWN, struct.pack("I", WITHOUT_FLUSH))
        except OSError:
            return False
        finally:
            os.close(place)
        return True

    def turn_read_only(self):
        """What the kernel does when it finds the file system damaged: nothing can be written from now on. False where this disk cannot."""
        if self.kind != "ext4":
            return False
        device = subprocess.run(["findmnt", "-n", "-o", "SOURCE", self.place], check=True, capture_output=True, text=True).stdout.strip()
        try:
            pathlib.Path("/sys/fs/ext4", pathlib.Path(device).name, "trigger_fs_error").write_text("1", encoding="ascii")
        except OSError:
            return False
        return True

    def repair(self):
        """After fail() or turn_read_only(), once nobody has a file of it open."""
        subprocess.run(["umount", self.place], check=True)
        # 1: errors were corrected.
        checked = subprocess.run(["/sbin/e2fsck", "-f", "-y", self.image], check=False, capture_output=True, text=True)
        assert checked.returncode in (0, 1), f"e2fsck ended with {checked.returncode}: {checked.stdout}{checked.stderr}"
        mounted = self._mount_image()
        assert mounted.returncode == 0, mounted.stderr

    def unmount(self):
        subprocess.run(["umount", "--lazy", self.place], check=False)

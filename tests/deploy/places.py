"""Where tests of deploy/ run what they try: a network of their own, and roots to be in."""

import os
import pathlib
import shutil
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))

from harness import processes  # noqa: E402

SKIPPED_STATUS = 77


def need(test, *tools):
    """Ends the test as skipped where something is missing that it cannot do without."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    why = "only root can change roots and mount" if os.geteuid() != 0 else f"{', '.join(missing)} missing" if missing else ""
    if why:
        print(f"SKIPPED {test}: {why}")
        sys.exit(SKIPPED_STATUS)


def with_own_mounts():
    """Starts the program again in a mount namespace of its own: what is mounted goes with it, however it ends."""
    if os.environ.get("SALLYPORT_OWN_MOUNTS") != "yes":
        os.environ["SALLYPORT_OWN_MOUNTS"] = "yes"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, "-B", *sys.argv])


def unmount_below(directory):
    """The folder is to be taken away, and never what is mounted below it."""
    mounted = [line.split()[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]
    for place in reversed([place for place in mounted if place.startswith(f"{directory}/")]):
        processes.run(["umount", place], check=False)


def bare_root(source):
    """A bare Debian 12 as a tarball, made once a day: the one that fresh_check.sh takes, too."""
    tarball = source / "build" / "fresh-root.tar"
    processes.run([source / "deploy" / "fresh_root.sh", tarball], seconds=300)
    return tarball


class Network:
    """A network namespace with nothing but loopback, so that ports which files name are free. Goes with its holder."""

    def __init__(self, programs):
        self.holder = programs.start("network", [
            "unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec sleep infinity"])
        self.holder.wait_for_line("^up$")

    def inside(self, *argv):
        return ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", *map(str, argv)]


def in_root(root, *argv, mode="rw", user="0:0", binds=(), read_only=(), environment=None):
    """The command line that runs argv in a root (in_root.sh). binds are pairs of a path here and a path there."""
    options = []
    for here, there in binds:
        options += ["-b", f"{here}:{there}"]
    for here, there in read_only:
        options += ["-r", f"{here}:{there}"]
    for name, value in (environment or {}).items():
        options += ["-e", f"{name}={value}"]
    return ["unshare", "--mount", "--propagation", "private", str(HERE / "in_root.sh"), str(root), mode, user, *options, "--",
            *map(str, argv)]

"""A mount namespace of a test's own, in which it may mount disks that go wrong."""

import os
import subprocess
import sys

IN_NAMESPACE = "SALLYPORT_SOAK_IN_NAMESPACE"
SKIPPED_STATUS = 77


def enter(name):
    """Runs this program again in a namespace of its own, once; ends it as skipped where there can be none."""
    if IN_NAMESPACE in os.environ:
        return
    unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    tried = subprocess.run([*unshare, "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        print(f"SKIPPED {name}: no mount namespace here: {' '.join(tried.stderr.split())}")
        sys.exit(SKIPPED_STATUS)
    os.environ[IN_NAMESPACE] = "1"
    os.execvp("unshare", [*unshare, sys.executable, "-B", *sys.argv])

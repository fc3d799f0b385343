"""Planted faults as files: AREA/NAME.patch, a unified diff below a head that says what is broken and who has to notice."""
import pathlib
import re
import subprocess

FOLDER = pathlib.Path(__file__).resolve().parent
PROJECT = FOLDER.parent.parent
FIELDS = ("Tests", "Builds", "Equivalent")


class Patch:
    """One planted fault. `fault` is what is wrong with the file itself, or nothing."""

    def __init__(self, path):
        self.path = path
        self.area = path.parent.name
        self.name = f"{self.area}/{path.stem}"
        self.text = path.read_text()
        head, self.diff = self._split()
        fields = self._fields(head)
        self.tests = fields["Tests"].split()
        # What the tests need beside a program of their own name.
        self.builds = fields["Builds"].split()
        self.equivalent = fields["Equivalent"]
        self.files = re.findall(r"^\+\+\+ b/(\S+)", self.diff, re.MULTILINE)
        self.fault = self._fault(head)

    def _split(self):
        at = re.search(r"^(diff --git|--- a/)", self.text, re.MULTILINE)
        return (self.text[:at.start()], self.text[at.start():]) if at else (self.text, "")

    @staticmethod
    def _fields(head):
        """A field goes to the next field, an empty line or the end of the head."""
        fields = {}
        for field in FIELDS:
            found = re.search(rf"^{field}:((?:.|\n(?!\n|(?:{'|'.join(FIELDS)}):))*)", head, re.MULTILINE)
            fields[field] = " ".join(found[1].split()) if found else ""
        return fields

    def _fault(self, head):
        if not self.files:
            return "it has no diff"
        if not re.match(r"\S", head) or re.match(rf"({'|'.join(FIELDS)}):", head):
            return "its head does not begin with the promise that it breaks"
        if not self.tests:
            return "its head names no tests (Tests: NAME...)"
        return None

    def apply(self, tree):
        """Changes the files below `tree`. What is wrong, or nothing. No fuzz: a patch that is out of date is broken."""
        done = subprocess.run(["patch", "-p1", "--fuzz=0", "--forward", "--no-backup-if-mismatch", "--reject-file=-"],
                              cwd=tree, input=self.diff, capture_output=True, text=True, check=False)
        return None if done.returncode == 0 else f"does not apply: {' '.join((done.stdout + done.stderr).split())}"


def find(wanted):
    """All patches, or those of the areas and names given: AREA, AREA/NAME or the path of a patch."""
    known = [Patch(path) for path in sorted(FOLDER.glob("*/*.patch"))]
    if not wanted:
        return known
    found = []
    for name in wanted:
        name = re.sub(r"^.*tests/mutation/|\.patch$|/$", "", name)
        named = [patch for patch in known if name in (patch.name, patch.area)]
        if not named:
            raise SystemExit(f"no patch or area is called {name}")
        found += [patch for patch in named if patch not in found]
    return found

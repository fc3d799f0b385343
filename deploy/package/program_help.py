"""What `--help` of the programs says, taken apart: for manual pages and for completions in shells."""

import re
import subprocess

# Where the programs' help puts descriptions; longer names stand on a line of their own.
COLUMN = 30


class Option:
    def __init__(self, name, description):
        # "-h,--help", "--data DIR=./data (Env:SALLYPORT_DATA) Excludes: --config", "CALL TEXT ...".
        self.shown = name.split(" Excludes: ")[0].split(" Needs: ")[0].strip()
        self.flags = re.findall(r"(?:^|,)(--?[\w-]+)", self.shown.split(" ")[0])
        words = self.shown.split(" ", 1)
        self.takes_value = bool(self.flags) and len(words) > 1 and not words[1].startswith(("Excludes:", "Needs:"))
        self.description = description
        self.values = []
        choices = re.search(r":\{([^}]*)\}", name)
        if choices:
            self.values = choices.group(1).split(",")


class Command:
    """A program, or one of its commands, with those below it."""

    def __init__(self, program, path, description=""):
        self.path = path  # ("sallyport", "keys", "rotate")
        self.description = description
        self.options, self.arguments, self.commands = [], [], []
        text = subprocess.run([program, *path[1:], "--help"], check=True, capture_output=True, text=True, timeout=60).stdout
        self._read(program, text.split("\n"))

    def _read(self, program, lines):
        section, entries, self.closing = None, [], []
        usage = next(number for number, line in enumerate(lines) if line.startswith("Usage:"))
        self.about = " ".join(line.strip() for line in lines[:usage] if line.strip())
        self.usage = lines[usage][len("Usage:"):].strip()
        for number, line in enumerate(lines[usage + 1:], usage + 1):
            # The end of the help is free text; it begins with a line that is no head of a list, and is not indented.
            if line and not line.startswith(" "):
                following = lines[number + 1] if number + 1 < len(lines) else ""
                if not line.endswith(":") or line.startswith("Examples") or not re.match(r"  \S", following):
                    self.closing = lines[number:]
                    break
                section = line[:-1]
            elif line.startswith("  ") and line[2] != " ":
                following = lines[number + 1] if number + 1 < len(lines) else ""
                # Of a name that is too long for the column, the description begins on the next line.
                overlong = line[COLUMN - 2:COLUMN] != "  " and following.startswith(" " * COLUMN)
                entries.append([section, line.strip(), ""] if overlong or line[COLUMN - 1:COLUMN] != " "
                               else [section, line[:COLUMN].strip(), line[COLUMN:]])
            elif line.strip() and entries:
                entries[-1][2] = (entries[-1][2] + " " + line.strip()).strip()
        for section, name, description in entries:
            if section == "Subcommands":
                self.commands.append(Command(program, (*self.path, name), description))
            elif section == "Positionals":
                self.arguments.append(Option(name, description))
            else:
                self.options.append(Option(name, description))

    def everything(self):
        """This command and all below, in the order of the help."""
        yield self
        for command in self.commands:
            yield from command.everything()

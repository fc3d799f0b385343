#!/usr/bin/env python3
"""Checks the pages: relative links and anchors resolve, files that are named are there, README.md is short, lines wrap, and
every key of configuration and policy, every command and option, and every metric is described.

usage: pages_test.py SOURCE-DIRECTORY [--sallyport PROGRAM] [--sallyportd PROGRAM]

Commands and options are read from the programs where they have been built, else from the sources.
"""
import argparse
import pathlib
import re
import subprocess
import sys

README_LINES = 150
WIDTH = 120
SKIPPED_FOLDERS = {"build", "node_modules"}
# Who describes which message of the configuration and what is in it.
SCHEMAS = {"gateway/README.md": ("Config", ["config", "credentials", "events", "identity", "oidc"]),
           "policy/README.md": ("Policy", ["policy"])}
COMMANDS = "replay/README.md"
# Sections whose options hold for several commands.
SHARED = "Options of several commands"
GATEWAY = "gateway/README.md"
METRICS = "deploy/README.md"
FENCE = re.compile(r"^\s*```")
DRAFT = re.compile(r"<!-- DRAFT\..*?<!-- END OF DRAFT -->", re.DOTALL)


def pages_of(root):
    for path in sorted(root.rglob("*.md")):
        parts = path.relative_to(root).parts
        if not any(part in SKIPPED_FOLDERS or part.startswith(".") for part in parts):
            yield path


def without_fences(text):
    """The text with lines of fenced code made empty, so that line numbers stay."""
    lines, fenced = [], False
    for line in text.split("\n"):
        fence = FENCE.match(line) is not None
        lines.append("" if fence or fenced else line)
        fenced ^= fence
    return "\n".join(lines)


def spans(text):
    """What stands in code, inline; a span may wrap."""
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", without_fences(text))]


# --- Links and anchors, as GitHub makes them.

def anchors_of(text):
    anchors, seen = set(), {}
    for heading in re.findall(r"^#{1,6} +(.*?)\s*#*$", without_fences(text), re.MULTILINE):
        heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        count = seen.get(anchor, 0)
        seen[anchor] = count + 1
        anchors.add(anchor if count == 0 else f"{anchor}-{count}")
    return anchors


def link_faults(root, path, text):
    for target in re.findall(r"\]\(\s*([^)\s]+)\s*\)", re.sub(r"`[^`]*`", "", without_fences(text))):
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        file, _, anchor = target.partition("#")
        other = (path.parent / file).resolve() if file else path
        if not other.exists():
            yield f"links to {target}, and there is no {file}"
        elif root not in other.parents and other != root:
            yield f"links to {target}, which is outside of the project"
        elif anchor and anchor not in anchors_of(other.read_text()):
            yield f"links to {target}, and there is no such heading"


# A file of the project: a folder in front, and a suffix that sources have.
NAMED_FILE = re.compile(r"[\w.-]+(?:/[\w.-]+)+\.(?:h|cc|proto|py|sh|js|md|yaml|txt)|[a-z_0-9]+\.(?:h|cc)")


def file_faults(root, path, text):
    for span in spans(DRAFT.sub("", text)):
        if NAMED_FILE.fullmatch(span) is None or span.split("/")[0] in SKIPPED_FOLDERS:
            continue
        if not any((place / span).exists() for place in (root, path.parent)):
            # A name alone may be of a file further down, in the page's own room.
            if "/" in span or not any(path.parent.rglob(span)):
                yield f"names {span}, which is not there"


# --- Form.

def width_faults(text):
    for number, line in enumerate(without_fences(text).split("\n"), 1):
        shown = re.sub(r"\]\([^)]*\)", "]", line)
        if len(shown) > WIDTH and not line.lstrip().startswith("|"):
            yield f"line {number} has {len(shown)} characters"


# --- Keys of configuration and policy.

class Schema:
    """What .proto files say of messages: fields by message, and values by enum."""

    def __init__(self, texts):
        self.messages, self.enums = {}, {}
        for text in texts:
            self._read(re.sub(r"//[^\n]*", "", text))

    def _read(self, text):
        stack = []
        for token in re.finditer(r"\b(message|enum)\s+(\w+)\s*\{|(\})|(?:(repeated|optional)\s+)?"
                                 r"(map<\w+,\s*[\w.]+>|[\w.]+)\s+(\w+)\s*=\s*\d+[^;]*;|(\w+)\s*=\s*\d+\s*;", text):
            kind, name, closes, repeated, field_type, field, value = token.groups()
            if kind:
                stack.append((kind, ".".join([n for k, n in stack if k == "message"] + [name])))
                (self.messages if kind == "message" else self.enums).setdefault(stack[-1][1], [])
            elif closes:
                if stack:
                    stack.pop()
            elif stack and stack[-1][0] == "enum":
                self.enums[stack[-1][1]].append(value)
            elif stack and field:
                self.messages[stack[-1][1]].append((field, field_type, repeated == "repeated"))

    def _find(self, table, scope, name):
        for candidate in (f"{scope}.{name}", name):
            if candidate in table:
                return candidate
        return None

    def places(self, top):
        """Each message that can be reached, with all places in a file where it stands, as "listen.tls"."""
        found, queue = {}, [(top, "")]
        while queue:
            message, place = queue.pop(0)
            if place in found.setdefault(message, []) or place.count(".") > 6:
                continue
            found[message].append(place)
            for field, field_type, repeated in self.messages[message]:
                mapped = re.fullmatch(r"map<\w+,\s*([\w.]+)>", field_type)
                other = self._find(self.messages, message, mapped.group(1) if mapped else field_type)
                if other is None or other == message:
                    continue
                suffix = ".NAME" if mapped else "[]" if repeated else ""
                queue.append((other, f"{place}.{field}{suffix}".lstrip(".")))
        return found

    def values(self, message, field_type):
        enum = self._find(self.enums, message, field_type)
        return self.enums[enum] if enum else []


def tables_of(text):
    """Rows by what the head's first cell names: {"listen.tls": [row, ...]}."""
    tables, current = {}, None
    for line in without_fences(text).split("\n"):
        if not line.startswith("|"):
            current = None
        elif current is None:
            named = re.match(r"\| `([^`]+)` \|", line)
            current = tables.setdefault(named.group(1) if named else "", [])
        else:
            current.append(line)
    return tables


def key_faults(root, page, top, files):
    schema = Schema([(root / "protos/sallyport/v1" / f"{file}.proto").read_text() for file in files])
    if not schema.messages.get(top):
        yield f"there is no message {top} in the schema"
        return
    tables = tables_of((root / page).read_text())
    for message, places in schema.places(top).items():
        names = [name for name in tables
                 if name.endswith(".yaml") and message == top
                 or any(place and (place == name or place.endswith("." + name)) for place in places)]
        if not names:
            yield f"no table for {places[0] or top}"
            continue
        rows = [row for name in names for row in tables[name]]
        for field, field_type, _ in schema.messages[message]:
            row = next((row for row in rows if f"`{field}`" in row.split("|")[1]), None)
            if row is None:
                yield f"{places[0]}.{field}".lstrip(".") + " has no row"
                continue
            for value in schema.values(message, field_type):
                if f"`{value}`" not in row:
                    yield f"{places[0]}.{field}".lstrip(".") + f" may be {value}, which its row does not say"


# --- Commands and options.

OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
# What every command has.
EVERYWHERE = {"--help", "--version"}


def help_of(program, *command):
    return subprocess.run([program, *command, "--help"], check=True, capture_output=True, text=True, timeout=60).stdout


def options_in(text):
    return {match.group(0) for line in text.split("\n") if re.match(r"  (-\w,)?--", line)
            for match in [OPTION.search(line)] if match}


def commands_of(program, command=()):
    """Every command without others below it, with its options."""
    text = help_of(program, *command)
    below = re.search(r"^Subcommands:\n((?:  .*\n)+)", text, re.MULTILINE)
    if below is None:
        return {" ".join(command): options_in(text) - EVERYWHERE}
    found = {}
    for name in re.findall(r"^  ([a-z-]+)", below.group(1), re.MULTILINE):
        found.update(commands_of(program, (*command, name)))
    return found


def sections_of(text):
    """Text by heading, each up to the next heading of any level."""
    parts = re.split(r"^#{1,6} +(.*)$", without_fences(text), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def built(program):
    return program if program and pathlib.Path(program).exists() else None


def command_faults(root, program, gateway):
    text = (root / COMMANDS).read_text()
    sections = sections_of(text)
    if program is None:
        # What the sources declare has to stand somewhere.
        said = set(OPTION.findall(" ".join(spans(text))))
        for path in sorted((root / "replay").rglob("*.cc")):
            source = path.read_text()
            for option in re.findall(r"add_(?:option|flag)\w*\(\s*\"(--[a-z-]+)", source):
                if option not in said:
                    yield f"the option {option} of {path.relative_to(root)} is not described"
            for name in re.findall(r"add_subcommand\(\s*\"([a-z-]+)\"", source):
                if not re.search(rf"^#+ .*`sallyport (\w+ )?{name}\b", text, re.MULTILINE):
                    yield f"the command {name} of {path.relative_to(root)} has no section"
        return
    shared = set(OPTION.findall(" ".join(spans(sections.get(SHARED, "")))))
    commands = commands_of(program)
    if len(commands) < 10:
        yield f"{program} --help shows {len(commands)} commands only"
    everything = set().union(EVERYWHERE, *commands.values(), options_in(help_of(gateway)) if gateway else ["--check"])
    for command, options in commands.items():
        section = sections.get(f"`sallyport {command}`")
        if section is None:
            yield f"`sallyport {command}` has no section"
            continue
        said = set(OPTION.findall(" ".join(spans(section))))
        for option in sorted(options - shared - said):
            yield f"`sallyport {command}` has {option}, which its section does not describe"
        # The other way round: nothing that is not there. What other commands have may be mentioned.
        for option in sorted(said - everything):
            yield f"the section of `sallyport {command}` describes {option}, which no command has"


def gateway_faults(root, program):
    if program is not None:
        options = options_in(help_of(program)) - EVERYWHERE
    else:
        options = set(re.findall(r"add_(?:option|flag)\w*\(\s*\"(--[a-z-]+)", (root / "gateway/main.cc").read_text()))
    if len(options) < 5:
        yield f"sallyportd has {len(options)} options only"
    said = set(OPTION.findall(" ".join(spans((root / GATEWAY).read_text()))))
    for option in sorted(options - said):
        yield f"sallyportd has {option}, which is not described"


def metric_faults(root):
    names = set()
    for path in (root / "gateway").rglob("*.cc"):
        names.update(re.findall(r"\"(sallyport_[a-z]+(?:_[a-z]+)*)\"", path.read_text()))
    if not names:
        yield "there are no metrics in gateway/"
    said = {re.sub(r"\{.*\}", "", span) for span in spans((root / METRICS).read_text())}
    for name in sorted(names - said):
        yield f"the metric {name} is not described"


def faults_in(root, sallyport, sallyportd):
    for path in pages_of(root):
        name, text = path.relative_to(root), path.read_text()
        for fault in [*link_faults(root, path, text), *file_faults(root, path, text), *width_faults(text)]:
            yield f"{name}: {fault}"
    lines = (root / "README.md").read_text().count("\n")
    if lines > README_LINES:
        yield f"README.md: has {lines} lines, more than {README_LINES}"
    for page, (top, files) in SCHEMAS.items():
        yield from (f"{page}: {fault}" for fault in key_faults(root, page, top, files))
    yield from (f"{COMMANDS}: {fault}" for fault in command_faults(root, sallyport, sallyportd))
    yield from (f"{GATEWAY}: {fault}" for fault in gateway_faults(root, sallyportd))
    yield from (f"{METRICS}: {fault}" for fault in metric_faults(root))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--sallyport")
    parser.add_argument("--sallyportd")
    arguments = parser.parse_args()
    root = arguments.root.resolve()
    if not (root / "README.md").is_file():
        sys.exit(f"{root} is not the project's folder")
    faults = list(faults_in(root, built(arguments.sallyport), built(arguments.sallyportd)))
    for fault in faults:
        print(fault)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()

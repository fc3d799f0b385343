#!/usr/bin/env python3
"""Writes the manual pages: of the programs from their help, and of the two files from the .proto sources that define them.

usage: manuals.py --sallyport PROGRAM --sallyportd PROGRAM --source DIRECTORY --version VERSION OUT-DIRECTORY
"""

import argparse
import pathlib
import re

from program_help import Command
from settings import Settings

FOUND_IN = """.SH "SEE ALSO"
.BR sallyportd (8),
.BR sallyport (1),
.BR sallyport.yaml (5),
.BR policy.yaml (5)
"""


def plain(text):
    """Text that roff takes as it is."""
    text = text.replace("…", "...").replace("\\", "\\e").replace("-", "\\-").replace("`", "\\(ga").replace("'", "\\(aq").replace("^", "\\(ha").replace("~", "\\(ti")
    return re.sub(r"^([.])", r"\\&\1", text, flags=re.MULTILINE)


def marked(text):
    """Prose with `code`, as in comments."""
    parts = re.split(r"`([^`]*)`", " ".join(text.split()))
    return "".join(f"\\fB{plain(part)}\\fR" if number % 2 else plain(part) for number, part in enumerate(parts)).replace("\n", " ")


def head(name, section, version, about):
    return f'.TH "{name.upper()}" "{section}" "" "Sallyport {version}" "Sallyport"\n.SH NAME\n{plain(name)} \\- {about}\n'


def closing_text(lines):
    """What stands at the end of a help: text, and examples as they are typed."""
    out, literal = [], False
    for line in lines:
        indented = line.startswith("  ")
        if indented != literal:
            out.append(".RS 4\n.nf" if indented else ".fi\n.RE")
            literal = indented
        out.append(plain(line) if line.strip() else ".PP" if not literal else "")
    if literal:
        out.append(".fi\n.RE")
    # No paragraph at the beginning or before a heading.
    text = re.sub(r"(\.PP\n)+(?=\.PP|\.RS)", "", "\n".join(out).strip() + "\n")
    return re.sub(r"^(\.PP\n)+|(\.PP\n)+$", "", text)


def entries(options):
    return "".join(f".TP\n\\fB{plain(option.shown)}\\fR\n{marked(option.description) or 'Needed.'}\n" for option in options)


def command_part(command):
    out = [f'.SS "{plain(" ".join(command.path))}"', marked(command.about or command.description),
           ".PP", f"\\fB{plain(command.usage)}\\fR", entries(command.arguments + command.options).rstrip("\n")]
    if any(line.strip() for line in command.closing):
        out += [".PP", closing_text(command.closing).rstrip("\n")]
    return "\n".join(line for line in out if line) + "\n"


def program_manual(name, section, program, version, about, extra):
    top = Command(program, (name,))
    out = [head(name, section, version, about), ".SH SYNOPSIS\n", f"\\fB{plain(top.usage)}\\fR\n",
           ".SH DESCRIPTION\n", marked(top.about) + "\n", ".SH OPTIONS\n", entries(top.options)]
    if top.commands:
        out.append(".SH COMMANDS\n")
        out += [command_part(command) for command in top.everything() if command is not top and not command.commands]
    return "".join(out) + extra


DAEMON = """.SH SIGNALS
.TP
.B SIGTERM, SIGINT
No new calls; open ones get the seconds of \\fB\\-\\-grace\\fR to end. A second signal ends them at once.
.TP
.B SIGHUP
The configuration is read again, as it is by itself when its file has changed. If it has a fault, nothing of it is taken up.
.SH "EXIT STATUS"
0 it ended in order, 1 the gateway that \\fB\\-\\-health\\fR asked is not ready, 2 wrong usage or configuration, 3 it could not start or
could not write out the log.
.SH FILES
.TP
.I /etc/sallyport/sallyport.yaml
The configuration that the unit \\fBsallyportd.service\\fR starts the gateway with.
.TP
.I /etc/default/sallyportd
Its further options.
.TP
.I /var/lib/sallyport
What is recorded. It stays when the package is purged.
"""
READER = """.SH ENVIRONMENT
.TP
.B SALLYPORT_DATA
The data directory, where \\fB\\-\\-data\\fR is not given.
.TP
.B SALLYPORT_KEYS
Where keys come from, where \\fB\\-\\-keys\\fR is not given.
.SH "EXIT STATUS"
0 fine, 1 the answer is no, 2 wrong usage, 3 could not be done.
"""


def file_manual(name, source, message, version, about, description):
    settings = Settings(source / "protos/sallyport/v1")
    out = [head(name, 5, version, about), ".SH DESCRIPTION\n", description,
           "Durations are 250ms, 15s, 5m, 2h, 90d; sizes are 64KiB, 16MiB, 1GiB. A key that does not exist is a fault.\n", ".SH KEYS\n"]
    for place, comment, fields in settings.parts(message):
        out.append(f'.SS "{plain(place or "At the top")}"\n')
        out.append(marked(comment) + "\n" if comment else "")
        for field in fields:
            out.append(f".TP\n\\fB{plain(field.name)}\\fR ({plain(field.kind)})\n{marked(field.comment) or 'See below.'}\n")
            for value, meaning in field.values:
                out.append(f".RS\n.TP\n\\fB{plain(value)}\\fR\n{marked(meaning) or plain('One of its values.')}\n.RE\n")
    return "".join(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--sallyport", "--sallyportd", "--version"):
        parser.add_argument(name, required=True)
    parser.add_argument("--source", required=True, type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    arguments = parser.parse_args()
    version = arguments.version
    pages = {
        "sallyport.1": program_manual("sallyport", 1, arguments.sallyport, version, "find, show and replay recorded gRPC calls", READER),
        "sallyportd.8": program_manual("sallyportd", 8, arguments.sallyportd, version, "gateway that relays gRPC calls and records them", DAEMON),
        "sallyport.yaml.5": file_manual(
            "sallyport.yaml", arguments.source, "Config", version, "configuration of the gateway sallyportd",
            "YAML. \\fBsallyportd \\-\\-config\\fR \\fIFILE\\fR \\fB\\-\\-check\\fR tells what is wrong with it, with file, line and key.\n"),
        "policy.yaml.5": file_manual(
            "policy.yaml", arguments.source, "Policy", version, "who may call what through the gateway sallyportd",
            "YAML. \\fBsallyport policy check\\fR tells what is wrong with it; \\fBexplain\\fR, \\fBtest\\fR and \\fBdry\\-run\\fR what it does.\n"),
    }
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        others = "".join(line + "\n" for line in FOUND_IN.split("\n") if line and line != f".BR {name[:-2]} ({name[-1]}),")
        (arguments.out / name).write_text(text + others)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Writes what bash, zsh and fish complete of `sallyport` and `sallyportd`, from their help.

usage: completions.py --sallyport PROGRAM --sallyportd PROGRAM OUT-DIRECTORY     writes OUT/bash, OUT/zsh and OUT/fish
"""

import argparse
import pathlib
import re

from program_help import Command


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def flags(command):
    return [flag for option in command.options for flag in option.flags]


def valued(commands):
    """Flags after which a value comes."""
    return sorted({flag for command in commands for option in command.options if option.takes_value for flag in option.flags})


# --- bash: the words so far without options and their values are the command; what it has is a case each.

BASH = """# Completions of {name} for bash, made from its --help.
_{function}() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}} command= word skip= i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${{COMP_WORDS[i]}}
    if [[ -n $skip ]]; then skip=; continue; fi
    case $word in
      {valued}) skip=yes ;;
      -*) ;;
      *) case "$command $word" in {commands}) command="$command $word" ;; esac ;;
    esac
  done
  case $previous in
{values}
    {valued}) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
  esac
  case $command in
{cases}
  esac
}}
complete -o filenames -F _{function} {name}
"""


def bash(top):
    commands = list(top.everything())
    cases = []
    for command in commands:
        words = [below.path[-1] for below in command.commands]
        case = (f'    {quoted("".join(" " + word for word in command.path[1:]))})\n'
                f'      if [[ $current == -* ]]; then mapfile -t COMPREPLY < <(compgen -W {quoted(" ".join(flags(command)))} -- "$current")\n'
                f'      else mapfile -t COMPREPLY < <(compgen -W {quoted(" ".join(words))} -- "$current"); fi ;;')
        cases.append(case)
    values = {}
    for command in commands:
        for option in command.options:
            for flag in option.flags if option.values else []:
                values[flag] = option.values
    return BASH.format(
        name=top.path[0], function=top.path[0].replace("-", "_"), valued="|".join(valued(commands)) or "''",
        commands="|".join(quoted("".join(" " + word for word in command.path[1:])) for command in commands[1:]) or "''",
        values="\n".join(f'    {flag}) mapfile -t COMPREPLY < <(compgen -W {quoted(" ".join(words))} -- "$current"); return ;;'
                         for flag, words in sorted(values.items())),
        cases="\n".join(cases))


# --- zsh: a function a command, which describes what comes next.

def zsh_text(text):
    return re.sub(r"([\[\]:\\])", r"\\\1", text)


def zsh_function(command):
    return "_" + "_".join(command.path).replace("-", "_")


def zsh(top):
    out = [f"#compdef {top.path[0]}", f"# Completions of {top.path[0]} for zsh, made from its --help.", ""]
    for command in reversed(list(top.everything())):
        out.append(f"{zsh_function(command)}() {{")
        specs = []
        for option in command.options:
            for flag in option.flags:
                value = ""
                if option.takes_value:
                    value = f":value:({' '.join(option.values)})" if option.values else ":value:_files"
                specs.append(quoted(f"*{flag}[{zsh_text(option.description)}]{value}"))
        if command.commands:
            out += ["  local line state", "  local -a commands", "  commands=("]
            out += [f"    {quoted(below.path[-1] + ':' + zsh_text(below.description))}" for below in command.commands]
            out += ["  )", "  _arguments -C \\", *[f"    {spec} \\" for spec in specs],
                    "    '1: :->command' '*::argument:->rest'", "  case $state in",
                    "    command) _describe command commands ;;", "    rest)", "      case $line[1] in"]
            out += [f"        {below.path[-1]}) {zsh_function(below)} ;;" for below in command.commands]
            out += ["      esac ;;", "  esac"]
        else:
            out += ["  _arguments \\", *[f"    {spec} \\" for spec in specs], "    '*:argument:_files'"]
        out += ["}", ""]
    out.append(f'{zsh_function(top)} "$@"')
    return "\n".join(out) + "\n"


# --- fish: a line for each word, with the condition under which it may come.

def fish(top):
    name = top.path[0]
    out = [f"# Completions of {name} for fish, made from its --help.", f"complete -c {name} -f"]
    for command in top.everything():
        below = " ".join(other.path[-1] for other in command.commands)
        path = command.path[1:]
        here = "; and ".join(f"__fish_seen_subcommand_from {word}" for word in path)
        next_word = "; and ".join(filter(None, [here, f"not __fish_seen_subcommand_from {below}" if below else ""]))
        for other in command.commands:
            out.append(f"complete -c {name} -n {quoted(next_word)} -a {other.path[-1]} -d {quoted(other.description)}")
        for option in command.options:
            words = "".join(f" -l {flag[2:]}" if flag.startswith("--") else f" -s {flag[1:]}" for flag in option.flags)
            if not words:
                continue
            value = ""
            if option.takes_value:
                value = f" -x -a {quoted(' '.join(option.values))}" if option.values else " -r -F"
            condition = f" -n {quoted(next_word)}" if next_word else ""
            out.append(f"complete -c {name}{condition}{words}{value} -d {quoted(option.description)}")
    return "\n".join(out) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sallyport", required=True)
    parser.add_argument("--sallyportd", required=True)
    parser.add_argument("out", type=pathlib.Path)
    arguments = parser.parse_args()
    for name, program in (("sallyport", arguments.sallyport), ("sallyportd", arguments.sallyportd)):
        top = Command(program, (name,))
        for shell, file, text in (("bash", name, bash(top)), ("zsh", "_" + name, zsh(top)), ("fish", name + ".fish", fish(top))):
            folder = arguments.out / shell
            folder.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(text)


if __name__ == "__main__":
    main()

"""The help texts: usage, options with their defaults, exit codes. Plain, and wrapped only on a terminal."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, get_args, get_origin

from .environment import variable

if TYPE_CHECKING:
    from cyclopts import App

_DONE: Final = "0 done"
_USAGE: Final = "2 wrong use, configuration or input"
_INTERRUPTED: Final = "130 interrupted"
EXITS: Final = {
    "serve": ("0 asked to stop, and stopped", "2 wrong use or configuration, a policy that does not compile"),
    "sync": (
        "0 asked to stop, and stopped; with --once, done",
        "2 wrong use or configuration, a store that cannot be used",
        "3 the store cannot be reached; with --once, something could not be had",
    ),
    "worker": (
        "0 asked to stop, and stopped",
        "2 wrong use or configuration, a store that cannot be used",
        "3 the store cannot be reached",
    ),
    "up": ("0 asked to stop, and stopped", "2 wrong use or configuration", "3 one of the two ended by itself"),
    "pull": ("0 asked to stop, and stopped; with --once, done", "2 wrong use", "3 with --once, facts cannot be had"),
    "status": (
        "0 all that is followed is fresh",
        "1 some of it is not",
        "2 wrong use, a store that cannot be used",
        "3 the store cannot be reached",
    ),
    "db": (_DONE, "2 wrong use, a store that cannot be used", "3 the store cannot be reached"),
    "verify": (
        "0 every image is allowed",
        "1 an image is denied",
        "2 wrong use, configuration or input, a policy that does not compile, nothing to check; counts for more than 1",
        "3 undecided: the policy failed, took too long or gave no answer, or its server did; counts for less than 1",
    ),
    "init": (_DONE, "2 wrong use, or files that are there already or cannot be written"),
    "run": (_DONE, "2 wrong use, or policies and data that cannot be loaded"),
    "eval": (_DONE, "1 --fail or --fail-defined says so", "2 wrong use, or an error in policy, data, input or query"),
    "check": ("0 nothing is wrong", "1 something is", "2 wrong use"),
    "lint": ("0 nothing is found", "1 something as grave as --fail-on is", "2 wrong use, or policies that are no Rego"),
    "test": (
        "0 all tests passed",
        "1 policies that do not load or compile, no test was run, with --coverage a test that failed",
        "2 wrong use; a test failed, was skipped, or had an error; less covered than --threshold",
    ),
    "fmt": (
        "0 done",
        "1 a path that is not there; standard input that cannot be laid out",
        "2 wrong use; a policy that cannot be read, laid out or written; what --fail says",
    ),
    "parse": ("0 done", "1 a policy that cannot be read or parsed", "2 wrong use"),
    "deps": ("0 done", "1 a query or policies that cannot be used", "2 wrong use"),
    "inspect": ("0 done", "1 something that cannot be read or compiled", "2 wrong use"),
    "capabilities": ("0 done", "1 a version or file that is not there", "2 wrong use"),
    "bench": ("0 done", "1 an error in policy, data, input or query; an undefined query", "2 wrong use"),
    "exec": ("0 done", "1 policies or paths that cannot be read; what --fail and its like say", "2 wrong use"),
    "completion": (_DONE, _USAGE),
    "version": (_DONE, _USAGE),
    "help": (_DONE, _USAGE),
}
USAGE: Final = {
    "serve": "serve [OPTION…]",
    "sync": "sync [OPTION…]",
    "worker": "worker [OPTION…]",
    "up": "up [OPTION…]",
    "pull": "pull [OPTION…] URL",
    "status": "status [OPTION…]",
    "db": "db [OPTION…] info|migrate|backup",
    "verify": "verify [OPTION…] [IMAGE…]",
    "init": "init [OPTION…] DIR",
    "run": "run [OPTION…] [PATH…]",
    "eval": "eval [OPTION…] QUERY",
    "test": "test [OPTION…] PATH…",
    "check": "check [OPTION…] PATH…",
    "lint": "lint [OPTION…] PATH…",
    "fmt": "fmt [OPTION…] [PATH…]",
    "parse": "parse [OPTION…] PATH",
    "deps": "deps [OPTION…] QUERY",
    "inspect": "inspect [OPTION…] PATH",
    "capabilities": "capabilities [OPTION…]",
    "bench": "bench [OPTION…] QUERY",
    "exec": "exec [OPTION…] PATH…",
    "completion": "completion bash|zsh|fish",
    "version": "version",
    "help": "help [COMMAND]",
}
_VALUES: Final = {
    "--filename": "FILE",
    "--policy": "PATH",
    "--data": "PATH",
    "--output": "FORMAT[=FILE]",
    "--namespace": "NAME",
    "--input": "FILE",
    "--timeout": "DURATION",
}
"""What options take, where their own name does not say it."""
_MORE: Final = {
    "completion": "Completes commands, options and values. The script calls nothing.",
    "help": "Without a command, lists the commands.",
}


def overview(commands: Mapping[str, str]) -> str:
    """What the commands are."""
    width = max(map(len, commands))
    rows = [f"  {name:{width}}  {text}" for name, text in commands.items()]
    return "\n".join(
        (
            "usage: image-enforcer COMMAND …",
            "",
            "Policies in Rego decide which container images may run.",
            "",
            *rows,
            "",
            "Exit codes: 0 allowed or done, 1 denied or failed, 2 wrong use, input or policy, 3 undecided,",
            "130 interrupted. Results go to standard output, everything else to standard error.",
            "image-enforcer COMMAND --help says more.",
        )
    )


def of_command(command: str, summary: str, app: App | None) -> str:
    """All about one command."""
    out = [f"usage: image-enforcer {USAGE[command]}", ""]
    if app is None:
        out += [f"{summary[:1].upper()}{summary[1:]}.", *([_MORE[command]] if command in _MORE else []), ""]
    else:
        text = inspect.cleandoc(app.help or "").partition("\nParameters\n")[0]
        for paragraph in text.strip().split("\n\n"):
            out += [*_wrapped(" ".join(paragraph.split()), ""), ""]
        arguments, options = _entries(app)
        for title, rows in (("Arguments:", arguments), ("Options:", options)):
            if rows:
                out += [title, *_table(rows), ""]
        example = next((head.split("  ")[0].split(", ")[-1].split()[0] for head, _ in options), "")
        if example:
            out += [
                f"In the environment, {variable(command, example)} stands for {example}, and so on; options win.",
                "",
            ]
    codes = [tuple(text.split(" ", 1)) for text in (*EXITS[command], _INTERRUPTED)]
    out += ["Exit codes:", *_table([(code, text) for code, text in codes])]
    return "\n".join(out)


def _entries(app: App) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    from cyclopts import Parameter

    arguments: list[tuple[str, str]] = []
    options: list[tuple[str, str]] = []
    for argument in app.assemble_argument_collection(default_parameter=Parameter(negative=()), parse_docstring=True):
        if argument.parameter.show is False:
            continue
        text = " ".join((argument.parameter.help or "").split())
        names = sorted((n for n in argument.names if n.startswith("-")), key=lambda name: (name.startswith("--"), name))
        if not names:
            if argument.names[0] != "*":  # stands for a group of options, which have entries of their own
                arguments.append((argument.names[0], text))
            continue
        value = _value(names[-1], argument.hint)
        options.append(
            (", ".join(names) + (f" {value}" if value else ""), text + _default(argument.field_info.default))
        )
    return arguments, options


def _value(name: str, kind: Any) -> str:
    """What an option takes: nothing, one of some words, or anything of its name."""
    if kind is bool:
        return ""
    choices = get_args(kind)
    if choices and all(isinstance(c, str) for c in choices):
        return "|".join(choices)
    word = _VALUES.get(name, name.rpartition("-")[2].upper())
    return f"{word} …" if get_origin(kind) is tuple else word


def _default(value: object) -> str:
    if value in (None, "", (), False, inspect.Parameter.empty):
        return ""
    shown = " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return f" (default: {shown})"


def _table(rows: list[tuple[str, str]]) -> list[str]:
    out: list[str] = []
    width = min(max(len(head) for head, _ in rows), 30)
    for head, text in rows:
        lines = _wrapped(text, " " * (width + 4))
        first = f"  {head:{width}}  "
        if len(head) > width:
            out += [first.rstrip(), *(f"{' ' * (width + 4)}{line}" for line in lines)]
        else:
            out += [(first + lines[0]).rstrip(), *(f"{' ' * (width + 4)}{line}" for line in lines[1:])]
    return out


def _wrapped(text: str, indent: str) -> list[str]:
    """Lines that fit the terminal below an indent; in a pipe, one line."""
    if not sys.stdout.isatty():
        return [text]
    import shutil
    import textwrap

    return textwrap.wrap(text, max(24, shutil.get_terminal_size().columns - len(indent)), break_on_hyphens=False) or [
        ""
    ]

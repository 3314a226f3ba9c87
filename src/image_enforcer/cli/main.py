"""The entry point: parses the arguments, runs the command, turns what goes wrong into messages and exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

from .. import __version__
from .faults import Fault

HELP = """\
Policies in Rego decide which container images may run.

Exit codes: 0 allowed or done, 1 denied or failed, 2 wrong use, input or policy, 3 undecided, 130 interrupted.
"""

COMMANDS = {
    "serve": "answer the API server's image reviews over HTTP",
    "verify": "decide about images, or about those in manifests, on the command line",
    "init": "write sample policies, their tests and sample data to begin with",
    "run": "the REPL, or with --server OPA's REST API",
    "eval": "evaluate a query",
    "version": "print the version",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; gives the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run(arguments)
    except Fault as fault:
        return fault.show()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141


def _run(arguments: list[str]) -> int:
    if arguments[:1] in ([], ["--help"], ["-h"], ["help"]):
        print(_overview())
        return 0 if arguments else 2
    if arguments[0] in ("version", "--version"):
        print(f"image-enforcer {__version__}")
        return 0
    if arguments[0] not in COMMANDS:
        raise Fault("IE2001", f"there is no command {arguments[0]!r}", hint=_nearest(arguments[0]))
    return _command(arguments)


def _overview() -> str:
    width = max(map(len, COMMANDS))
    rows = "\n".join(f"  {name:{width}}  {text}" for name, text in COMMANDS.items())
    return f"usage: image-enforcer COMMAND …\n\n{HELP}\n{rows}\n\nimage-enforcer COMMAND --help says more."


def _nearest(word: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(word, COMMANDS, 1)
    return f"did you mean {close[0]!r}?" if close else "image-enforcer --help lists the commands"


def _command(arguments: list[str]) -> int:
    from cyclopts import App, CycloptsError

    app: Any = App(name="image-enforcer", help=HELP, version=__version__, result_action="return_value")
    for name in ("serve", "verify", "init", "run"):
        app.command(f"image_enforcer.cli.{name}:{name}", name=name)
    app.command("image_enforcer.cli.evaluate:evaluate", name="eval")
    try:
        result = app(arguments, exit_on_error=False, print_error=False)
    except CycloptsError as e:
        text = " ".join(str(e).split())
        raise Fault("IE2002", text, hint=f"image-enforcer {arguments[0]} --help") from None
    return int(result or 0)


if __name__ == "__main__":
    sys.exit(main())

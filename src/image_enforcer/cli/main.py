"""The entry point: parses the arguments, runs the command, turns what goes wrong into messages and exit codes.

Whatever happens, no traceback is shown, and no result is lost in silence: standard output that is closed, full or
broken is an error.
"""

from __future__ import annotations

import os
import sys

from .. import __version__
from .faults import Done, Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from types import TracebackType
    from typing import Literal

    from cyclopts import App, CycloptsError

COMMANDS = {
    "serve": "answer the API server's image reviews over HTTP",
    "sync": "follow repositories in registries, have them scanned, keep policy data like them",
    "worker": "sync, and give the facts out to serve",
    "up": "run a worker and a server together, to try them out",
    "pull": "keep a copy of a worker's facts in a file",
    "status": "say how well what is followed is known, and what to do about it",
    "db": "look after the store of sync and worker",
    "verify": "decide about images, or about those in manifests, on the command line",
    "init": "write sample policies, their tests and sample data to begin with",
    "run": "the REPL, or with --server OPA's REST API",
    "eval": "evaluate a query",
    "test": "run the tests of policies",
    "check": "say whether policies can be compiled",
    "lint": "find rules by which images slip through",
    "fmt": "lay out policies",
    "parse": "print the syntax tree of a policy",
    "deps": "print what a query depends on",
    "inspect": "print what is in a bundle, a directory or a policy file",
    "capabilities": "print what the language can do here",
    "bench": "measure how long a query takes",
    "exec": "make a decision about each of many files",
    "completion": "print the completion script for a shell",
    "version": "print the version",
    "help": "explain a command",
}
PARSED = (
    "serve",
    "sync",
    "worker",
    "up",
    "pull",
    "status",
    "db",
    "verify",
    "init",
    "run",
    "eval",
    "test",
    "check",
    "lint",
    "fmt",
    "parse",
    "deps",
    "inspect",
    "capabilities",
    "bench",
    "exec",
)
"""The commands that have options."""
FUNCTIONS = {"eval": "evaluate:evaluate", "test": "test:run_tests", "exec": "execute:execute"}
"""The module and function of a command, where they are not named as it is."""
SHELLS: tuple[Literal["bash", "zsh", "fish"], ...] = ("bash", "zsh", "fish")
HELP = ("--help", "-h", "-help")
"""What asks for help; the last in Go's form."""
INTERRUPTED = 130
BROKEN_PIPE = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; gives the exit code. Without arguments, this is the process, and its command line is run."""
    if argv is None:
        sys.excepthook = _unforeseen
    try:
        code = _ended(_run(list(sys.argv[1:] if argv is None else argv)))
    except KeyboardInterrupt:
        code = _mute(INTERRUPTED)
    except BrokenPipeError:
        code = _mute(BROKEN_PIPE)
    except (OSError, MemoryError, RecursionError) as e:
        code = _mute(_broken(e))
    if argv is None:
        _let_go(code)
    return code


def _run(arguments: list[str]) -> int:
    try:
        _prepare_output()
        return _dispatch(arguments)
    except Fault as fault:
        return fault.show()


def _prepare_output() -> None:
    """Characters that standard output cannot encode are shown as escapes. Without it, nobody would see a result."""
    if sys.stdout is None:
        raise Fault("IE2030", "standard output is closed, so the result cannot be given")
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")


def _ended(code: int) -> int:
    """What is still buffered is written now, while an error can be told."""
    if sys.stdout is not None:
        sys.stdout.flush()
    return _mute(code)


def _broken(error: OSError | MemoryError | RecursionError) -> int:
    match error:
        case MemoryError():
            return Fault("IE2091", "there is not enough memory").show()
        case RecursionError():
            return Fault("IE2092", "something in the input is nested too deep").show()
    if error.filename:
        return Fault("IE2090", f"{error.filename}: {error.strerror or error}").show()
    return Fault("IE2030", f"the output cannot be written: {error.strerror or error}").show()


def _mute(code: int) -> int:
    """What could not be written is given up, else Python complains of it once more when it ends."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            try:
                descriptor = stream.fileno()
            except (OSError, ValueError):
                continue
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, descriptor)
            os.close(nothing)
    return code


def _unforeseen(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What only a mistake of ours can raise. Python would exit with 1, which says *denied*."""
    if sys.flags.dev_mode:
        sys.__excepthook__(kind, error, trace)
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    at = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else ""
    code = Fault(
        "IE2099", f"a mistake in image-enforcer: {kind.__name__}: {error}", at=at,
        hint="please report it; with PYTHONDEVMODE=1 it shows how it came about",
    ).show()  # fmt: skip
    raise SystemExit(_mute(code))


def _let_go(code: int) -> None:
    """From here on there is nothing to tidy up: an interrupt ends the process as it ends any other."""
    if isinstance(code, Done):  # Python would take a while to put all away that it has loaded
        os._exit(code)
    import signal

    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _dispatch(arguments: list[str]) -> int:
    if not arguments:
        raise Fault("IE2001", "no command is given", hint="image-enforcer --help lists the commands")
    command, rest = arguments[0], arguments[1:]
    if command in HELP:
        return _help([])
    if command == "--version" or (command == "version" and not _asks_for_help(rest)):
        if rest:
            raise Fault("IE2002", f"{command} takes no arguments", hint="image-enforcer version")
        print(f"image-enforcer {__version__}")
        return 0
    if command not in COMMANDS:
        from .refused import refuse

        raise refuse(command) or Fault("IE2001", f"there is no command {command!r}", hint=_nearest(command))
    if _asks_for_help(rest):
        return _help([command])
    if command == "help":
        return _help(rest)
    if command == "completion":
        return _completion(rest)
    return _command(arguments)


def _asks_for_help(arguments: list[str]) -> bool:
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return any(word in HELP for word in arguments[:end])


def _help(words: list[str]) -> int:
    from . import help as texts

    if not words:
        print(texts.overview(COMMANDS))
        return 0
    command = words[0]
    if len(words) > 1:
        raise Fault("IE2002", "give one command to explain", hint=f"image-enforcer help {command}")
    if command not in COMMANDS:
        raise Fault("IE2001", f"there is no command {command!r}", hint=_nearest(command))
    app = _app()[command] if command in PARSED else None
    print(texts.of_command(command, COMMANDS[command], app))
    return 0


def _completion(words: list[str]) -> int:
    shell = next((shell for shell in SHELLS if words == [shell]), None)
    if shell is None:
        given = f"{words[0]!r} is not one" if len(words) == 1 else "give one"
        hint = "image-enforcer completion bash > ~/.local/share/bash-completion/completions/image-enforcer"
        raise Fault("IE2003", f"{given} of {', '.join(SHELLS)}", hint=hint)
    print(_app().generate_completion(prog_name="image-enforcer", shell=shell))
    return 0


def _nearest(word: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(word, COMMANDS, 1)
    return f"did you mean {close[0]!r}?" if close else "image-enforcer --help lists the commands"


def _app() -> App:
    """The parser. Commands are imported when they are needed."""
    from cyclopts import App, Parameter
    from cyclopts.config import Env

    from .environment import PREFIX

    app = App(
        name="image-enforcer",
        help_flags=(),
        version_flags=(),
        result_action="return_value",
        suppress_keyboard_interrupt=False,
        default_parameter=Parameter(negative=()),
        config=Env(PREFIX),
    )
    for name in PARSED:
        app.command(f"image_enforcer.cli.{FUNCTIONS.get(name, f'{name}:{name}')}", name=name)
    return app


def _command(arguments: list[str]) -> int:
    if arguments[0] in ("eval", "check"):
        from . import quick

        code = (quick.evaluate if arguments[0] == "eval" else quick.check)(arguments[1:], os.environ)
        if code is not None:
            return code
    from cyclopts import CycloptsError

    from . import environment

    app = _app()
    names: set[str] = set()
    if arguments[0] in ("sync", "worker"):
        from .go_flags import two_dashes
        from .sync import FLAGS, MANY

        names = {name.removeprefix("--") for name in environment.options(app[arguments[0]])}
        arguments = [arguments[0], *two_dashes(arguments[1:], names, MANY, FLAGS)]
    environment.check(os.environ, lambda: {name: app[name] for name in PARSED})
    try:
        result = app(arguments, exit_on_error=False, print_error=False)
    except CycloptsError as e:
        raise _misunderstood(e, arguments[0], names) from None
    return int(result or 0)


def _misunderstood(error: CycloptsError, command: str, names: Collection[str]) -> Fault:
    """The parser's words, with its suggestion as the hint. ``names`` are those of options that may have one dash."""
    text = " ".join(str(error).split())
    if names and text.startswith("Unknown option: -") and " is not a recognized option" in text:
        # The parser takes a word with one dash for several options of one letter.
        text = _unknown(text.removeprefix("Unknown option: ").partition(". ")[0], names)
    text, _, suggestion = text.partition(" Did you mean ")
    hint = f"did you mean {suggestion}" if suggestion else f"image-enforcer {command} --help"
    if text.startswith("Unknown option: -."):
        hint = "-f - reads manifests from standard input" if command == "verify" else hint
    text = text.removeprefix(f'Command "{command}" ').removesuffix(".")
    return Fault("IE2002", text[:1].lower() + text[1:], hint=hint)


def _unknown(word: str, names: Collection[str]) -> str:
    """What the parser would say of a word that has two dashes."""
    from difflib import get_close_matches

    close = get_close_matches(word.lstrip("-").partition("=")[0], sorted(names), 1)
    return f"Unknown option: {word}." + (f' Did you mean "-{close[0]}"?' if close else "")


if __name__ == "__main__":
    sys.exit(main())

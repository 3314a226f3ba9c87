"""The commands: first words that are not statements. Each takes its arguments and gives its output.

They are recognised whatever their case, as in OPA, so variables so named cannot be asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from ...rego import CompileError, to_json
from ...rego.syntax import parse_statements
from ...rego.syntax.nodes import Body, Module, Package, Ref, Rule, Scalar, Statement, TermExpr, Var
from ..format.document import Unwritable, write_module
from ..format.style import V0, V1
from . import texts
from .entered import package_ref
from .texts import Misuse

if TYPE_CHECKING:
    from .session import Session

Command: TypeAlias = "Callable[[Session, list[str]], str]"

EXPLAIN: Final = ("off", "full", "notes", "fails", "debug")


def show(session: Session, args: list[str]) -> str:
    """The rules of the current package, or the settings."""
    if args[:1] == ["debug"]:
        return session.settings.shown()
    if args:
        raise Misuse(f"unknown option '{args[0]}'")
    entered = session.entered
    rules = entered.entry(session.package).rules
    if entered.input is not None and entered.input.package == session.package:
        rules = (*rules, entered.input.rule)
    elif session.package not in entered.packages:
        return "no rules defined\n"
    module = Module(Package(package_ref(session.package)), entered.entry(session.package).imports, rules)
    try:
        return write_module(module, V1 if session.documents.version >= 1 else V0)
    except Unwritable as e:
        return f"{e}\n"


def unset(session: Session, args: list[str]) -> str:
    """Take rules away, or the input document."""
    if len(args) != 1:
        raise Misuse("code bad arguments: unset <ref>: expects exactly one argument")
    entered = session.entered
    target = _reference(args[0])
    if target is None:
        raise Misuse("code bad arguments: arguments must identify a rule")
    if target.terms == (Var("input"),):
        without = None if entered.input is None else replace(entered, input=None)
    else:
        without = entered.without_rules(session.package, target)
    if without is None:
        return "warning: no matching rules in current module\n"
    session.enter(without)
    return ""


def unset_package(session: Session, args: list[str]) -> str:
    """Take everything of a package away."""
    if len(args) != 1:
        raise Misuse("code bad arguments: unset-package <var>: expects exactly one argument")
    target = _reference(args[0])
    if target is None:
        raise Misuse("code bad arguments: argument must identify a package")
    names = tuple(str(t.name if isinstance(t, Var) else t.value) for t in target.terms if isinstance(t, Var | Scalar))
    without = session.entered.without_package(names)
    if without is None:
        return "warning: no matching package\n"
    session.leave(names, without)
    return ""


def _reference(text: str) -> Ref | None:
    """A rule's or package's name without variables in it; None where the text is something else."""
    try:
        statements: tuple[Statement, ...] = parse_statements(text)
    except CompileError:
        return None
    if len(statements) != 1:
        return None
    found = _named(statements[0])
    ground = found is not None and isinstance(found.head, Var) and not any(isinstance(t, Var) for t in found.terms[1:])
    return _same_places(found) if found is not None and ground else None


def _named(statement: Statement) -> Ref | None:
    if isinstance(statement, Rule):
        return statement.head.ref
    if not isinstance(statement, tuple):
        return None
    body: Body = statement
    if len(body) != 1 or not isinstance(body[0].terms, TermExpr) or body[0].negated or body[0].withs:
        return None
    term = body[0].terms.term
    return Ref((term,)) if isinstance(term, Var) else term if isinstance(term, Ref) else None


def _same_places(ref: Ref) -> Ref:
    return Ref(tuple(Var(t.name) if isinstance(t, Var) else t for t in ref.terms))


def json(session: Session, args: list[str]) -> str:
    """Show results as JSON."""
    del args
    session.settings.format = "json"
    return ""


def pretty(session: Session, args: list[str]) -> str:
    """Show results as people read them."""
    del args
    session.settings.format = "pretty"
    return ""


def pretty_limit(session: Session, args: list[str]) -> str:
    """Set how much of a table's cell is shown."""
    if len(args) != 1:
        raise Misuse("usage: pretty-limit <n>")
    try:
        session.settings.width = max(0, int(args[0]))
    except ValueError:
        raise Misuse(f"strconv.ParseInt: parsing {to_json(args[0])}: invalid syntax") from None
    return ""


def strict_builtin_errors(session: Session, args: list[str]) -> str:
    """Switch whether a failing built-in is an error."""
    del args
    session.settings.strict_builtin_errors = not session.settings.strict_builtin_errors
    return ""


def metrics(session: Session, args: list[str]) -> str:
    """Switch whether times are shown with results."""
    del args
    session.settings.metrics = not session.settings.metrics
    return ""


def instrument(session: Session, args: list[str]) -> str:
    """Switch as OPA does; there are no more times to show than those of ``metrics``."""
    del args
    settings = session.settings
    settings.instrument = settings.metrics = not settings.instrument
    return ""


def dump(session: Session, args: list[str]) -> str:
    """The base documents, as text or into a new file."""
    text = to_json(session.documents.state.snapshot.root) + "\n"
    if not args:
        return text
    try:
        with Path(" ".join(args)).open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise Misuse(f"dump: {' '.join(args)} is there already; name a new file") from None
    except (OSError, ValueError) as e:
        raise Misuse(f"dump: {e}") from None
    return ""


def help_text(session: Session, args: list[str]) -> str:
    """The help, or that on a topic."""
    if not args:
        return texts.HELP + (texts.HERE if session.at_terminal else "")
    topic = texts.TOPICS.get(args[0])
    if topic is None:
        raise Misuse(f"unknown topic '{args[0]}'")
    return topic


def leave(session: Session, args: list[str]) -> str:
    """End the session."""
    del args
    session.done = True
    return ""


def trace(session: Session, args: list[str]) -> str:
    """Show how queries are answered, in one of the modes, or not any more."""
    mode = args[0] if args else "full"
    if mode not in EXPLAIN:
        raise Misuse(f"invalid explain mode, expected one of: {', '.join(EXPLAIN)}")
    return _explain(session, mode)


def notes(session: Session, args: list[str]) -> str:
    """Show what ``trace(…)`` says, or not any more."""
    del args
    return _explain(session, "notes")


def fails(session: Session, args: list[str]) -> str:
    """Show what fails, or not any more."""
    del args
    return _explain(session, "fails")


def _explain(session: Session, mode: str) -> str:
    settings = session.settings
    settings.explain = "off" if settings.explain == mode else mode
    return texts.no_trace(mode) if settings.target == "wasm" and settings.explain != "off" else ""


def profile(session: Session, args: list[str]) -> str:
    """Show which lines took how long, or not any more; switches tracing off."""
    del args
    settings = session.settings
    settings.profile = not settings.profile
    if settings.profile:
        settings.explain = "off"
    return ""


def types(session: Session, args: list[str]) -> str:
    """Show the types of what a query refers to, or not any more."""
    del args
    session.settings.types = not session.settings.types
    return ""


def traceback(session: Session, args: list[str]) -> str:
    """Show the way to an error, or not any more."""
    del args
    session.settings.traceback = not session.settings.traceback
    return ""


def unknown(session: Session, args: list[str]) -> str:
    """Evaluate queries without some documents, or whole again."""
    settings = session.settings
    targets = [_reference(a) for a in args]
    found = tuple(t for t in targets if t is not None and isinstance(t.head, Var) and t.head.name in ("input", "data"))
    if len(found) < len(args) or not (args or settings.unknowns):
        raise Misuse(texts.UNKNOWN_USAGE)
    settings.unknowns = found
    return ""


def target(session: Session, args: list[str]) -> str:
    """Choose how policies are evaluated. There is one way; queries fail under the other."""
    if len(args) != 1:
        raise Misuse(f"code bad arguments: target <mode>: expects exactly one argument, got {len(args)}")
    if args[0] not in ("rego", "wasm"):
        raise Misuse(f'invalid target "{args[0]}":must be one of {{rego,wasm}}')
    settings = session.settings
    settings.target = args[0]
    return texts.no_trace(settings.explain) if args[0] == "wasm" and settings.explain != "off" else ""


COMMANDS: Final[Mapping[str, Command]] = MappingProxyType(
    {
        "show": show,
        "unset": unset,
        "unset-package": unset_package,
        "json": json,
        "pretty": pretty,
        "pretty-limit": pretty_limit,
        "trace": trace,
        "notes": notes,
        "fails": fails,
        "metrics": metrics,
        "instrument": instrument,
        "profile": profile,
        "types": types,
        "unknown": unknown,
        "strict-builtin-errors": strict_builtin_errors,
        "traceback": traceback,
        "dump": dump,
        "help": help_text,
        "target": target,
        "exit": leave,
    }
)
"""Every command by its word."""

"""One REPL session: lines in, text out. It knows no terminal.

Differs from OPA on purpose in one thing: ``input = …`` and ``input := …`` set the input document in Rego v1 too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ...rego import (
    UNDEFINED,
    CompileError,
    Host,
    Limits,
    Location,
    Policy,
    Problem,
    RegoError,
    Snapshot,
    Value,
    compile_modules,
    to_json,
)
from ...rego.syntax import parse_statements, rule_from_body
from ...rego.syntax.module import NotARule
from ...rego.syntax.nodes import (
    Body,
    CallExpr,
    Comment,
    Import,
    Module,
    Package,
    Ref,
    Rule,
    Scalar,
    Statement,
    Term,
    Var,
)
from ...rego.syntax.printer import format_module, package_text, term_text
from .. import presentation
from ..documents import Documents, State
from . import texts

DEFAULT_PACKAGE: Final = ("repl",)
INPUT_PACKAGE: Final = ("system", "repl")
"""Where the rule behind ``input = …`` lives: out of sight."""


@dataclass(slots=True)
class _Own:
    """What was entered for one package."""

    imports: list[Import] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)


class Session:
    """Holds what was entered beside the loaded documents."""

    def __init__(self, documents: Documents, *, form: str = "pretty", limits: Limits | None = None) -> None:
        self.documents = documents
        self.format = form
        self.limits = limits or Limits(seconds=60.0)
        self.own: dict[tuple[str, ...], _Own] = {}
        self.package: tuple[str, ...] = DEFAULT_PACKAGE
        self.buffer: list[str] = []
        self.strict = False
        self.width = presentation.DEFAULT_WIDTH
        self.done = False
        self.failed = False
        self._input: list[Rule] = []
        self._compiled: tuple[State, int, Policy] | None = None
        self._generation = 0
        self._printed: list[str] = []

    # --- lines -----------------------------------------------------------------------------------

    @property
    def prompt(self) -> str:
        """What to show before the next line."""
        return "| " if self.buffer else "> "

    def line(self, text: str) -> str:
        """Take a line and give the output, each line of it ended; empty where there is nothing to say."""
        if not self.buffer:
            word = text.strip().split(maxsplit=1)
            command = self._command(word[0].lower()) if word else None
            if command is not None:
                return self._guarded(lambda: command(text.strip().split()[1:]))
            if not text.strip():
                return ""
        going_on = bool(self.buffer)
        self.buffer.append(text)
        if going_on and text.strip():
            return ""
        joined = "\n".join(self.buffer)
        try:
            statements = parse_statements(joined, version=self.documents.version)
        except CompileError as e:
            if not going_on:
                return ""
            self.buffer.clear()
            return self._fault(e)
        self.buffer.clear()
        return "".join(self._guarded(lambda s=s: self._statement(s)) for s in statements)

    def _guarded(self, run: Callable[[], str]) -> str:
        self._printed.clear()
        try:
            out = run()
        except RegoError as e:
            out = self._fault(e)
        except (NotARule, texts.Misuse) as e:
            self.failed = True
            out = f"{e}\n"
        return "".join(p + "\n" for p in self._printed) + out

    def _fault(self, error: RegoError) -> str:
        self.failed = True
        if self.format == "json":
            return presentation.dumps({"errors": presentation.errors(error)}) + "\n"
        return presentation.error_text(error) + "\n"

    # --- statements ------------------------------------------------------------------------------

    def _statement(self, statement: Statement) -> str:
        match statement:
            case Package():
                self.package = statement.names
                self._module()
                return ""
            case Import():
                return self._import(statement)
            case Rule():
                return self._define(statement, replaces=False)
            case Comment():
                return ""
            case _:
                return self._body(statement)

    def _import(self, item: Import) -> str:
        own = self._module()
        if item not in own.imports:
            own.imports.append(item)
            try:
                self._policy(fresh=True)
            except CompileError:
                own.imports.remove(item)
                raise
        return ""

    def _body(self, body: Body) -> str:
        if len(body) == 1 and isinstance(body[0].terms, CallExpr) and not body[0].negated:
            name = term_text(body[0].terms.operator)
            if name == "assign" or (name == "eq" and not self._known(body[0].terms.args[0])):
                rule = rule_from_body(body)
                if rule.head.args and self.documents.version >= 1:
                    text = "`if` keyword is required before function body"
                    raise CompileError([Problem("rego_parse_error", text, rule.loc)])
                return self._define(rule, replaces=name == "assign")
        return self._query(body)

    def _known(self, target: Term) -> bool:
        """Whether ``target = …`` compares: the name has a rule or import already (input is set anew each time)."""
        head = target.head if isinstance(target, Ref) else target
        if not isinstance(head, Var):
            return False
        if head.name == "data" or (head.name == "input" and isinstance(target, Ref) and len(target.terms) > 1):
            return True
        own = self.own.get(self.package)
        if own is None or head.name == "input":
            return False
        names = {r.head.name for r in own.rules} | {_import_name(i) for i in own.imports}
        return head.name in names

    def _define(self, rule: Rule, *, replaces: bool) -> str:
        if rule.head.name == "input" and len(rule.head.ref.terms) == 1:
            return self._define_input(rule)
        own = self._module()
        before = list(own.rules)
        if not replaces and rule.head.assign:
            replaces = True
        same = [r for r in own.rules if r.head.ref == rule.head.ref] if replaces else []
        own.rules = [r for r in own.rules if r not in same] + [rule]
        try:
            self._policy(fresh=True)
        except CompileError:
            own.rules = before
            self._generation += 1
            raise
        return self._notice("re-defined" if same else "defined", term_text(rule.head.ref))

    def _notice(self, what: str, name: str) -> str:
        if self.format == "json":
            return ""
        where = package_text(Package(Ref((Var("data"), *(Scalar(p) for p in self.package))))).removeprefix("package ")
        return f"Rule '{name}' {what} in package {where}. Type 'show' to see rules.\n"

    def _define_input(self, rule: Rule) -> str:
        before = self._input
        head = replace(rule.head, name="document", ref=Ref((Var("document", rule.loc),), rule.loc))
        again = bool(before)
        self._input = [replace(rule, head=head)]
        try:
            self._policy(fresh=True)
        except CompileError:
            self._input = before
            self._generation += 1
            raise
        return self._notice("re-defined" if again else "defined", "input")

    # --- queries ---------------------------------------------------------------------------------

    def _query(self, body: Body) -> str:
        policy = self._policy()
        own = self.own.get(self.package)
        query = policy.prepare(
            body, package=self.package, imports=tuple(own.imports) if own else (), strict_builtin_errors=self.strict
        )
        solutions = query.run(input=self.input(), data=self._snapshot(), limits=self.limits, host=self._host())
        if self.format == "json":
            return presentation.dumps(presentation.document(solutions)) + "\n"
        return presentation.pretty(solutions, self.width) + "\n"

    def _host(self) -> Host:
        def heard(text: str, location: Location) -> None:
            del location
            self._printed.append(text)

        return Host(print=heard)

    def _snapshot(self) -> Snapshot:
        return self.documents.state.snapshot

    def input(self) -> Value:
        """The input document: what was set here, else ``data.repl.input``."""
        policy = self._policy()
        path = "data.system.repl.document" if self._input else "data.repl.input"
        if not self._input and not policy.has_rules(("repl", "input")):
            root = self._snapshot().root
            inner = root.get("repl", {}) if isinstance(root, dict) else {}
            return inner.get("input", UNDEFINED) if isinstance(inner, dict) else UNDEFINED
        return policy.prepare(path).value(data=self._snapshot(), limits=self.limits)

    def _module(self) -> _Own:
        own = self.own.get(self.package)
        if own is None:
            own = self.own[self.package] = _Own()
            self._generation += 1
        return own

    def _policy(self, *, fresh: bool = False) -> Policy:
        if fresh:
            self._generation += 1
        state = self.documents.state
        if self._compiled is not None and self._compiled[:2] == (state, self._generation):
            return self._compiled[2]
        modules: dict[str, Module] = dict(state.modules)
        for package, own in self.own.items():
            modules["repl:" + ".".join(package)] = self._as_module(package, own.imports, own.rules)
        if self._input:
            current = self.own.get(self.package, _Own())
            modules["repl:input"] = self._as_module(INPUT_PACKAGE, current.imports, self._input)
        policy = (
            state.policy
            if len(modules) == len(state.modules)
            else compile_modules(modules, version=self.documents.version)
        )
        self._compiled = (state, self._generation, policy)
        return policy

    def _as_module(self, package: tuple[str, ...], imports: list[Import], rules: list[Rule]) -> Module:
        path = Ref((Var("data"), *(Scalar(p) for p in package)))
        return Module(Package(path), tuple(imports), tuple(rules), version=self.documents.version)

    # --- commands --------------------------------------------------------------------------------

    def _command(self, word: str) -> Callable[[list[str]], str] | None:
        commands: dict[str, Callable[[list[str]], str]] = {
            "show": self._show, "unset": self._unset, "unset-package": self._unset_package, "json": self._json, "pretty": self._pretty,
            "pretty-limit": self._pretty_limit, "strict-builtin-errors": self._strict, "dump": self._dump, "help": texts.help_text,
            "exit": self._exit, "quit": self._exit, "trace": texts.later, "notes": texts.later, "fails": texts.later,
            "metrics": texts.later, "instrument": texts.later, "profile": texts.later, "types": texts.later, "unknown": texts.later,
            "target": texts.target, "debug": texts.later, "traceback": texts.later,
        }  # fmt: skip
        return commands.get(word)

    def _show(self, args: list[str]) -> str:
        if args == ["debug"]:
            return texts.debug(self.strict)
        if args:
            raise texts.Misuse(f"unknown option '{args[0]}'")
        own = self.own.get(self.package)
        if own is None:
            return "no rules defined\n"
        path = Ref((Var("data"), *(Scalar(p) for p in self.package)))
        return format_module(Package(path), tuple(own.imports), tuple(own.rules))

    def _unset(self, args: list[str]) -> str:
        if len(args) != 1:
            raise texts.Misuse("code bad arguments: unset <ref>: expects exactly one argument")
        if args == ["input"]:
            if not self._input:
                return "warning: no matching rules in current module\n"
            self._input = []
            self._generation += 1
            return ""
        target = _as_ref(args[0])
        if target is None:
            raise texts.Misuse("code bad arguments: arguments must identify a rule")
        own = self.own.get(self.package)
        kept = [r for r in own.rules if r.head.ref.terms[: len(target.terms)] != target.terms] if own else []
        if own is None or len(kept) == len(own.rules):
            return "warning: no matching rules in current module\n"
        before = own.rules
        own.rules = kept
        try:
            self._policy(fresh=True)
        except CompileError:
            own.rules = before
            self._generation += 1
            raise
        return ""

    def _unset_package(self, args: list[str]) -> str:
        if len(args) != 1:
            raise texts.Misuse("code bad arguments: unset-package <var>: expects exactly one argument")
        target = _as_ref(args[0])
        if target is None:
            raise texts.Misuse("code bad arguments: argument must identify a package")
        package = tuple(str(getattr(t, "name", getattr(t, "value", ""))) for t in target.terms)
        if package not in self.own:
            return "warning: no matching package\n"
        del self.own[package]
        self._generation += 1
        if package == self.package:
            self.package = DEFAULT_PACKAGE
        return ""

    def _json(self, args: list[str]) -> str:
        del args
        self.format = "json"
        return ""

    def _pretty(self, args: list[str]) -> str:
        del args
        self.format = "pretty"
        return ""

    def _pretty_limit(self, args: list[str]) -> str:
        if len(args) != 1 or not args[0].isdigit():
            raise texts.Misuse("usage: pretty-limit <n>")
        self.width = int(args[0])
        return ""

    def _strict(self, args: list[str]) -> str:
        del args
        self.strict = not self.strict
        return ""

    def _dump(self, args: list[str]) -> str:
        text = to_json(self._snapshot().root) + "\n"
        if not args:
            return text
        raise texts.Misuse("dump: writing to a file is not available; copy what `dump` prints")

    def _exit(self, args: list[str]) -> str:
        del args
        self.done = True
        return ""

    def names(self) -> list[str]:
        """What a terminal may complete: imports, own rules and loaded rules."""
        found: set[str] = set()
        for package, own in self.own.items():
            found |= {_import_name(i) for i in own.imports}
            found |= {".".join(["data", *package, r.head.name]) for r in own.rules}
        for module in self.documents.state.modules.values():
            found |= {".".join(["data", *module.package.names, r.head.name]) for r in module.rules}
        return sorted(found)


def _as_ref(text: str) -> Ref | None:
    try:
        statements: Any = parse_statements(text)
    except CompileError:
        return None
    if len(statements) != 1:
        return None
    only = statements[0]
    term = getattr(only[0].terms, "term", None) if isinstance(only, tuple) and len(only) == 1 else None
    if isinstance(only, Rule):
        return only.head.ref
    if isinstance(term, Var):
        return Ref((term,))
    return term if isinstance(term, Ref) and isinstance(term.head, Var) else None


def _import_name(item: Import) -> str:
    if item.alias:
        return item.alias
    last = item.path.terms[-1]
    return str(getattr(last, "name", getattr(last, "value", "")))

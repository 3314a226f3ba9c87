"""One REPL session: lines in, text out. It knows no terminal.

Differs from OPA on purpose in one thing: ``input = …`` and ``input := …`` set the input document in Rego v1 too.
A change takes place whole or not at all: what does not compile, or is interrupted, leaves the session as it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from ...rego import (
    CompileError,
    Host,
    LimitError,
    Limits,
    Location,
    Problem,
    RegoError,
    Value,
)
from ...rego.syntax import parse_statements, rule_from_body
from ...rego.syntax.module import NotARule
from ...rego.syntax.nodes import Body, CallExpr, Comment, Import, Package, Rule, Statement
from ...rego.syntax.printer import package_text, term_text
from .. import presentation
from ..documents import Documents
from . import texts
from .commands import COMMANDS
from .entered import DEFAULT_PACKAGE, Entered, Input, Names, package_ref
from .queries import answer
from .settings import Format, Settings
from .world import World

LIMITS: Final = Limits(seconds=60.0, memory=4 << 30)
"""What a statement may cost: whoever asks is waiting, and may look at all documents at once."""

MAX_STATEMENT: Final = 16 << 20
"""Characters of a statement over several lines; what goes on longer is dropped."""

MAX_PRINTED: Final = 8 << 20
"""Characters that one statement may print."""


class Session:
    """Holds what was entered beside the loaded documents."""

    def __init__(
        self, documents: Documents, *, form: Format = "pretty", limits: Limits | None = None,
        clock: Callable[[], int] = time.perf_counter_ns, outside: Host | None = None,
    ) -> None:  # fmt: skip
        self.documents = documents
        self.settings = Settings(format=form)
        self.limits = limits or LIMITS
        self.entered = Entered()
        self.package: Names = DEFAULT_PACKAGE
        self.at_terminal = False
        self.done = False
        self.failed = False
        self.clock = clock
        self.outside = outside or Host()
        self._buffer: list[str] = []
        self._current: World | None = None
        self._printed: list[str] = []
        self._printed_size = 0
        self.parse_time = 0

    # --- lines -----------------------------------------------------------------------------------

    @property
    def continues(self) -> bool:
        """Whether a statement has begun that is not whole yet."""
        return bool(self._buffer)

    def line(self, text: str) -> str:
        """Take a line and give the output, each line of it ended; empty where there is nothing to say.

        A line that does not parse begins a statement over several lines; an empty line ends it.
        """
        if self._buffer:
            self._buffer.append(text)
            return self._bounded() if text.strip() else self.end()
        command = self._command(text)
        if command is not None:
            return self._guarded(command)[0]
        found = self._parse(text)
        if isinstance(found, CompileError) and self._may_go_on(text):
            self._buffer.append(text)
            return self._bounded()
        return self._run(found)

    def end(self) -> str:
        """Take the statement over several lines as it is; empty where there is none."""
        text = "\n".join(self._buffer)
        self._buffer.clear()
        return self.block(text if text.endswith("\n") else text + "\n") if text else ""

    def close(self) -> tuple[str, str]:
        """Take the statement over several lines as the last one: the output, and what is wrong where it is not whole.

        OPA drops it and says nothing.
        """
        text = "\n".join(self._buffer) + "\n"
        if self._buffer and isinstance(found := self._parse(text), CompileError):
            self._buffer.clear()
            return "", self._fault(found)
        return self.end(), ""

    def drop(self) -> None:
        """Forget the statement that is not whole yet."""
        self._buffer.clear()

    def _bounded(self) -> str:
        if sum(map(len, self._buffer)) <= MAX_STATEMENT:
            return ""
        self._buffer.clear()
        self.failed = True
        return f"the statement is longer than {MAX_STATEMENT >> 20} Mi characters and was dropped\n"

    def incomplete(self, text: str) -> bool:
        """Whether a text that is no command may become a statement with more lines."""
        if self._command(text) is not None:
            return False
        return isinstance(self._parse(text), CompileError) and self._may_go_on(text)

    def block(self, text: str) -> str:
        """Take whole text: a command, or statements, and give the output as :meth:`line` does."""
        command = self._command(text)
        return self._run(self._parse(text)) if command is None else self._guarded(command)[0]

    def _parse(self, text: str) -> tuple[Statement, ...] | CompileError:
        begun = self.clock()
        try:
            return parse_statements(text, version=self.documents.version)
        except CompileError as e:
            return e
        finally:
            self.parse_time = self.clock() - begun

    @staticmethod
    def _may_go_on(text: str) -> bool:
        """Whether what did not parse may with more lines; not what is whole, but refused by this version of Rego."""
        try:
            parse_statements(text, version=0)
        except CompileError:
            return True
        return False

    def _run(self, statements: tuple[Statement, ...] | CompileError) -> str:
        if isinstance(statements, CompileError):
            return self._fault(statements)
        out: list[str] = []
        for statement in statements:
            said, good = self._guarded(partial(self._statement, statement))
            out.append(said)
            if not good:
                break
        return "".join(out)

    def _command(self, text: str) -> Callable[[], str] | None:
        words = text.split()
        command = COMMANDS.get(words[0].lower()) if words else None
        return None if command is None else lambda: command(self, words[1:])

    def _guarded(self, run: Callable[[], str]) -> tuple[str, bool]:
        self._printed.clear()
        self._printed_size = 0
        try:
            out, good = run(), True
        except RegoError as e:
            out, good = self._fault(e), False
        except texts.Told as e:
            self.failed = True
            out, good = str(e), False
        except (NotARule, texts.Misuse) as e:
            self.failed = True
            out, good = f"{e}\n", False
        return "".join(p + "\n" for p in self._printed) + out, good

    def _fault(self, error: RegoError) -> str:
        self.failed = True
        if self.settings.format == "json" and not isinstance(error, CompileError):
            return presentation.dumps({"errors": presentation.errors(error)}) + "\n"
        return presentation.error_text(error) + "\n"

    # --- statements ------------------------------------------------------------------------------

    def _statement(self, statement: Statement) -> str:
        match statement:
            case Package():
                self.entered = self.entered.with_package(statement.names)
                self.package = statement.names
                return ""
            case Import():
                self.enter(self.entered.with_import(self.package, statement))
                return ""
            case Rule():
                return self._define(statement)
            case Comment():
                return ""
            case _:
                return self._body(statement)

    def _body(self, body: Body) -> str:
        if len(body) == 1 and isinstance(body[0].terms, CallExpr) and not body[0].negated:
            name = term_text(body[0].terms.operator)
            target = body[0].terms.args[0] if body[0].terms.args else None
            if target is not None and (
                name == "assign" or (name == "eq" and not self.entered.knows(self.package, target))
            ):
                rule = rule_from_body(body)
                if rule.head.args and self.documents.version >= 1:
                    text = "`if` keyword is required before function body"
                    raise CompileError([Problem("rego_parse_error", text, rule.loc)])
                return self._define(rule)
        return answer(self, body)

    def _define(self, rule: Rule) -> str:
        if rule.head.name in ("input", "data") and len(rule.head.ref.terms) > 1:
            raise CompileError([Problem("rego_compile_error", "cannot assign to ref", rule.loc)])
        if rule.head.name == "input":
            return self._define_input(rule)
        self.entered = self.entered.with_package(self.package)
        entered, again = self.entered.with_rule(self.package, rule, replaces=rule.head.assign)
        self.enter(entered)
        return self._notice("re-defined" if again else "defined", term_text(rule.head.ref))

    def _define_input(self, rule: Rule) -> str:
        if rule.head.value is None or rule.head.args or rule.default or rule.else_ is not None:
            raise texts.Misuse("the input document is set by: input = <value>")
        again = self.entered.input is not None
        entered = replace(self.entered, input=Input(rule, self.package))
        self.enter(entered)
        return self._notice("re-defined" if again else "defined", "input")

    def _notice(self, what: str, name: str) -> str:
        if self.settings.format == "json":
            return ""
        where = package_text(Package(package_ref(self.package))).removeprefix("package ")
        return f"Rule '{name}' {what} in package {where}. Type 'show' to see rules.\n"

    def enter(self, entered: Entered) -> None:
        """Put what was entered in place of what there was. Raises :class:`CompileError`, and all stays as it was."""
        world = World(self.documents.state, entered, self.documents.version)
        self.entered, self._current = entered, world

    def leave(self, package: Names, entered: Entered) -> None:
        """Put in place what is without a package, and go to the default one if this was the current one."""
        self.enter(entered)
        if package == self.package:
            self.package = DEFAULT_PACKAGE

    # --- queries ---------------------------------------------------------------------------------

    def host(self, now_ns: Callable[[], int] = time.time_ns) -> Host:
        """The outside of an evaluation."""
        return Host(print=self.heard, now_ns=now_ns, network=self.outside.network, runtime=self.outside.runtime)

    def heard(self, text: str, location: Location) -> None:
        """Take what ``print`` says. Raises :class:`LimitError` where it is too much."""
        self._printed_size += len(text)
        if self._printed_size > MAX_PRINTED:
            raise LimitError("output", f"more than {MAX_PRINTED >> 20} Mi characters printed", location)
        self._printed.append(text)

    def input(self) -> Value:
        """The input document: what was set here, else ``data.repl.input``."""
        return self.world().input_document(self.limits, self.host())

    def world(self) -> World:
        """What was entered with the documents as they are now."""
        state = self.documents.state
        if self._current is None or self._current.state is not state or self._current.entered is not self.entered:
            self._current = World(state, self.entered, self.documents.version)
        return self._current

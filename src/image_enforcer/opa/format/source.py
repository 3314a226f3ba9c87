"""One policy's text in, the same policy laid out: read as one version of Rego, written for one or several."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Final

from ...rego.check.overrides import deprecated_calls, duplicate_imports, root_documents
from ...rego.check.visit import ROOTS, Rewriter
from ...rego.errors import COMPILE_ERROR, PARSE_ERROR, CompileError, Problem
from ...rego.meter import make_room
from ...rego.places import Location
from ...rego.syntax import parse_module
from ...rego.syntax.keywords import KEYWORDS_V1
from ...rego.syntax.lexer import Source, tokenize
from ...rego.syntax.nodes import Call, CallExpr, Comment, Expr, Module, Ref, Rule, Var
from .document import Unwritable, write_module
from .moving import Reach, moved, with_own_comments
from .operators import SIGNS
from .style import V1, Target, operator_name
from .tree import rule_text


@dataclass(frozen=True, slots=True)
class Conversion:
    """``read`` is the version of Rego that the source is in, ``target`` those that the result is for."""

    read: int = 1
    target: Target = V1
    drop_imports: bool = False
    """Imports that the target makes needless go: ``rego.v1``, ``future.keywords``."""
    keyword_steps: bool = True
    """Steps of references may be named like keywords, without quotes."""

    @property
    def result_version(self) -> int:
        """The version that the result is read as; where it is for several, an import in it asks for the later one."""
        return self.target.lowest


class Unformatted(Exception):
    """A text that cannot be laid out; the message is what ``opa fmt`` says of it."""


@dataclass(frozen=True, slots=True)
class LaidOut:
    """A policy's layout, and what it was read as."""

    text: str
    module: Module
    sound: bool = False
    """It has been read again: it means the same, has all comments, and is its own layout."""


_ROUNDS: Final = 4
"""How many layouts of layouts are tried for one that is its own."""


def lay_out(name: str, text: str, conversion: Conversion = Conversion()) -> LaidOut:
    """Lay out a policy file; raises :class:`Unformatted`.

    The layout is OPA's where that is sound. If not, the layout of that layout is tried, and then the layouts of the
    policy with comments moved to where they have a place. Where all of that fails it is OPA's, and not sound.
    """
    make_room()
    first = _laid_out(name, text, conversion)
    if first.text == text and conversion.read == conversion.result_version:
        return replace(first, sound=True)
    made = _settled(first.module, first.text, conversion)
    if made is None and first.module.comments:
        made = _settled_elsewhere(first.module, conversion)
    return first if made is None else LaidOut(made, first.module, sound=True)


def _settled(module: Module, made: str, conversion: Conversion) -> str | None:
    """A layout of a module, or the one that its layouts come to, if that is sound."""
    conversion = replace(conversion, read=conversion.result_version)
    for _ in range(_ROUNDS):
        try:
            again = _laid_out("formatted", made, conversion)
        except Unformatted:
            return None
        if not _means_the_same(module, again.module) or lost_comments(module.text, made):
            return None
        if again.text == made:
            return made
        made = again.text
    return None


def _settled_elsewhere(module: Module, conversion: Conversion) -> str | None:
    """The layout of a module with comments moved, of some rules or of all, if there is one that is sound."""
    reaches = [Reach.ODD] * len(module.rules)
    if len(module.rules) > 1:
        reaches = [Reach.NONE] * len(module.rules)
        for number, text in with_own_comments(module):
            reaches[number] = _reach(text, conversion)
    made = _settled_moved(module, reaches, Reach.ODD, conversion)
    for reach in Reach if made is None else ():
        made = made or _settled_moved(module, [reach] * len(module.rules), reach, conversion)
    return made


def _reach(text: str, conversion: Conversion) -> Reach:
    """Which comments of a module with one rule have to move for it to have a sound layout."""
    try:
        laid = _laid_out("rule", text, conversion)
    except Unformatted:
        return Reach.NONE
    if _settled(laid.module, laid.text, conversion) is not None:
        return Reach.NONE
    tried = (r for r in Reach if _settled_moved(laid.module, [r] * len(laid.module.rules), r, conversion) is not None)
    return next(tried, Reach.STATEMENTS)


def _settled_moved(module: Module, reaches: list[Reach], preamble: Reach, conversion: Conversion) -> str | None:
    """The layout of a module with comments moved, if that is sound."""
    text = moved(module, reaches, preamble)
    if text is None:
        return None
    try:
        laid = _laid_out("moved", text, conversion)
    except Unformatted:
        return None
    return _settled(module, laid.text, conversion)


def _laid_out(name: str, text: str, conversion: Conversion) -> LaidOut:
    """OPA's layout."""
    try:
        module = parse_module(name, text, version=conversion.read, annotations=False)
        if conversion.target.highest >= 1:
            _check_v1(module)
        made = write_module(
            module, conversion.target, drop_imports=conversion.drop_imports, keyword_steps=conversion.keyword_steps
        )
    except Unwritable as e:
        raise Unformatted(f"{name}: {e}") from None
    except CompileError as e:
        first = e.problems[0]
        # of a text without anything OPA says it without a count
        raise Unformatted(str(first if first.message == "empty module" else e)) from None
    except RecursionError:
        problem = Problem(PARSE_ERROR, "nested too deep", Location.named(name, 1, 1))
        raise Unformatted(str(CompileError([problem]))) from None
    return LaidOut(made, module)


def changed_rules(laid: LaidOut, conversion: Conversion) -> list[Rule]:
    """Read a layout again: the rules of the source that it says something else of, as OPA's does of a few.

    Raises :class:`Unformatted` where it cannot be read.
    """
    try:
        again = parse_module("formatted", laid.text, version=conversion.result_version, annotations=False)
    except CompileError as e:
        raise Unformatted(str(e)) from None
    return _changed(laid.module, again)


def _means_the_same(module: Module, again: Module) -> bool:
    return module.package == again.package and not _changed(module, again)


def _changed(module: Module, again: Module) -> list[Rule]:
    pairs = zip_longest(module.rules, again.rules)
    return [rule or module.rules[-1] for rule, made in pairs if not _same(rule, made)]


def _same(rule: Rule | None, made: Rule | None) -> bool:
    if rule is None or made is None:
        return False
    if rule == made:
        return True
    text = rule_text(made)
    return rule_text(rule) == text or rule_text(_Spelled().rule(rule)) == text


class _Spelled(Rewriter):
    """Calls of operators by name that receive their result in an operand, ``plus(1, 2, x)``, as ``x = 1 + 2``."""

    def expr(self, expr: Expr) -> Expr:
        """Rewrite what is in an expression, and then the expression."""
        made = super().expr(expr)
        match made.terms:
            case CallExpr(operator, (first, second, result)) if operator_name(operator) in SIGNS:
                call = Call(operator, (first, second), operator.loc)
                return replace(made, terms=CallExpr(Ref((Var("eq"),)), (result, call)))
            case _:
                return made


def lost_comments(text: str, result: str) -> list[Comment]:
    """The comments that a result has no more: some stand where no layout has a place for them."""
    if "#" not in text:
        return []
    left = Counter(_comment(c) for c in _comments(result))
    lost: list[Comment] = []
    for comment in _comments(text):
        if left[_comment(comment)] == 0:
            lost.append(comment)
        left[_comment(comment)] -= 1
    return lost


def _comments(text: str) -> list[Comment]:
    source = Source("", text)
    return [Comment(c.text, source.location(c.start, c.end)) for c in tokenize(source)[1]]


def _comment(comment: Comment) -> str:
    return comment.text.strip()


def _check_v1(module: Module) -> None:
    """What Rego v1 does not allow, and the layout cannot change."""
    problems = [*duplicate_imports(module), *_documents(module), *deprecated_calls(module.rules)]
    for rule in module.rules:
        name = rule.head.name
        if len(rule.head.ref.terms) < 2 and name in KEYWORDS_V1:
            problems.append(Problem(PARSE_ERROR, f"{name} keyword cannot be used for rule name", rule.loc))
    if problems:
        raise CompileError(problems)


def _documents(module: Module) -> list[Problem]:
    """Rules, arguments and variables named ``input`` or ``data``, in this order."""
    found = root_documents(module)
    count = sum(p.message.startswith("rules ") for p in found)
    return [*found[:count], *_root_arguments(module), *found[count:]]


def _root_arguments(module: Module) -> list[Problem]:
    """Arguments named ``input`` or ``data``."""
    return [
        Problem(COMPILE_ERROR, f"args must not shadow {arg.head.name} (use a different variable name)", arg.loc)
        for rule in module.rules
        for arg in rule.head.args or ()
        if isinstance(arg, Ref) and len(arg.terms) == 1 and isinstance(arg.head, Var) and arg.head.name in ROOTS
    ]

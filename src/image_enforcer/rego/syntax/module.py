"""Statements to modules: which bodies are rules, and what Rego v1 asks of rules."""

from __future__ import annotations

from ..errors import PARSE_ERROR, CompileError, Problem
from ..places import Location
from .annotations import attach, parse_blocks
from .cursor import Cursor, RuleNote, TooDeep, too_deep
from .keywords import KEYWORDS_V1
from .lexer import Source
from .nodes import (
    Annotations,
    Body,
    Call,
    CallExpr,
    Comment,
    Expr,
    Head,
    Import,
    Module,
    Package,
    Ref,
    Rule,
    Scalar,
    SomeDecl,
    Statement,
    Term,
    TermExpr,
    Var,
)  # fmt: skip
from .printer import term_text
from .shapes import true_body, value_name
from .statements import open_text, read_statements


class NotARule(Exception):
    """A body cannot be read as a rule; the text says why."""


MAX_PROBLEMS = 100
"""How many parse errors are reported of one text: a hostile one could have as many as characters."""


def _refusal(problems: list[Problem]) -> CompileError:
    return CompileError(problems[:MAX_PROBLEMS])


def parse_module(name: str, text: str, *, version: int = 1, annotations: bool = True) -> Module:
    """Read a policy file; raises :class:`CompileError` with every parse error found."""
    source = Source(name, text)
    c = open_text(source, version)
    try:
        found = read_statements(c)
    except (TooDeep, RecursionError) as e:
        raise too_deep(source, e) from None
    blocks: list[Annotations] = []
    if annotations:
        # of a text that could not be read to its end, OPA has not seen the comments behind the fault
        seen = [t for t in c.comment_tokens if t.start < c.token.start] if c.faults else c.comment_tokens
        blocks, problems = parse_blocks(source, seen)
        c.faults.extend(problems)
    if c.faults:
        raise _refusal(c.faults)
    if not found:
        raise CompileError([Problem(PARSE_ERROR, "empty module", Location.named(name, 0, 0))])
    return _module(source, c, found, blocks, version)


def _module(source: Source, c: Cursor, found: list[Statement], blocks: list[Annotations], version: int) -> Module:
    problems: list[Problem] = []
    package = found[0]
    if not isinstance(package, Package):
        problems.append(Problem(PARSE_ERROR, "package expected", _place(package)))
        package = Package(Ref((Var("data"),)))
    imports: list[Import] = []
    rules: list[Rule] = []
    level = version
    for i, item in enumerate(found[1:], start=1):
        if len(problems) >= MAX_PROBLEMS:
            break
        match item:
            case Import():
                imports.append(item)
                if _is_rego(item, "v1"):
                    level = max(level, 1)
                elif _is_rego(item, "v2"):
                    level = max(level, 2)
            case Rule():
                rules.append(item)
            case Package():
                problems.append(Problem(PARSE_ERROR, "unexpected package", item.loc))
            case Comment():
                pass
            case _:
                try:
                    rules.append(rule_from_body(item))
                except NotARule as e:
                    message = str(e)
                    word = _missing_keyword(level, item, found, i)
                    if word:
                        example = {"if": "p if { ... }", "contains": "p contains x"}[word]
                        message += f" (hint: `import future.keywords.{word}` for `{example}` rules)"
                    problems.append(Problem(PARSE_ERROR, message, item[0].loc))
    if level >= 1:
        for rule in rules:
            if len(problems) >= MAX_PROBLEMS:
                break
            link: Rule | None = rule
            while link is not None:
                problems.extend(_check_v1(link, c.note_of(link)))
                link = link.else_
    if problems:
        raise _refusal(problems)
    module = Module(
        package, tuple(imports), tuple(rules), c.comments(), (), min(level, 1), source.name, source.text
    )  # fmt: skip
    attached, faults = attach(module, blocks)
    if faults:
        raise _refusal(faults)
    return attached


def parse_query(text: str, *, version: int = 1, name: str = "") -> Body:
    """Read a query; every future keyword that version 1 has is known. Raises :class:`CompileError`."""
    source = Source(name, text)
    c = open_text(source, version, all_keywords=True, rules=False)
    try:
        found = read_statements(c)
    except (TooDeep, RecursionError) as e:
        raise too_deep(source, e) from None
    if c.faults:
        raise _refusal(c.faults)
    body: list[Expr] = []
    for item in found:
        if not isinstance(item, tuple):
            raise CompileError([Problem(PARSE_ERROR, f"expected body but got {type(item).__name__}", _place(item))])
        body.extend(item)
    return tuple(body)


def parse_statements(
    text: str, *, version: int = 1, name: str = "", keywords: frozenset[str] = frozenset()
) -> tuple[Statement, ...]:
    """Read statements as the REPL does: packages, imports, rules, bodies. Raises :class:`CompileError`."""
    source = Source(name, text)
    c = open_text(source, version, all_keywords=True)
    if keywords:
        c.keywords |= keywords
        c.not_bodies = c.not_bodies or "not" in keywords
    try:
        found = read_statements(c)
    except (TooDeep, RecursionError) as e:
        raise too_deep(source, e) from None
    if c.faults:
        raise _refusal(c.faults)
    problems: list[Problem] = []
    for item in found:
        if isinstance(item, Rule) and version >= 1:
            link: Rule | None = item
            while link is not None:
                problems.extend(_check_v1(link, c.note_of(link)))
                link = link.else_
    if problems:
        raise _refusal(problems)
    return tuple(found)


def _place(item: Statement) -> Location:
    return item[0].loc if isinstance(item, tuple) else item.loc


def _is_rego(item: Import, word: str) -> bool:
    return item.path.terms == (Var("rego"), Scalar(word))


def _missing_keyword(level: int, item: Body, found: list[Statement], i: int) -> str:
    if level != 0:
        return ""
    own = _keyword_of(item)
    if own:
        return own
    if i + 1 >= len(found) or _place(found[i + 1]).row != _place(item).row:
        return ""
    return _keyword_of(found[i + 1])


def _keyword_of(item: Statement) -> str:
    name = ""
    if isinstance(item, Rule):
        name = item.head.name
    elif isinstance(item, tuple) and len(item) == 1 and isinstance(item[0].terms, TermExpr):
        term = item[0].terms.term
        name = term.name if isinstance(term, Var) else ""
    return name if name in ("if", "contains") else ""


def _check_v1(rule: Rule, note: RuleNote) -> list[Problem]:
    what = "function" if rule.head.args else "rule"
    problems: list[Problem] = []
    if len(rule.head.ref.terms) < 2 and rule.head.name in KEYWORDS_V1:
        problems.append(Problem(PARSE_ERROR, f"{rule.head.name} keyword cannot be used for rule name", rule.loc))
    if rule.generated_body and rule.head.generated_value:
        problems.append(Problem(PARSE_ERROR, f"{what} must have value assignment and/or body declaration", rule.loc))
    if not rule.generated_body and not note.has_if and not rule.default:
        problems.append(Problem(PARSE_ERROR, f"`if` keyword is required before {what} body", rule.loc))
    if rule.head.value is None and not note.has_contains:
        problems.append(Problem(PARSE_ERROR, "`contains` keyword is required for partial set rules", rule.loc))
    return problems


# --- bodies that are rules -----------------------------------------------------------------------


def rule_from_body(body: Body) -> Rule:
    """Read ``p``, ``p := 1``, ``p[x]``, ``f(x) := y``… as rules; raises :class:`NotARule`."""
    if len(body) != 1:
        raise NotARule("multiple expressions cannot be used for rule head")
    rule = _rule_from_expr(body[0])
    return Rule(rule.head, rule.body, generated_body=True, loc=rule.loc)


def _rule_from_expr(expr: Expr) -> Rule:
    if expr.withs:
        raise NotARule("expressions using with keyword cannot be used for rule head")
    if expr.negated:
        raise NotARule("negated expressions cannot be used for rule head")
    match expr.terms:
        case SomeDecl():
            raise NotARule("'some' declarations cannot be used for rule head")
        case TermExpr(Ref(terms) as ref):
            return _from_ref(ref) if len(terms) > 2 else _partial_set(ref)
        case TermExpr(term):
            raise NotARule(f"{value_name(term)} cannot be used for rule name")
        case CallExpr(operator, args):
            name = term_text(operator)
            if name in ("eq", "assign"):
                if len(args) < 2:
                    raise NotARule("assignment requires two operands")
                return _from_equation(expr, args[0], args[1], name == "assign")
            if _is_builtin(name):
                raise NotARule("rule name conflicts with built-in function")
            return _from_call(operator, args)
        case _:
            raise NotARule("expression cannot be used for rule head")


def _is_builtin(name: str) -> bool:
    from ..signatures import signatures  # the table of built-ins is data below the checks

    return name in signatures()


def _from_equation(expr: Expr, lhs: Term, rhs: Term, assign: bool) -> Rule:
    head: Head
    if isinstance(lhs, Call):
        if not isinstance(lhs.operator.head, Var):
            raise NotARule(f"invalid rule head: {term_text(lhs.operator)}")
        head = Head(lhs.operator.head.name, lhs.operator, lhs.args, None, rhs, assign, loc=expr.loc)
    elif isinstance(lhs, Ref):
        if not isinstance(lhs.head, Var):
            raise NotARule(f"invalid rule head: {term_text(lhs)}")
        key = lhs.terms[1] if len(lhs.terms) == 2 else None
        head = Head(lhs.head.name, lhs, None, key, rhs, assign, loc=expr.loc)
    elif isinstance(lhs, Var):
        head = Head(lhs.name, Ref((lhs,), lhs.loc), None, None, rhs, assign, loc=expr.loc)
    else:
        raise NotARule(f"{value_name(lhs)} cannot be used for rule name")
    return Rule(head, true_body(rhs.loc), generated_body=True, loc=expr.loc)


def _from_ref(ref: Ref) -> Rule:
    if not isinstance(ref.head, Var):
        raise NotARule(f"invalid rule head: {term_text(ref)}")
    head = Head(ref.head.name, ref, None, None, Scalar(True, ref.loc), False, True, ref.loc)
    return Rule(head, true_body(ref.loc), loc=ref.loc)


def _partial_set(ref: Ref) -> Rule:
    if len(ref.terms) == 1:
        raise NotARule("refs cannot be used for rule head")
    if not isinstance(ref.head, Var):
        raise NotARule(f"invalid rule head: {term_text(ref)}")
    head = Head(ref.head.name, Ref(ref.terms[:1], ref.loc), None, ref.terms[1], None, loc=ref.loc)
    return Rule(head, true_body(ref.loc), loc=ref.loc)


def _from_call(operator: Ref, args: tuple[Term, ...]) -> Rule:
    if not args:
        raise NotARule("rule argument list must take at least one argument")
    if not isinstance(operator.head, Var):
        raise NotARule(f"invalid rule head: {term_text(operator)}")
    loc = operator.loc
    head = Head(operator.head.name, operator, args, None, Scalar(True, loc), False, False, loc)
    return Rule(head, true_body(loc), loc=loc)


__all__ = ["NotARule", "parse_module", "parse_query", "parse_statements", "rule_from_body"]

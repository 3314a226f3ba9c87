"""How a module is to be written: for which versions of Rego, with which keywords, and what in it asks for more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, is_dataclass
from typing import Any, Final

from ...rego.syntax.keywords import KEYWORDS_V0, KEYWORDS_V1
from ...rego.syntax.nodes import (
    CallExpr,
    Every,
    Expr,
    Head,
    Import,
    LogicalAnd,
    LogicalOr,
    Module,
    Not,
    Ref,
    Rule,
    Scalar,
    Var,
)


@dataclass(frozen=True, slots=True)
class Target:
    """The versions of Rego that have to read the result alike: from one to another."""

    lowest: int
    highest: int


V0: Final = Target(0, 0)
V1: Final = Target(1, 1)
BOTH: Final = Target(0, 1)

KEYWORDS_V2: Final = KEYWORDS_V1 | {"and", "or"}
MEMBERS: Final = ("internal.member_2", "internal.member_3")


@dataclass(frozen=True, slots=True)
class Style:
    """What the target and the imports of a module settle."""

    target: Target
    contains: bool
    """Members of partial sets are written behind ``contains``."""
    ifs: bool
    """Bodies are written behind ``if``."""
    whole_heads: bool
    """Some head is a reference that only Rego with such heads can read, so all are written as references."""
    keywords: frozenset[str]
    """The words that cannot be steps of a reference without quotes, if ``keyword_steps`` does not allow them."""
    keyword_steps: bool
    generated_names: bool
    """The text has names that look like a compiler's, whose places tell nothing about lines."""
    renamed: frozenset[str]
    """The wildcards that occur more than once, and need a name."""
    needed: tuple[str, ...]
    """The keywords that the module's expressions are written with."""
    imported: tuple[str, ...]
    """The keywords that it imports one by one."""

    @property
    def v1(self) -> bool:
        """Whether Rego v1 has to read the result."""
        return self.target.highest >= 1


def survey(module: Module, target: Target, *, keyword_steps: bool = True) -> Style:
    """What a module asks for."""
    needed: set[str] = set()
    wildcards: Counter[str] = Counter()
    whole_heads = False
    for node in parts(module.rules):
        match node:
            case Var(name) if name.startswith("$"):
                wildcards[name] += 1
            case Expr():
                needed.update(_asked_for(node))
            case Rule():
                size = len(node.head.ref.terms)
                partial = node.head.key is not None and node.head.value is None
                whole_heads = whole_heads or size > 2 or (size == 2 and partial)
    imported = tuple(word for word in map(future_keyword, module.imports) if word)
    everything = any(imports_rego(i) or imports_all_keywords(i) for i in module.imports)
    v1 = target.highest >= 1
    if any(imports_rego(i, "v2") for i in module.imports):
        keywords = KEYWORDS_V2
    else:
        keywords = (KEYWORDS_V1 if v1 else KEYWORDS_V0) | set(imported)
    return Style(
        target=target,
        contains=v1 or everything or "contains" in imported,
        ifs=v1 or everything or "if" in imported,
        whole_heads=whole_heads,
        keywords=keywords,
        keyword_steps=keyword_steps,
        generated_names="__local" in module.text,
        renamed=frozenset(name for name, count in wildcards.items() if count > 1),
        needed=tuple(sorted(needed)),
        imported=imported,
    )


def _asked_for(expr: Expr) -> Iterator[str]:
    match expr.terms:
        case CallExpr(operator) if operator_name(operator) in MEMBERS:
            yield "in"
        case Every():
            yield "every"
        case Not():
            yield "not"
        case LogicalAnd():
            yield "and"
        case LogicalOr():
            yield "or"
    if expr.negated and isinstance(expr.terms, LogicalAnd | LogicalOr):
        yield "not"


def operator_name(operator: Ref) -> str:
    """The name of a function where it is a plain one, else nothing."""
    match operator.terms:
        case (Var(name),):
            return name
        case (Var(first), Scalar(str(second))):
            return f"{first}.{second}"
        case _:
            return ""


def parts(trees: Iterable[Any]) -> Iterator[Any]:
    """All nodes of trees in no particular order, the references of heads left aside."""
    todo: list[Any] = list(trees)
    while todo:
        node = todo.pop()
        if isinstance(node, tuple):
            todo.extend(node)
            continue
        if not is_dataclass(node):
            continue
        yield node
        skipped = "ref" if isinstance(node, Head) else "annotations"
        names: tuple[str, ...] = getattr(node, "__slots__", ())
        todo.extend([getattr(node, name) for name in names if name not in ("loc", skipped)])


def imports_rego(item: Import, *words: str) -> bool:
    """Whether an import is ``rego.v1`` or ``rego.v2``, or the one that is asked for."""
    match item.path.terms:
        case (Var("rego"), Scalar(str(word))):
            return word in (words or ("v1", "v2"))
        case _:
            return False


def imports_all_keywords(item: Import) -> bool:
    """Whether an import is ``future.keywords``."""
    return item.path.terms == (Var("future"), Scalar("keywords"))


def future_keyword(item: Import) -> str:
    """The keyword that an import is about, if it is about one."""
    match item.path.terms:
        case (Var("future"), Scalar("keywords"), Scalar(str(word))):
            return word
        case _:
            return ""

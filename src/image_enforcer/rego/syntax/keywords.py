"""Which words are keywords in which version of Rego, and how tight operators bind."""

from __future__ import annotations

KEYWORDS_V0 = frozenset({"not", "package", "import", "as", "default", "else", "with", "null", "true", "false", "some"})
FUTURE_V0 = frozenset({"in", "every", "contains", "if"})
FUTURE_V1 = frozenset({"not", "and", "or"})
KEYWORDS_V1 = KEYWORDS_V0 | FUTURE_V0

INFIX: dict[str, int] = {
    "in": 1, "equal": 2, "neq": 2, "lt": 2, "gt": 2, "lte": 2, "gte": 2, "or": 3, "and": 4, "plus": 5, "minus": 5,
    "mul": 6, "div": 6, "rem": 6,
}  # fmt: skip
_FOLLOWERS = ("assign", "eq", "kw:if", "kw:contains", "(")
_OPERATOR_FOLLOWERS = ("assign", "eq", "kw:if", "kw:contains")
RULE_NAME_FOLLOWERS: dict[str, tuple[str, ...]] = {
    "every": _FOLLOWERS, "if": _FOLLOWERS, "in": _FOLLOWERS, "some": _FOLLOWERS, "as": _FOLLOWERS,
    "package": ("assign", "eq", "("), "import": ("assign", "eq", "("), "not": _OPERATOR_FOLLOWERS,
    "and": _OPERATOR_FOLLOWERS, "or": _OPERATOR_FOLLOWERS, "contains": ("kw:if", "kw:contains"),
}  # fmt: skip

INFIX_TOKENS = frozenset(INFIX) - {"in"}

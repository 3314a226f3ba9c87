"""``rego.*``: policy texts as data, and what annotations say of a rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ..errors import BuiltinError, CompileError
from ..meter import METER
from ..values import Value
from . import operands
from .contract import Builtin

_BYTES: Final = 1500
"""What a character of a policy comes to as a tree and as the tree's JSON, at most."""


def parse_module(filename: Value, rego: Value) -> Value:
    """The syntax tree of a policy, as ``opa parse`` shows it; a text that cannot be read is a fault."""
    from ..syntax.module import parse_module as parsed
    from ..syntax.tree_json import TreeJson, value_of

    name, text = operands.string(filename, 1), operands.string(rego, 1)  # as OPA counts
    METER.spend(40 * len(text), _BYTES * len(text))
    try:
        module = parsed(name, text, annotations=False)
    except CompileError as e:
        first = e.problems[0]
        place = "" if name else "0:0: "  # nothing comes before a fault without a place but the name of its file
        raise BuiltinError(str(e) if first.location.row else f"{place}{first}") from None
    return value_of(TreeJson().module(module))


def no_metadata_rule() -> Value:
    """Inside a rule the checks have put the annotations in the call's place; elsewhere the call is a fault."""
    raise BuiltinError("the rego.metadata.rule function must only be called within the scope of a rule")


def no_metadata_chain() -> Value:
    """As :func:`no_metadata_rule`, for the chain."""
    raise BuiltinError("the rego.metadata.chain function must only be called within the scope of a rule")


BUILTINS: Final[Mapping[str, Builtin]] = {
    "rego.metadata.chain": Builtin(no_metadata_chain),
    "rego.metadata.rule": Builtin(no_metadata_rule),
    "rego.parse_module": Builtin(parse_module),
}

"""Templates filled with values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ...errors import BuiltinError
from ...text import term
from ...values import Value
from .. import operands
from ..byte_texts import joined
from ..contract import Builtin
from ..go_json import fault
from .execution import execute
from .parser import parse
from .values import OddNumberError, from_rego


def render_template(template: Value, variables: Value) -> Value:
    """The template with its actions replaced by what they come to; ``<undefined>`` where that is nothing."""
    text, given = operands.string(template, 1), operands.obj(variables, 2)
    try:
        values = from_rego(given)
    except OddNumberError:
        raise BuiltinError(fault(term(given))) from None
    made = execute(text, parse(text), values)
    return joined(made.replace("<no value>", "<undefined>"))


BUILTINS: Final[Mapping[str, Builtin]] = {"strings.render_template": Builtin(render_template)}

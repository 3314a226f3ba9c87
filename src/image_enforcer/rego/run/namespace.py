"""The names that all generated code knows, besides what was hoisted out of it."""

from __future__ import annotations

from ..errors import BuiltinError, EvalError
from ..packed import Packed
from ..values import UNDEFINED, Num, RegoSet, equal, key
from . import access, snapshot
from .conflicts import Conflict, late, listed
from .questions import asked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..values import Value


def _make_set(items: tuple[Value, ...]) -> RegoSet:
    return RegoSet.of(items)


def _one(value: Value) -> tuple[Value, ...]:
    return () if value is UNDEFINED else (value,)


def shared() -> dict[str, Any]:
    """A new namespace with them."""
    return {
        "U": UNDEFINED, "BE": BuiltinError, "LE": access.LOOKUP_ERRORS, "RegoSet": RegoSet, "equal": equal, "key": key,
        "get": access.get, "get_base": access.get_base, "pairs": access.pairs, "elements": access.elements,
        "elements_anyhow": access.elements_anyhow, "check_object": access.check_object,
        "make_object": access.make_object, "make_set": _make_set, "is_collection": access.is_collection,
        "put": access.put, "put_path": access.put_path, "finish": access.finish, "indexed": access.indexed,
        "key_of": access.key_of, "written": access.written, "bad_path": access.bad_path,
        "unevaluated": access.unevaluated,
        "conflict": Conflict, "late": late, "listed": listed, "EE": EvalError,
        "asked": asked, "one": _one, "lookup_base": access.lookup_base, "Num": Num,
        "SIZED": frozenset({str, list, dict, RegoSet}), "PLAIN": snapshot.PLAIN - {Packed},
    }  # fmt: skip

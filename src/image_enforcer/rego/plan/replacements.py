"""``with`` in plans: what each modifier puts in the place of what, for the expression that it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..syntax import nodes as ast
from ..values import Value
from . import ops
from .ground import ref_name

if TYPE_CHECKING:
    from .bodies import BodyPlanner


def plan_with(planner: BodyPlanner, expr: ast.Expr) -> int:
    """Plan the modifiers of an expression; the number of the state in which it is evaluated."""
    replaces: list[ops.Replace] = []
    for item in expr.withs:
        target = item.target
        if not isinstance(target, ast.Ref):
            target = ast.Ref((target,))
        path = tuple(t.value for t in target.path if isinstance(t, ast.Scalar))
        root = getattr(target.head, "name", "")
        name = ref_name(target)
        if root == "input":
            replaces.append(ops.Replace("input", path, "", planner.value(item.value), ""))
        elif (root == "data" and not planner.world.is_function(path)) or (root == "data" and not path):
            function_path = _document_path(planner, item.value)
            if function_path and planner.world.is_function(function_path):  # a function has no value of its own
                replaces.append(ops.Replace("nothing", path, "", None, ""))
            else:
                replaces.append(ops.Replace("data", path, "", planner.value(item.value), ""))
        else:
            document = _document_path(planner, item.value)
            function = "" if document else _function_name(planner, item.value)
            if document or function:
                replaces.append(ops.Replace("function", document, name, None, function))
            else:
                replaces.append(ops.Replace("value", (), name, planner.value(item.value), ""))
    state = next(planner.states)
    planner.ops.append(ops.WithState(state, planner.state, tuple(replaces), expr.loc))
    return state


def _document_path(planner: BodyPlanner, term: ast.Term) -> tuple[Value, ...]:
    """The path of a function, rule or package that takes a function's place; it is looked at when it is called."""
    if not isinstance(term, ast.Ref) or not isinstance(term.head, ast.Var) or term.head.name != "data":
        return ()
    path = tuple(t.value for t in term.path if isinstance(t, ast.Scalar))
    return path if len(path) == len(term.path) and planner.world.find(path) is not None else ()


def _function_name(planner: BodyPlanner, term: ast.Term) -> str:
    """The name of a built-in that takes a function's place, empty where it is a value."""
    if isinstance(term, ast.Var):
        term = ast.Ref((term,))
    if not isinstance(term, ast.Ref) or not isinstance(term.head, ast.Var):
        return ""
    if term.head.name in planner.env or term.head.name in ("input", "data"):
        return ""
    name = ref_name(term)
    return name if planner.world.is_builtin(name) else ""

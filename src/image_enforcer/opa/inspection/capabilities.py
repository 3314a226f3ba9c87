"""What a version of the language can do, and what policies need of it, as OPA's JSON of capabilities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ...rego import Policy
from ...rego.builtins import catalog
from ...rego.check.overrides import INTERNAL
from ...rego.check.visit import children, operator_name, walk
from ...rego.signatures import Signature, signatures
from ...rego.syntax.keywords import FUTURE_V0, FUTURE_V1
from ...rego.syntax.nodes import (
    ArrayComprehension,
    Call,
    CallExpr,
    Every,
    Import,
    Module,
    ObjectComprehension,
    Scalar,
    SetComprehension,
    TemplateString,
    Var,
)
from ...rego.types import AnyOf, ArrayType, Basic, FunctionType, ObjectType, SetType, Type

FEATURES: Final = ("keywords_in_refs", "rego_v1", "rego_v2", "rego_v2_import", "template_strings")
FEATURES_V0: Final = (
    "keywords_in_refs", "rego_v1", "rego_v1_import", "rego_v2", "rego_v2_import", "rule_head_ref_string_prefixes",
    "rule_head_refs",
)  # fmt: skip

_CLOSURES: Final = (ArrayComprehension, SetComprehension, ObjectComprehension)


def current(version: int = 1) -> dict[str, Any]:
    """What there is here. Built-ins of OPA's that are not there are left out."""
    there = catalog.names() | INTERNAL
    return {
        "builtins": [builtin_json(s, named=True) for n, s in sorted(signatures().items()) if n in there],
        "future_keywords": sorted(FUTURE_V1 if version else FUTURE_V1 | FUTURE_V0),
        "features": list(FEATURES if version else FEATURES_V0),
    }


def required(policy: Policy) -> dict[str, Any]:
    """What a policy needs: built-ins, keywords that it imports, features."""
    used = set(_called(policy.compiled.values()))
    written = {operator_name(x.operator) for m in policy.modules.values() for x in walk(m.rules)
               if isinstance(x, Call | CallExpr)}  # fmt: skip
    used |= written & {"equal", "assign", "print"}
    used -= {"internal.print"}
    features = {f"rego_v{m.version}" for m in policy.modules.values() if m.version >= 1}
    for module in policy.modules.values():
        features |= _head_features(module)
        if any(isinstance(x, TemplateString) for x in walk(module.rules)):
            features.add("template_strings")
            used.add("internal.template_string")
    keywords = {word for m in policy.modules.values() for i in m.imports for word in _imported(i, m.version)}
    found = [builtin_json(signatures()[name]) for name in sorted(used) if name in signatures()]
    shown: dict[str, Any] = {"builtins": found, "future_keywords": sorted(keywords), "features": sorted(features)}
    return {k: v for k, v in shown.items() if v}


def _called(modules: Iterable[Module]) -> Iterable[str]:
    """The functions that are called; those in the body of ``every`` outside closures are unknown, as in OPA."""
    todo: list[object] = [module.rules for module in modules]
    while todo:
        x = todo.pop()
        if isinstance(x, Call | CallExpr) and isinstance(x.operator.head, Var) and x.operator.head.name != "data":
            yield operator_name(x.operator)
        if isinstance(x, Every):
            todo += [x.domain, *(c for c in walk(x.body) if isinstance(c, _CLOSURES))]
        else:
            todo.extend(children(x))


def _imported(item: Import, version: int) -> Iterable[str]:
    head = item.path.head
    steps = [t.value for t in item.path.path if isinstance(t, Scalar)]
    if not isinstance(head, Var) or head.name != "future" or steps[:1] != ["keywords"]:
        return
    there = FUTURE_V1 if version else FUTURE_V1 | FUTURE_V0
    if len(steps) == 1:
        yield from sorted(there - FUTURE_V1)
    elif steps[1] in there:
        yield str(steps[1])


def _head_features(module: Module) -> set[str]:
    if module.version:
        return set()
    found: set[str] = set()
    for rule in module.rules:
        terms = rule.head.ref.terms
        if len(terms) >= 3:
            constant = all(isinstance(t, Scalar) for t in terms[1:])
            found.add("rule_head_ref_string_prefixes" if constant else "rule_head_refs")
    return found


def builtin_json(found: Signature, *, named: bool = False) -> dict[str, Any]:
    """A built-in; with ``named`` its operands have their names."""
    shown: dict[str, Any] = {"name": found.name, "decl": type_json(found.function, named=named)}
    if found.infix:
        shown["infix"] = found.infix
    for flag in ("relation", "deprecated", "nondeterministic"):
        if getattr(found, flag):
            shown[flag] = True
    return shown


def type_json(shown: Type | None, *, named: bool = False) -> Any:
    """A type as OPA's JSON."""
    match shown:
        case None:
            return None
        case Basic(name):
            return {"type": name}
        case AnyOf(members):
            return {"of": [type_json(m) for m in members], "type": "any"} if members else {"type": "any"}
        case ArrayType(static, dynamic):
            return _parts({"dynamic": type_json(dynamic), "static": [type_json(t) for t in static], "type": "array"})
        case ObjectType(properties, dynamic_pair):
            made: Mapping[str, Any] = {
                "dynamic": None
                if dynamic_pair is None
                else {"key": type_json(dynamic_pair[0]), "value": type_json(dynamic_pair[1])},
                "static": [{"key": p.key, "value": type_json(p.type)} for p in properties],
                "type": "object",
            }
            return _parts(made)
        case SetType(of):
            return _parts({"of": type_json(of), "type": "set"})
        case FunctionType():
            return _function(shown, named)


def _function(shown: FunctionType, named: bool) -> dict[str, Any]:
    names = shown.names if named else ()
    types = [*shown.args, *([] if shown.result is None else [shown.result])]
    told = [
        dict(sorted({**type_json(t), **({"name": names[i]} if i < len(names) and names[i] else {})}.items()))
        for i, t in enumerate(types)
    ]
    made: dict[str, Any] = {}
    if shown.args:
        made["args"] = told[: len(shown.args)]
    if shown.result is not None:
        made["result"] = told[-1]
    made["type"] = "function"
    if shown.variadic is not None:
        made["variadic"] = type_json(shown.variadic)
    return made


def _parts(made: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in made.items() if v not in (None, [])}

"""Verdicts that are there where nothing was decided, or that are missing where they are needed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from ...rego.syntax.nodes import Expr, Object, Ref, Scalar, Term, TermExpr
from .policies import VERDICTS, Policies, Policy, is_data, names_of, text

Found: TypeAlias = "Iterator[tuple[str, object, str]]"


def find(policies: Policies) -> Found:
    """Every place."""
    groups: dict[tuple[str, ...], list[Policy]] = {}
    for policy in policies.rules:
        groups.setdefault(policy.path, []).append(policy)
    for path, group in groups.items():
        first = group[0]
        if first.rule.head.args is None and not _is_partial(first):
            yield from _allowing(policies, group)
            yield from _incomplete(group)
        elif first.rule.head.args is not None:
            yield from _incomplete(group)
        yield from _without_allowed(policies, group)
        yield from _unused(policies, path, group, groups)


def _is_partial(policy: Policy) -> bool:
    head = policy.rule.head
    return head.value is None or any(not isinstance(t, Scalar) for t in head.ref.path)


# --- allow ---------------------------------------------------------------------------------------


def _allowing(policies: Policies, group: list[Policy]) -> Found:
    default = next((p for p in group if p.rule.default), None)
    if default is not None and _allows(default) and (default.kind == "allow" or default.name in VERDICTS):
        yield "IL201", default.rule.head, f"where no rule for {default.name} decides, images are allowed"
    if group[0].kind != "allow":
        return
    last = group[-1].rule
    if default is None and last.body and not last.generated_body and all(_allows(p) for p in group):
        yield (
            "IL202",
            group[0].rule.head,
            f"{group[0].name} has no default: it is undefined, not false, where no rule holds",
        )
    for policy in group:
        body = [e for e in policy.rule.body if not policy.rule.generated_body]
        if body and _allows(policy) and all(_refuses(policies, e) for e in body):
            yield (
                "IL203",
                policy.rule.head,
                "nothing has to hold for an image to be allowed: it is enough that rules that deny it fail",
            )


def _refuses(policies: Policies, expr: Expr) -> bool:
    """Whether an expression says only that some rule does not hold."""
    if not expr.negated or not isinstance(expr.terms, TermExpr) or not isinstance(expr.terms.term, Ref):
        return False
    ref = expr.terms.term
    return is_data(ref) and any(not p.rule.default for p in policies.named(ref)) and not _has_default(policies, ref)


def _has_default(policies: Policies, ref: Ref) -> bool:
    found = policies.named(ref)
    return any(p.rule.default and p.rule.head.value == Scalar(True) for p in found)


def _allows(policy: Policy) -> bool:
    """Whether a rule's value says that an image is allowed."""
    return _says(policy.rule.head.value) is True


def _says(value: Term | None) -> bool | None:
    if isinstance(value, Scalar):
        return value.value if isinstance(value.value, bool) else None
    if isinstance(value, Object):
        for key, inner in value.pairs:
            if text(key) in ("allowed", "allow"):
                return _says(inner)
            if text(key) in ("status", "response", "result"):
                return _says(inner)
    return None


# --- verdicts ------------------------------------------------------------------------------------


def _incomplete(group: list[Policy]) -> Found:
    """A verdict that says yes and nothing else."""
    first = group[0]
    if first.name not in VERDICTS or any(p.rule.default for p in group):
        return
    always = any(p.rule.generated_body for p in group)
    if not always and all(_says(p.rule.head.value) is True for p in group):
        yield (
            "IL204",
            first.rule.head,
            f"{first.name} is undefined where it does not allow: an else or a default must refuse",
        )


def _without_allowed(policies: Policies, group: list[Policy]) -> Found:
    for policy in group:
        value = policy.rule.head.value
        if not isinstance(value, Object):
            continue
        kind = text(_field(value, "kind"))
        if kind in ("ImageReview", "AdmissionReview"):
            part = "status" if kind == "ImageReview" else "response"
            inner = _field(value, part)
            if inner is None and (_field(value, "spec") or _field(value, "request")) is not None:
                continue  # a question, not an answer
            if inner is None:
                yield "IL205", policy.rule.head, f"the {kind} has no {part}, so it has no allowed either"
                continue
            for found, at in _objects(policies, inner, policy):
                if _field(found, "allowed") is None:
                    yield (
                        "IL205",
                        at,
                        f"the {part} of an {kind} has no allowed: the API server takes that for false, others do not",
                    )


def _objects(policies: Policies, term: Term, policy: Policy) -> Iterator[tuple[Object, object]]:
    """The object that a term is, or those that the rule it names gives."""
    if isinstance(term, Object):
        yield term, policy.rule.head
    elif isinstance(term, Ref) and is_data(term):
        for other in policies.named(term):
            if isinstance(other.rule.head.value, Object) and other.path == names_of(term):
                yield other.rule.head.value, other.rule.head


def _field(value: Object, name: str) -> Term | None:
    return next((inner for key, inner in value.pairs if text(key) == name), None)


# --- unused --------------------------------------------------------------------------------------


def _unused(
    policies: Policies, path: tuple[str, ...], group: list[Policy], groups: dict[tuple[str, ...], list[Policy]]
) -> Found:
    """Denials that nobody asks for, beside a verdict that could."""
    first = group[0]
    if first.kind != "deny" or first.name.lower().startswith("warn") or policies.askers(first):
        return
    beside = [
        p[0]
        for where, p in groups.items()
        if where[:-1] == path[:-1] and (p[0].kind == "allow" or p[0].name in VERDICTS)
    ]
    if beside and first.name != "errors":
        names = " and ".join(sorted({p.name for p in beside}))
        yield "IL206", first.rule.head, f"{names} never looks at {first.name}: what it says changes nothing"

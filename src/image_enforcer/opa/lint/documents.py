"""Documents that may be missing, that are larger than the question, or that look at a part of the Pod only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from ...rego import UNDEFINED
from ...rego.check.visit import variables, walk
from ...rego.run.access import get
from ...rego.syntax.nodes import (
    Array,
    ArrayComprehension,
    CallExpr,
    Expr,
    Ref,
    Scalar,
    SetComprehension,
    Term,
    TermExpr,
    Var,
)
from ...rego.syntax.printer import term_text
from .policies import (
    Policies,
    Policy,
    Site,
    calls,
    everything,
    is_data,
    is_input,
    membership,
    names_of,
)

Found: TypeAlias = "Iterator[tuple[str, object, str]]"

OTHERS: Final = frozenset({"initContainers", "ephemeralContainers"})
REVIEW: Final = ("imagepolicy.k8s.io", "ImageReview")


def find(policies: Policies) -> Found:
    """Every place."""
    for site in policies.sites():
        yield from _missing(policies, site)
        yield from _whole_world(policies, site)
        yield from _elements(policies, site)
    yield from _containers(policies)
    yield from _shadowing(policies)


# --- what may be missing -------------------------------------------------------------------------


def _missing(policies: Policies, site: Site) -> Found:
    """``not data.blocked[image]``, which also holds where there is no ``data.blocked``."""
    if not site.expr.negated or policies.lets_pass(site):  # what is negated must not hold
        return
    terms = site.expr.terms
    looked: list[Term] = (
        [terms.term] if isinstance(terms, TermExpr) else list(terms.args) if isinstance(terms, CallExpr) else []
    )
    for ref in (r for t in looked for r in _refs(t)):
        if is_data(ref) and ref.path and not policies.tree.matching(ref):
            yield "IL301", site.expr, f"this holds too where there is no {term_text(Ref((ref.head, *_constant(ref))))}"
            return


def _refs(term: Term) -> Iterator[Ref]:
    return (x for x in walk(term) if isinstance(x, Ref))


def _constant(ref: Ref) -> list[Term]:
    found: list[Term] = []
    for t in ref.path:
        if not isinstance(t, Scalar):
            break
        found.append(t)
    return found


# --- what is larger than the question ------------------------------------------------------------


def _whole_world(policies: Policies, site: Site) -> Found:
    """``image in {x | some x in data.all}``: the set is made of all data to answer one question."""
    for call in calls(site.expr):
        if call.name in ("internal.member_2", "internal.member_3") and call.args:
            domain = call.args[-1]
            if isinstance(domain, SetComprehension | ArrayComprehension) and _over_data(policies, domain, site.policy):
                yield "IL302", call.node, "all of the document is gone through to answer for one image"


def _over_data(policies: Policies, term: SetComprehension | ArrayComprehension, policy: Policy) -> bool:
    """Whether a comprehension goes through base documents, whatever the request says."""
    inside = list(walk(term))
    data = [x for x in inside if isinstance(x, Ref) and is_data(x) and not policies.named(x)]
    if not data or any(isinstance(x, Ref) and is_input(x) for x in inside):
        return False
    bound = set(variables(policy.rule.body, closures=False)) | set(variables(policy.rule.head.args or ()))
    return not (set(variables(term)) & bound - {"data", "input"})


# --- elements of elements ------------------------------------------------------------------------


def _elements(policies: Policies, site: Site) -> Found:
    """``some tuple in pairs; some [a, b] in tuple``: the second goes through parts of a tuple, which are no tuples."""
    inside = membership(site.expr)
    if inside is None or not isinstance(inside[0], Array) or not isinstance(inside[1], Var):
        return
    pattern, name = inside[0], inside[1].name
    for other in _body(site.policy):
        outer = membership(other)
        if outer is None or not isinstance(outer[0], Var) or outer[0].name != name:
            continue
        if isinstance(outer[1], Ref) and is_data(outer[1]) and _tuples(policies, outer[1]) == len(pattern.items):
            shown = f"some {term_text(pattern)} in {names_of(outer[1])[-1]}"
            yield "IL303", site.expr, f"{name} is one of the tuples already, and its parts are none: {shown} is meant"


def _body(policy: Policy) -> Iterator[Expr]:
    """The expressions of a rule's body, nested ones too."""
    return (x for x in walk(policy.rule.body) if isinstance(x, Expr))


def _tuples(policies: Policies, ref: Ref) -> int:
    """How many parts the arrays have that are all members of a set; 0 where they are not known to be such."""
    found = policies.named(ref)
    sizes = {len(p.rule.head.key.items) if isinstance(p.rule.head.key, Array) else 0 for p in found}
    return sizes.pop() if len(sizes) == 1 else 0


# --- containers ----------------------------------------------------------------------------------


def _containers(policies: Policies) -> Found:
    """Containers looked at, and never init containers or ephemeral ones."""
    first: dict[tuple[str, ...], object] = {}
    complete: set[tuple[str, ...]] = set()
    reviews: set[tuple[str, ...]] = set()
    for policy in policies.rules:
        package = policy.module.package.names
        if "image_policy" in package:
            reviews.add(package)
        for node in everything(policy):
            if isinstance(node, Scalar) and isinstance(node.value, str):
                if node.value in OTHERS:
                    complete.add(package)
                if any(word in node.value for word in REVIEW):
                    reviews.add(package)
            if isinstance(node, Ref) and is_input(node) and "containers" in _steps(node):
                steps = _steps(node)
                if "spec" in steps[: steps.index("containers")]:
                    first.setdefault(package, node)
    for package, node in first.items():
        if package not in complete and package not in reviews:
            yield "IL304", node, "the images of initContainers and ephemeralContainers are not looked at"


def _steps(ref: Ref) -> list[str]:
    return [t.value for t in ref.path if isinstance(t, Scalar) and isinstance(t.value, str)]


# --- rules and data ------------------------------------------------------------------------------


def _shadowing(policies: Policies) -> Found:
    """Rules in whose place there are data, too."""
    for policy in policies.rules:
        at = policies.documents
        for step in policy.path:
            at = get(at, step) if at is not UNDEFINED else at
        if at is not UNDEFINED:
            yield (
                "IL305",
                policy.rule.head,
                f"there are data at data.{'.'.join(policy.path)} as well: OPA refuses to load both",
            )

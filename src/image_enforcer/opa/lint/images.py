"""Which terms of a rule are image references, and which constants variables may be, as far as can be told by names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from ...rego.check.visit import operator_name
from ...rego.syntax.nodes import Array, Call, Every, Expr, Ref, Scalar, Set, Term, Var
from .policies import Policies, Policy, equation, is_data, is_input, membership, sites_of, text

_IMAGE: Final = re.compile(r"(?:^|_)(?:image|img)(?:_?(?:name|ref|reference|uri|url|str))?$", re.IGNORECASE)
_IMAGES: Final = re.compile(r"(?:^|_)(?:images|image_?names|image_?refs|imgs)$", re.IGNORECASE)

SAME: Final = frozenset({"lower", "upper", "trim", "trim_space", "trim_prefix", "replace"})
"""Built-ins whose result is an image reference where their first operand is one."""


@dataclass(slots=True)
class Images:
    """What is known of the variables of one rule."""

    policies: Policies
    policy: Policy
    variables: set[str] = field(default_factory=set)
    parts: set[str] = field(default_factory=set)
    """Variables that are parts of a reference that was split."""
    constants: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, policies: Policies, policy: Policy) -> Images:
        """Gather it from a rule."""
        made = cls(policies, policy)
        for arg in policy.rule.head.args or ():
            if isinstance(arg, Var) and _IMAGE.search(arg.name):
                made.variables.add(arg.name)
        sites = list(sites_of(policy))
        for _ in range(3):
            for site in sites:
                made._learn(site.expr)
        return made

    def _learn(self, expr: Expr) -> None:
        found = equation(expr)
        if found is not None and isinstance(found[1], Var):
            self._take(found[1].name, found[2])
        if found is not None and isinstance(found[1], Array) and isinstance(found[2], Call):
            call = found[2]
            if operator_name(call.operator) == "split" and call.args and self.is_image(call.args[0]):
                self.parts.update(v.name for v in found[1].items if isinstance(v, Var))
        inside = membership(expr)
        if inside is not None:
            self._element(*inside)
        if isinstance(expr.terms, Every):
            self._element(expr.terms.value, expr.terms.domain)

    def _take(self, name: str, term: Term) -> None:
        if self.is_image(term):
            self.variables.add(name)
        values = self.values(term)
        if values:
            self.constants[name] = values

    def _element(self, value: Term, domain: Term) -> None:
        if not isinstance(value, Var):
            return
        if isinstance(domain, Ref) and (last := _last(domain)) and _IMAGES.search(last):
            self.variables.add(value.name)
        values = self.elements(domain)
        if values:
            self.constants[value.name] = values

    # --- images ----------------------------------------------------------------------------------

    def is_image(self, term: Term) -> bool:
        """Whether a term is an image reference as it was given."""
        match term:
            case Var(name):
                return name in self.variables or bool(_IMAGE.search(name))
            case Ref():
                return self._is_image_ref(term)
            case Call(operator, args):
                name = operator_name(operator)
                return name in SAME and bool(args) and self.is_image(args[0])
            case _:
                return False

    def _is_image_ref(self, ref: Ref) -> bool:
        last = ref.path[-1] if ref.path else None
        if isinstance(last, Scalar):
            return isinstance(last.value, str) and bool(_IMAGE.search(last.value)) and not self._is_object(ref)
        before = Ref(ref.terms[:-1]) if ref.path else ref
        return isinstance(last, Var) and bool(_IMAGES.search(_last(before) or ""))

    def _is_object(self, ref: Ref) -> bool:
        """Whether a reference names a rule or a document that does not come with the request."""
        return is_data(ref) and not self.policies.named(ref)

    # --- constants -------------------------------------------------------------------------------

    def values(self, term: Term) -> tuple[str, ...]:
        """The texts that a term may be; none where that is not known."""
        value = text(term)
        if value is not None:
            return (value,)
        if isinstance(term, Var):
            return self.constants.get(term.name, ())
        if isinstance(term, Ref) and is_data(term):
            whole = [p.rule.head.value for p in self.policies.named(term) if not p.rule.head.args]
            if isinstance(term.path[-1], Scalar):
                return tuple(v for t in whole if t is not None and (v := text(t)) is not None)
            return tuple(v for t in whole if t is not None for v in self.elements(t))
        return ()

    def elements(self, term: Term) -> tuple[str, ...]:
        """The texts that the elements of a term may be; none where that is not known."""
        match term:
            case Array(items) | Set(items):
                return tuple(v for i in items for v in self.values(i))
            case Ref() if is_data(term):
                found: list[str] = []
                for policy in self.policies.named(term):
                    head = policy.rule.head
                    for part in (head.value, head.key):
                        found.extend(self._listed(part))
                return tuple(found)
            case Var(name):
                return self.constants.get(name, ())
            case _:
                return ()

    @staticmethod
    def _listed(term: Term | None) -> Iterable[str]:
        if isinstance(term, Array | Set):
            return [v for i in term.items if (v := text(i)) is not None]
        value = text(term)
        return [] if value is None else [value]


def _last(ref: Ref) -> str | None:
    """The last constant step of a reference; of one that is a variable alone its name."""
    for term in reversed(ref.path):
        if isinstance(term, Scalar) and isinstance(term.value, str):
            return term.value
    return ref.head.name if isinstance(ref.head, Var) and not is_input(ref) and not is_data(ref) else None

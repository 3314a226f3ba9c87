"""The schemas that annotations name: what the rules below them know of ``input`` and ``data``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ..errors import TYPE_ERROR, CompileError, Problem
from ..places import Location
from ..records import field, record, replace
from ..syntax.annotations import constant_path
from ..syntax.nodes import Rule, Scalar, SchemaNote, Term, Var
from ..syntax.printer import term_text
from ..syntax.shapes import value_name
from ..types import ANY, ObjectType, Type, bounded
from ..values import Key, Value, key
from .metadata import AnnotationSet, Path
from .schema_types import BadSchema, overridden, schema_type
from .type_env import Layer, TypeEnv, TypeNode, extent

MAX_WORK: Final = 1_000_000
"""Parts of types that are looked at to put others into them: notes, rules and types would make their product of it."""


@record(frozen=True, slots=True)
class Schemas:
    """Schemas by their paths below ``schema``; the one without a path is that of every ``input``."""

    documents: Mapping[Path, Value]
    _types: dict[Path, Type] = field(default_factory=dict, repr=False)

    def type(self, path: Path) -> Type | None:
        """The type that a schema makes; None where there is no such schema. Raises :class:`BadSchema`."""
        if path not in self.documents:
            return None
        if path not in self._types:
            self._types[path] = schema_type(self.documents[path])
        return self._types[path]

    def input_layer(self) -> Layer | None:
        """What is known of every ``input``."""
        found = self.type(())
        return None if found is None else {"input": TypeNode(found)}


class SchemaNotes:
    """Which schemas hold for which rule. Without ``schemas`` only those that annotations write out do."""

    def __init__(self, schemas: Schemas | None, annotations: AnnotationSet | None) -> None:
        self._schemas = schemas
        self._annotations = annotations
        self._inline: dict[int, Type] = {}
        self._same: dict[tuple[int, ...], tuple[dict[Key, TypeNode], list[Problem]]] = {}
        self._left = MAX_WORK

    def layers(
        self, env: TypeEnv, rule: Rule, module: str, number: int, package: Path
    ) -> tuple[tuple[Layer, ...], list[Problem]]:
        """What a rule knows besides the types of other rules, and what is wrong with its schemas."""
        whole = None if self._schemas is None else self._schemas.input_layer()
        below: tuple[Layer, ...] = () if whole is None else (whole,)
        notes = [] if self._annotations is None else self._notes(self._annotations, rule, module, number, package)
        if not notes:
            return below, []
        # what is said of the input alone is the same for all rules that it is said to
        same = tuple(map(id, notes)) if all(_head(note) == "input" for note in notes) else ()
        if same in self._same:
            own, problems = self._same[same]
            return ((own, *below) if own else below), [replace(p, location=rule.loc) for p in problems]
        own, problems = {}, []
        for note in notes:
            problem = self._add(own, env, note, rule.loc, below)
            if problem is not None:
                problems.append(problem)
        if same:
            self._same[same] = own, problems
        return ((own, *below) if own else below), problems

    @staticmethod
    def _notes(annotations: AnnotationSet, rule: Rule, module: str, number: int, package: Path) -> Sequence[SchemaNote]:
        blocks = annotations.above(package)
        for found in (annotations.of_package(package), annotations.of_document((*package, *constant_path(rule)))):
            if found is not None:
                blocks.append(found)
        blocks += annotations.of_rule(module, number)
        return [note for block in blocks for note in block.schemas]

    def _add(
        self, own: dict[Key, TypeNode], env: TypeEnv, note: SchemaNote, place: Location, below: tuple[Layer, ...]
    ) -> Problem | None:
        try:
            kind = self._type(note)
        except BadSchema as e:
            return Problem(TYPE_ERROR, str(e), place)
        if kind is None:
            return None
        path, name = note.path.path, _head(note)
        if not path:
            own[name] = TypeNode(kind)
            return None
        steps: list[Value] = []
        for step in path:
            if not isinstance(step, Scalar):
                text = f"error getting key from value: {value_name(step)} requires evaluation"
                return Problem(TYPE_ERROR, text, place)
            steps.append(step.value)
        known = _known(own, env, name, below)
        self._left -= 1 + known.weight
        if self._left < 0:
            text = "too many schemas in annotations for so many rules"
            raise CompileError([Problem(TYPE_ERROR, text, place)])
        made = overridden(known, steps, kind)
        own[name] = TypeNode(bounded(made) if isinstance(made, ObjectType) else made)
        return None

    def _type(self, note: SchemaNote) -> Type | None:
        if note.schema is None:
            if id(note) not in self._inline:
                self._inline[id(note)] = schema_type(note.definition)
            return self._inline[id(note)]
        if self._schemas is None:
            return None
        found = self._schemas.type(tuple(_name(t) for t in note.schema.path))
        if found is None:
            raise BadSchema(f"undefined schema: {term_text(note.schema)}")
        return found


def _head(note: SchemaNote) -> str:
    head = note.path.head
    return head.name if isinstance(head, Var) else ""


def _known(own: Mapping[Key, TypeNode], env: TypeEnv, name: str, below: tuple[Layer, ...]) -> Type:
    """What is known of a whole document so far."""
    for layer in (own, *below):
        node = layer.get(key(name))
        if node is not None and node.value is not None:
            return node.value
    return extent(env.root) if name == "data" and env.root.children else ANY


def _name(step: Term) -> str:
    return step.value if isinstance(step, Scalar) and isinstance(step.value, str) else term_text(step)

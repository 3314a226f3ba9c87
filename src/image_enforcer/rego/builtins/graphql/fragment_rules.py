"""Rules for fragments."""

from __future__ import annotations

from collections.abc import Sequence

from ...meter import CELL, METER
from .nodes import Definition, FragmentDefinition, FragmentSpread, InlineFragment, Selection, VariableDefinition
from .suggestions import did_you_mean
from .walk import Walk


def fragments_on_composite_types(walk: Walk) -> None:
    """Fragments are conditioned on types that have fields."""

    def check_inline(fragment: InlineFragment) -> None:
        type_ = walk.schema.types.get(fragment.type_condition)
        if type_ is not None and not type_.is_composite:
            message = f'Fragment cannot condition on non composite type "{fragment.type_condition}".'
            walk.fault(message, fragment.position)

    def check(fragment: FragmentDefinition) -> None:
        type_ = fragment.definition
        if type_ is not None and fragment.type_condition and not type_.is_composite:
            message = f'Fragment "{fragment.name}" cannot condition on non composite type "{fragment.type_condition}".'
            walk.fault(message, fragment.position)

    walk.on_inline_fragment.append(check_inline)
    walk.on_fragment.append(check)


def known_fragment_names(walk: Walk) -> None:
    """Fragments that are spread are there."""

    def check(spread: FragmentSpread) -> None:
        if spread.definition is None:
            walk.fault(f'Unknown fragment "{spread.name}".', spread.position)

    walk.on_fragment_spread.append(check)


def known_type_names(walk: Walk) -> None:
    """Types of variables and conditions are there."""
    types = walk.schema.types

    def check_inline(fragment: InlineFragment) -> None:
        if fragment.type_condition and fragment.type_condition not in types:
            walk.fault(f'Unknown type "{fragment.type_condition}".', fragment.position)

    def check(fragment: FragmentDefinition) -> None:
        name = fragment.type_condition
        if name not in types:
            METER.spend(len(types))
            end = did_you_mean("Did you mean", name, sorted(types))
            walk.fault(f'Unknown type "{name}".{end}', fragment.position)

    def check_variable(variable: VariableDefinition) -> None:
        name = variable.type.name
        if name not in types:
            walk.fault(f'Unknown type "{name}".', variable.position)

    walk.on_variable.append(check_variable)
    walk.on_inline_fragment.append(check_inline)
    walk.on_fragment.append(check)


def no_fragment_cycles(walk: Walk) -> None:
    """No fragment is spread within itself."""
    visited: set[str] = set()
    path: list[FragmentSpread] = []
    index: dict[str, int] = {}

    def follow(fragment: FragmentDefinition) -> None:
        if fragment.name in visited:
            return
        visited.add(fragment.name)
        spreads = _spreads(fragment.selections)
        if not spreads:
            return
        index[fragment.name] = len(path)
        for spread in spreads:
            path.append(spread)
            start = index.get(spread.name)
            if start is None:
                below = walk.fragments.get(spread.name)
                if below is not None:
                    follow(below)
            else:
                names = [f'"{s.name}"' for s in path[start:-1]]
                METER.spend(len(names), CELL * len(names))
                via = f" via {', '.join(names)}" if names else ""
                walk.fault(f'Cannot spread fragment "{spread.name}" within itself{via}.', spread.position)
            path.pop()
        del index[fragment.name]

    walk.on_fragment.append(follow)


def _spreads(selections: Sequence[Selection]) -> list[FragmentSpread]:
    made: list[FragmentSpread] = []
    left = [selections]
    while left:
        for selection in left.pop():
            METER.spend(2, CELL)
            if isinstance(selection, FragmentSpread):
                made.append(selection)
            else:
                left.append(selection.selections)
    return made


def no_unused_fragments(walk: Walk) -> None:
    """Fragments are spread in operations, be it by way of others."""
    used: set[str] = set()
    in_fragments = False

    def spread(fragment: FragmentSpread) -> None:
        if not in_fragments:
            used.add(fragment.name)

    def check(fragment: FragmentDefinition) -> None:
        nonlocal in_fragments
        in_fragments = True
        if fragment.name not in used:
            walk.fault(f'Fragment "{fragment.name}" is never used.', fragment.position)

    walk.on_fragment_spread.append(spread)
    walk.on_fragment.append(check)


def possible_fragment_spreads(walk: Walk) -> None:
    """A fragment's type has something in common with the type where it is spread."""

    def apart(parent: Definition | None, condition: str) -> bool:
        if parent is None:
            return False
        if parent.kind == "OBJECT":
            parents = [parent]
        elif parent.is_abstract:
            parents = walk.schema.possible_types.get(parent.name, [])
        else:
            return False
        type_ = walk.schema.types.get(condition)
        if type_ is None or not type_.is_composite:
            return False
        possible = walk.schema.possible_types.get(type_.name, [])
        METER.spend(len(parents) + len(possible))
        return {p.name for p in parents}.isdisjoint({p.name for p in possible})

    def check_inline(fragment: InlineFragment) -> None:
        parent = fragment.object_definition
        if apart(parent, fragment.type_condition) and parent is not None:
            end = f'objects of type "{parent.name}" can never be of type "{fragment.type_condition}".'
            walk.fault(f"Fragment cannot be spread here as {end}", fragment.position)

    def check_spread(spread: FragmentSpread) -> None:
        parent, fragment = spread.object_definition, spread.definition
        if fragment is not None and apart(parent, fragment.type_condition) and parent is not None:
            end = f'objects of type "{parent.name}" can never be of type "{fragment.type_condition}".'
            walk.fault(f'Fragment "{spread.name}" cannot be spread here as {end}', spread.position)

    walk.on_inline_fragment.append(check_inline)
    walk.on_fragment_spread.append(check_spread)


def unique_fragment_names(walk: Walk) -> None:
    """Names of fragments are given once."""
    seen: set[str] = set()

    def check(fragment: FragmentDefinition) -> None:
        if fragment.name in seen:
            walk.fault(f'There can be only one fragment named "{fragment.name}".', fragment.position)
        seen.add(fragment.name)

    walk.on_fragment.append(check)

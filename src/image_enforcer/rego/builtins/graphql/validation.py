"""Queries held against a schema, under all the rules of the library in OPA."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from . import field_rules, fragment_rules, operation_rules, value_rules
from .faults import Fault
from .nodes import QueryDocument
from .overlapping import overlapping_fields_can_be_merged
from .schema import Schema
from .walk import Walk

RULES: Final[tuple[Callable[[Walk], None], ...]] = (
    field_rules.fields_on_correct_type,
    fragment_rules.fragments_on_composite_types,
    field_rules.known_argument_names,
    field_rules.known_directives,
    fragment_rules.known_fragment_names,
    operation_rules.known_root_type,
    fragment_rules.known_type_names,
    operation_rules.lone_anonymous_operation,
    field_rules.max_introspection_depth,
    fragment_rules.no_fragment_cycles,
    operation_rules.no_undefined_variables,
    fragment_rules.no_unused_fragments,
    operation_rules.no_unused_variables,
    overlapping_fields_can_be_merged,
    fragment_rules.possible_fragment_spreads,
    field_rules.provided_required_arguments,
    field_rules.scalar_leafs,
    operation_rules.single_field_subscriptions,
    field_rules.unique_argument_names,
    field_rules.unique_directives_per_location,
    fragment_rules.unique_fragment_names,
    value_rules.unique_input_field_names,
    operation_rules.unique_operation_names,
    operation_rules.unique_variable_names,
    value_rules.values_of_correct_type,
    operation_rules.variables_are_input_types,
    operation_rules.variables_in_allowed_position,
)
"""In the order of their names, which is that of their faults."""


def faults(schema: Schema, document: QueryDocument) -> list[Fault]:
    """Every rule that a query breaks."""
    walk = Walk(schema, document)
    for rule in RULES:
        rule(walk)
    return walk.run()

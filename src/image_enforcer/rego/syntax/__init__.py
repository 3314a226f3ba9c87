"""Rego as text: lexing, parsing, annotations and printing. Nothing here knows what names mean.

Only text comes in, only nodes, text and parse errors go out.
"""

from .module import parse_module, parse_query, parse_statements, rule_from_body

__all__ = ["parse_module", "parse_query", "parse_statements", "rule_from_body"]

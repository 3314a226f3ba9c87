"""Partial evaluation: what is left of a query where some documents are not known, as OPA works it out."""

from .run import Partial, evaluate_partially

__all__ = ["Partial", "evaluate_partially"]

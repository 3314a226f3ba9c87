"""Partial evaluation: what is left of a query where some documents are not known, as OPA works it out."""

from .run import Partial, evaluate_partially
from .saved import Inlining

__all__ = ["Inlining", "Partial", "evaluate_partially"]

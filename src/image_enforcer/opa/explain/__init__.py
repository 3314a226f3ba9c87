"""How an answer came about: the steps of an evaluation as OPA's traces, profiles and tracebacks show them.

The evaluator here goes through the rewritten policy expression by expression, in OPA's order. It is there to be read,
not to be fast: answers come from the compiled policy.
"""

from .run import Explanation, explain

__all__ = ["Explanation", "explain"]

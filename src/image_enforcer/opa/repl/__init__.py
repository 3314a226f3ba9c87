"""The REPL: a session that takes lines and returns text, and a console around it."""

from .session import Session

__all__ = ["Session"]

"""Replies, and errors in OPA's words: ``{"code", "message", "errors"}``, indented, with a line break at the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ...rego import CompileError, DocumentError, EvalError, LimitError, Location, Problem, RegoError, Value, to_json
from ..errors import BadPatch, Conflict, InvalidWrite, NotFound, OpaError, ReadOnly
from ..presentation import Raw, dumps

JSON: Final = "application/json"
TEXT: Final = "text/plain; charset=utf-8"
HTML: Final = "text/html; charset=utf-8"

EVALUATION_FAILED: Final = "error(s) occurred while evaluating query"
MODULES_FAILED: Final = "error(s) occurred while compiling module(s)"


@dataclass(frozen=True, slots=True)
class Reply:
    """A status, a body and headers beside the content type (empty: none is sent)."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


class Refused(Exception):
    """Ends a request with an error reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


NO_CONTENT: Final = Reply(204, content_type="")
NOT_MODIFIED: Final = Reply(304, content_type="")
METHOD_NOT_ALLOWED: Final = Reply(405, content_type="")
NOT_FOUND: Final = Reply(404, b"404 page not found\n", TEXT, (("X-Content-Type-Options", "nosniff"),))


def document(fields: Mapping[str, Any], pretty: bool = False, status: int = 200) -> Reply:
    """An object, keys as given; values of the language are wrapped as :class:`Raw`."""
    return Reply(status, (dumps(fields, 2 if pretty else None) + "\n").encode())


def bare(value: Value, pretty: bool = False) -> Reply:
    """A value of the language as the whole reply."""
    return Reply(200, (to_json(value, indent=2 if pretty else None) + "\n").encode())


def raw(value: Value) -> Raw:
    """A value of the language inside :func:`document`."""
    return Raw(value)


def error(status: int, code: str, message: str, errors: Iterable[Mapping[str, Any]] = ()) -> Reply:
    """An error reply."""
    fields: dict[str, Any] = {"code": code, "message": message}
    listed = list(errors)
    if listed:
        fields["errors"] = listed
    return document(fields, pretty=True, status=status)


def bad_request(message: str) -> Reply:
    """400 with OPA's code for it."""
    return error(400, "invalid_parameter", message)


def internal(message: str) -> Reply:
    """500 with OPA's code for it."""
    return error(500, "internal_error", message)


def problems(found: Iterable[Problem]) -> list[dict[str, Any]]:
    """Faults of policies as OPA lists them."""
    return [_problem(p) for p in found]


def compile_errors(status: int, code: str, message: str, fault: CompileError) -> Reply:
    """A reply about policy or query text that cannot be used."""
    return error(status, code, message, problems(fault.problems))


def evaluation_error(fault: RegoError) -> Reply:
    """500: an evaluation that ended without an answer."""
    match fault:
        case CompileError():
            return internal(str(fault))
        case EvalError():
            return error(500, "internal_error", EVALUATION_FAILED, [_entry(fault.code, fault.message, fault.location)])
        case LimitError():
            entry = _entry("eval_cancel_error", fault.message, fault.location)
            return error(500, "internal_error", EVALUATION_FAILED, [entry])
        case DocumentError():
            return internal(f"a document could not be read: {fault}")
    return internal(str(fault))


def write_error(fault: OpaError | CompileError) -> Reply:
    """A write that was refused."""
    match fault:
        case NotFound():
            return error(404, "resource_not_found", str(fault))
        case Conflict():
            return error(404, "resource_conflict", str(fault))
        case InvalidWrite() | ReadOnly() | BadPatch() | CompileError():
            return bad_request(str(fault))
    return internal(str(fault))


def redirect(status: int, location: str, method: str) -> Reply:
    """A redirect as Go writes it: with a page for GET only."""
    phrase = {301: "Moved Permanently", 307: "Temporary Redirect"}[status]
    headers = (("Location", location),)
    if method != "GET":
        return Reply(status, b"", "", headers)
    shown = location.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&#34;")
    shown = shown.replace("'", "&#39;")
    return Reply(status, f'<a href="{shown}">{phrase}</a>.\n\n'.encode(), HTML, headers)


def wrong_method(allow: str) -> Reply:
    """405 from the router, which says what is allowed."""
    headers = (("Allow", allow), ("X-Content-Type-Options", "nosniff"))
    return Reply(405, b"Method Not Allowed\n", TEXT, headers)


def _problem(found: Problem) -> dict[str, Any]:
    entry = _entry(found.code, found.message, found.location)
    if found.line is not None:
        entry["details"] = {"line": found.line, "idx": max(found.index, 0)}
    return entry


def _entry(code: str, message: str, location: Location) -> dict[str, Any]:
    entry: dict[str, Any] = {"code": code, "message": message}
    if location.row or location.file:
        entry["location"] = {"file": location.file, "row": location.row, "col": location.col}
    return entry

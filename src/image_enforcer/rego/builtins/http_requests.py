"""The request objects that ``http.send`` takes and ``providers.aws.sign_req`` signs: which keys they may have."""

from __future__ import annotations

from typing import Any, Final

from ..text import term
from ..values import RegoSet, Value, sorted_keys, unkey
from . import operands

KEYS: Final = frozenset(
    {
        "body", "cache", "cache_ignored_headers", "caching_mode", "enable_redirect", "force_cache",
        "force_cache_duration_seconds", "force_json_decode", "force_yaml_decode", "headers", "max_retry_attempts",
        "method", "raise_error", "raw_body", "timeout", "tls_ca_cert", "tls_ca_cert_env_variable", "tls_ca_cert_file",
        "tls_client_cert", "tls_client_cert_env_variable", "tls_client_cert_file", "tls_client_key",
        "tls_client_key_env_variable", "tls_client_key_file", "tls_insecure_skip_verify", "tls_server_name",
        "tls_use_system_certs", "url",
    }
)  # fmt: skip
"""Every key that a request may have."""

NEEDED: Final = ("method", "url")


def checked(value: Value, position: int) -> dict[Any, Value]:
    """The request, with no key that is not known and all that are needed."""
    request = operands.obj(value, position)
    unknown = [unkey(k) for k in sorted_keys(request) if not (type(k) is str and k in KEYS)]
    if unknown:
        raise operands.bad(position, f"invalid request parameters(s): {term(RegoSet.of(unknown))}")
    missing = [k for k in NEEDED if k not in request]
    if missing:
        raise operands.bad(position, f"missing required request parameters(s): {term(RegoSet.of(missing))}")
    return request

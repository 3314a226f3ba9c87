"""Tokens for a Clair v4 that wants them: JSON web tokens, signed with a key that both sides have.

Sources: RFC 7515 §3.1 and RFC 7519; quay/clair ``middleware/auth/httpauth_psk.go``: HS256 over the *decoded* key, an
issuer that is on its list, ``exp`` and ``iat`` with 15 seconds to spare. Without ``exp`` a token is good for ever.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Final

LIFETIME: Final = 300
"""Seconds that a token is good for."""
SHORTEST: Final = 16
"""Bytes of a key below which it could be guessed."""


class BadKey(ValueError):
    """A pre-shared key that cannot be used."""


class PreSharedKey:
    """Makes the ``Authorization`` of each request. ``clock`` gives seconds since the epoch."""

    def __init__(self, key: str, issuer: str, clock: Callable[[], float]) -> None:
        try:
            self._key = base64.b64decode(key.strip(), validate=True)
        except (binascii.Error, ValueError):
            raise BadKey("the key is not base64; give it as it stands in Clair's settings, auth.psk.key") from None
        if len(self._key) < SHORTEST:
            raise BadKey(f"the key has fewer than {SHORTEST} bytes; make a longer one for Clair, and give it here")
        if not issuer:
            raise BadKey("the key needs an issuer; give one of those in Clair's settings, auth.psk.iss")
        self._issuer = issuer
        self._clock = clock

    def authorization(self) -> str:
        """The value of a header that holds for the next five minutes."""
        now = int(self._clock())
        head = _encoded(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
        claims = _encoded(json.dumps({"iss": self._issuer, "iat": now, "exp": now + LIFETIME}).encode())
        signature = hmac.new(self._key, f"{head}.{claims}".encode(), hashlib.sha256).digest()
        return f"Bearer {head}.{claims}.{_encoded(signature)}"


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

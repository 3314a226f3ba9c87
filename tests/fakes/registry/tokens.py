"""A token server as registries have: Basic or a refresh token in, a token for some scopes out, which does not last."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .http import Reply, Request


def basic(user: str, password: str) -> str:
    """A header of RFC 7617."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@dataclass(slots=True, kw_only=True)
class TokenServer:
    """``users`` with their passwords, ``refresh`` tokens with their users; who is neither is a stranger."""

    clock: Callable[[], float]
    users: dict[str, str] = field(default_factory=dict)
    refresh: dict[str, str] = field(default_factory=dict)
    posted_only: bool = False
    """Whether it takes questions by POST alone, as OAuth2 has it, and passwords in them."""
    strangers: bool = True
    """Whether strangers get tokens."""
    field_name: str = "token"
    lifetime: float = 300.0
    told_lifetime: float | None = 300.0
    """What is said of it; None says nothing."""
    issued: dict[str, tuple[float, str, frozenset[str]]] = field(default_factory=dict)
    """Until when, to whom (empty: a stranger), and for what, by token."""
    asked: list[Request] = field(default_factory=list)

    def answer(self, request: Request) -> Reply:
        """The answer to a request for a token."""
        self.asked.append(request)
        if request.method == "POST":
            user = self._granted(request.form)
            scopes = request.form.get("scope", "").split()
            if user is None:
                return _reply(401, {"error": "invalid_grant"})
        elif self.posted_only:
            return Reply(status=405, headers={"Allow": "POST"})
        else:
            user = self.user(request.authorization)
            scopes = [value for name, value in request.query if name == "scope"]
            if user is None or (not user and not self.strangers):
                return _reply(401, {"details": "incorrect username or password"})
        token = f"token-{len(self.issued)}-for-{user or 'anybody'}"
        self.issued[token] = self.clock() + self.lifetime, user, frozenset(scopes)
        said: dict[str, Any] = {self.field_name: token}
        if self.told_lifetime is not None:
            said["expires_in"] = self.told_lifetime
        return _reply(200, said)

    def _granted(self, form: dict[str, str]) -> str | None:
        match form.get("grant_type"):
            case "refresh_token":
                return self.refresh.get(form.get("refresh_token", ""))
            case "password" if self.posted_only:
                return self.user(basic(form.get("username", ""), form.get("password", "")))
        return None

    def user(self, authorization: str) -> str | None:
        """Who that is; empty for a stranger, None for a liar."""
        if not authorization:
            return ""
        for user, password in self.users.items():
            if authorization == basic(user, password):
                return user
        return None

    def revoke(self) -> None:
        """No token is good any more."""
        self.issued = {token: (0.0, user, scopes) for token, (_, user, scopes) in self.issued.items()}


def _reply(status: int, said: object) -> Reply:
    return Reply(status=status, headers={"Content-Type": "application/json"}, body=json.dumps(said).encode())

"""What ``serve`` and ``verify`` are told of facts: where they are, how old they may be, which registry is meant."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from ..analysis.addresses import is_host
from .faults import Fault

ASK: Final = 5.0
"""Seconds for which the worker is asked about an image, unless told otherwise."""
_HOST_AND_PORT: Final = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}(?:/.*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldFacts:
    """Where facts are read, and what keeps them there."""

    shown: str
    """What they are called: the worker's address, or the file."""
    place: Path
    pull: tuple[str, ...] = ()
    """The command that keeps the file like the worker's facts; empty where others see to it."""

    def check_there(self) -> None:
        """Raises a fault where a file is named that cannot be read now. A copy that is kept here need not be there."""
        from ..adapters.facts.local import LocalFacts
        from ..ports.facts import FactsError

        if self.pull:
            return
        facts = LocalFacts(self.place)
        try:
            facts.state()
        except FactsError as e:
            hint = f"image-enforcer pull --once --to {self.place} https://worker:8383"
            raise Fault("IE2009", f"--facts {e}", hint=hint) from None
        finally:
            facts.close()


def told_facts(told: str | None, token_file: str | None, ca_file: str | None, copy: str | None) -> ToldFacts | None:
    """What ``serve`` is told of facts; None where there are none. Raises a fault."""
    more = token_file is not None or ca_file is not None or copy is not None
    if told is None:
        if more:
            raise Fault("IE2003", "options about facts need --facts", hint="--facts https://worker:8383")
        return None
    if not told:
        raise Fault("IE2003", "--facts names nothing", hint="--facts https://worker:8383, or a file")
    if "://" not in told:
        if _HOST_AND_PORT.fullmatch(told) and not Path(told).exists():
            hint = f"--facts http://{told}, or https://{told}"
            raise Fault("IE2003", f"--facts {told!r} is no file, and as an address it has no scheme", hint=hint)
        if more:
            text = "the other options about facts are for a worker's address, and --facts names a file"
            raise Fault("IE2003", text, hint="--facts https://worker:8383")
        return ToldFacts(shown=told, place=Path(told))
    check_worker(told, "--facts", "--facts-token-file")
    from ..domain.errors import EnforcerError
    from ..wiring.facts import check_pulling, default_copy

    try:
        place = Path(copy) if copy is not None else default_copy(told, os.environ, Path.home())
        check_pulling(place, token_file or "", ca_file or "")
    except EnforcerError as e:
        raise Fault("IE2009", str(e)) from None
    command = [sys.executable, "-m", "image_enforcer", "pull", told, "--to", str(place), "--until-eof"]
    if token_file is not None:
        command += ["--token-file", token_file]
    if ca_file is not None:
        command += ["--ca-file", ca_file]
    return ToldFacts(shown=told, place=place, pull=tuple(command))


def check_worker(url: str, what: str, token_option: str) -> None:
    """Raises a fault for what is no worker's address. It is shown in logs, so it holds no password."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and is_host(parts.hostname or "") and parts.port != 0
        secret = "@" in parts.netloc
    except ValueError:
        good = secret = False
    if secret:
        text = f"{what}: an address may not hold a password"
        raise Fault("IE2003", text, hint=f"{what} https://worker:8383 {token_option} FILE")
    if not good:
        meant = f"http://{url}" if _HOST_AND_PORT.fullmatch(url) else "https://worker:8383"
        raise Fault("IE2003", f"{what} {url!r} is no address", hint=f"{what} {meant}")


def check_registry(name: str) -> None:
    """Raises a fault for what no reference has as its registry: no document would ever be about it."""
    from ..analysis import reference

    bare = re.sub(r"\A[a-z]+://", "", name).rstrip("/")
    try:
        found = reference.parse(f"{bare}/library/any").registry
    except reference.BadReference:
        found = ""
    if not found or found != name:
        hint = f"--facts-registry {found or 'docker.io'}"
        raise Fault("IE2003", f"--facts-registry {name!r} is no registry's name in references", hint=hint)


def longest_age(text: str) -> int | None:
    """The seconds in ``--facts-max-age``; None where any age will do."""
    from ..settings.durations import seconds

    try:
        return int(seconds(text)) or None
    except ValueError as e:
        raise Fault("IE2003", f"--facts-max-age {e}", hint="--facts-max-age 24h, or 0 for any age") from None


def seconds_to_ask(told: float | None, worker: bool) -> float:
    """The seconds that the worker may be asked for; 0 where there is none."""
    if told is None:
        return ASK if worker else 0.0
    if not 0 <= told <= 20:
        raise Fault("IE2003", "--facts-ask is 0 to 20 seconds: the API server waits for 30", hint="--facts-ask 5")
    if told and not worker:
        raise Fault("IE2003", "--facts-ask needs a worker to ask", hint="--facts https://worker:8383")
    return told

"""``pull``: keeps a copy of a worker's facts on this machine."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ..analysis import text
from .facts import check_worker
from .faults import UNDECIDED, Fault

Flag = Annotated[bool, Parameter(negative=())]


def pull(
    url: str,
    /,
    *,
    to: Annotated[str, Parameter(name=["--to"])],
    token_file: str | None = None,
    ca_file: str | None = None,
    once: Flag = False,
    until_eof: Flag = False,
) -> int:
    """Keep a copy of a worker's facts in a file, for serve --facts FILE.

    serve --facts URL does this itself. A worker that cannot be reached changes nothing: the last copy stays. A file
    that is there and no such copy stays too, and is an error. While another process keeps the file, this one waits;
    with --once that is an error.

    Parameters
    ----------
    url
        the worker's address
    to
        the file
    token_file
        a file with the token that the worker wants
    ca_file
        authorities to trust beside the system's (PEM)
    once
        bring it up to date, and exit
    until_eof
        end when standard input does
    """
    from ..adapters.facts.replica_file import ForeignFile
    from ..domain.errors import EnforcerError
    from ..wiring.facts import check_pulling, run_pull

    check_worker(url, "image-enforcer pull", "--token-file")
    try:
        check_pulling(Path(to), token_file or "", ca_file or "")
    except EnforcerError as e:
        raise Fault("IE2003", str(e)) from None
    if until_eof:
        threading.Thread(target=_end_with_input, daemon=True).start()
    try:
        run_pull(url, Path(to), token_file or "", ca_file or "", once, _say)
    except ForeignFile as e:
        raise Fault("IE2003", str(e)) from None
    except EnforcerError as e:
        raise Fault("IE3002", str(e), exit_code=UNDECIDED) from None
    return 0


def _say(event: str, shown: str) -> None:
    print(f"{event} {text.name(shown, 1000)}", file=sys.stderr, flush=True)


def _end_with_input() -> None:
    """Whoever started this holds the other end of standard input: when it is gone, nobody needs the copy any more."""
    while os.read(0, 4096):
        pass
    os._exit(0)

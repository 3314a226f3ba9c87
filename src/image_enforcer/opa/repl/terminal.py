"""The prompt on a terminal: statements over several lines as one entry, history in a file, completion."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import Output

from .completion import begun_name, candidates
from .session import Session

PROMPT: Final = "> "
CONTINUATION: Final = "| "
HISTORY: Final = ".image_enforcer_history"


def prompt_session(
    session: Session, history: History, *, source: Input | None = None, target: Output | None = None
) -> PromptSession[str]:
    """A prompt that gives whole statements: enter goes on to another line while the text does not parse yet."""
    return PromptSession(
        PROMPT,
        multiline=True,
        prompt_continuation=CONTINUATION,
        key_bindings=_keys(session),
        history=history,
        completer=_Names(session),
        complete_while_typing=False,
        input=source,
        output=target,
    )


def _keys(session: Session) -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        ended = not buffer.text.rpartition("\n")[2].strip()  # an empty line ends a statement, whatever it is
        if ended or not session.incomplete(buffer.text):
            buffer.validate_and_handle()
        else:
            buffer.newline(copy_margin=False)

    return keys


class _Names(Completer):
    """Completes the name before the cursor."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        del complete_event
        before = document.text_before_cursor
        session = self._session
        length = len(begun_name(before))
        for name in candidates(before, session.entered, session.package, session.documents.state):
            yield Completion(name, start_position=-length)


def open_history(given: str, report: Callable[[str], None]) -> History:
    """The history in a file that only its owner reads; in memory, with a reason reported, where that cannot be."""
    try:
        path = Path(given).expanduser() if given else Path.home() / HISTORY
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
        try:
            about = os.fstat(handle)
            if not stat.S_ISREG(about.st_mode):
                raise OSError(0, "not a regular file", str(path))
            if about.st_uid == os.getuid() and about.st_mode & 0o077:
                os.fchmod(handle, 0o600)
        finally:
            os.close(handle)
    except (OSError, RuntimeError, ValueError) as e:
        report(f"the history is not kept: {e}")
        return InMemoryHistory()
    return _Kept(str(path), report)


class _Kept(FileHistory):
    """A history file; where it cannot be written any more, the session goes on and says so once."""

    def __init__(self, path: str, report: Callable[[str], None]) -> None:
        super().__init__(path)
        self._report = report
        self._failed = False

    def store_string(self, string: str) -> None:
        try:
            super().store_string(string)
        except OSError as e:
            if not self._failed:
                self._report(f"the history is not kept any more: {e}")
            self._failed = True

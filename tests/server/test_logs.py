"""Log lines: whole, in order, never waited for, counted where they are lost."""

from __future__ import annotations

import json
import logging
import os
import resource
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from image_enforcer.server.logs import BACKLOG, Forwarded, Log, Sink, timestamp


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe: reading and writing end."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def read_lines(fd: int, count: int) -> list[bytes]:
    """So many lines."""
    found = b""
    while found.count(b"\n") < count:
        found += os.read(fd, 65536)
    return found.splitlines(keepends=True)


def test_lines_come_out_whole_and_in_order(pipe: tuple[int, int]) -> None:
    sink = Sink(pipe[1])
    sent = [b"%d " % i + b"x" * (i * 97 % 9000) + b"\n" for i in range(300)]
    reader_result: list[list[bytes]] = []
    reader = threading.Thread(target=lambda: reader_result.append(read_lines(pipe[0], len(sent))))
    for line in sent[:100]:
        sink.write(line)
    reader.start()
    for line in sent[100:]:
        sink.write(line)
    reader.join(20)
    sink.close(5)
    assert reader_result == [sent]
    assert sink.dropped == 0


def test_a_reader_that_does_not_read_holds_nobody_up(pipe: tuple[int, int]) -> None:
    sink = Sink(pipe[1])
    line = b"x" * 4000 + b"\n"
    count = BACKLOG // len(line) + 200
    for _ in range(count):
        sink.write(line)
    assert 0 < sink.dropped < count
    kept = count - sink.dropped
    assert set(read_lines(pipe[0], kept)) == {line}
    sink.close(5)


def test_a_reader_that_is_gone_is_counted() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    sink = Sink(writing)
    sink.write(b"a\n")
    sink.write(b"x" * 10_000 + b"\n")
    sink.close(5)
    os.close(writing)
    assert sink.dropped >= 2


def test_a_full_disk_is_counted() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    sink = Sink(full)
    sink.write(b"a\n")
    sink.close(1)
    os.close(full)
    assert sink.dropped == 1


def test_after_a_line_that_was_cut_off_by_a_full_disk_the_next_is_whole(tmp_path: Path) -> None:
    file = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    sink = Sink(file)
    sink.write(b"first\n")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        sink.write(b"second\n")
        sink.write(b"third\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    sink.write(b"fourth\n")
    sink.write(b"fifth\n")
    sink.close(5)
    os.close(file)
    assert (tmp_path / "log").read_bytes() == b"first\nseco\nfourth\nfifth\n"
    assert sink.dropped == 2


def test_a_pipe_that_does_not_block_loses_nothing(pipe: tuple[int, int]) -> None:
    os.set_blocking(pipe[1], False)
    sink = Sink(pipe[1])
    sent = [b"%d " % i + b"x" * 4500 + b"\n" for i in range(200)]
    for line in sent:
        sink.write(line)
    assert read_lines(pipe[0], len(sent)) == sent
    sink.close(5)
    assert sink.dropped == 0


def test_log_lines_are_json_with_time_and_level(pipe: tuple[int, int]) -> None:
    log = Log(Sink(pipe[1]), lambda: 0.5, "warning")
    log("info", "not shown")
    log("error", "a\x1bb", what=["x"])
    (line,) = read_lines(pipe[0], 1)
    assert json.loads(line) == {
        "time": "1970-01-01T00:00:00.500000Z",
        "level": "error",
        "msg": "a\\u001bb",
        "what": ["x"],
    }


def test_what_libraries_log_is_forwarded_with_its_traceback(pipe: tuple[int, int]) -> None:
    handler = Forwarded(Log(Sink(pipe[1]), lambda: 0.0))
    try:
        int("a bug")
    except ValueError:
        handler.handle(logging.LogRecord("library", logging.ERROR, "", 1, "failed: %s", ("x",), sys.exc_info()))
    line = json.loads(read_lines(pipe[0], 1)[0])
    assert (line["level"], line["msg"], line["logger"]) == ("error", "failed: x", "library")
    assert line["error"].endswith("'a bug'")


def test_timestamps() -> None:
    assert timestamp(1795632273.690416) == "2026-11-25T18:44:33.690416Z"

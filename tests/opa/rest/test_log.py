"""Records in three forms, and what libraries report among them."""

import io
import json
import logging

import pytest

from image_enforcer.opa.rest.log import FORMATS, library_logs, make_log


def test_json_records_have_their_keys_in_order() -> None:
    stream = io.StringIO()
    make_log(stream, "info", "json", lambda: "now").info("Hello.", b=1, a="x\ny")
    assert stream.getvalue() == '{"a":"x\\ny","b":1,"level":"info","msg":"Hello.","time":"now"}\n'


def test_indented_and_plain_records() -> None:
    stream = io.StringIO()
    make_log(stream, "info", "json-pretty", lambda: "now").warning("Hello.")
    assert json.loads(stream.getvalue()) == {"level": "warning", "msg": "Hello.", "time": "now"}
    stream = io.StringIO()
    make_log(stream, "info", "text", lambda: "now").error("He\nllo.", a="x\ny")
    assert stream.getvalue() == '[ERROR] He\\nllo. a = "x\\ny" time = "now"\n'


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(("level", "shown"), [("debug", 3), ("info", 2), ("error", 1)])
def test_lower_levels_are_left_out(form: str, level: str, shown: int) -> None:
    stream = io.StringIO()
    log = make_log(stream, level, form, lambda: "now")
    log.debug("1-one")
    log.info("1-two")
    log.error("1-three")
    assert stream.getvalue().count("1-") == shown


def test_reports_of_libraries_are_one_record_without_a_stack() -> None:
    stream = io.StringIO()
    log = make_log(stream, "info", "json", lambda: "now")
    with library_logs(log):
        logging.getLogger("uvicorn.error").error("Exception in ASGI application\nmore", exc_info=KeyError("k"))
        logging.getLogger("uvicorn.error").info("not worth it")
    logging.getLogger("uvicorn.error").handle(logging.makeLogRecord({"levelno": 10, "msg": "after"}))
    [record] = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert record == {"err": "KeyError: 'k'", "level": "error", "msg": "Exception in ASGI application", "time": "now"}

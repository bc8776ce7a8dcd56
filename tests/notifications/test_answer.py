"""CloudFormation gets an answer that it takes, and a resource keeps its id."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.answer import LIMIT_BYTES, answer, send

REQUEST = {
    "StackId": "arn:aws:cloudformation:eu-west-1:111122223333:stack/" + "s" * 128 + "/" + "u" * 36,
    "RequestId": "u" * 36,
    "LogicalResourceId": "L" * 255,
}


def test_a_new_resource_is_named_after_its_place_in_the_template() -> None:
    told = json.loads(answer(REQUEST))
    assert told == {**REQUEST, "Status": "SUCCESS", "PhysicalResourceId": "L" * 255}


def test_an_update_and_a_failure_keep_the_id() -> None:
    request = {**REQUEST, "PhysicalResourceId": "it"}
    for told in (answer(request), answer(request, "no")):
        assert json.loads(told)["PhysicalResourceId"] == "it"


@given(st.text(min_size=1, max_size=200), st.integers(1, 100))
def test_a_reason_is_cut_to_what_cloudformation_takes(reason: str, times: int) -> None:
    body = answer({**REQUEST, "PhysicalResourceId": "p" * 1_000}, reason * times)
    assert len(body) <= LIMIT_BYTES
    told = json.loads(body)
    assert told["Status"] == "FAILED"
    assert told["Reason"]


def test_a_short_reason_is_told_in_full() -> None:
    assert json.loads(answer(REQUEST, "bucket\norders"))["Reason"] == "bucket\norders"


class _Server(HTTPServer):
    refusals = 0
    got: list[tuple[str, str | None, bytes]]


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, self.headers["Content-Type"], body))
        self.send_response(503 if len(self.server.got) <= self.server.refusals else 200)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Not to the tests' output."""


@pytest.fixture
def server() -> Iterator[_Server]:
    found = _Server(("127.0.0.1", 0), _Handler)
    found.got = []
    thread = threading.Thread(target=found.serve_forever)
    thread.start()
    yield found
    found.shutdown()
    thread.join()
    found.server_close()


@pytest.mark.e2e
def test_the_answer_is_put_where_cloudformation_waits(server: _Server) -> None:
    server.refusals = 2
    send(f"http://127.0.0.1:{server.server_port}/answer?signed=yes", b"{}")
    assert server.got == [("/answer?signed=yes", "", b"{}")] * 3


@pytest.mark.e2e
def test_a_cloudformation_that_cannot_be_told_is_an_error(server: _Server) -> None:
    server.refusals = 9
    with pytest.raises(OSError, match="503"):
        send(f"http://127.0.0.1:{server.server_port}/answer", b"{}")
    assert len(server.got) == 3

"""What POST and DELETE answer to input of every kind."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from query.redrives.schemas import Redrive, RedriveRequest
from redrive.messages import parse as parse_message
from redrive.request import MEMBERS, BadRequest, parse
from replication.errors import Rejected
from tests.redrive.world import World

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
bodies = st.dictionaries(st.sampled_from(MEMBERS) | st.text(), values)


@given(st.text() | bodies.map(json.dumps))
def test_any_body_is_understood_or_a_bad_request(body: str) -> None:
    with suppress(BadRequest):
        parse(body)


@given(st.text() | values.map(json.dumps))
def test_any_message_is_understood_or_rejected(body: str) -> None:
    with suppress(Rejected):
        parse_message(body)


def test_the_document_has_the_members_that_the_function_takes() -> None:
    assert set(RedriveRequest.model_fields) == set(MEMBERS)


@pytest.mark.parametrize(
    ("body", "status", "parameter"),
    [
        ("{", 400, None),
        ("[]", 400, None),
        ({"bucket": 5}, 400, "bucket"),
        ({"bucket": ""}, 400, "bucket"),
        ({"bucket": "not-ours"}, 404, "bucket"),
        ({"prefix": "é" * 600}, 400, "prefix"),
        ({"prefix": "\ud800"}, 400, "prefix"),
        ({"since": "yesterday"}, 400, "since"),
        ({"since": "2026-11-22T10:00:00Z", "until": "2026-11-22T09:00:00Z"}, 400, "until"),
        ({"dry_run": "no"}, 400, "dry_run"),
        ({"dry_run": False}, 400, "plan_id"),
        ({"dry_run": False, "plan_id": "p", "bucket": "src"}, 400, "bucket"),
        ({"dry_run": False, "plan_id": "p"}, 404, None),
        ({"plan_id": "p"}, 400, "plan_id"),
        ({"incident_id": "none"}, 404, "incident_id"),
        ({"incident_id": "none", "bucket": "src"}, 400, "bucket"),
        ({"destination": "nowhere"}, 400, "destination"),
        ({"colour": "red"}, 400, "colour"),
        ("x" * 20_000, 400, None),
    ],
)
def test_bad_input(body: Any, status: int, parameter: str | None) -> None:
    found, problem = World().request("POST", "/v1/redrives", body)
    assert (found, problem.get("parameter")) == (status, parameter), problem
    assert problem["detail"]


def test_other_paths_and_parameters() -> None:
    world = World()
    assert world.request("POST", "/v1/redrives/x")[0] == 404
    assert world.request("DELETE", "/v1/redrives/none")[0] == 404
    status, problem = world.request("POST", "/v1/redrives", {}, queryStringParameters={"a": "b"})
    assert (status, problem["parameter"]) == (400, "a")
    assert world.request("POST", "/v1/redrives", "e30=", isBase64Encoded=True)[0] == 400


def test_a_plan_that_is_not_ready_cannot_be_started() -> None:
    world = World()
    world.fails("k")
    _, made = world.post()
    status, problem = world.start(made["id"])
    assert status == 409
    assert "still being planned" in problem["detail"]


def test_an_expired_plan_cannot_be_started() -> None:
    world = World()
    world.fails("k")
    plan = world.planned()
    world.tick(25 * 3_600)
    status, problem = world.start(plan.id)
    assert status == 409
    assert "plan again" in problem["detail"]
    assert not world.store.open


def test_answers_are_what_the_document_says() -> None:
    world = World()
    world.fails("k")
    plan = world.planned()
    for status, answer in (world.post(), world.start(plan.id)):
        assert status == 202
        Redrive.model_validate(answer)

"""A list says when it may lack something, and how far the tracker heard."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from query import wiring
from replication.aws.table.rule_revisions import RuleRevisionTable
from replication.times import plus, wall_clock
from tests.query.conftest import DESTINATIONS, TABLE, forget, get, hear
from tests.query.lists import LIST
from tests.support.seeds import arrived, requested, stored, version
from tests.support.topology import topology_file

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Seed = Callable[..., None]


@pytest.mark.usefixtures("mixed")
@pytest.mark.parametrize("bucket", ["src", "dst-a"])
def test_a_list_is_complete_from_when_the_bucket_was_tracked(
    dynamodb: "DynamoDBClient", bucket: str
) -> None:
    path = f"/v1/buckets/{bucket}/objects"
    assert get(path).json["complete"] is True
    forget(dynamodb, "#configuration#src", "~listed")
    assert get(path).json["complete"] is False, "what was there before was never listed"
    assert get(path, since="2026-11-22T09:00:00Z").json["complete"] is True
    assert get(path, since="2026-11-22T08:59:59Z").json["complete"] is False
    assert get("/v1/buckets/src/object/versions", key="f").json["complete"] is False


@pytest.mark.usefixtures("mixed")
def test_no_answer_is_complete_from_before_missing_events_came_again(
    dynamodb: "DynamoDBClient",
) -> None:
    table = RuleRevisionTable(dynamodb, TABLE)
    until = plus(wall_clock(), -3_600)
    table.note_missed("src", until)
    wiring.service.cache_clear()
    for path in ("/v1/buckets/src/objects", "/v1/buckets/src/timeline"):
        assert get(path, since=until).json["complete"] is True
        assert get(path, since=plus(until, -0.001)).json["complete"] is False
    assert get("/v1/buckets/src/timeline", since=plus(until, -60)).json["reason"] == "events-missed"
    for route in get("/v1/buckets/src/summary").json["destinations"]:
        mark = route["watermark"]
        assert (mark["complete"], mark["reason"]) == (False, "events-missed")
    table.note_listed("src", until)
    wiring.service.cache_clear()
    assert get("/v1/buckets/src/objects").json["complete"] is True


@pytest.mark.usefixtures("mixed")
def test_a_list_is_complete_as_far_as_was_heard(dynamodb: "DynamoDBClient") -> None:
    page = get(LIST).json
    heard = page["heard_until"]
    assert page["complete"] is True
    assert get(LIST, until=heard).json["complete"] is True
    assert get(LIST, until=plus(heard, 0.001)).json["complete"] is False
    forget(dynamodb, "#heard", "frontier")
    assert (get(LIST).json["complete"], get(LIST).json["heard_until"]) == (False, None)
    hear(dynamodb, seconds_ago=3_600)
    assert get(LIST).json["complete"] is False, "the queue is an hour behind"
    old = get(LIST, until="2026-11-22T12:00:00Z").json
    assert (old["complete"], old["heard_until"] < plus(wall_clock(), -3_600)) == (True, True)


def test_a_list_is_not_complete_where_rules_were_never_read(
    seed: Seed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOPOLOGY_FILE", topology_file("src,mirror,unread", DESTINATIONS))
    wiring.service.cache_clear()
    seed(stored(requested(), arrived(2), of=version(bucket="unread")))
    page = get("/v1/buckets/unread/objects").json
    assert page["complete"] is False
    assert [row["bucket"] for row in page["items"]] == ["unread"]
    assert get("/v1/buckets/dst-a/objects").json["complete"] is False
    assert get("/v1/buckets/unread/object/versions", key="a/key").json["complete"] is False
    assert get("/v1/buckets").json["complete"] is False
    assert get(LIST).json["complete"] is True


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORGET_COMPLETED_DAYS", "30")
    wiring.service.cache_clear()


@pytest.mark.usefixtures("mixed", "forgetful")
def test_a_list_that_lacks_what_was_forgotten_says_since_when() -> None:
    page = get(LIST).json
    before = page["forgotten_before"]
    assert plus(wall_clock(), -30 * 86_400 - 60) < before < plus(wall_clock(), -30 * 86_400 + 60)
    assert page["complete"] is False, "it goes back to the beginning"
    assert get(LIST, since=plus(before, 60)).json["complete"] is True
    assert get(LIST, since=plus(before, -60)).json["complete"] is False
    for parameters in ({"status": "FAILED"}, {"status": "PENDING"}, {"flag": "replica_lost"}):
        assert get(LIST, **parameters).json["complete"] is True, "none of these is forgotten"
    assert get("/v1/buckets/src/object/versions", key="f").json["complete"] is False
    found = get("/v1/buckets/src/object", key="f").json
    assert found["forgotten_before"] >= before


@pytest.mark.usefixtures("mixed", "forgetful")
def test_an_object_that_may_be_forgotten_is_not_called_unheard_of() -> None:
    problem = get("/v1/buckets/src/object", key="no-such").json
    assert "last heard of before 20" in problem["detail"]
    assert "is forgotten" in problem["detail"]


@pytest.mark.usefixtures("mixed")
def test_without_forgetting_nothing_is_said_of_it() -> None:
    assert get(LIST).json["forgotten_before"] is None
    assert get("/v1/buckets/src/object", key="f").json["forgotten_before"] is None
    assert "forgotten" not in get("/v1/buckets/src/object", key="no-such").json["detail"]

"""A list says when it may lack something, and how far the tracker heard."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from query import wiring
from replication.times import plus, wall_clock
from tests.query.conftest import DESTINATIONS, forget, get, hear
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

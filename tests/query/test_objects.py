"""One object: as its source has it, as a destination has it, its versions, and waiting for it."""

from collections.abc import Callable
from typing import Any

import pytest

from query import wiring
from replication.ledger.fact import Kind
from replication.ledger.item import LedgerItem
from replication.s3.version import ObjectVersion
from tests.query.conftest import DESTINATIONS, assert_problem, get
from tests.support.seeds import arrived, at, failed, requested, stored, version
from tests.support.topology import topology_file

Seed = Callable[..., None]

SRC = "/v1/buckets/src/object"
DST = "/v1/buckets/dst-a/object"

AWKWARD_KEYS = [
    "TaxDocs/document1.pdf",
    "a b+c%20d/é",
    "100% \"sure\" 'or' not?&x=1#frag",
    "emoji/🦄/\N{COMBINING ACUTE ACCENT}",
    "a/b#c#d",
    "back\\slash\ttab\nline",
    "../..//",
    "🦄" * 256,
    "comma,separated,key",
]


@pytest.mark.parametrize("key", AWKWARD_KEYS)
def test_every_key_s3_allows_is_found_under_its_own_name(seed: Seed, key: str) -> None:
    seed(stored(requested(), arrived(4.2), of=version(key)))
    for path in (SRC, DST, f"{SRC}/versions", "/v1/buckets/src/objects"):
        answer = get(path, **({} if path.endswith("objects") else {"key": key}))
        found = answer.json["items"][0] if "items" in answer.json else answer.json
        assert found["key"] == key


def test_an_object_is_told_with_every_destination_and_its_history(seed: Seed) -> None:
    seed(
        stored(requested(), arrived(4.2)),
        stored(requested(), failed(3), destination="dst-b"),
    )
    answer = get(SRC, key="a/key", version_id="v1")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    found = answer.json
    assert found["replication_status"] == "FAILED"
    assert found["role"] == "source"
    completed, broken = found["destinations"]
    assert completed == {
        "bucket": "dst-a",
        "rule_id": "rule-a",
        "status": "COMPLETED",
        "in_doubt": False,
        "since": "2026-11-22T10:00:04.200Z",
        "evidence": "replica_created",
        "latency_seconds": 3.7,
        "late": False,
        "stale": False,
        "lost_at": None,
        "failure": None,
    }
    assert broken["failure"]["code"] == "DstPutObjectNotPermitted"
    assert [one["to"] for one in found["transitions"]] == [
        "PENDING",
        "PENDING",
        "FAILED",
        "COMPLETED",
    ]
    assert found["transitions"][0]["from"] is None


def test_one_version_id_is_not_taken_for_another_that_begins_the_same(seed: Seed) -> None:
    seed(stored(requested(), of=version(version_id="v10")))
    assert_problem(get(SRC, key="a/key", version_id="v1"), 404, "object-not-tracked", "version_id")


def test_the_null_version_is_a_version(seed: Seed) -> None:
    seed(stored(requested(), of=version(version_id="null")))
    assert get(SRC, key="a/key", version_id="null").json["version_id"] == "null"


def test_a_delete_marker_is_shown_as_one(seed: Seed) -> None:
    seed(stored(requested(size=None, etag=None, delete_marker=True), arrived(2)))
    found = get(SRC, key="a/key").json
    assert (found["delete_marker"], found["size"]) == (True, None)
    assert get(DST, key="a/key").json["delete_marker"] is True


def test_a_version_no_rule_took_has_no_status_and_is_not_eligible(seed: Seed) -> None:
    seed(stored((Kind.INELIGIBLE, 0), destination=""))
    found = get(SRC, key="a/key").json
    assert (found["replication_status"], found["destinations"]) == (None, [])
    assert (found["eligible"], found["in_doubt"]) == (False, False)


def test_a_version_in_doubt_is_told_as_that(seed: Seed) -> None:
    seed(stored((Kind.POSSIBLE, 0)), stored(requested(), arrived(2), destination="dst-b"))
    found = get(SRC, key="a/key").json
    assert (found["replication_status"], found["eligible"], found["in_doubt"]) == (None, True, True)
    assert [(one["status"], one["in_doubt"]) for one in found["destinations"]] == [
        (None, True),
        ("COMPLETED", False),
    ]
    assert get(DST, key="a/key").status == 404


def test_a_deleted_version_is_still_told_when_it_is_named(seed: Seed) -> None:
    seed(stored(requested(), arrived(3), (Kind.DELETED, 9)))
    assert get(SRC, key="a/key", version_id="v1").json["deleted_at"] == at(9)
    problem = assert_problem(get(SRC, key="a/key"), 404, "object-not-tracked", "key")
    assert "The newest was v1" in problem["detail"]
    assert "version_id" in problem["detail"]
    wait = get(f"{SRC}/wait", key="a/key", timeout=0)
    assert assert_problem(wait, 404, "object-not-tracked", "key")["detail"] == problem["detail"]


def test_a_destination_shows_the_replica_and_where_it_came_from(seed: Seed) -> None:
    seed(stored(requested(), arrived(4.2)))
    found = get(DST, key="a/key", version_id="v1").json
    assert found["role"] == "replica"
    assert found["replication_status"] == "REPLICA"
    assert found["source"] == {"bucket": "src", "key": "a/key", "version_id": "v1"}
    assert found.keys() == get(SRC, key="a/key").json.keys()


@pytest.mark.parametrize("parameters", [{}, {"version_id": "v1"}])
@pytest.mark.parametrize(
    "facts",
    [
        pytest.param([requested()], id="on its way"),
        pytest.param([requested(), failed(3)], id="failed"),
        pytest.param([requested(), arrived(3), (Kind.REPLICA_DELETED, 9)], id="deleted there"),
    ],
)
def test_what_a_destination_does_not_have_is_not_tracked_there(
    seed: Seed, facts: Any, parameters: dict[str, str]
) -> None:
    seed(stored(*facts))
    parameter = "version_id" if parameters else "key"
    problem = assert_problem(
        get(DST, key="a/key", **parameters), 404, "object-not-tracked", parameter
    )
    assert "has not arrived" in problem["detail"]
    assert "v1" in problem["detail"]
    assert "src" in problem["detail"]


def test_a_destination_shows_the_latest_version_that_arrived(seed: Seed) -> None:
    seed(
        stored(requested(1), arrived(2), of=version(version_id="old")),
        stored(requested(5), of=version(version_id="new")),
    )
    assert get(DST, key="a/key").json["version_id"] == "old"


def test_a_bucket_that_is_both_shows_its_own_version_before_a_replica(seed: Seed) -> None:
    seed(
        stored(requested(1), arrived(2), destination="mirror"),
        stored(requested(9), of=version(bucket="mirror", version_id="own"), destination="src"),
    )
    own = get("/v1/buckets/mirror/object", key="a/key", version_id="own").json
    replica = get("/v1/buckets/mirror/object", key="a/key", version_id="v1").json
    assert (own["role"], replica["role"]) == ("source", "replica")
    assert get("/v1/buckets/mirror/object", key="a/key").json["version_id"] == "own"


def test_the_latest_of_a_bucket_that_is_both_may_be_a_replica(seed: Seed) -> None:
    seed(
        stored(requested(5), arrived(6), destination="mirror"),
        stored(requested(1), of=version(bucket="mirror", version_id="own"), destination="src"),
    )
    assert get("/v1/buckets/mirror/object", key="a/key").json["version_id"] == "v1"


def test_an_unknown_object_is_not_tracked(seed: Seed) -> None:
    assert_problem(get(SRC, key="nothing"), 404, "object-not-tracked", "key")
    assert_problem(get(SRC, key="n", version_id="v"), 404, "object-not-tracked", "version_id")
    assert_problem(get(f"{SRC}/versions", key="nothing"), 404, "object-not-tracked", "key")
    assert_problem(get(f"{SRC}/wait", key="no", timeout=0), 404, "object-not-tracked", "key")


def test_a_replica_is_found_although_its_source_s_rules_were_never_read(
    seed: Seed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOPOLOGY_FILE", topology_file("src,mirror,unread", DESTINATIONS))
    wiring.service.cache_clear()
    seed(stored(requested(), arrived(3), of=version(bucket="unread")))
    assert get(DST, key="a/key").json["source"]["bucket"] == "unread"


def test_a_key_with_more_versions_than_can_be_read_says_so(
    seed: Seed, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(*(stored(requested(n), of=version(version_id=f"v{n}")) for n in range(6)))
    monkeypatch.setattr(wiring.service().items, "_items_of_a_key", 5)
    assert_problem(get(SRC, key="a/key"), 400, "too-many-versions", "version_id")
    assert_problem(get(f"{SRC}/versions", key="a/key"), 400, "too-many-versions", "key")
    assert get(SRC, key="a/key", version_id="v3").status == 200


def test_a_key_of_1024_bytes_is_asked_for_and_one_more_is_refused(seed: Seed) -> None:
    assert_problem(get(SRC, key="é" * 512), 404, "object-not-tracked", "key")
    assert_problem(get(SRC, key="é" * 512 + "x"), 400, "invalid-parameter", "key")
    long_id = "v" * 1024
    assert_problem(get(SRC, key="k", version_id=long_id), 404, "object-not-tracked", "version_id")
    assert_problem(
        get(SRC, key="k", version_id=long_id + "v"), 400, "invalid-parameter", "version_id"
    )


def test_a_version_id_with_the_separator_in_it_is_a_version_id(seed: Seed) -> None:
    record = stored(requested(), of=ObjectVersion("src", "a/key", "v#1"))
    assert isinstance(record, LedgerItem)
    seed(record)
    assert get(SRC, key="a/key", version_id="v#1").json["version_id"] == "v#1"
    assert_problem(get(SRC, key="a/key", version_id="v"), 404, "object-not-tracked", "version_id")


def test_waiting_for_a_destination_the_version_does_not_have_answers_at_once(seed: Seed) -> None:
    seed(stored(requested()))
    found = get(f"{SRC}/wait", key="a/key", destination="mirror", timeout=25).json
    assert found["timed_out"] is False
    assert [one["bucket"] for one in found["destinations"]] == ["dst-a"]


def test_waiting_for_what_is_done_answers_at_once(seed: Seed) -> None:
    seed(stored(requested(), arrived(3)))
    found = get(f"{SRC}/wait", key="a/key", version_id="v1").json
    assert (found["timed_out"], found["replication_status"]) == (False, "COMPLETED")
    assert get(f"{DST}/wait", key="a/key").json["replication_status"] == "REPLICA"


def test_waiting_for_what_is_pending_runs_out_of_time(seed: Seed) -> None:
    seed(stored(requested()))
    found = get(f"{SRC}/wait", key="a/key", timeout=0.3).json
    assert (found["timed_out"], found["replication_status"]) == (True, "PENDING")


@pytest.mark.parametrize("timeout", ["-1", "25.1", "nan", "inf", "soon", ""])
def test_a_timeout_outside_its_range_is_refused(seed: Seed, timeout: str) -> None:
    answer = get(f"{SRC}/wait", key="a/key", timeout=timeout)
    assert_problem(answer, 400, "invalid-parameter", "timeout")

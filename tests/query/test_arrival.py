"""Whether a set of versions has arrived: under a prefix, and of a manifest."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from query.wiring import service
from replication.aws.clients import client
from replication.aws.table.frontier import FrontierTable
from replication.aws.table.rule_revisions import RuleRevisionTable
from replication.ledger import index
from replication.ledger.fact import Kind
from replication.s3.rule_history import Revision
from replication.s3.rules import parse_configuration
from replication.times import plus, wall_clock
from tests.query.conftest import TABLE, TRACKING_SINCE, assert_problem, forget, get, hear, post
from tests.support.seeds import arrived, at, failed, requested, stored, version

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Seed = Callable[..., None]
ARRIVAL = "/v1/buckets/src/arrival"
UNTIL = at(3_000)


def of_prefix(prefix: str = "run/", **parameters: Any) -> dict[str, Any]:
    answer = get(ARRIVAL, prefix=prefix, **({"until": UNTIL} | parameters))
    assert answer.status == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


def of_manifest(*objects: tuple[str, str | None], **parameters: Any) -> dict[str, Any]:
    named = [
        {"key": key} | ({"version_id": version_id} if version_id else {})
        for key, version_id in objects
    ]
    answer = post(ARRIVAL, {"objects": named}, **({"until": UNTIL} | parameters))
    assert answer.status == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


def test_a_prefix_has_arrived_when_nothing_of_it_is_missing(seed: Seed) -> None:
    seed(
        stored(requested(0), arrived(5), of=version("run/a")),
        stored(requested(0), arrived(9), of=version("run/a"), destination="dst-b"),
        stored(requested(0), of=version("other/b")),
    )
    found = of_prefix()
    assert found["arrived"] is True
    assert found["complete"] is True
    assert found["reason"] is None
    assert found["seen"] is True
    assert found["counts"] == {
        "total": None,
        "arrived": None,
        "pending": 0,
        "failed": 0,
        "in_doubt": 0,
        "unknown": None,
    }


def test_a_prefix_that_nothing_is_known_under_may_be_a_mistake(seed: Seed) -> None:
    seed(stored(requested(0), arrived(5), of=version("run/a")))
    found = of_prefix("rnu/")
    assert found["arrived"] is True
    assert found["seen"] is None


def test_what_is_missing_is_counted_and_the_oldest_is_named(seed: Seed) -> None:
    seed(
        stored(requested(30), of=version("run/late")),
        stored(requested(10), of=version("run/early")),
        stored(requested(20), failed(40), of=version("run/broken")),
        stored((Kind.POSSIBLE, 15), of=version("run/doubt"), destination="dst-b"),
        stored((Kind.POSSIBLE, 15), of=version("run/nowhere"), destination=""),
        stored(requested(0), arrived(9), of=version("run/done")),
    )
    found = of_prefix()
    assert found["arrived"] is False
    assert found["complete"] is True, "everything was read"
    assert found["oldest_pending"]["key"] == "run/early"
    (failure,) = found["failures"]
    assert failure["key"] == "run/broken"
    assert failure["failure"]["fix"]
    assert (found["counts"]["pending"], found["counts"]["failed"]) == (2, 1)
    assert found["counts"]["in_doubt"] == 2


def test_only_the_destination_asked_for_counts(seed: Seed) -> None:
    seed(
        stored(requested(0), arrived(5), of=version("run/a")),
        stored(requested(0), of=version("run/a"), destination="dst-b"),
    )
    assert of_prefix(destination="dst-a")["arrived"] is True
    assert of_prefix(destination="dst-b")["arrived"] is False
    elsewhere = of_prefix(destination="dst-c")
    assert (elsewhere["arrived"], elsewhere["reason"]) == (None, "no-rule")


def test_only_destinations_that_a_rule_sends_the_prefix_to_count(
    seed: Seed, dynamodb: "DynamoDBClient"
) -> None:
    seed(stored(requested(0), arrived(5), of=version("logs/a"), destination="dst-b"))
    kept = RuleRevisionTable(dynamodb, TABLE)
    rule = {
        "ID": "logs",
        "Status": "Enabled",
        "Prefix": "logs/",
        "Destination": {"Bucket": "arn:aws:s3:::narrow"},
    }
    raw = {"Rules": [rule]}
    kept.append("mirror", Revision(TRACKING_SINCE, parse_configuration(raw)), raw)
    service.cache_clear()
    path = "/v1/buckets/mirror/arrival"
    wanted = {"until": UNTIL, "destination": "narrow"}
    assert get(path, prefix="tmp/", **wanted).json["reason"] == "no-rule"
    for prefix in ("logs/2026/", "lo", ""):
        assert get(path, prefix=prefix, **wanted).json["arrived"] is True, prefix


def test_a_failure_counts_by_its_request_and_not_by_when_it_failed(seed: Seed) -> None:
    seed(stored(requested(10), failed(1_000), of=version("run/a")))
    assert of_prefix(until=at(100))["arrived"] is False
    assert of_prefix(since=at(100))["arrived"] is True, "it failed in that time, asked for before"


def test_a_version_that_two_indexes_list_is_counted_once(seed: Seed) -> None:
    again = (Kind.OBSERVED, 200, {"status": "PENDING", "requested_at": at(10)})
    seed(stored(requested(10), failed(100), again, of=version("run/a")))
    found = of_prefix()
    assert found["counts"]["pending"] == 1


@pytest.mark.usefixtures("mixed")
def test_what_was_not_heard_of_yet_has_not_arrived(dynamodb: "DynamoDBClient") -> None:
    heard = of_prefix("c", until=at(3_000))["heard_until"]
    assert of_prefix("none/", until=heard)["arrived"] is True
    unheard = of_prefix("none/", until=plus(heard, 0.001))
    assert (unheard["arrived"], unheard["reason"]) == (None, "not-heard-yet")
    assert unheard["complete"] is False
    without = get(ARRIVAL, prefix="none/").json
    assert heard < without["until"] <= without["as_of"], "the present, of which nothing was heard"
    assert without["arrived"] is None
    forget(dynamodb, "#heard", "frontier")
    assert of_prefix("none/")["reason"] == "nothing-heard-yet"
    hear(dynamodb)
    forget(dynamodb, "#configuration#src", "~listed")
    assert of_prefix("none/")["reason"] == "not-listed-before"
    assert of_prefix("none/", since=at(0))["arrived"] is True


def test_what_is_recorded_during_the_walk_is_not_taken_for_arrived(
    dynamodb: "DynamoDBClient", seed: Seed, monkeypatch: pytest.MonkeyPatch
) -> None:
    until = plus(wall_clock(), -150)
    walk = index.page

    def and_then_an_event_comes(*question: Any, **more: Any) -> index.Page:
        found = walk(*question, **more)
        seed(stored(requested(0), of=version("run/late")))
        FrontierTable(dynamodb, TABLE, wall_clock).advance(wall_clock())
        return found

    with monkeypatch.context() as patch:
        patch.setattr(index, "page", and_then_an_event_comes)
        found = of_prefix(until=until)
    assert (found["arrived"], found["reason"]) == (None, "not-heard-yet")
    service.cache_clear()
    assert of_prefix(until=until)["arrived"] is False


def test_a_walk_goes_on_with_a_cursor_only_when_all_was_heard(
    seed: Seed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event could turn up before the cursor, and nothing would read it."""
    monkeypatch.setattr("query.arrival.prefix.ENTRIES", 16)
    seed(*(stored(requested(n), of=version(f"other/{n:03}")) for n in range(200)))
    assert of_prefix("nothing/")["next_cursor"]
    unheard = of_prefix("nothing/", until=wall_clock())
    assert (unheard["reason"], unheard["next_cursor"]) == ("not-heard-yet", None)
    assert set(unheard["counts"].values()) == {None}


@pytest.fixture
def queries(dynamodb: "DynamoDBClient") -> Iterator[Counter[str]]:
    """How many queries the function made of indexes and of the table. Those for rules and the
    frontier, which are cached for a while, are left out."""
    made: Counter[str] = Counter()

    def note(model: Any, params: Any, **_: Any) -> None:
        body = json.loads(params["body"])
        if "IndexName" in body:
            made["index"] += 1
        elif model.name == "Query" and ":sk" in body["ExpressionAttributeValues"]:
            made["table"] += 1

    dynamodb.meta.events.register("before-call.dynamodb", note)
    yield made
    dynamodb.meta.events.unregister("before-call.dynamodb", note)


def test_requests_do_not_grow_with_what_has_arrived(seed: Seed, queries: Counter[str]) -> None:
    seed(stored(requested(900), of=version("run/last")))
    asked = []
    for first, last in ((0, 10), (10, 600)):
        seed(
            *(
                stored(requested(n), arrived(n + 1), of=version(f"run/{n}"))
                for n in range(first, last)
            )
        )
        of_prefix()
        queries.clear()
        assert of_prefix()["arrived"] is False
        asked.append(queries["index"])
    assert asked[0] == asked[1] <= 40


def test_one_request_reads_a_bounded_number_of_entries_and_the_cursor_reads_on(
    seed: Seed, queries: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("query.arrival.prefix.ENTRIES", 60)
    seed(*(stored(requested(n), of=version(f"other/{n:03}")) for n in range(200)))
    seed(stored(requested(300), of=version("run/last")))
    page = of_prefix("nothing/")
    assert (page["arrived"], page["reason"], page["complete"]) == (None, "more-to-read", False)
    assert set(page["counts"].values()) == {None}
    queries.clear()
    rounds = 0
    while page["next_cursor"]:
        before = queries["index"]
        page = of_prefix("nothing/", cursor=page["next_cursor"])
        assert queries["index"] - before <= 40
        rounds += 1
        assert rounds < 20
    assert page["arrived"] is True
    assert page["complete"] is True

    page = of_prefix("run/")
    while page["next_cursor"]:
        assert page["arrived"] is None
        page = of_prefix("run/", cursor=page["next_cursor"])
    assert page["arrived"] is False
    assert page["oldest_pending"]["key"] == "run/last"
    assert set(page["counts"].values()) == {None}, "of the last part only"


def test_no_question_reads_more_than_a_list_does() -> None:
    from query.arrival import prefix

    assert prefix.ENTRIES <= index.ENTRIES_A_REQUEST


def test_a_cursor_belongs_to_its_question(seed: Seed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("query.arrival.prefix.ENTRIES", 16)
    seed(*(stored(requested(n), of=version(f"other/{n:03}")) for n in range(200)))
    cursor = of_prefix("nothing/")["next_cursor"]
    assert_problem(
        get(ARRIVAL, prefix="else/", until=UNTIL, cursor=cursor), 400, "invalid-cursor", "cursor"
    )


def test_a_manifest_has_totals_and_a_state_for_each_object(seed: Seed) -> None:
    seed(
        stored(requested(0), arrived(5), of=version("done")),
        stored(requested(0), of=version("waits")),
        stored(requested(0), failed(4), of=version("broken")),
        stored((Kind.POSSIBLE, 5), of=version("doubt"), destination=""),
        stored(requested(0), (Kind.DELETED, 60), of=version("gone")),
        stored(requested(0), arrived(5), (Kind.REPLICA_DELETED, 9), of=version("lost")),
        stored((Kind.INELIGIBLE, 5), of=version("unruled"), destination=""),
    )
    names = ["done", "waits", "broken", "doubt", "gone", "lost", "unruled", "nothing"]
    found = of_manifest(*((name, "v1") for name in names))
    assert found["objects"] == [
        *("arrived", "pending", "failed", "in_doubt"),
        *("deleted", "replica-lost", "no-rule", "not-tracked"),
    ]
    assert found["counts"] == {
        "total": 8,
        "arrived": 1,
        "pending": 1,
        "failed": 1,
        "in_doubt": 1,
        "unknown": 4,
    }
    assert found["arrived"] is False
    assert found["oldest_pending"]["key"] == "waits"
    assert [row["key"] for row in found["failures"]] == ["broken"]
    assert of_manifest(("done", "v1"))["arrived"] is True
    unknown = of_manifest(("done", "v1"), ("gone", "v1"))
    assert (unknown["arrived"], unknown["reason"]) == (None, "deleted")
    assert unknown["complete"] is False


def test_an_object_has_arrived_when_every_destination_has_it(seed: Seed) -> None:
    seed(
        stored(requested(0), arrived(5), of=version("run/a")),
        stored(requested(0), of=version("run/a"), destination="dst-b"),
    )
    assert of_manifest(("run/a", "v1"))["objects"] == ["pending"]
    assert of_manifest(("run/a", "v1"), destination="dst-a")["objects"] == ["arrived"]
    assert of_manifest(("run/a", "v1"), destination="dst-b")["objects"] == ["pending"]
    assert of_manifest(("run/a", "v1"), destination="mirror")["objects"] == ["no-rule"]


def test_the_newest_version_counts_where_none_is_named_once_all_was_heard(
    seed: Seed, dynamodb: "DynamoDBClient"
) -> None:
    seed(
        stored(requested(0), arrived(5), of=version("run/a", "old")),
        stored(requested(10), of=version("run/a", "new")),
        stored(requested(0), arrived(5), of=version("run/b", "only")),
    )
    assert of_manifest(("run/a", None), ("run/a", "old"))["objects"] == ["pending", "arrived"]
    assert of_manifest(("run/b", None))["arrived"] is True
    heard = of_manifest(("run/b", None))["heard_until"]
    early = of_manifest(("run/b", None), ("run/b", "only"), until=plus(heard, 0.001))
    assert early["objects"] == ["not-heard-yet", "arrived"], "a newer one may have been written"
    assert (early["arrived"], early["reason"]) == (None, "not-heard-yet")
    assert of_manifest(("new", "v9"), until=plus(heard, 1))["objects"] == ["not-heard-yet"]


def test_a_key_with_very_many_versions_needs_a_version_id(
    seed: Seed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("query.wiring.VERSIONS_OF_A_KEY", 3)
    seed(*(stored(requested(n), arrived(n + 1), of=version("k", f"v{n}")) for n in range(5)))
    assert of_manifest(("k", None))["objects"] == ["too-many-versions"]
    assert of_manifest(("k", "v3"))["objects"] == ["arrived"]


def test_a_manifest_takes_at_most_a_query_for_each_object(
    seed: Seed, queries: Counter[str]
) -> None:
    seed(*(stored(requested(n), arrived(n + 1), of=version(f"run/{n}")) for n in range(50)))
    of_manifest(("run/0", "v1"))
    queries.clear()
    found = of_manifest(*((f"run/{n}", "v1") for n in range(50)))
    assert found["counts"]["arrived"] == 50
    assert queries == {"table": 50}


@pytest.mark.usefixtures("dynamodb")
def test_a_wrong_question_says_what_is_wrong() -> None:
    name = {"key": "k"}
    too_many = {"objects": [name] * 1_001}
    wrong: list[Any] = [[], ["k"], [{"version_id": "v"}], [name | {"more": 1}], None]
    for body in [{}, *({"objects": one} for one in wrong)]:
        assert post(ARRIVAL, body).status == 400, body
    assert_problem(post(ARRIVAL, too_many), 400, "invalid-parameter", "objects")
    assert_problem(
        post(ARRIVAL, {"objects": [{"key": "é" * 1_000}]}), 400, "invalid-parameter", "key"
    )
    assert_problem(get("/v1/buckets/dst-a/arrival"), 400, "invalid-parameter", "bucket")
    assert_problem(get("/v1/buckets/nope/arrival"), 404, "bucket-not-tracked", "bucket")
    assert_problem(get(ARRIVAL, since=at(5), until=at(5)), 400, "invalid-parameter", "until")
    refused = get(ARRIVAL, "DELETE")
    assert_problem(refused, 405, "method-not-allowed")
    assert refused.headers["allow"] == "GET, POST"


def asked_to_read() -> list[dict[str, Any]]:
    """What `reconcile` was asked to read since the last time."""
    sqs, url = client("sqs"), os.environ["RECONCILE_QUEUE_URL"]
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    for one in found:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
    return [json.loads(one["Body"])["rules"] for one in found]


def test_rules_that_alone_are_waited_for_are_read_soon(
    seed: Seed, dynamodb: "DynamoDBClient"
) -> None:
    """They were not read since the version was written, so another destination is possible."""
    rules = RuleRevisionTable(dynamodb, TABLE)
    rules.note_read("src", at(0))
    service.cache_clear()
    seed(stored(requested(10), arrived(15), of=version("k")))
    before = wall_clock()
    assert of_manifest(("k", "v1"))["objects"] == ["in_doubt"]
    (asked,) = asked_to_read()
    assert asked["bucket"] == "src"
    assert before <= asked["asked_at"] <= wall_clock()
    assert of_manifest(("k", "v1"))["objects"] == ["in_doubt"]
    assert asked_to_read() == [], "not at every question"
    rules.note_read("src", wall_clock())
    assert of_manifest(("k", "v1"))["objects"] == ["arrived"], "known at the next question"


def test_other_doubts_have_no_rules_read(seed: Seed) -> None:
    seed(
        stored((Kind.POSSIBLE, 5), of=version("doubt")),
        stored(requested(0), of=version("waits")),
    )
    assert of_manifest(("doubt", "v1"), ("waits", "v1"))["objects"] == ["in_doubt", "pending"]
    assert asked_to_read() == []


def test_a_queue_that_does_not_answer_is_no_matter_of_the_answer(
    seed: Seed, dynamodb: "DynamoDBClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    RuleRevisionTable(dynamodb, TABLE).note_read("src", at(0))
    monkeypatch.setenv("RECONCILE_QUEUE_URL", os.environ["RECONCILE_QUEUE_URL"] + "-gone")
    service.cache_clear()
    seed(stored(requested(10), arrived(15), of=version("k")))
    assert of_manifest(("k", "v1"))["objects"] == ["in_doubt"]

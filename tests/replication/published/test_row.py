"""What callers are shown follows from the records, and says nothing that is not known."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from query.buckets import schemas as buckets_schemas
from query.objects import schemas
from query.rows import schemas as rows_schemas
from replication import times
from replication.aws.table.ledger_item import compact
from replication.ledger import version_items
from replication.ledger.fact import Kind
from replication.ledger.fold import fold
from replication.ledger.item import LedgerItem
from replication.published import row
from replication.s3.evidence import Evidence
from replication.s3.rule_history import Revision, RuleHistory
from replication.s3.rules import Configuration
from replication.s3.status import Status
from replication.times import Instant
from replication.topology import Place, Topology
from tests.support import strategies
from tests.support.fakes import rule
from tests.support.seeds import arrived, at, failed, requested, stored

NOW = Instant("2026-11-22T11:00:00.000Z")
PRESENT = row.AsOf(NOW)

items = st.builds(
    lambda first, second, none: [
        LedgerItem(
            strategies.VERSION,
            destination,
            fold(replace(fact, destination=destination) for fact in facts),
        )
        for destination, facts in (("dst", first), ("dst-2", second), ("", none))
        if facts
    ],
    strategies.histories(min_size=1),
    strategies.histories(),
    strategies.histories(max_size=2),
)


def tracking(*destinations: str) -> Topology:
    """The source `src` in a Region that is known."""
    return Topology(("src",), destinations, {"src": Place("1", "eu-west-1")})


def shown(*records: LedgerItem, bucket: str = "src") -> dict[str, Any]:
    return row.tracked_object(records, bucket, PRESENT)


@given(items)
def test_any_record_is_shown_in_the_published_shape(records: list[LedgerItem]) -> None:
    source = row.tracked_object(records, "source", PRESENT)
    schemas.TrackedObject.model_validate(source)
    for record in records:
        state = record.record.state
        if state.status or state.in_doubt:
            rows_schemas.Row.model_validate(row.row(record, PRESENT))
        if version_items.holds(records, record.destination):
            replica = row.tracked_object(records, record.destination, PRESENT)
            schemas.TrackedObject.model_validate(replica)
            assert replica.keys() == source.keys()


@given(items, st.randoms())
def test_the_order_of_the_items_does_not_matter(records: list[LedgerItem], random: Any) -> None:
    shuffled = list(records)
    random.shuffle(shuffled)
    assert row.tracked_object(shuffled, "source", PRESENT) == row.tracked_object(
        records, "source", PRESENT
    )
    assert version_items.age_of(shuffled) == version_items.age_of(records)


@given(items)
def test_transitions_of_a_destination_join_up_and_end_in_its_status(
    records: list[LedgerItem],
) -> None:
    shown = row.transitions(records)
    assert [change["at"] for change in shown] == sorted(change["at"] for change in shown)
    for record in records:
        status = None
        for change in shown:
            if change["destination"] == (record.destination or None):
                assert change["from"] == status
                always = ("batch_report", "replica_created")
                assert change["to"] != status or change["evidence"] in always
                status = change["to"]
        assert status == record.record.state.status


def test_one_failed_destination_makes_the_object_failed() -> None:
    shown_object = shown(
        stored(requested(), arrived(4.2)),
        stored(requested(), failed(3), destination="dst-b"),
    )
    assert shown_object["replication_status"] == "FAILED"
    assert [one["status"] for one in shown_object["destinations"]] == ["COMPLETED", "FAILED"]


def test_a_version_no_rule_took_has_no_status_and_no_destinations() -> None:
    shown_object = shown(stored((Kind.INELIGIBLE, 0, {"size": 7}), destination=""))
    assert shown_object["replication_status"] is None
    assert shown_object["destinations"] == []
    assert shown_object["size"] == 7
    assert shown_object["transitions"] == []


def test_what_one_destination_knows_of_the_object_is_shown_of_the_object() -> None:
    shown_object = shown(
        stored(failed(9)),
        stored(requested(0, size=5, etag="one"), destination="dst-b"),
    )
    assert (shown_object["size"], shown_object["etag"]) == (5, "one")
    assert shown_object["created_at"] == at(0)
    assert shown_object["observed_at"] == at(9)


def test_the_latest_observed_wins_where_destinations_differ() -> None:
    shown_object = shown(
        stored(requested(0, size=5)), stored(requested(8, size=6), destination="dst-b")
    )
    assert shown_object["size"] == 6
    assert shown_object["created_at"] == at(8)


def latency(*facts: Any) -> Any:
    return shown(stored(*facts))["destinations"][0]["latency_seconds"]


def test_latency_is_told_of_what_completed_by_an_event_with_both_ends_known() -> None:
    assert latency(requested(0.1), arrived(4.2)) == 4.1
    assert latency(requested(0)) is None
    assert latency(requested(0), failed(3)) is None
    assert latency(arrived(3)) is None


@pytest.mark.parametrize(
    "evidence",
    [
        Evidence.HEAD_SOURCE,
        Evidence.HEAD_DESTINATION,
        Evidence.INVENTORY,
        Evidence.BATCH_REPORT,
    ],
)
def test_a_read_that_finds_an_arrival_tells_no_latency(evidence: Evidence) -> None:
    found = (Kind.OBSERVED, 3599, {"status": Status.COMPLETED, "evidence": evidence})
    assert latency(requested(0.1), found) is None


def test_latency_is_the_middle_of_what_whole_seconds_allow() -> None:
    assert latency(requested(0), arrived(3599.999)) == 3599.0
    assert latency(requested(0), arrived(0.999)) == 0.5
    changed = (Kind.CHANGED, 3598.0)
    assert latency(requested(0), changed, arrived(3599.999)) == 3599.0


def test_latency_and_age_are_never_negative() -> None:
    early = stored((Kind.ARRIVED, 1, {"requested_at": at(2)}))
    assert shown(early)["destinations"][0]["latency_seconds"] == 0.0
    assert row.row(early, row.AsOf(at(0)))["age_seconds"] == 0.0


def test_a_failure_is_explained_and_gone_after_a_retry_that_worked() -> None:
    record = stored(requested(), failed(3))
    failure = shown(record)["destinations"][0]["failure"]
    assert failure["code"] == "DstPutObjectNotPermitted"
    assert failure["explanation"]
    assert "s3:ReplicateObject" in failure["fix"]
    assert shown(stored(requested(), failed(3), arrived(9)))["destinations"][0]["failure"] is None


def test_a_failure_without_a_reason_has_a_null_code_and_still_a_fix() -> None:
    read = stored(requested(), (Kind.OBSERVED, 5, {"status": Status.FAILED}))
    failure = shown(read)["destinations"][0]["failure"]
    assert failure["code"] is None
    assert failure["fix"]


def test_a_missed_threshold_shows_as_late() -> None:
    record = stored(requested(), (Kind.THRESHOLD_MISSED, 900))
    assert shown(record)["destinations"][0]["late"] is True
    assert shown(stored(requested()))["destinations"][0]["late"] is False


def test_transitions_name_time_evidence_event_and_reason() -> None:
    first, second = row.transitions([stored(requested(0), failed(3))])
    assert first == {
        "destination": "dst-a",
        "from": None,
        "to": Status.PENDING,
        "at": at(0),
        "evidence": Evidence.OBJECT_CREATED,
        "event_id": "event-0",
        "detail": None,
    }
    assert (second["from"], second["to"]) == (Status.PENDING, Status.FAILED)
    assert second["detail"] == "DstPutObjectNotPermitted"


def test_a_fact_that_changes_no_status_is_no_transition() -> None:
    record = stored(requested(0), (Kind.THRESHOLD_MISSED, 900), (Kind.CHANGED, 901))
    assert len(row.transitions([record])) == 1


def test_the_event_of_the_replica_and_the_task_of_a_job_are_listed_in_either_order() -> None:
    task = {"status": Status.COMPLETED, "evidence": Evidence.BATCH_REPORT}
    for report, event in ((100, 101), (101, 100)):
        record = stored(requested(), failed(3), (Kind.OBSERVED, report, task), arrived(event))
        shown = [(one["evidence"], one["to"]) for one in row.transitions([record])]
        assert (Evidence.BATCH_REPORT, Status.COMPLETED) in shown
        assert (Evidence.REPLICA_CREATED, Status.COMPLETED) in shown
        assert len(shown) == 4


def test_transitions_go_on_from_the_status_that_folded_facts_led_to() -> None:
    many = [(Kind.CHANGED, float(number)) for number in range(1, 3000)]
    record = compact(stored(requested(0), *many, arrived(3100)))
    assert record.base_facts > 0, "as many facts as this must be more than an item keeps"
    (last,) = row.transitions([record])
    assert (last["from"], last["to"]) == (Status.PENDING, Status.COMPLETED)


def test_a_replica_names_its_source_and_claims_no_etag_and_no_deletion() -> None:
    record = stored(requested(0), arrived(4), (Kind.DELETED, 9))
    shown_object = shown(record, bucket="dst-a")
    assert shown_object["role"] == "replica"
    assert shown_object["replication_status"] == "REPLICA"
    assert shown_object["source"] == {"bucket": "src", "key": "a/key", "version_id": "v1"}
    assert shown_object["destinations"] == []
    assert shown_object["size"] == 1024
    assert shown_object["created_at"] == at(0)
    assert shown_object["etag"] is None
    assert shown_object["deleted_at"] is None


def test_a_bucket_shows_its_rules_and_since_when_each_holds() -> None:
    kept, new = (
        rule("dst-a", id="kept"),
        rule("dst-b", id="new", enabled=False, threshold_minutes=15),
    )
    history = RuleHistory(
        "src",
        (
            Revision(at(0), Configuration((kept, rule("dst-c", id="gone")))),
            Revision(at(60), Configuration((kept, new))),
        ),
    )
    shown_bucket = row.tracked_bucket("src", {"src": history}, tracking("dst-a"))
    buckets_schemas.Bucket.model_validate(shown_bucket)
    assert shown_bucket["role"] == "source"
    assert (shown_bucket["region"], shown_bucket["account"]) == ("eu-west-1", "1")
    assert shown_bucket["tracking_since"] == at(0)
    assert shown_bucket["destinations"] == ["dst-a", "dst-b", "dst-c"]
    first, second = shown_bucket["rules"]
    assert (first["id"], first["since"], first["status"]) == ("kept", at(0), "Enabled")
    assert (second["id"], second["since"], second["status"]) == ("new", at(60), "Disabled")
    assert second["replication_time_control"] == 15


def test_a_bucket_that_was_never_read_claims_nothing() -> None:
    shown_bucket = row.tracked_bucket("src", {"src": None}, tracking("dst-a"))
    assert shown_bucket["rules"] is None
    assert shown_bucket["destinations"] is None
    assert shown_bucket["tracking_since"] is None


def test_two_buckets_that_replicate_into_each_other_are_both_both() -> None:
    histories = {
        "one": RuleHistory("one", (Revision(at(0), Configuration((rule("two"),))),)),
        "two": RuleHistory("two", (Revision(at(0), Configuration((rule("one"),))),)),
    }
    shown_bucket = row.tracked_bucket("one", histories, tracking())
    assert (shown_bucket["region"], shown_bucket["account"]) == (None, None)
    assert shown_bucket["role"] == "source_and_destination"
    assert (shown_bucket["sources"], shown_bucket["destinations"]) == (["two"], ["two"])


@pytest.mark.parametrize(("hours", "stale"), [(23, False), (24, True), (2400, True)])
def test_what_is_pending_for_a_day_is_stale_and_nothing_worse(hours: int, stale: bool) -> None:
    record = stored(requested())
    present = row.AsOf(times.plus(at(0), hours * 3600))
    (place,) = row.tracked_object([record], "src", present)["destinations"]
    assert (place["stale"], place["status"]) == (stale, "PENDING")
    assert row.row(record, present)["stale"] is stale
    done = stored(requested(), arrived(3))
    assert row.row(done, present)["stale"] is False


def test_age_counts_from_the_first_request_that_was_not_fulfilled() -> None:
    tried_again = (Kind.OBSERVED, 1800, {"status": Status.PENDING})
    record = stored(requested(0), failed(60), tried_again)
    assert row.row(record, PRESENT)["since"] == at(1800)
    assert row.row(record, PRESENT)["age_seconds"] == 3600.0
    late = row.AsOf(times.plus(at(0), 86_400))
    assert row.row(record, late)["stale"] is True

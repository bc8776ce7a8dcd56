"""What an incident becomes, and what is told of it, from counters and what a batch said."""

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from replication.aws.table.stream_record import read_record
from replication.counters import incident as counters_incident
from replication.counters.counter import BenignKeys, FailureKind, ItemImage
from replication.counters.incident import Incident, Sample
from summarize import incident_life, incident_message
from summarize.incident_life import BatchDigest, IncidentEvent, KindDigest
from tests.announce.conftest import record
from tests.support.seeds import arrived, at, failed, requested, stored, version

if TYPE_CHECKING:
    from collections.abc import Mapping

TROUBLE = FailureKind("src", "dst-a", "rule-a", "DstPutObjectNotPermitted", benign=False)
NOTHING = KindDigest()


def after(
    current: Incident | None, heard: KindDigest, *, failing: int, failures: int
) -> Incident | None:
    counted: Mapping[str, int] = {
        "failing": failing,
        "failures": failures,
        "failing_bytes": 1024 * failing,
    }
    return incident_life.after(current, TROUBLE, counted, heard, at(100), "id-1")


def opened(failures: int = 1) -> Incident:
    heard = KindDigest(failures, at(3), at(4), None, (Sample("a/key", "v1"),))
    found = after(None, heard, failing=failures, failures=failures)
    assert found is not None
    return found


def heard_of(*records: dict[str, object]) -> BatchDigest:
    hearing = BatchDigest(BenignKeys(("*.tflock",)))
    for one in records:
        read = read_record(one)
        hearing.add(read.old, read.new)
    return hearing


def test_the_first_failure_opens_an_incident_and_is_told() -> None:
    incident = opened()
    assert (incident.state, incident.failures, incident.failing) == ("open", 1, 1)
    assert incident_life.due_event(incident) is IncidentEvent.OPENED
    assert incident_life.due_event(incident_life.with_level_announced(incident)) is None


@pytest.mark.parametrize(
    ("before", "now", "event"),
    [(1, 9, None), (1, 10, IncidentEvent.GROWN), (99, 100, IncidentEvent.GROWN), (100, 999, None)],
)
def test_it_is_told_again_at_ten_times_as_many(
    before: int, now: int, event: IncidentEvent | None
) -> None:
    known = incident_life.with_level_announced(opened(before))
    grown = after(known, NOTHING, failing=now, failures=now)
    assert grown is not None
    assert incident_life.due_event(grown) is event


def test_a_hundred_thousand_failures_one_by_one_are_six_messages() -> None:
    current: Incident | None = None
    told = []
    for failures in [*range(1, 200), 999, 1_000, 5_000, 10_000, 99_999, 100_000]:
        current = after(current, NOTHING, failing=failures, failures=failures)
        assert current is not None
        if event := incident_life.due_event(current):
            told.append(event)
            current = incident_life.with_level_announced(current)
    assert told == [IncidentEvent.OPENED, *[IncidentEvent.GROWN] * 5]


def test_failures_of_an_earlier_incident_are_not_of_this_one() -> None:
    found = after(None, KindDigest(2, at(3), at(4)), failing=2, failures=5_002)
    assert found is not None
    assert (found.failures, found.failures_before) == (2, 5_000)


def test_it_resolves_when_the_route_completed_again_and_nothing_is_failed() -> None:
    current = incident_life.with_level_announced(opened(2))
    retried = after(current, KindDigest(completed_at=at(9)), failing=1, failures=2)
    assert retried is not None
    assert retried.state == "open"
    assert retried.recovered_at == at(9)
    done = after(retried, NOTHING, failing=0, failures=2)
    assert done is not None
    assert done.state == "resolved"
    assert incident_life.due_event(done) is IncidentEvent.RESOLVED


def test_objects_that_were_deleted_do_not_prove_the_route_well() -> None:
    gone = after(incident_life.with_level_announced(opened()), NOTHING, failing=0, failures=1)
    assert gone is not None
    assert gone.state == "open"
    well = after(gone, KindDigest(completed_at=at(9)), failing=0, failures=1)
    assert well is not None
    assert well.state == "resolved"


def test_a_completion_before_the_last_failure_proves_nothing() -> None:
    found = after(opened(), KindDigest(completed_at=at(3.5)), failing=0, failures=1)
    assert found is not None
    assert found.state == "open"
    later = after(
        replace(opened(), recovered_at=at(9)), KindDigest(1, at(20), at(20)), failing=1, failures=2
    )
    assert later is not None
    assert later.recovered_at is None


def test_nothing_failing_is_no_incident() -> None:
    assert after(None, KindDigest(1, at(3), at(3)), failing=0, failures=1) is None


def test_a_message_says_what_failed_what_to_do_and_where_the_list_is() -> None:
    heard = heard_of(
        *(record(n, stored(requested(0), failed(n), of=version(f"k{n}"))) for n in range(1, 9))
    )
    ((trouble, known),) = heard.failure_kinds.items()
    found = after(None, known, failing=8, failures=8)
    assert found is not None
    assert trouble == TROUBLE
    message = incident_message.incident_message(found, IncidentEvent.OPENED)
    body = message.body
    assert body["event"] == "opened"
    assert (body["failures"], body["failing"], body["bytes_held_back"]) == (8, 8, 8 * 1024)
    assert (body["first_failed_at"], body["last_failed_at"]) == (at(1), at(8))
    assert [one["key"] for one in body["samples"]] == ["k1", "k2", "k3", "k4", "k5"]
    assert body["failure"]["explanation"]
    assert body["failure"]["fix"]
    assert body["list_path"] == (
        "/v1/buckets/src/objects?status=FAILED&destination=dst-a&rule_id=rule-a"
        "&reason=DstPutObjectNotPermitted"
    )
    assert len(message.subject) < 100
    assert set(message.attributes) == {
        *("event", "bucket", "destination", "rule_id", "failure_code"),
    }


def test_a_batch_is_heard_by_what_it_changed() -> None:
    failing = stored(requested(0), failed(3))
    recovered = stored(requested(0), failed(3), arrived(9))
    hearing = heard_of(record(1, recovered, failing), record(2, failing, failing))
    assert hearing.of(TROUBLE) == KindDigest(completed_at=at(9))
    assert list(hearing.failure_kinds) == [TROUBLE]
    assert list(heard_of(record(3, None, failing)).failure_kinds) == [TROUBLE]


def test_an_incident_reads_back_as_it_was_written() -> None:
    whole = replace(opened(12), recovered_at=at(5), resolved_at=at(6), level=10)
    assert counters_incident.decode(counters_incident.encode(whole)) == whole


def test_a_batch_without_failures_touches_no_trouble() -> None:
    seen = read_record(record(1, stored(requested(0), arrived(3)))).new
    assert isinstance(seen, ItemImage)
    assert heard_of(record(1, stored(requested(0), arrived(3)))).failure_kinds == {}

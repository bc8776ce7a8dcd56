"""What the items of one version say together: its status, whether it exists, which is newest."""

from typing import Any

import pytest

from replication.ledger import version_items
from replication.ledger.fact import Kind
from replication.ledger.item import LedgerItem
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from tests.support.seeds import arrived, at, failed, requested, stored, version

NULL = version(version_id="null")

# What inventories, HEADs and refused reads leave behind.
INVENTORY = {"evidence": Evidence.INVENTORY}
NOTED = (Kind.NOTED, 60, INVENTORY)
DOUBTFUL = (Kind.NOTED, 60, INVENTORY | {"in_doubt": True})
NOT_TAKEN = {"evidence": Evidence.HEAD_SOURCE, "status": None}


def listed(status: Status, seconds: float = 60) -> LedgerItem:
    """An inventory told a status, and not of which destination."""
    return stored((Kind.OBSERVED, seconds, INVENTORY | {"status": status}), destination="")


def ineligible(seconds: float = 0, of: ObjectVersion | None = None) -> LedgerItem:
    return stored((Kind.INELIGIBLE, seconds), destination="", of=of)


def deleted(seconds: float, **more: Any) -> tuple[Kind, float, dict[str, Any]]:
    return Kind.DELETED, seconds, more


def eligible(*items: LedgerItem, in_doubt: bool = False) -> bool | None:
    return version_items.is_eligible(items, in_doubt=in_doubt)


def test_a_status_a_list_told_of_no_destination_is_the_version_s_own() -> None:
    alone = stored(
        (Kind.INELIGIBLE, 0),
        (Kind.OBSERVED, 60, INVENTORY | {"status": Status.FAILED}),
        destination="",
    )
    assert version_items.replication_status([alone]) is Status.FAILED
    assert version_items.destinations([alone]) == []


@pytest.mark.parametrize(
    ("looked", "status"), [(30, "FAILED"), (90, None)], ids=["before it", "after it"]
)
def test_what_was_read_later_counts_more_than_a_list(looked: float, status: str | None) -> None:
    items = [listed(Status.FAILED), stored((Kind.OBSERVED, looked, NOT_TAKEN))]
    assert version_items.replication_status(items) == status


def test_what_is_known_of_every_destination_counts_more_than_a_list() -> None:
    items = [listed(Status.FAILED), stored(requested(), arrived(2))]
    assert version_items.replication_status(items) is Status.COMPLETED


def test_the_item_without_a_destination_counts_for_nothing_beside_others() -> None:
    items = [ineligible(), stored(requested(), arrived(2))]
    assert version_items.replication_status(items) is Status.COMPLETED
    assert [one.destination for one in version_items.destinations(items)] == ["dst-a"]


def test_what_s3_said_of_the_version_stands_where_one_destination_is_unknown() -> None:
    unknown = stored(NOTED, destination="dst-b")
    items = [listed(Status.COMPLETED), stored(requested(), arrived(2)), unknown]
    assert version_items.replication_status(items) is Status.COMPLETED


def test_completed_and_unknown_is_unknown_and_never_pending() -> None:
    items = [stored(requested(), arrived(2)), stored(NOTED, destination="dst-b")]
    assert version_items.replication_status(items) is None


def test_an_arrival_after_s3_said_failed_leaves_the_status_open() -> None:
    """Whether the failed one is the one that arrived, or the other, nobody knows."""
    unknown = stored(NOTED, destination="dst-b")
    items = [listed(Status.FAILED), stored(requested(), arrived(90)), unknown]
    assert version_items.replication_status(items) is None


def test_an_arrival_after_s3_said_completed_changes_nothing() -> None:
    unknown = stored(NOTED, destination="dst-b")
    items = [listed(Status.COMPLETED), stored(requested(), arrived(90)), unknown]
    assert version_items.replication_status(items) is Status.COMPLETED


def test_a_status_that_was_read_once_more_counts_from_then() -> None:
    read = {"evidence": Evidence.HEAD_SOURCE, "status": Status.FAILED}
    twice = stored(
        (Kind.OBSERVED, 60, INVENTORY | {"status": Status.FAILED}),
        (Kind.OBSERVED, 120, read),
        destination="",
    )
    items = [twice, stored(requested(), arrived(90)), stored(NOTED, destination="dst-b")]
    assert version_items.replication_status(items) is Status.FAILED
    elsewhere = [twice, stored((Kind.OBSERVED, 120, NOT_TAKEN))]
    assert version_items.replication_status(elsewhere) is Status.FAILED, "no known place has it"


def test_a_change_since_then_puts_what_s3_said_into_doubt() -> None:
    doubtful = (
        Kind.VERDICT,
        90,
        {"evidence": Evidence.OBJECT_CHANGED, "status": Status.PENDING, "in_doubt": True},
    )
    items = [
        listed(Status.COMPLETED),
        stored(requested(), arrived(2)),
        stored(NOTED, doubtful, destination="dst-b"),
    ]
    assert version_items.replication_status(items) is None


def test_an_end_alone_makes_no_destination() -> None:
    items = [stored(requested(), arrived(2)), stored(deleted(5), destination="dst-b")]
    assert [one.destination for one in version_items.destinations(items)] == ["dst-a"]
    assert version_items.replication_status(items) is Status.COMPLETED


def test_a_version_that_a_rule_takes_is_eligible() -> None:
    assert eligible(stored(requested())) is True
    assert eligible(stored(requested(), failed(3))) is True
    assert eligible(listed(Status.PENDING)) is True


def test_a_version_that_no_rule_takes_is_not_and_the_answer_says_so() -> None:
    assert eligible(ineligible()) is False
    assert eligible(stored((Kind.OBSERVED, 90, NOT_TAKEN))) is False
    assert eligible(ineligible(), stored((Kind.OBSERVED, 90, NOT_TAKEN))) is False


def test_whether_a_rule_takes_it_is_unknown_where_nothing_says_so() -> None:
    assert eligible(stored(NOTED)) is None
    assert eligible(stored(DOUBTFUL), in_doubt=True) is None
    assert eligible(ineligible(), stored(NOTED)) is None
    assert eligible(stored(deleted(5), destination="")) is None


def test_doubt_leaves_open_what_the_rules_said_and_not_what_s3_did() -> None:
    assert eligible(ineligible(), in_doubt=True) is None
    assert eligible(stored(requested()), in_doubt=True) is None
    assert eligible(stored(requested(), arrived(2)), in_doubt=True) is True


def test_one_destination_that_has_it_makes_it_eligible_whatever_is_known_of_others() -> None:
    assert eligible(stored(requested(), arrived(2)), stored(NOTED, destination="dst-b")) is True


def test_a_version_that_was_deleted_anywhere_is_deleted() -> None:
    items = [stored(deleted(5), destination=""), stored(requested(0), arrived(2))]
    assert version_items.deleted_at(items) == at(5)


def test_a_null_version_written_again_is_not_deleted_any_more() -> None:
    old = stored(requested(0), deleted(5), destination="dst-b", of=NULL)
    assert version_items.deleted_at([old]) == at(5)
    assert version_items.deleted_at([old, stored(requested(6, sequencer="01"), of=NULL)]) is None


@pytest.mark.parametrize(
    ("written", "ended", "lives"),
    [("0A", "0B", False), ("0B", "0A", True), ("0a01", "0A", True), (None, "0A", True)],
    ids=["deleted last", "written last", "padded", "nobody knows"],
)
def test_within_a_second_the_sequencer_tells_whether_a_null_version_lives(
    written: str | None, ended: str, lives: bool
) -> None:
    again = stored(requested(5, sequencer=written), of=NULL)
    end = stored(deleted(5.4, sequencer=ended), destination="dst-b", of=NULL)
    assert (version_items.deleted_at([again, end]) is None) is lives


def test_a_destination_holds_what_arrived_and_was_not_deleted_there() -> None:
    assert not version_items.holds([stored(requested())], "dst-a")
    assert version_items.holds([stored(requested(), arrived(4))], "dst-a")
    assert not version_items.holds([stored(requested(), arrived(4))], "dst-b")
    assert not version_items.holds(
        [stored(requested(), arrived(4), (Kind.REPLICA_DELETED, 9))], "dst-a"
    )
    # Tags that failed to replicate take no replica away.
    assert version_items.holds(
        [stored(requested(), arrived(4), (Kind.CHANGED, 5), failed(6))], "dst-a"
    )


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        pytest.param(requested(1.0), requested(2.0, sequencer="00"), id="by the second"),
        pytest.param(
            requested(1.9, sequencer="00A1"), requested(1.0, sequencer="00A2"), id="by sequencer"
        ),
        pytest.param(
            requested(1.9, sequencer="00a1"), requested(1.0, sequencer="00A10001"), id="padded"
        ),
        pytest.param(
            requested(1.1, sequencer=None), requested(1.2, sequencer=None), id="by the millisecond"
        ),
    ],
)
def test_versions_of_a_key_sort_by_when_they_were_written(older: Any, newer: Any) -> None:
    first = [stored(older, of=version(version_id="z"))]
    second = [stored(newer, of=version(version_id="a"))]
    assert version_items.age_of(first) < version_items.age_of(second)


def test_a_version_whose_creation_is_unknown_sorts_by_what_was_asked_for() -> None:
    known = [stored(requested(5), of=version(version_id="a"))]
    told = stored(failed(9, requested_at=at(4)), of=version(version_id="b"))
    assert version_items.age_of([told]) < version_items.age_of(known)

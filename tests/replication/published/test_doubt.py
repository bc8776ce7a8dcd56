"""Doubt is a flag beside the status: kept with a version, or derived from when it was written."""

from typing import Any

import pytest

from query.rows import schemas
from replication import times
from replication.ledger.fact import Kind
from replication.ledger.item import LedgerItem
from replication.published import row as published_row
from replication.s3.status import Status
from replication.times import Instant
from tests.support.seeds import arrived, at, failed, requested, stored

NOW = Instant("2026-11-22T11:00:00.000Z")
PRESENT = published_row.AsOf(NOW)


def shown(*records: LedgerItem) -> dict[str, Any]:
    return published_row.tracked_object(records, "src", PRESENT)


DOUBTFUL = (Kind.POSSIBLE, 0)


def test_a_destination_that_is_in_doubt_makes_the_object_so() -> None:
    shown_object = shown(stored(requested(), arrived(2)), stored(DOUBTFUL, destination="dst-b"))
    assert shown_object["in_doubt"] is True
    assert shown_object["replication_status"] is None
    assert [(one["status"], one["in_doubt"]) for one in shown_object["destinations"]] == [
        ("COMPLETED", False),
        (None, True),
    ]


def test_doubt_about_every_destination_is_the_object_s_and_shows_none() -> None:
    shown_object = shown(stored((Kind.POSSIBLE, 0), destination=""))
    assert (shown_object["in_doubt"], shown_object["eligible"]) == (True, None)
    assert shown_object["destinations"] == []
    row = published_row.row(stored((Kind.POSSIBLE, 0), destination=""), PRESENT)
    assert (row["destination"], row["status"], row["in_doubt"]) == (None, None, True)
    schemas.Row.model_validate(row)


@pytest.mark.parametrize("certain_until", [-60, 60, None])
def test_a_version_newer_than_the_last_read_of_its_rules_is_in_doubt(
    certain_until: float | None,
) -> None:
    """Nobody keeps that: the next read ends it."""
    until = None if certain_until is None else times.plus(at(0), certain_until)
    present = published_row.AsOf(NOW, certain_until={"src": until})
    doubted = certain_until == -60
    record = stored(requested(), arrived(2))
    shown_object = published_row.tracked_object([record], "src", present)
    assert shown_object["in_doubt"] is doubted
    assert shown_object["replication_status"] == "COMPLETED"
    assert shown_object["destinations"][0]["in_doubt"] is doubted
    assert published_row.row(record, present)["in_doubt"] is doubted


def test_without_rules_to_go_by_no_doubt_is_derived() -> None:
    assert shown(stored(requested()))["in_doubt"] is False


def test_doubt_is_about_when_the_version_was_written_and_not_about_later_news() -> None:
    present = published_row.AsOf(NOW, certain_until={"src": at(60)})
    told_later = stored(failed(300, requested_at=at(240)), destination="dst-b")
    shown_object = published_row.tracked_object([stored(requested()), told_later], "src", present)
    assert shown_object["in_doubt"] is False
    assert published_row.row(told_later, present)["in_doubt"] is True, (
        "of its row alone nobody knows"
    )


def test_a_version_that_was_deleted_is_not_in_doubt() -> None:
    present = published_row.AsOf(NOW, certain_until={"src": at(0)})
    record = stored(requested(5), (Kind.DELETED, 9))
    assert published_row.tracked_object([record], "src", present)["in_doubt"] is False


@pytest.mark.parametrize("destination", ["dst-a", ""])
def test_a_doubt_that_stood_at_the_deletion_stays_with_the_last_status(destination: str) -> None:
    """S3 cannot be asked any more, so nothing more is claimed: neither that no rule took it, nor
    that it certainly failed there."""
    record = stored(DOUBTFUL, (Kind.DELETED, 9), destination=destination)
    shown_object = shown(record)
    assert (shown_object["in_doubt"], shown_object["eligible"]) == (False, None)
    read = (Kind.OBSERVED, 5, {"status": Status.FAILED, "in_doubt": True})
    (place,) = shown(stored(requested(), read, (Kind.DELETED, 9)))["destinations"]
    assert (place["status"], place["in_doubt"]) == ("FAILED", True)


def test_rules_that_were_never_read_make_nothing_certain() -> None:
    never = published_row.certainty({"src": None, "other": None})
    present = published_row.AsOf(NOW, certain_until=never)
    assert published_row.row(stored(requested(), arrived(2)), present)["in_doubt"] is True


def test_a_replica_is_in_no_doubt_and_its_rules_are_no_question() -> None:
    present = published_row.AsOf(NOW, certain_until={"src": times.plus(at(0), -60)})
    replica = published_row.tracked_object([stored(requested(), arrived(2))], "dst-a", present)
    assert (replica["in_doubt"], replica["eligible"]) == (False, None)


@pytest.mark.parametrize(("read", "doubted"), [(0.5, True), (0.999, False), (1.0, False)])
def test_a_version_of_the_second_of_the_read_may_be_newer(read: float, doubted: bool) -> None:
    """EventBridge gives whole seconds."""
    present = published_row.AsOf(NOW, certain_until={"src": at(read)})
    assert published_row.row(stored(requested(), arrived(2)), present)["in_doubt"] is doubted

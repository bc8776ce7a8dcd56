"""Redrives in the table: writes that meet each other, markers, claims."""

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from replication.aws.table.redrives import RedriveTable
from replication.published.automatic import AutoRule, RuleNote, Spent
from replication.published.redrive import Job, Redrive, RedriveState, Selection, Written
from replication.times import Instant

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NOW = Instant("2026-11-22T09:00:00.000Z")
JOB = Job("src", 1, 10, 0, (Written("dst", 1, 10),), "m.csv", "etag")


def redrive(redrive_id: str = "r1", **more: object) -> Redrive:
    return replace(Redrive(redrive_id, NOW, "arn:me", Selection(prefix="é/")), **more)  # type: ignore[arg-type]


@pytest.fixture
def redrives(dynamodb: "DynamoDBClient", table: str) -> RedriveTable:
    return RedriveTable(dynamodb, table)


def test_a_redrive_is_found_as_it_was_saved(redrives: RedriveTable) -> None:
    one = redrive(jobs=(JOB,), state=RedriveState.PLANNED)
    assert redrives.save(one, 0, NOW)
    assert redrives.found("r1") == (one, 1)
    assert redrives.find("none") is None
    assert redrives.find("") is None
    assert redrives.find("x" * 1_025) is None


def test_of_two_writers_one_has_to_read_again(redrives: RedriveTable) -> None:
    assert redrives.save(redrive(), 0, NOW)
    assert not redrives.save(redrive(), 0, NOW)
    assert redrives.save(redrive(force=True), 1, NOW)
    assert not redrives.save(redrive(), 1, NOW)


def test_open_ones_are_known_until_they_end(redrives: RedriveTable) -> None:
    redrives.save(redrive("r1"), 0, NOW)
    redrives.save(redrive("r2"), 0, NOW)
    assert redrives.open_ids() == ["r1", "r2"]
    redrives.save_progress("r1", "draft", 0, NOW)
    redrives.claim("src", "r1")
    redrives.save(redrive("r1", state=RedriveState.REFUSED, jobs=(JOB,)), 1, NOW)
    assert redrives.open_ids() == ["r2"]
    assert redrives.progress("r1") is None
    assert redrives.claim("src", "r2") == "r2"


def test_they_are_listed_newest_first_page_by_page(redrives: RedriveTable) -> None:
    for number in range(5):
        redrives.save(redrive(f"r{number}"), 0, NOW)
    assert [one.id for one in redrives.listed(None, 2)] == ["r4", "r3"]
    assert [one.id for one in redrives.listed("r3", 9)] == ["r2", "r1", "r0"]


def test_progress_is_written_by_one_round_at_a_time(redrives: RedriveTable) -> None:
    assert redrives.save_progress("r1", "a", 0, NOW)
    assert not redrives.save_progress("r1", "b", 0, NOW)
    assert redrives.progress("r1") == ("a", 1, NOW)
    assert redrives.save_progress("r1", "b", 1, NOW)


def test_a_bucket_has_one_holder(redrives: RedriveTable) -> None:
    assert redrives.claim("src", "r1") == "r1"
    assert redrives.claim("src", "r1") == "r1"
    assert redrives.claim("src", "r2") == "r1"
    redrives.release("src", "r2")
    assert redrives.claim("src", "r2") == "r1"
    assert redrives.claim("src", "r2", instead_of="r1") == "r2"
    redrives.release("src", "r2")
    assert redrives.claim("src", "r3") == "r3"


def test_what_a_rule_did_last_and_what_a_day_spent(redrives: RedriveTable) -> None:
    rule = AutoRule("src", "dst", "Code")
    assert redrives.note(rule) is None
    note = RuleNote(rule, "r1", "i1")
    redrives.save_note(note, NOW)
    assert redrives.note(rule) == note
    assert list(redrives.notes()) == [note]
    assert redrives.spent("2026-11-22") == Spent("2026-11-22")
    spent = Spent("2026-11-22", 1, 5, 0.25)
    redrives.save_spent(spent, NOW)
    assert redrives.spent("2026-11-22") == spent
    assert redrives.open_ids() == []

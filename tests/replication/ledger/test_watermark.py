"""What a destination lacks decides how far "everything before" reaches."""

from dataclasses import replace

import pytest

from replication.aws.table.ledger_item import item_of
from replication.ledger.fact import Kind
from replication.ledger.item import LedgerItem
from replication.ledger.watermark import (
    PRESENT_SECONDS,
    SHOWN,
    Reason,
    Watermark,
    watermark,
    why_incomplete,
    why_not_current,
)
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from replication.times import Instant, plus
from tests.support.fakes import history, rule
from tests.support.seeds import arrived, at, failed, requested, stored, version

YOUNG = history("src", rule("dst-a"), since="2026-11-22T09:00:00.000Z")
KNOWN = replace(YOUNG, listed=True)
NOW = at(600)


def mark(*oldest: LedgerItem) -> Watermark:
    return watermark("src", KNOWN, oldest, NOW, NOW)


def test_with_nothing_outstanding_it_is_the_present() -> None:
    found = mark()
    assert (found.at, found.held_back_by, found.reason) == (NOW, (), None)
    assert found.lag_seconds(NOW) == 0


def test_the_oldest_request_counts_and_not_the_latest_failure() -> None:
    asked_first = stored(requested(10), failed(500), of=version("failed-late"))
    pending = stored(requested(20), of=version("pending"))
    found = mark(pending, asked_first)
    assert found.at == at(10)
    assert [one.version.key for one in found.held_back_by] == ["failed-late", "pending"]
    assert found.lag_seconds(NOW) == 590
    assert found.oldest_pending == pending


def test_a_pending_version_that_was_only_found_later_holds_it_back_from_its_request() -> None:
    listed = stored(
        (
            Kind.OBSERVED,
            500,
            {
                "status": Status.PENDING,
                "evidence": Evidence.INVENTORY,
                "requested_at": at(30),
            },
        )
    )
    assert listed.record.state.outstanding_since == at(30)
    assert item_of(listed, 2)["held"]["S"].startswith(f"{at(30)}#")


def test_a_common_life_never_enters_the_second_index() -> None:
    for life in ([requested(0)], [requested(0), arrived(3)]):
        assert "held" not in item_of(stored(*life), 2)
    assert "held" in item_of(stored(requested(0), failed(3)), 2)
    assert "held" not in item_of(stored(requested(0), failed(3), arrived(4)), 2)


def test_what_holds_it_back_is_named_once_and_only_the_oldest() -> None:
    many = [stored(requested(n), of=version(f"k{n}")) for n in range(20)]
    found = mark(*many, *many)
    assert [one.version.key for one in found.held_back_by] == [f"k{n}" for n in range(SHOWN)]


def test_what_is_in_doubt_counts_as_lacking_until_it_is_decided() -> None:
    doubtful = stored((Kind.POSSIBLE, 40))
    nowhere = stored((Kind.POSSIBLE, 30), destination="")
    found = mark(doubtful, nowhere)
    assert found.at == at(30)
    assert found.held_back_by == (nowhere, doubtful)
    assert found.oldest_pending is None
    ruled_out = stored((Kind.POSSIBLE, 40), (Kind.OBSERVED, 90, {"status": None}))
    assert mark(ruled_out).at == NOW


def test_a_request_that_was_not_fulfilled_holds_it_back_through_a_change() -> None:
    asked_again = {"status": Status.PENDING, "evidence": Evidence.OBJECT_CHANGED}
    for life in ([requested(0)], [requested(0), failed(60)]):
        assert mark(stored(*life, (Kind.VERDICT, 500, asked_again))).at == at(0)


def test_it_never_passes_what_was_heard_of_the_queue() -> None:
    assert watermark("src", KNOWN, [], NOW, at(120)).at == at(120)
    assert watermark("src", KNOWN, [stored(requested(10))], NOW, at(120)).at == at(10)


def test_before_anything_was_heard_it_stands_where_tracking_began() -> None:
    found = watermark("src", KNOWN, [], NOW)
    assert (found.at, found.reason) == (KNOWN.first_read_at, "nothing-heard-yet")


def test_what_was_written_before_s3_surely_sent_events_is_in_no_complete_answer() -> None:
    first = replace(YOUNG.revisions[0], events_from=at(300))
    fresh = replace(YOUNG, revisions=(first,))
    found = watermark("src", fresh, [], NOW, NOW)
    assert (found.at, found.reason) == (NOW, "not-listed-before")
    assert watermark("src", fresh, [], at(10)).at == fresh.first_read_at
    assert why_incomplete(fresh, NOW, NOW, at(299)) is Reason.NOT_LISTED_BEFORE
    assert why_incomplete(fresh, NOW, NOW, at(300)) is None


def test_it_never_passes_what_is_known_of_the_rules() -> None:
    read = replace(KNOWN, read_at=at(300))
    assert watermark("src", read, [], NOW, NOW).at == at(300)


def test_on_a_bucket_that_was_never_listed_it_goes_on_and_says_so() -> None:
    found = watermark("src", YOUNG, [], NOW, NOW)
    assert (found.at, found.reason) == (NOW, "not-listed-before")
    assert found.lag_seconds(NOW) == 0


def test_without_rules_it_vouches_for_nothing() -> None:
    assert watermark("src", None, [], NOW, NOW).reason == "rules-never-read"


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_sentence(reason: Reason) -> None:
    assert reason.detail("a-bucket").endswith(".")
    assert "{" not in reason.detail("a-bucket")


def test_a_list_of_all_time_is_complete_only_when_everything_was_read() -> None:
    since = KNOWN.tracking_since
    assert why_incomplete(KNOWN, NOW, NOW) is None
    assert why_incomplete(YOUNG, NOW, NOW) is Reason.NOT_LISTED_BEFORE
    assert why_incomplete(YOUNG, NOW, NOW, since) is None
    assert why_incomplete(YOUNG, NOW, NOW, plus(since, -0.001)) is Reason.NOT_LISTED_BEFORE
    assert why_incomplete(KNOWN, NOW, NOW, plus(since, -0.001)) is None
    assert why_incomplete(None, NOW, NOW) is Reason.RULES_NEVER_READ


def test_what_was_written_before_events_surely_came_again_is_in_no_complete_answer() -> None:
    missed = replace(KNOWN, missed_until=at(300))
    assert watermark("src", missed, [], NOW, NOW).reason is Reason.EVENTS_MISSED
    assert why_incomplete(missed, NOW, NOW) is Reason.EVENTS_MISSED
    assert why_incomplete(missed, NOW, NOW, at(299)) is Reason.EVENTS_MISSED
    assert why_incomplete(missed, NOW, NOW, at(300)) is None


def test_a_list_is_never_complete_beyond_what_was_heard() -> None:
    heard = at(300)
    assert why_incomplete(KNOWN, None, NOW) is Reason.NOTHING_HEARD_YET
    assert why_incomplete(KNOWN, heard, NOW, until=heard) is None
    assert why_incomplete(KNOWN, heard, NOW, until=plus(heard, 0.001)) is Reason.NOT_HEARD_YET


def test_an_open_end_may_be_ten_minutes_behind() -> None:
    def reaching(now: Instant) -> Reason | None:
        return why_not_current(KNOWN, at(0), now, None)

    assert reaching(plus(at(0), PRESENT_SECONDS)) is None
    assert reaching(plus(at(0), PRESENT_SECONDS + 0.001)) is Reason.NOT_HEARD_YET


def test_a_list_is_not_complete_beyond_a_change_of_the_rules_that_was_not_looked_back_at() -> None:
    changing = replace(KNOWN, read_at=at(60))
    assert why_incomplete(changing, NOW, NOW, until=at(60)) is None
    assert why_incomplete(changing, NOW, NOW, until=at(61)) is Reason.NOT_HEARD_YET

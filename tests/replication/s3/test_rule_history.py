"""Which rules a version met, and when nobody can be sure of it."""

import pytest

from replication.s3.rule_history import NOTICE_SECONDS, Revision, RuleHistory
from replication.s3.rules import Configuration
from replication.times import Instant, plus
from tests.support.fakes import rule

BEGIN = Instant("2026-11-22T10:00:00.000Z")
CHANGE = plus(BEGIN, 3_600)
HISTORY = RuleHistory(
    "src",
    (
        Revision(BEGIN, Configuration((rule("old", "a/"),))),
        Revision(CHANGE, Configuration((rule("new"),))),
    ),
)


@pytest.mark.parametrize(
    ("created_at", "in_doubt"),
    [
        (None, True),
        (plus(BEGIN, -86_400), True),
        (plus(BEGIN, NOTICE_SECONDS), True),
        (plus(BEGIN, NOTICE_SECONDS + 1), False),
        (plus(CHANGE, -NOTICE_SECONDS - 1), False),
        (plus(CHANGE, -NOTICE_SECONDS), True),
        (plus(CHANGE, NOTICE_SECONDS), True),
        (plus(CHANGE, 86_400), False),
    ],
)
def test_the_rules_of_a_time_are_in_doubt_about_a_change_and_before_tracking(
    created_at: Instant | None, in_doubt: bool
) -> None:
    """Rules are read once a minute, so a change nobody announces is dated late."""
    assert HISTORY.in_doubt(created_at, plus(CHANGE, 10 * 86_400)) is in_doubt


@pytest.mark.parametrize(("seconds", "in_doubt"), [(0, True), (65, True), (66, False)])
def test_a_change_may_not_have_been_noticed_yet(seconds: int, in_doubt: bool) -> None:
    created_at = plus(CHANGE, 86_400)
    assert HISTORY.in_doubt(created_at, plus(created_at, seconds)) is in_doubt


def test_any_rule_there_ever_was_makes_a_destination_possible() -> None:
    assert list(HISTORY.candidates("a/key")) == ["new", "old"]
    assert list(HISTORY.candidates("b/key")) == ["new"]


@pytest.mark.parametrize("noticed_after", [2, 65, 300])
def test_between_a_reported_second_and_the_read_of_the_rules_there_may_have_been_more_changes(
    noticed_after: int,
) -> None:
    first, later = HISTORY.revisions[0], HISTORY.revisions[-1].configuration
    noticed_at = plus(CHANGE, noticed_after)
    reported = Revision(CHANGE, later, not_before=CHANGE, told=True, noticed_at=noticed_at)
    history = RuleHistory("src", (first, reported), read_at=plus(CHANGE, 86_400))
    assert len(history.met(plus(CHANGE, -1))) == 1
    assert len(history.met(plus(CHANGE, 1))) == 2
    assert len(history.met(noticed_at)) == 2
    assert len(history.met(plus(noticed_at, 1))) == 1

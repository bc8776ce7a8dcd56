"""Which destination a row about a whole object may speak for."""

import pytest

from backfill.row_claims import NEVER_TRIED, Found, Question, RowClaims
from replication.head.port import Head
from replication.ledger.fact import Kind
from replication.ledger.fold import fold
from replication.published.backfill import Outcome
from replication.s3.deliveries import Delivery, Listed, Task
from replication.s3.evidence import Evidence
from replication.s3.rule_history import Revision, RuleHistory
from replication.s3.rules import Configuration, Rule
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import Instant, plus
from tests.support.fakes import history, rule

SCANNED = Instant("2026-11-22T10:00:00.000Z")
NOW = Instant("2026-11-22T12:00:00.000Z")
WRITTEN = Instant("2026-11-01T08:30:00.000Z")
VERSION = ObjectVersion("src", "a/k", "v1")
TAGGED = (("replicate", "yes"),)


def listed(status: Status | None = Status.COMPLETED, **more: object) -> Listed:
    known: dict[str, object] = {"size": 7, "etag": "e", "last_modified": WRITTEN}
    return Listed(VERSION, status, **(known | more))  # type: ignore[arg-type]


def found(row: Listed | Task, *rules: Rule, of: RuleHistory | None = None, **more: bool) -> Found:
    evidence = Evidence.INVENTORY if isinstance(row, Listed) else Evidence.BATCH_REPORT
    delivery = Delivery(evidence, SCANNED, (), (), "src")
    return RowClaims(delivery, "run", of or history("src", *rules), **more).found(row)


def statuses(what: Found) -> dict[str, Status | None]:
    """By destination; None is noted only."""
    return {claim.fact.destination: claim.fact.status for claim in what.claims}


@pytest.mark.parametrize("status", Status)
def test_the_only_possible_destination_has_the_status_of_the_header(status: Status) -> None:
    what = found(listed(status), rule("dst", "a/"), rule("other", "z/"))
    assert what.outcome == status.lower()
    assert statuses(what) == {"dst": status}
    (claim,) = what.claims
    assert (claim.fact.kind, claim.fact.evidence) == (Kind.OBSERVED, Evidence.INVENTORY)
    assert (claim.fact.at, claim.fact.rule_id, claim.must_exist) == (SCANNED, "to-dst", False)


def test_completed_is_said_of_all_destinations() -> None:
    what = found(listed(), rule("a"), rule("b", "a/"), rule("c", "z/"))
    assert statuses(what) == {"a": Status.COMPLETED, "b": Status.COMPLETED}


@pytest.mark.parametrize("status", [Status.PENDING, Status.FAILED])
def test_of_several_destinations_nobody_can_tell_which_is_meant(status: Status) -> None:
    what = found(listed(status), rule("a"), rule("b"))
    assert what.outcome is Outcome.AMBIGUOUS
    assert statuses(what) == {"": status, "a": None, "b": None}
    assert what.question == Question(unless=status)
    for claim in what.claims:
        assert claim.fact.kind is (Kind.NOTED if claim.fact.destination else Kind.OBSERVED)
        assert status in (claim.fact.detail or "")
        assert not claim.must_exist


class TestAVersionOlderThanTheTracker:
    """No rule replicates what was there before it, and nobody knows how old the rules are."""

    YOUNG = RuleHistory(
        "src", (Revision(Instant("2026-11-20T00:00:00.000Z"), Configuration((rule("dst"),))),)
    )

    @pytest.mark.parametrize("status", Status)
    def test_has_a_status_of_which_no_list_says_where(self, status: Status) -> None:
        what = found(listed(status), of=self.YOUNG)
        assert what.outcome is Outcome.AMBIGUOUS
        assert statuses(what) == {"": status, "dst": None}
        assert what.question == Question(possible=("dst",), unless=status)

    def test_that_does_not_tell_its_age_neither(self) -> None:
        assert found(listed(last_modified=None), of=self.YOUNG).outcome is Outcome.AMBIGUOUS

    def test_is_clear_to_who_knows_that_the_rules_are_older(self) -> None:
        known = self.YOUNG.held_since(Instant("2026-10-01T00:00:00.000Z"))
        assert statuses(found(listed(), of=known)) == {"dst": Status.COMPLETED}
        assert self.YOUNG.held_since(NOW) == self.YOUNG, "later than what was read tells nothing"


@pytest.mark.parametrize("seconds", [-60, 60])
def test_a_version_written_about_when_the_rules_changed_is_asked_for(seconds: float) -> None:
    changed = Instant("2026-11-10T00:00:00.000Z")
    revisions = (
        Revision(Instant("2026-10-01T00:00:00.000Z"), Configuration((rule("a"), rule("b")))),
        Revision(changed, Configuration((rule("a"),))),
    )
    row = listed(last_modified=plus(changed, seconds))
    what = found(row, of=RuleHistory("src", revisions))
    assert what.outcome is Outcome.AMBIGUOUS
    assert what.question == Question(("a", "b"), unless=Status.COMPLETED)


def test_completed_says_nothing_of_a_destination_that_was_added_afterwards() -> None:
    old, new = (rule("a"),), (rule("a"), rule("b"))
    revisions = (
        Revision(Instant("2026-10-01T00:00:00.000Z"), Configuration(old)),
        Revision(Instant("2026-11-10T00:00:00.000Z"), Configuration(new)),
    )
    what = found(listed(), of=RuleHistory("src", revisions))
    assert statuses(what) == {"a": Status.COMPLETED}
    later = listed(last_modified=Instant("2026-11-11T00:00:00.000Z"))
    assert set(statuses(found(later, of=RuleHistory("src", revisions)))) == {"a", "b"}
    # A Batch Replication job may be sending it to the new one, so PENDING is of either.
    assert (
        found(listed(Status.PENDING), of=RuleHistory("src", revisions)).outcome is Outcome.AMBIGUOUS
    )


def test_a_rule_that_asks_for_a_tag_may_have_been_meant_or_not() -> None:
    plain, tagged = rule("a"), rule("b", tags=TAGGED)
    assert statuses(found(listed(), plain, tagged)) == {"a": Status.COMPLETED}
    what = found(listed(Status.FAILED), plain, tagged)
    assert statuses(what) == {"": Status.FAILED, "a": None, "b": None}
    assert {c.fact.destination: c.must_exist for c in what.claims[1:]} == {"a": False, "b": True}
    only = found(listed(), rule("b", tags=TAGGED))
    assert statuses(only) == {"b": Status.COMPLETED}
    either = found(listed(), rule("b", tags=TAGGED), rule("c", tags=TAGGED))
    assert statuses(either) == {"": Status.COMPLETED, "b": None, "c": None}


def test_a_rule_is_named_only_when_it_can_be_no_other() -> None:
    what = found(listed(), rule("dst", "a/", id="one"), rule("dst", "", id="two"))
    (claim,) = what.claims
    assert claim.fact.rule_id is None


def test_a_disabled_rule_may_have_sent_it_once() -> None:
    assert statuses(found(listed(), rule("dst", enabled=False))) == {"dst": Status.COMPLETED}


@pytest.mark.parametrize("status", Status)
def test_a_status_that_no_rule_explains_is_the_version_s_and_no_destination_s(
    status: Status,
) -> None:
    what = found(listed(status), rule("dst", "z/"))
    assert (what.outcome, what.question) == (Outcome.NO_RULE, None)
    assert statuses(what) == {"": status}
    state = fold(claim.fact for claim in what.claims).state
    assert (state.status, state.created_at, state.size) == (status, WRITTEN, 7)


def test_a_replica_of_no_tracked_destination_is_counted_and_nothing_else() -> None:
    assert found(listed(None, replica=True), rule("dst")) == Found(Outcome.REPLICA)


class TestTheListOfADestination:
    """`src` is a destination of others, and no source."""

    def found(self, row: Listed) -> Found:
        delivery = Delivery(Evidence.INVENTORY, SCANNED, (), (), "src")
        return RowClaims(delivery, "run", None, is_destination=True).found(row)

    def test_asks_whose_a_replica_is(self) -> None:
        what = self.found(listed(None, replica=True))
        assert (what.outcome, what.claims) == (Outcome.REPLICA, ())
        assert what.question is not None
        assert what.question.here == Head("REPLICA", delete_marker=False, last_modified=WRITTEN)
        assert what.question.unsourced is not None
        fact = what.question.unsourced.fact
        assert (fact.version, fact.destination, fact.present) == (VERSION, VERSION.bucket, True)

    @pytest.mark.parametrize("replica", [True, False], ids=["REPLICA", "no status"])
    def test_asks_whose_a_marker_is_whether_or_not_it_shows_a_status(self, replica: bool) -> None:
        what = self.found(listed(None, replica=replica, delete_marker=True))
        assert what.question is not None
        assert what.question.here is not None
        assert what.question.here.delete_marker
        assert what.claims == ()

    @pytest.mark.parametrize("status", [None, *Status])
    def test_says_nothing_of_an_object_of_its_own(self, status: Status | None) -> None:
        what = self.found(listed(status))
        assert (what.claims, what.question) == ((), None)


MARKERS = rule("dst", delete_markers=True)


class TestMarkersOfASource:
    def test_are_asked_for_wherever_a_rule_could_have_sent_them(self) -> None:
        tagged = rule("tagged", tags=TAGGED, delete_markers=True)
        elsewhere = rule("elsewhere", "z/", delete_markers=True)
        what = found(
            listed(None, delete_marker=True), MARKERS, tagged, elsewhere, rule("objects-only")
        )
        assert what == Found(
            Outcome.DELETE_MARKER, question=Question(possible=("dst",), unless_known=True)
        )

    def test_that_no_rule_replicates_are_not_asked_for(self) -> None:
        assert found(listed(None, delete_marker=True), rule("dst")) == Found(Outcome.NO_STATUS)

    def test_that_show_a_status_are_like_any_version(self) -> None:
        assert statuses(found(listed(delete_marker=True), MARKERS)) == {"dst": Status.COMPLETED}


def test_a_version_without_a_status_is_recorded_only_when_asked_for() -> None:
    assert found(listed(None), rule("dst")) == Found(Outcome.NO_STATUS)
    what = found(listed(None), rule("dst"), record_ineligible=True)
    (claim,) = what.claims
    assert (claim.fact.kind, claim.fact.destination) == (Kind.INELIGIBLE, "")
    state = fold([claim.fact]).state
    assert (state.created_at, state.size) == (WRITTEN, 7)
    unknown = found(listed(None, last_modified=None), rule("dst"), record_ineligible=True)
    assert unknown == Found(Outcome.NO_STATUS)


def test_a_version_written_while_the_scan_went_on_was_seen_after_that() -> None:
    later = Instant("2026-11-22T13:00:00.000Z")
    what = found(listed(last_modified=later), rule("dst"))
    assert {claim.fact.at for claim in what.claims} == {later}
    # The rules may have changed meanwhile, and nobody have noticed.
    assert what.outcome is Outcome.AMBIGUOUS


@pytest.mark.parametrize("status", Status)
def test_afterwards_size_etag_rule_and_age_are_known(status: Status) -> None:
    (claim,) = found(listed(status), rule("dst")).claims
    state = fold([claim.fact]).state
    assert (state.status, state.since, state.evidence) == (status, SCANNED, Evidence.INVENTORY)
    assert (state.created_at, state.size, state.etag) == (WRITTEN, 7, "e")
    assert state.rule_id == "to-dst"
    # Nobody knows when it arrived, so no latency may come out of it.
    assert state.requested_at == (None if status is Status.COMPLETED else WRITTEN)


def test_what_is_noted_of_several_destinations_describes_the_version() -> None:
    _, claim, _ = found(listed(Status.FAILED), rule("a"), rule("b")).claims
    state = fold([claim.fact]).state
    assert (state.status, state.size, state.created_at) == (None, 7, WRITTEN)


def test_a_delete_marker_is_one_afterwards() -> None:
    row = listed(delete_marker=True, size=None, etag=None)
    (claim,) = found(row, rule("dst", delete_markers=True)).claims
    assert fold([claim.fact]).state.delete_marker is True


def test_a_failed_task_is_a_failure_of_the_only_destination() -> None:
    what = found(Task(VERSION, False, "DstBucketNotFound"), rule("dst"))
    assert what.outcome is Outcome.FAILED
    state = fold([what.claims[0].fact]).state
    assert (state.status, state.failure_code) == (Status.FAILED, "DstBucketNotFound")
    assert state.evidence is Evidence.BATCH_REPORT


def test_a_failed_task_of_several_destinations_is_noted_with_its_code() -> None:
    what = found(Task(VERSION, False, "DstBucketNotFound"), rule("a"), rule("b", tags=TAGGED))
    assert what.outcome is Outcome.AMBIGUOUS
    assert {c.fact.destination: c.must_exist for c in what.claims} == {"a": False, "b": True}
    assert {c.fact.kind for c in what.claims} == {Kind.NOTED}
    assert all("DstBucketNotFound" in (c.fact.detail or "") for c in what.claims)


@pytest.mark.parametrize("code", sorted(NEVER_TRIED))
def test_a_task_that_never_came_to_replicate_is_no_failure_of_a_destination(code: str) -> None:
    what = found(Task(VERSION, False, code), rule("dst"))
    assert what.outcome is Outcome.TASK_NOT_TRIED
    (claim,) = what.claims
    assert claim.fact.kind is Kind.NOTED


def test_a_task_that_succeeded_is_noted_because_nobody_says_what_the_status_is_then() -> None:
    what = found(Task(VERSION, True), rule("dst"), rule("off", enabled=False))
    assert what.outcome is Outcome.TASK_SUCCEEDED
    (claim,) = what.claims
    assert (claim.fact.kind, claim.fact.destination) == (Kind.NOTED, "dst")
    assert fold([claim.fact]).state.status is None


def test_a_task_no_rule_of_its_time_explains_is_counted() -> None:
    assert found(Task(VERSION, True), rule("dst", enabled=False)) == Found(Outcome.NO_RULE)


def test_two_rows_of_one_version_are_two_facts_and_one_row_read_twice_is_one() -> None:
    """A rolling snapshot may list a version twice."""
    rows = [listed(Status.PENDING), listed(Status.COMPLETED), listed(Status.PENDING)]
    facts = [found(row, rule("dst")).claims[0].fact for row in rows]
    assert len({fact.order for fact in facts}) == 2
    assert fold(facts) == fold(facts[::-1])

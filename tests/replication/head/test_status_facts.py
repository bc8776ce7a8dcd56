"""What headers add up to where a destination is in doubt, hidden or refuses to be asked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

import pytest

from replication.errors import Denied, Hidden
from replication.head.port import Head
from replication.head.reader import VersionReader, possible_destinations
from replication.head.status_facts import (
    NO_RULE,
    NO_RULE_SEEN,
    NOT_SENT,
    SEVERAL_MAY_HAVE_FAILED,
    WITHOUT_ITS_TAGS,
)
from replication.ledger.fact import Fact, Kind
from replication.ledger.fold import fold
from replication.ledger.state import State
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import Instant, plus
from tests.support.fakes import MemoryObjects, history, rule

NOW = Instant("2026-11-22T10:00:00.000Z")
V = ObjectVersion("src", "logs/k", "v1")
WAITING = State(Status.PENDING, plus(NOW, -3600), Evidence.OBJECT_CREATED)
DOUBTFUL = replace(WAITING, in_doubt=True)
POSSIBLE = replace(DOUBTFUL, status=None)
ARRIVED = State(
    Status.COMPLETED, plus(NOW, -3600), Evidence.REPLICA_CREATED, arrived_at=plus(NOW, -3600)
)
FAILED = State(Status.FAILED, plus(NOW, -3600), Evidence.REPLICATION_EVENT, failure_code="X")
MARKER = Head(None, delete_marker=True, last_modified=NOW)
HIDDEN = Head(None, delete_marker=False, last_modified=None, tag_count=0, unreadable=True)


def reads(status: str | None, tags: int | None = None) -> Head:
    return Head(status, delete_marker=False, last_modified=NOW, tag_count=tags)


REPLICA = reads("REPLICA")


@dataclass
class Look:
    """A look at one version, and what the ledger says of it then."""

    source: Head | None
    known: Mapping[str, State]
    there: Mapping[str, Head] = field(default_factory=dict)
    tags: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    denied: Iterable[str] = ()
    tags_denied: Iterable[str] = ()
    possible: tuple[str, ...] | None = None
    audit: bool = False

    def __post_init__(self) -> None:
        heads = {V.in_bucket(name): one for name, one in self.there.items()}
        heads |= {V: self.source} if self.source else {}
        self.objects = MemoryObjects(
            heads,
            {V.in_bucket(name): one for name, one in self.tags.items()},
            denied=set(self.denied),
            tags_denied=set(self.tags_denied),
        )
        self.refusals: list[Denied] = []
        self.replicas: list[ObjectVersion] = []
        examiner = VersionReader(
            self.objects,
            audit=self.audit,
            note=self.refusals.append,
            note_replicas=self.replicas.append,
        )
        self.facts = examiner.read(V, self.known, NOW, self.possible)

    def fact(self, name: str) -> Fact | None:
        return next((one for one in self.facts if one.destination == name), None)

    @property
    def seen(self) -> dict[str, Status | None]:
        return {one.destination: one.status for one in self.facts}

    def after(self, name: str) -> State:
        mine = [one for one in self.facts if one.destination == name]
        return fold(mine, self.known.get(name)).state


class TestADestinationThatRefusesToBeAsked:
    def test_is_failed_when_it_is_the_only_one_and_s3_says_failed(self) -> None:
        look = Look(reads("FAILED"), {"a": WAITING}, denied=["a"])
        assert look.seen == {"a": Status.FAILED}
        assert [one.action for one in look.refusals] == ["s3:GetObjectVersion"]

    def test_keeps_its_reason_when_it_was_told(self) -> None:
        look = Look(reads("FAILED"), {"a": FAILED}, denied=["a"])
        assert look.after("a").failure_code == "X"

    def test_hides_nothing_of_the_others(self) -> None:
        known = {"a": WAITING, "b": WAITING, "c": WAITING}
        look = Look(reads("FAILED"), known, {"b": REPLICA}, denied=["c"])
        assert look.seen == {"a": Status.FAILED, "b": Status.COMPLETED}
        look = Look(reads("PENDING"), known, {"b": REPLICA}, denied=["c"])
        assert look.seen == {"a": Status.PENDING, "b": Status.COMPLETED}

    def test_is_the_culprit_when_all_others_are_well(self) -> None:
        look = Look(reads("FAILED"), {"a": WAITING, "b": WAITING}, {"a": REPLICA}, denied=["b"])
        assert look.seen == {"a": Status.COMPLETED, "b": Status.FAILED}

    def test_in_doubt_stays_so_when_s3_says_completed(self) -> None:
        look = Look(reads("COMPLETED"), {"a": WAITING, "b": DOUBTFUL}, denied=["b"])
        assert look.seen == {"a": Status.COMPLETED}

    def test_of_two_that_both_refuse_one_failed_and_nobody_knows_which(self) -> None:
        look = Look(reads("FAILED"), {"a": WAITING, "b": WAITING}, denied=["a", "b"])
        assert look.seen == {"a": Status.FAILED, "b": Status.FAILED}
        assert {one.detail for one in look.facts} == {SEVERAL_MAY_HAVE_FAILED}
        look = Look(reads("FAILED"), {"a": WAITING, "b": FAILED}, denied=["a", "b"])
        assert look.seen == {"b": Status.FAILED}


class TestAnObjectWhoseStatusNobodyCanRead:
    """SSE-C: HEAD answers 400 without its key."""

    def test_is_no_absent_one_and_keeps_what_events_say(self) -> None:
        for known in (WAITING, FAILED, ARRIVED, DOUBTFUL):
            look = Look(HIDDEN, {"a": known})
            assert look.facts == []

    def test_gets_a_finding(self) -> None:
        (refusal,) = Look(HIDDEN, {"a": WAITING}).refusals
        assert isinstance(refusal, Hidden)
        assert refusal.bucket == "src"

    @pytest.mark.parametrize("known", [WAITING, DOUBTFUL, FAILED])
    def test_has_arrived_where_it_is(self, known: State) -> None:
        look = Look(HIDDEN, {"a": known}, {"a": HIDDEN})
        assert (look.after("a").status, look.after("a").arrived_at) == (Status.COMPLETED, NOW)
        assert look.after("a").in_doubt is None

    def test_is_not_called_without_a_rule_because_of_it(self) -> None:
        look = Look(HIDDEN, {"": POSSIBLE}, possible=("a",))
        assert not look.after("").is_ruled_out

    def test_there_is_proof_enough_for_a_source_that_can_be_read(self) -> None:
        look = Look(reads("COMPLETED"), {"a": DOUBTFUL}, {"a": HIDDEN})
        assert look.after("a").status is Status.COMPLETED


class TestTags:
    """They are compared, not counted; and what cannot be read is unknown."""

    TWO: ClassVar = {"a": ARRIVED, "b": ARRIVED}

    def test_of_equal_number_that_differ_name_the_one_that_failed(self) -> None:
        tags = {"src": {"k": "new"}, "a": {"k": "old"}, "b": {"k": "new"}}
        there = {"a": reads("REPLICA", 1), "b": reads("REPLICA", 1)}
        look = Look(reads("FAILED", 1), self.TWO, there, tags)
        assert look.seen == {"a": Status.FAILED, "b": Status.COMPLETED}
        fact = look.fact("a")
        assert fact is not None
        assert fact.detail == WITHOUT_ITS_TAGS

    def test_that_agree_everywhere_say_that_it_is_one_of_them(self) -> None:
        tags = {name: {"k": "v"} for name in ("src", "a", "b")}
        there = {"a": reads("REPLICA", 1), "b": reads("REPLICA", 1)}
        look = Look(reads("FAILED", 1), self.TWO, there, tags)
        assert {one.detail for one in look.facts} == {SEVERAL_MAY_HAVE_FAILED}

    def test_that_may_not_be_read_accuse_nobody(self) -> None:
        there = {"a": reads("REPLICA", None), "b": reads("REPLICA", 1)}
        look = Look(reads("FAILED", 1), self.TWO, there, tags_denied=["src", "a", "b"])
        assert {one.detail for one in look.facts} == {SEVERAL_MAY_HAVE_FAILED}
        assert "s3:GetObjectVersionTagging" in {one.action for one in look.refusals}

    def test_that_are_left_out_of_a_replica_leave_it_arrived(self) -> None:
        """TagCount is missing where tagging may not be read: that is not 0."""
        known = {"a": ARRIVED, "b": WAITING}
        look = Look(reads("PENDING", 2), known, {"a": reads("REPLICA", None)}, tags_denied=["a"])
        assert look.after("a").status is Status.COMPLETED
        assert look.after("b").status is Status.PENDING

    def test_that_are_missing_at_the_only_destination_are_found_by_the_header(self) -> None:
        """The role may not read the source's tags: no event, no metric, and a readable replica."""
        look = Look(reads("FAILED", 2), {"a": ARRIVED}, {"a": REPLICA})
        fact = look.fact("a")
        assert fact is not None
        assert (fact.status, fact.detail, fact.present) == (Status.FAILED, WITHOUT_ITS_TAGS, True)

    def test_that_are_missing_at_one_of_two_are_found_there(self) -> None:
        tags: dict[str, dict[str, str]] = {"src": {"k": "v"}, "a": {}, "b": {"k": "v"}}
        there = {"a": REPLICA, "b": reads("REPLICA", 1)}
        look = Look(reads("FAILED", 1), self.TWO, there, tags)
        assert look.seen == {"a": Status.FAILED, "b": Status.COMPLETED}


class TestADestinationInDoubt:
    def test_is_asked_before_completed_is_believed_of_it(self) -> None:
        look = Look(reads("COMPLETED"), {"a": WAITING, "b": DOUBTFUL}, {"b": REPLICA})
        assert look.seen == {"a": Status.COMPLETED, "b": Status.COMPLETED}
        assert look.objects.asked == ["head src", "head b"]
        assert look.after("b").in_doubt is None

    @pytest.mark.parametrize("known", [DOUBTFUL, POSSIBLE])
    def test_that_does_not_have_it_then_was_never_sent_it(self, known: State) -> None:
        look = Look(reads("COMPLETED"), {"a": WAITING, "b": known})
        assert look.after("b").is_ruled_out
        fact = look.fact("b")
        assert fact is not None
        assert fact.detail == NOT_SENT

    def test_costs_the_common_life_nothing(self) -> None:
        look = Look(reads("COMPLETED"), {"a": WAITING, "b": WAITING})
        assert look.objects.asked == ["head src"]

    def test_is_let_be_while_one_that_is_certain_lacks_it(self) -> None:
        for header in ("PENDING", "FAILED"):
            look = Look(reads(header), {"a": WAITING, "b": DOUBTFUL})
            assert look.seen["a"] is Status(header)
            assert look.seen.get("b") in (None, Status.PENDING)
            assert look.after("b").in_doubt

    @pytest.mark.parametrize("header", [Status.PENDING, Status.FAILED])
    def test_is_beyond_doubt_when_the_header_can_mean_no_other(self, header: Status) -> None:
        look = Look(reads(header), {"b": POSSIBLE}, {})
        assert (look.after("b").status, look.after("b").in_doubt) == (header, None)

    @pytest.mark.parametrize("header", [Status.PENDING, Status.FAILED])
    def test_stays_in_doubt_beside_one_whose_change_the_header_may_mean(
        self, header: Status
    ) -> None:
        """A change of tags or retention shows as PENDING, and FAILED, where the version is."""
        look = Look(reads(header), {"a": ARRIVED, "b": POSSIBLE}, {"a": REPLICA})
        assert (look.after("a").status, look.after("b").status) == (Status.COMPLETED, header)
        assert look.after("b").in_doubt is True

    @pytest.mark.parametrize("header", [Status.PENDING, Status.FAILED])
    def test_stays_in_doubt_beside_one_that_may_not_be_read(self, header: Status) -> None:
        look = Look(reads(header), {"a": ARRIVED, "b": DOUBTFUL}, denied=("a",))
        assert (look.after("b").status, look.after("b").in_doubt) == (header, True)

    def test_begins_for_one_that_only_old_rules_name_and_that_may_not_be_read(self) -> None:
        """COMPLETED of the source would be credited to it, once the rules are certain again."""
        look = Look(reads("COMPLETED"), {"a": WAITING}, denied=("a",), possible=("a",))
        assert (look.after("a").status, look.after("a").in_doubt) == (Status.PENDING, True)
        certain = Look(reads("COMPLETED"), {"a": WAITING}, denied=("a",))
        assert (certain.after("a").status, certain.after("a").in_doubt) == (Status.COMPLETED, None)

    def test_waits_since_it_may_have_been_sent(self) -> None:
        look = Look(reads("PENDING"), {"a": ARRIVED, "b": POSSIBLE}, {"a": REPLICA})
        assert look.after("b").outstanding_since == POSSIBLE.since

    def test_of_two_that_may_wait_nobody_knows_which(self) -> None:
        look = Look(reads("PENDING"), {"a": POSSIBLE, "b": POSSIBLE})
        assert look.seen == {"a": Status.PENDING, "b": Status.PENDING}
        assert (look.after("a").in_doubt, look.after("b").in_doubt) == (True, True)

    def test_ends_where_s3_shows_no_rule(self) -> None:
        look = Look(reads(None), {"a": DOUBTFUL, "b": POSSIBLE, "": POSSIBLE})
        assert all(look.after(name).is_ruled_out for name in ("a", "b", ""))

    def test_that_is_a_replica_itself_ends_and_is_noted(self) -> None:
        """Of a bucket nobody tracks: no live rule replicates it again."""
        look = Look(REPLICA, {"a": WAITING})
        assert look.after("a").is_ruled_out
        assert look.replicas == [V]

    def test_that_once_had_it_keeps_it_although_the_source_is_a_replica(self) -> None:
        """A chain: a job sent the replica on, and it arrived."""
        look = Look(REPLICA, {"a": ARRIVED}, {"a": REPLICA}, audit=True)
        assert look.after("a").status is Status.COMPLETED

    def test_with_the_source_gone_stays_in_doubt_for_no_one_can_be_asked(self) -> None:
        look = Look(None, {"a": DOUBTFUL, "": POSSIBLE}, {"b": REPLICA}, possible=("a", "b"))
        assert {one.kind for one in look.facts if one.destination != "b"} == {Kind.DELETED}
        assert (look.after("b").status, look.after("b").deleted_at) == (Status.COMPLETED, NOW)
        assert (look.after("a").in_doubt, look.after("").in_doubt) == (True, True)


class TestAVersionOfNoKnownRule:
    """It was written after the rules were read last, and they could not be read then."""

    KNOWN: ClassVar = {"": POSSIBLE}

    def test_is_found_where_it_is(self) -> None:
        look = Look(reads("COMPLETED"), self.KNOWN, {"b": REPLICA}, possible=("a", "b"))
        assert look.seen == {"b": Status.COMPLETED, "": None}
        assert not look.after("").in_doubt

    def test_and_the_note_of_that_does_not_say_that_s3_shows_nothing(self) -> None:
        look = Look(reads("COMPLETED"), self.KNOWN, {"b": REPLICA}, possible=("a", "b"))
        fact = look.fact("")
        assert fact is not None
        assert fact.detail != NO_RULE

    def test_is_completed_by_itself_when_no_destination_that_is_known_has_it(self) -> None:
        look = Look(reads("COMPLETED"), self.KNOWN, possible=("a",))
        fact = look.fact("")
        assert fact is not None
        assert (fact.status, fact.detail) == (Status.COMPLETED, NO_RULE_SEEN)

    def test_is_pending_in_doubt_where_it_may_be_on_its_way(self) -> None:
        look = Look(reads("PENDING"), self.KNOWN, possible=("a", "b"))
        for name in ("a", "b"):
            assert (look.after(name).status, look.after(name).in_doubt) == (Status.PENDING, True)

    @pytest.mark.parametrize("header", ["PENDING", "FAILED"])
    def test_stays_in_doubt_while_s3_shows_a_status_that_nothing_explains(
        self, header: str
    ) -> None:
        """A rule came and went between two reads: to call it without one would be untrue."""
        look = Look(reads(header), self.KNOWN, possible=())
        assert not look.after("").is_ruled_out

    def test_of_which_s3_shows_no_header_is_due_nowhere(self) -> None:
        look = Look(reads(None), self.KNOWN, possible=("a",))
        assert look.after("").is_ruled_out
        assert look.fact("a") is None

    def test_may_be_due_where_any_rule_could_have_sent_it(self) -> None:
        known = history("src", rule("a", "logs/"), rule("b", enabled=False), rule("c", "other/"))
        assert possible_destinations(known, V, self.KNOWN, NOW) == ("a", "b")
        assert (
            possible_destinations(
                known, V, {"a": replace(WAITING, created_at=plus(NOW, -600))}, NOW
            )
            is None
        )


class TestADestinationNobodyKnew:
    """It lacks the version since that was written, not since somebody looked."""

    WRITTEN = plus(NOW, -7200)

    @pytest.mark.parametrize("header", ["PENDING", "FAILED"])
    def test_that_lacks_it_has_its_age(self, header: str) -> None:
        source = Head(header, False, self.WRITTEN)
        known = {"a": replace(ARRIVED, created_at=self.WRITTEN)}
        look = Look(source, known, {"a": REPLICA}, possible=("a", "b"))
        assert look.after("b").outstanding_since == self.WRITTEN

    def test_of_a_version_of_no_known_rule_has_its_age(self) -> None:
        known = {"": replace(POSSIBLE, created_at=self.WRITTEN, since=self.WRITTEN)}
        look = Look(Head("PENDING", False, self.WRITTEN), known, possible=("a",))
        assert look.after("a").outstanding_since == self.WRITTEN


class TestAFailureThatIsRead:
    def test_is_beyond_doubt_where_no_other_bucket_can_be_meant(self) -> None:
        """Its rules are in doubt, and any rule there ever was goes to this one destination."""
        look = Look(reads("FAILED"), {"a": DOUBTFUL}, possible=("a",))
        assert (look.after("a").status, look.after("a").in_doubt) == (Status.FAILED, None)

    def test_stays_in_doubt_where_another_may_be_meant(self) -> None:
        look = Look(reads("FAILED"), {"a": DOUBTFUL}, possible=("a", "b"))
        assert (look.after("a").status, look.after("a").in_doubt) == (Status.FAILED, True)

    def test_is_not_taken_from_who_is_known_to_have_failed(self) -> None:
        """The replica is there and differs in nothing that can be read; a destination that may be
        due beside it is no proof that it is well."""
        failed = replace(FAILED, arrived_at=plus(NOW, -3600))
        look = Look(reads("FAILED"), {"a": failed, "b": POSSIBLE}, {"a": REPLICA})
        assert look.after("a").status is Status.FAILED
        assert look.after("b").status is None

    @pytest.mark.parametrize(("header", "status"), [("FAILED", Status.FAILED), ("PENDING", None)])
    def test_is_that_of_a_possible_destination_which_may_not_be_read(
        self, header: str, status: Status | None
    ) -> None:
        known, may_be = {"a": ARRIVED}, ("a", "b")
        look = Look(reads(header), known, {"a": REPLICA}, denied=["b"], possible=may_be)
        assert look.seen == {"a": Status.COMPLETED, "b": status}
        assert look.after("b").in_doubt

    def test_does_not_stay_with_a_replica_that_is_well_when_another_place_lacks_it(self) -> None:
        guessed = replace(ARRIVED, status=Status.FAILED, evidence=Evidence.HEAD_SOURCE)
        look = Look(reads("FAILED"), {"a": guessed}, {"a": REPLICA}, possible=("a", "b"))
        assert look.seen == {"a": Status.COMPLETED, "b": Status.FAILED}
        assert look.after("b").in_doubt

    @pytest.mark.parametrize("denied", [["b"], []])
    def test_ends_at_a_place_in_doubt_once_the_header_shows_none(self, denied: list[str]) -> None:
        """Another destination had failed: its replica came without tags, and a job tries again."""
        guess = State(Status.FAILED, plus(NOW, -60), Evidence.HEAD_SOURCE, in_doubt=True)
        look = Look(
            reads("PENDING", tags=1),
            {"a": ARRIVED, "b": guess},
            {"a": REPLICA},
            tags={V.bucket: {"k": "v"}, "a": {}},
            denied=denied,
            possible=("a", "b"),
        )
        assert look.seen == {"a": Status.PENDING, "b": Status.PENDING}
        assert look.after("b").in_doubt
        assert not look.after("a").in_doubt

    @pytest.mark.parametrize("header", ["FAILED", "PENDING"])
    def test_of_a_replica_that_vanished_says_that_it_was_deleted_there(self, header: str) -> None:
        arrived = replace(FAILED, arrived_at=plus(NOW, -3600))
        look = Look(reads(header), {"a": arrived, "b": ARRIVED}, {"b": REPLICA})
        assert (look.after("a").arrived_at, look.after("a").lost_at) == (None, NOW)
        assert look.after("b").lost_at is None


class TestAMarkerInDoubt:
    """No header ever tells whether a rule took a marker."""

    @pytest.mark.parametrize("known", [DOUBTFUL, POSSIBLE])
    def test_is_in_doubt_for_a_day_where_it_is_not(self, known: State) -> None:
        assert Look(MARKER, {"a": known}).facts == []
        old = replace(known, since=plus(NOW, -86_400))
        after = Look(MARKER, {"a": old}).after("a")
        # What the rules of its time took there still waits, what they may have taken was not sent.
        assert (after.status, after.in_doubt) == (known.status, None)
        assert after.is_ruled_out == (known is POSSIBLE)

    def test_is_completed_where_it_is(self) -> None:
        look = Look(MARKER, {"a": POSSIBLE, "b": WAITING}, {"a": MARKER})
        assert look.seen == {"a": Status.COMPLETED, "b": Status.PENDING}
        assert look.after("a").in_doubt is None

    def test_of_no_known_rule_is_in_doubt_for_a_day_too(self) -> None:
        look = Look(MARKER, {"": POSSIBLE}, possible=("a",))
        states = [look.after(name) for name in ("", "a")]
        assert any(state.in_doubt for state in states)

    def test_that_a_destination_refuses_to_show_stays_as_it_is(self) -> None:
        look = Look(MARKER, {"a": WAITING, "b": WAITING}, {"b": MARKER}, denied=["a"])
        assert look.seen == {"b": Status.COMPLETED}


class TestWhatIsBeyondDoubtAlready:
    def test_a_destination_that_s3_spoke_of_is_credited_with_completed(self) -> None:
        for spoken_of in (replace(DOUBTFUL, late=True), FAILED):
            look = Look(reads("COMPLETED"), {"a": spoken_of}, possible=("a", "b"))
            assert look.after("a").status is Status.COMPLETED

    def test_one_that_was_ruled_out_is_asked_only_when_nothing_else_explains_the_header(
        self,
    ) -> None:
        none = State(None, None, Evidence.HEAD_SOURCE)
        look = Look(reads("COMPLETED"), {"a": WAITING, "b": none})
        assert (look.seen, look.objects.asked) == ({"a": Status.COMPLETED}, ["head src"])
        look = Look(reads("COMPLETED"), {"b": none}, {"b": REPLICA})
        assert look.seen == {"b": Status.COMPLETED}
        look = Look(reads("COMPLETED"), {"b": none})
        assert look.after("b").status is None

    def test_an_end_alone_is_no_destination_of_it(self) -> None:
        end = State(deleted_at=plus(NOW, -5))
        look = Look(reads("COMPLETED"), {"a": WAITING, "b": end})
        assert look.seen == {"a": Status.COMPLETED}

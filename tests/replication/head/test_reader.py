"""What HEAD answers mean, for one and for several destinations."""

from dataclasses import dataclass, replace

import pytest

from replication.errors import Denied
from replication.head.port import Head
from replication.head.reader import VersionReader
from replication.head.status_facts import NO_RULE, SEVERAL_MAY_HAVE_FAILED, WITHOUT_ITS_TAGS
from replication.ledger.fact import Fact, Kind
from replication.ledger.fold import fold
from replication.ledger.state import State
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import Instant, plus
from tests.support.fakes import MemoryObjects

NOW = Instant("2026-11-22T10:00:00.000Z")
V = ObjectVersion("src", "k", "v1")
PENDING = State(status=Status.PENDING, since=NOW)


def head(status: str | None, tags: int = 0, marker: bool = False) -> Head:
    return Head(status, delete_marker=marker, last_modified=NOW, tag_count=tags)


def at(name: str) -> ObjectVersion:
    return ObjectVersion(name, V.key, V.version_id)


def look(
    source: Head | None,
    known: dict[str, State] | None = None,
    audit: bool = False,
    **destinations: Head,
) -> dict[str, Fact]:
    heads = {at(name): one for name, one in destinations.items()}
    if source:
        heads[V] = source
    known = known or {"a": PENDING}
    facts = VersionReader(MemoryObjects(heads), audit=audit).read(V, known, NOW)
    return {fact.destination: fact for fact in facts}


TWO = {"a": PENDING, "b": PENDING}


def test_completed_speaks_of_every_destination() -> None:
    seen = look(head("COMPLETED"), TWO)
    assert {name: (f.status, f.evidence) for name, f in seen.items()} == {
        "a": (Status.COMPLETED, Evidence.HEAD_SOURCE),
        "b": (Status.COMPLETED, Evidence.HEAD_SOURCE),
    }


@pytest.mark.parametrize("status", [Status.PENDING, Status.FAILED])
def test_with_one_destination_the_header_speaks_of_it(status: Status) -> None:
    assert look(head(status))["a"].status is status


@pytest.mark.parametrize("status", [Status.PENDING, Status.FAILED])
def test_with_several_destinations_each_is_asked(status: Status) -> None:
    seen = look(head(status), TWO, a=head("REPLICA"))
    assert seen["a"].status is Status.COMPLETED
    assert seen["a"].evidence is Evidence.HEAD_DESTINATION
    assert seen["b"].status is status


@pytest.mark.parametrize("header", ["FAILED", "PENDING"])
def test_a_failure_beside_a_pending_destination_may_show_or_not(header: str) -> None:
    """Amazon does not say which; a failure that was told stands either way."""
    failed = State(status=Status.FAILED, since=NOW, failure_code="X")
    seen = look(head(header), {"a": failed, "b": PENDING})
    assert "a" not in seen or seen["a"].status is Status.FAILED
    assert seen["b"].status is Status.PENDING


def test_when_nobody_told_which_failed_all_without_a_replica_are_called_failed() -> None:
    seen = look(head("FAILED"), TWO)
    assert {fact.status for fact in seen.values()} == {Status.FAILED}
    assert {fact.detail for fact in seen.values()} == {SEVERAL_MAY_HAVE_FAILED}


@pytest.mark.parametrize("known", [{"a": PENDING}, TWO])
def test_a_replica_without_its_tags_is_found_by_the_header(known: dict[str, State]) -> None:
    """S3 says FAILED, sends no event, and the destination holds a readable REPLICA."""
    seen = look(head("FAILED", tags=2), known, a=head("REPLICA"), b=head("REPLICA", tags=2))
    assert (seen["a"].status, seen["a"].detail) == (Status.FAILED, WITHOUT_ITS_TAGS)
    assert "b" not in seen or seen["b"].status is Status.COMPLETED


@pytest.mark.parametrize("header", ["FAILED", "COMPLETED"])
def test_a_replica_that_was_seen_is_there_whatever_its_status(header: str) -> None:
    """Its arrival was lost, its tags too: it can be read all the same."""
    state = fold([look(head(header, tags=1), {"a": PENDING}, a=head("REPLICA"))["a"]]).state
    assert (state.status, state.arrived_at) == (header, NOW)


def test_completed_at_the_source_does_not_bring_a_deleted_replica_back() -> None:
    lost = State(status=Status.PENDING, lost_at=NOW)
    seen = look(head("COMPLETED"), {"a": lost})["a"]
    state = fold([seen], lost).state
    assert (state.status, state.lost_at, state.arrived_at) == (Status.COMPLETED, NOW, None)
    back = look(head("FAILED"), {"a": lost, "b": PENDING}, a=head("REPLICA"))["a"]
    assert fold([back], lost).state.arrived_at == NOW


def test_no_header_means_that_no_rule_replicates_it() -> None:
    seen = look(head(None))
    assert (seen["a"].status, seen["a"].detail) == (None, NO_RULE)
    assert fold([seen["a"]]).state.status is None


def test_a_version_that_is_gone_has_ended() -> None:
    assert look(None)["a"].kind is Kind.DELETED


def test_a_delete_marker_is_where_its_405_is() -> None:
    """HeadObject answers 405 to the version id of a marker, and 404 where there is none."""
    marker = head(None, marker=True)
    seen = look(marker, TWO, a=marker)
    assert (seen["a"].status, seen["b"].status) == (Status.COMPLETED, Status.PENDING)


def test_an_audit_finds_a_replica_that_is_gone() -> None:
    known = {"a": State(status=Status.COMPLETED, arrived_at=NOW)}
    assert look(head("COMPLETED"), known, audit=True)["a"].kind is Kind.REPLICA_DELETED
    kept = look(head("COMPLETED"), known, audit=True, a=head("REPLICA"))
    assert kept["a"].status is Status.COMPLETED


def test_a_lost_replica_is_found_once() -> None:
    known = {"a": State(status=Status.COMPLETED, lost_at=NOW)}
    assert look(head("COMPLETED"), known, audit=True)["a"].kind is Kind.OBSERVED


def test_what_s3_denies_is_no_status() -> None:
    denying = MemoryObjects(fault=Denied("s3:GetObjectVersion", "src"))
    with pytest.raises(Denied):
        VersionReader(denying).read(V, TWO, NOW)


@pytest.mark.parametrize("status", [Status.PENDING, Status.FAILED])
def test_a_marker_that_failed_stays_failed_where_it_is_not(status: Status) -> None:
    """A marker has no header that could take back what an event told."""
    marker = head(None, marker=True)
    known = {"a": State(status=status, since=NOW), "b": PENDING}
    seen = look(marker, known, b=marker)
    assert seen["b"].status is Status.COMPLETED
    assert ("a" in seen) is (status is Status.PENDING)


def test_a_marker_that_was_there_and_is_not_was_deleted_there() -> None:
    known = {"a": State(status=Status.COMPLETED, arrived_at=NOW)}
    assert look(head(None, marker=True), known)["a"].kind is Kind.REPLICA_DELETED


@pytest.mark.parametrize("tags_there", [0, 2])
def test_pending_although_everybody_has_it_means_that_a_change_is_on_its_way(
    tags_there: int,
) -> None:
    """COMPLETED at every destination would contradict the header, which is the last word."""
    completed = State(status=Status.COMPLETED, since=NOW, arrived_at=NOW)
    known = {"a": completed, "b": completed}
    here, there = head("REPLICA", tags=tags_there), head("REPLICA", tags=2)
    seen = look(head("PENDING", tags=2), known, a=here, b=there)
    assert seen["a"].status is Status.PENDING
    assert seen["b"].status is (Status.COMPLETED if tags_there == 0 else Status.PENDING)


def test_a_failure_is_taken_back_when_nobody_else_can_be_the_one_that_waits() -> None:
    """A job tries it again, and no event says so."""
    failed = State(status=Status.FAILED, since=NOW)
    seen = look(head("PENDING"), {"a": failed, "b": PENDING}, b=head("REPLICA"))
    assert (seen["a"].status, seen["b"].status) == (Status.PENDING, Status.COMPLETED)


@pytest.mark.parametrize("there", [True, False])
def test_a_replica_nobody_told_of_may_outlive_its_source(there: bool) -> None:
    replica = {"a": head("REPLICA")} if there else {}
    heads = {at(name): one for name, one in replica.items()}
    facts = VersionReader(MemoryObjects(heads)).read(V, {"a": PENDING}, NOW)
    state = fold(facts, PENDING).state
    assert state.deleted_at == NOW
    assert (state.arrived_at == NOW) is there


def test_a_denied_destination_does_not_keep_the_end_of_a_version_a_secret() -> None:
    @dataclass
    class DeniedThere(MemoryObjects):
        def head(self, version: ObjectVersion) -> Head | None:
            if version.bucket == "a":
                raise Denied("s3:GetObjectVersion", "a")
            return super().head(version)

    (fact,) = VersionReader(DeniedThere()).read(V, {"a": PENDING}, NOW)
    assert fact.kind is Kind.DELETED


class TestADestinationInDoubt:
    """Nobody told when the version was written, or the rules changed about then."""

    def look(
        self, header: str, known: dict[str, State], *possible: str, **there: Head
    ) -> dict[str, Status | None]:
        heads = {at(name): one for name, one in there.items()} | {V: head(header)}
        facts = VersionReader(MemoryObjects(heads)).read(V, known, NOW, possible)
        return {fact.destination: fact.status for fact in facts}

    def test_is_one_when_it_has_the_version(self) -> None:
        seen = self.look(
            "COMPLETED", {"a": PENDING}, "a", "b", a=head("REPLICA"), b=head("REPLICA")
        )
        assert seen == {"a": Status.COMPLETED, "b": Status.COMPLETED}

    def test_is_none_when_it_has_nothing_and_s3_says_completed(self) -> None:
        """What a rule that was gone already was believed to take."""
        seen = self.look("COMPLETED", {"a": PENDING, "b": PENDING}, "c", b=head("REPLICA"))
        assert seen == {"a": None, "b": Status.COMPLETED}

    def test_that_once_had_it_is_one_still(self) -> None:
        lost = State(status=Status.COMPLETED, arrived_at=NOW)
        assert self.look("COMPLETED", {"a": lost}, "a") == {"a": Status.COMPLETED}

    @pytest.mark.parametrize("header", [Status.PENDING, Status.FAILED])
    def test_is_the_one_that_lacks_it_when_those_known_have_it(self, header: Status) -> None:
        """Blaming the one that has it would be a lie about two of them."""
        seen = self.look(header, {"a": PENDING}, "a", "b", a=head("REPLICA"))
        assert seen == {"a": Status.COMPLETED, "b": header}

    @pytest.mark.parametrize("header", [Status.PENDING, Status.FAILED])
    def test_stays_in_doubt_when_one_that_is_known_explains_the_header(
        self, header: Status
    ) -> None:
        """It may have been sent there as well, and lacks it."""
        assert self.look(header, {"a": PENDING}, "a", "b") == {"a": header, "b": None}

    def test_is_no_culprit_beside_a_replica_without_its_tags(self) -> None:
        objects = MemoryObjects({V: head("FAILED", tags=1), at("b"): head("REPLICA")})
        facts = VersionReader(objects).read(V, TWO, NOW, ["a", "b"])
        assert {f.destination: f.status for f in facts} == {"b": Status.FAILED}

    @pytest.mark.parametrize(("hours", "ended"), [(1, False), (24, True)])
    def test_of_a_marker_is_where_it_is_and_in_doubt_elsewhere_for_a_day(
        self, hours: int, ended: bool
    ) -> None:
        """No header ever tells whether a rule took a marker."""
        marker = head(None, marker=True)
        objects = MemoryObjects({V: marker, at("b"): marker})
        waiting = replace(PENDING, since=plus(NOW, -3600 * hours))
        facts = VersionReader(objects).read(V, {"a": waiting}, NOW, ["a", "b", "c"])
        # By then what the rules took is taken to be on its way.
        elsewhere = {"a": Status.PENDING} if ended else {}
        assert {f.destination: f.status for f in facts} == {"b": Status.COMPLETED} | elsewhere


def test_a_replica_where_the_version_may_have_been_outlives_its_source() -> None:
    objects = MemoryObjects({at("b"): head("REPLICA")})
    facts = VersionReader(objects).read(V, {"a": PENDING}, NOW, ("b", "c"))
    states = {
        name: fold(fact for fact in facts if fact.destination == name).state
        for name in ("a", "b", "c")
    }
    assert (states["b"].status, states["b"].deleted_at) == (Status.COMPLETED, NOW)
    assert (states["a"].status, states["a"].deleted_at) == (None, NOW)
    assert states["c"] == State()

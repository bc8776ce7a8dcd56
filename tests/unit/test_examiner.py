"""What HEAD answers mean, for one and for several destinations."""

import pytest

from replication.errors import Denied
from replication.examiner import NO_RULE, SEVERAL_MAY_HAVE_FAILED, WITHOUT_ITS_TAGS, Examiner
from replication.facts import Evidence, Fact, Kind, ObjectVersion
from replication.fold import State, fold
from replication.ports import Head
from replication.status import Status
from replication.times import Instant
from tests.fakes import MemoryObjects

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
    facts = Examiner(MemoryObjects(heads), audit=audit).examine(V, known, NOW)
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
        Examiner(denying).examine(V, TWO, NOW)

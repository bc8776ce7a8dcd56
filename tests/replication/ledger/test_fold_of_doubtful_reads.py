"""A read in doubt that comes to a destination which S3 has named meanwhile."""

import pytest

from replication.ledger.fact import Fact, Kind
from replication.ledger.fold import fold
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import Instant, plus

T = Instant("2026-11-22T10:00:00.000Z")
VERSION = ObjectVersion("src", "a/k", "v1")


def fact(kind: Kind, seconds: float, evidence: Evidence, **more: object) -> Fact:
    return Fact(kind, VERSION, "dst", plus(T, seconds), evidence, f"{kind}{seconds}", **more)  # type: ignore[arg-type]


WRITTEN = fact(Kind.REQUESTED, 0, Evidence.OBJECT_CREATED)
FAILED = fact(Kind.FAILED, 30, Evidence.REPLICATION_EVENT, failure_code="AssumeRoleNotPermitted")
LATE = fact(Kind.THRESHOLD_MISSED, 30, Evidence.REPLICATION_EVENT)
UNNAMED = fact(Kind.FAILED, 30, Evidence.REPLICATION_EVENT)


def read(status: Status | None) -> Fact:
    """The source showed the status, and the reader could not tell whether it is of here."""
    return fact(Kind.OBSERVED, 60, Evidence.HEAD_SOURCE, status=status, in_doubt=True)


@pytest.mark.parametrize("named", [FAILED, UNNAMED, LATE])
@pytest.mark.parametrize("status", [Status.FAILED, Status.PENDING, None])
def test_does_not_put_in_doubt_what_s3_named(named: Fact, status: Status | None) -> None:
    state = fold([WRITTEN, named, read(status)]).state
    assert not state.in_doubt
    before = Status.PENDING if named is LATE else Status.FAILED
    assert state.status is (status or before)


def test_keeps_its_doubt_where_s3_named_none() -> None:
    assert fold([WRITTEN, read(Status.FAILED)]).state.in_doubt
    nothing = fold([WRITTEN, read(None)]).state
    assert (nothing.status, nothing.in_doubt) == (None, True)


def test_a_null_version_that_is_written_again_was_not_named() -> None:
    again = fact(Kind.POSSIBLE, 40, Evidence.OBJECT_CREATED)
    state = fold([WRITTEN, LATE, again, read(None)]).state
    assert (state.status, state.in_doubt) == (None, True)

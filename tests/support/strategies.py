"""Hypothesis strategies of the tracker's own values."""

from hypothesis import strategies as st

from replication.ledger.fact import Fact, Kind
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import Instant

VERSION = ObjectVersion("source", "a/key", "v1")

# Few instants, so that ties and equal times happen all the time.
instants = st.integers(0, 12).map(lambda ms: Instant(f"2026-11-22T00:00:00.{ms:03d}Z"))


@st.composite
def facts(draw: st.DrawFn, version: ObjectVersion = VERSION, destination: str = "dst") -> Fact:
    """Any fact about one version at one destination."""
    kind = draw(st.sampled_from(Kind))
    return Fact(
        kind=kind,
        version=version,
        destination=destination,
        at=draw(instants),
        evidence=draw(st.sampled_from(Evidence)),
        id=draw(st.sampled_from("abcdef")),
        rule_id=draw(st.none() | st.sampled_from(["r1", "r2"])),
        requested_at=draw(st.none() | instants),
        size=draw(st.none() | st.integers(0, 2**43)),
        etag=draw(st.none() | st.just("etag")),
        sequencer=draw(st.none() | st.sampled_from(["00A1", "00a2"])),
        failure_code=draw(st.none() | st.just("DstPutObjectNotPermitted")),
        status=draw(st.none() | st.sampled_from(Status)),
        delete_marker=draw(st.none() | st.just(True)),
        late=draw(st.none() | st.just(True)),
        present=draw(st.none() | st.just(True)),
        detail=draw(st.none() | st.text(max_size=5)),
        in_doubt=draw(st.none() | st.just(True)),
        quiet=draw(st.none() | st.just(True)),
        retention=draw(st.none() | st.sampled_from(["none", "GOVERNANCE 2027"])),
    )


def histories(min_size: int = 0, max_size: int = 12) -> st.SearchStrategy[list[Fact]]:
    """The facts of one item, unique by what makes a fact the same fact: its order."""
    return st.lists(
        facts(), min_size=min_size, max_size=max_size, unique_by=lambda fact: fact.order
    )

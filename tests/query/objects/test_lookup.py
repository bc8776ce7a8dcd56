"""Where an object is looked for, and what is said when it is not there."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby

import pytest

from query.objects.lookup import Histories, Lookup, NotTracked
from replication.ledger.fact import Kind
from replication.ledger.item import LedgerItem
from replication.ledger.state import Record
from replication.published.row import AsOf
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from tests.support.fakes import history, rule
from tests.support.seeds import arrived, at, requested, stored, version

PRESENT = AsOf(at(0))

HISTORIES: Histories = {
    "src": history("src", rule("dst-a", prefix="logs/"), rule("mirror")),
    "mirror": history("mirror", rule("src")),
    "third": history("third", rule("dst-a")),
}


@dataclass
class MemoryVersions:
    stored: list[LedgerItem] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    vanished: set[ObjectVersion] = field(default_factory=set)

    def version(self, version: ObjectVersion) -> tuple[LedgerItem, ...]:
        self.asked.append(f"{version.bucket} {version.version_id}")
        if version in self.vanished:
            return ()
        return tuple(one for one in self.stored if one.version == version)

    def versions(self, bucket: str, key: str) -> Iterator[tuple[LedgerItem, ...]]:
        self.asked.append(bucket)
        found = sorted(
            (
                replace(one, record=Record(one.record.state))
                for one in self.stored
                if (one.version.bucket, one.version.key) == (bucket, key)
            ),
            key=lambda one: one.version,
        )
        for _, items in groupby(found, key=lambda one: one.version):
            yield tuple(items)


def lookup(memory: MemoryVersions, histories: Histories = HISTORIES) -> Lookup:
    return Lookup(memory, lambda: histories, frozenset(histories), lambda: PRESENT)


def test_only_buckets_whose_rules_could_send_the_key_are_asked() -> None:
    memory = MemoryVersions([stored(requested(), arrived(2), of=version("logs/x"))])
    assert lookup(memory).find("dst-a", "logs/x", "v1")["source"]["bucket"] == "src"
    assert memory.asked == ["src v1"]
    memory.asked.clear()
    with pytest.raises(NotTracked):
        lookup(memory).find("dst-a", "other/x", "v1")
    assert memory.asked == ["third v1", "dst-a v1"], "in the end, as a replica of unknown source"


def test_a_bucket_whose_rules_are_unknown_is_asked_as_well() -> None:
    memory = MemoryVersions()
    with pytest.raises(NotTracked):
        lookup(memory, {"src": None, "mirror": None}).find("src", "k", None)
    assert memory.asked == ["mirror", "src"]


def test_a_version_of_its_own_needs_no_other_bucket() -> None:
    memory = MemoryVersions([stored(requested())])
    assert lookup(memory).find("src", "a/key", "v1")["role"] == "source"
    assert memory.asked == ["src v1"]


COPY = version("logs/x", bucket="dst-a")
LISTED = {"evidence": Evidence.INVENTORY, "status": Status.COMPLETED, "present": True}


def test_a_replica_of_unknown_source_is_a_replica_and_nobody_s() -> None:
    memory = MemoryVersions([stored((Kind.OBSERVED, 5, LISTED), of=COPY, destination="dst-a")])
    for version_id in ("v1", None):
        found = lookup(memory).find("dst-a", "logs/x", version_id)
        assert (found["role"], found["replication_status"]) == ("replica", "REPLICA")
        assert (found["source"], found["destinations"]) == (None, [])
    assert [found for _, found in lookup(memory).versions("dst-a", "logs/x")]


def test_a_replica_of_unknown_source_that_was_deleted_is_not_there() -> None:
    memory = MemoryVersions(
        [
            stored(
                (Kind.OBSERVED, 5, LISTED),
                (Kind.REPLICA_DELETED, 9),
                of=COPY,
                destination="dst-a",
            )
        ]
    )
    for version_id in ("v1", None):
        with pytest.raises(NotTracked):
            lookup(memory).find("dst-a", "logs/x", version_id)


def test_a_source_that_turns_up_later_is_the_source() -> None:
    memory = MemoryVersions(
        [
            stored((Kind.OBSERVED, 5, LISTED), of=COPY, destination="dst-a"),
            stored(requested(), arrived(2), of=version("logs/x")),
        ]
    )
    for version_id in ("v1", None):
        assert lookup(memory).find("dst-a", "logs/x", version_id)["source"]["bucket"] == "src"
    assert len(list(lookup(memory).versions("dst-a", "logs/x"))) == 1


def test_in_a_bucket_that_is_a_source_too_it_is_no_version_of_its_own() -> None:
    copy = version("k", bucket="mirror")
    memory = MemoryVersions([stored((Kind.OBSERVED, 5, LISTED), of=copy, destination="mirror")])
    for version_id in ("v1", None):
        found = lookup(memory).find("mirror", "k", version_id)
        assert (found["role"], found["source"]) == ("replica", None)


def test_of_several_sources_the_one_that_arrived_is_the_source() -> None:
    memory = MemoryVersions(
        [
            stored(requested(9), of=version("logs/x", "new")),
            stored(requested(1), arrived(2), of=version("logs/x", "old", "third")),
        ]
    )
    found = lookup(memory).find("dst-a", "logs/x", None)
    assert (found["source"]["bucket"], found["version_id"]) == ("third", "old")


def test_an_object_that_goes_between_two_reads_is_not_tracked() -> None:
    memory = MemoryVersions([stored(requested(), arrived(2), destination="mirror")])
    memory.vanished.add(version())
    for bucket in ("src", "mirror"):
        with pytest.raises(NotTracked):
            lookup(memory).find(bucket, "a/key", None)


def test_the_latest_on_its_way_is_named_when_nothing_arrived() -> None:
    memory = MemoryVersions(
        [
            stored(requested(1), of=version("logs/x", "first")),
            stored(requested(2), of=version("logs/x", "second")),
        ]
    )
    with pytest.raises(NotTracked, match=r"has not arrived in dst-a.* version second .* in src"):
        lookup(memory).find("dst-a", "logs/x", None)


def removed(name: str, written: float, *, marker: bool = False) -> list[LedgerItem]:
    """A version and its end. S3 tells of the end wherever the version is known."""
    end = (Kind.DELETED, written + 100)
    of = version(version_id=name)
    return [
        stored(requested(written, delete_marker=marker or None), arrived(written + 1), end, of=of),
        stored(end, of=of, destination=""),
    ]


LIVES = stored(requested(10), arrived(11), of=version(version_id="lives"))


def test_without_a_version_id_the_newest_that_exists_is_meant() -> None:
    memory = MemoryVersions([LIVES, *removed("gone", 20), *removed("marker", 30, marker=True)])
    assert lookup(memory).find("src", "a/key", None)["version_id"] == "lives"
    assert lookup(memory).find("src", "a/key", "gone")["deleted_at"] == at(120)


def test_a_delete_marker_that_stands_is_the_newest_version() -> None:
    marker = stored(requested(20, delete_marker=True), of=version(version_id="marker"))
    found = lookup(MemoryVersions([LIVES, marker])).find("src", "a/key", None)
    assert (found["version_id"], found["delete_marker"]) == ("marker", True)


def test_where_no_version_exists_the_answer_names_the_newest_that_did() -> None:
    memory = MemoryVersions([*removed("older", 10), *removed("newer", 20)])
    told = r"newest was newer, deleted for good at 2026-11-22T10:02:00.000Z; name it as version_id"
    with pytest.raises(NotTracked, match=told):
        lookup(memory).find("src", "a/key", None)
    with pytest.raises(NotTracked, match=told):
        raise lookup(memory).absence("src", "a/key")


def test_versions_are_those_that_exist_and_the_others_when_asked() -> None:
    memory = MemoryVersions([LIVES, *removed("gone", 20)])

    def listed(*, deleted: bool) -> set[str]:
        found = lookup(memory).versions("src", "a/key", deleted=deleted)
        return {items[0].version.version_id for _, items in found}

    assert listed(deleted=False) == {"lives"}
    assert listed(deleted=True) == {"lives", "gone"}


def test_a_null_version_that_was_written_again_lives() -> None:
    null = version(version_id="null")
    old = stored(requested(0), (Kind.DELETED, 5), of=null, destination="mirror")
    new = stored(requested(9, sequencer="0A"), of=null)
    assert lookup(MemoryVersions([old, new])).find("src", "a/key", None)["deleted_at"] is None
    with pytest.raises(NotTracked):
        lookup(MemoryVersions([old])).find("src", "a/key", None)


def test_a_replica_outlives_its_source() -> None:
    memory = MemoryVersions(
        [stored(requested(), arrived(2), (Kind.DELETED, 9), destination="mirror")]
    )
    assert lookup(memory).find("mirror", "a/key", None)["replication_status"] == "REPLICA"

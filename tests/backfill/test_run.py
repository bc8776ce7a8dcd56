"""From a manifest to the ledger, in memory: what is repeated, what goes on, what is refused."""

import json
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any

import pytest

from backfill.run import RESERVE_SECONDS, Backfill
from replication.aws.deliveries import manifest as deliveries_manifest
from replication.errors import Denied, NotYet, Reason, Rejected, Unavailable
from replication.head.port import Head
from replication.published.backfill import FileProgress, Progress, Request, RunProgress
from replication.s3.deliveries import DataFile, run_of
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import Instant, plus
from tests.support import deliveries
from tests.support.deliveries import URI, line, values
from tests.support.fakes import MemoryHistories, MemoryLedger, MemoryObjects, history, rule

NOW = Instant("2026-11-22T12:00:00.000Z")
RUN = run_of(URI)


class Crash(Exception):
    """The process ends at a call."""


def port(call: Callable[..., Any]) -> Callable[..., Any]:
    """Counts a call of a port; the one whose number is `crash` ends the process, before it did
    anything or after it did all."""

    @wraps(call)
    def counted(world: "World", *arguments: Any) -> Any:
        world.calls += 1
        crashes = world.calls == world.crash
        if crashes and not world.done_before_crash:
            raise Crash
        answer = call(world, *arguments)
        if crashes:
            raise Crash
        return answer

    return counted


@dataclass
class World:
    """A backfill among its ports in memory."""

    rows: list[list[bytes]]
    batch_rows: int = 3
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    objects: MemoryObjects = field(default_factory=MemoryObjects)
    bodies: list[str] = field(default_factory=list)
    listed: list[tuple[str, Instant]] = field(default_factory=list)
    items: dict[tuple[str, str], FileProgress] = field(default_factory=dict)
    run: RunProgress | None = None
    changed: dict[str, Any] = field(default_factory=dict)
    calls: int = 0
    crash: int | None = None
    done_before_crash: bool = False

    def __post_init__(self) -> None:
        self.histories = MemoryHistories({"src": history("src", rule("dst"))})

    def backfill(self) -> Backfill:
        return Backfill(
            files=self,
            queue=self,
            progress=self,
            ledger=self,
            objects=self.objects,
            histories=self.histories,
            delivery_of=deliveries_manifest.delivery_of,
            reader=deliveries_manifest.reader,
            source_buckets=frozenset(self.histories.known) | frozenset(self.histories.not_known),
            destination_buckets=frozenset({"dst"}),
            now=lambda: NOW,
            batch_rows=self.batch_rows,
            note_listed=self.note_listed,
        )

    def work(self, seconds_left: float = 300) -> None:
        """Delivers messages until none is left; one that fails or crashes comes again."""
        self.bodies = self.bodies or [json.dumps({"manifest": URI})]
        for _ in range(500):
            if not self.bodies:
                return
            body = self.bodies[0]
            try:
                self.backfill().handle(body, lambda: seconds_left)
            except Crash:
                self.crash = None
                continue
            self.bodies.remove(body)
        raise AssertionError("it never ends")

    @port
    def manifest(self, bucket: str, key: str) -> bytes:
        files = [(f"data/{n}.csv", b"".join(rows)) for n, rows in enumerate(self.rows)]
        return json.dumps(deliveries.inventory(*files, **self.changed)).encode()

    @port
    def verified(self, file: DataFile) -> str:
        return f"etag of {file.key}"

    @port
    def lines(self, file: DataFile, etag: str) -> Generator[bytes, None, None]:
        assert etag == f"etag of {file.key}"
        yield from self.rows[int(file.key.removeprefix("data/").removesuffix(".csv"))]

    @port
    def send(self, bodies: Sequence[str]) -> None:
        self.bodies += bodies

    @port
    def note_listed(self, bucket: str, at: Instant) -> None:
        self.listed.append((bucket, at))

    @port
    def write(self, claims: Any) -> Any:
        return self.ledger.write(claims)

    @port
    def states(self, version: ObjectVersion) -> Any:
        return self.ledger.states(version)

    @port
    def load(self, run: str) -> Progress | None:
        assert run == RUN
        return Progress(self.run, tuple(self.items.values())) if self.run else None

    @port
    def file(self, run: str, bucket: str, key: str) -> FileProgress | None:
        return self.items.get((bucket, key))

    @port
    def save_run(self, run: RunProgress, now: Instant) -> None:
        self.run = replace(run, started_at=self.run.started_at if self.run else now)

    @port
    def save_file(self, run: str, file: FileProgress, now: Instant) -> None:
        before = self.items.get((file.bucket, file.key))
        if before is None or before.finished_at is None:
            self.items[file.bucket, file.key] = file

    @property
    def progress(self) -> Progress:
        assert self.run is not None
        return Progress(self.run, tuple(self.items.values()))

    @property
    def ended(self) -> str:
        return str(self.progress.state)


def rows(count: int, first: int = 0, **more: str) -> list[bytes]:
    return [line(values(f"k{number}", **more)) for number in range(first, first + count)]


def test_every_row_of_every_file_is_in_the_ledger_afterwards() -> None:
    world = World([rows(7), rows(4, 100), []])
    world.work()
    assert len(world.ledger.records) == 11
    assert world.ended == "finished"
    assert (world.progress.rows, world.progress.counts) == (11, {"completed": 11})
    assert world.progress.files_finished == world.progress.run.files == 3


class TestWhatABucketHeldBeforeItWasTracked:
    """It is known once an inventory was read to its end; until then nothing is complete."""

    LISTED = [("src", Instant(deliveries.SCANNED))]  # noqa: RUF012

    def test_is_known_when_the_last_file_is_finished(self) -> None:
        world = World([rows(2), rows(2, 100)])
        world.bodies = [json.dumps({"manifest": URI})]
        world.backfill().handle(world.bodies.pop(), lambda: 300.0)
        first, last = world.bodies
        world.backfill().handle(first, lambda: 300.0)
        assert world.listed == []
        world.backfill().handle(last, lambda: 300.0)
        assert world.listed == self.LISTED

    def test_is_not_by_a_list_from_before_tracking_began(self) -> None:
        """What was written in between, nobody told of."""
        world = World([rows(2)])
        world.histories.known = {
            "src": history("src", rule("dst"), since="2026-11-22T10:00:00.001Z")
        }
        world.work()
        assert world.listed == []

    def test_is_said_once(self) -> None:
        world = World([rows(2)])
        known = history("src", rule("dst"))
        world.histories.known = {"src": replace(known, listed=True)}
        world.work()
        assert world.listed == []

    def test_is_said_again_after_events_were_missing(self) -> None:
        world = World([rows(2)])
        known = replace(history("src", rule("dst")), listed=True)
        until = Instant(deliveries.SCANNED)
        world.histories.known = {"src": replace(known, missed_until=plus(until, 0.001))}
        world.work()
        assert world.listed == [], "it is older"
        world = World([rows(2)])
        world.histories.known = {"src": replace(known, missed_until=until)}
        world.work()
        assert world.listed == self.LISTED

    @pytest.mark.parametrize("bad", [b"broken\n", line(values("x", status="DONE"))])
    def test_is_not_while_rows_could_not_be_understood(self, bad: bytes) -> None:
        world = World([[*rows(2), bad]])
        world.work()
        assert world.ended == "finished"
        assert world.listed == []

    def test_is_not_while_the_ledger_refused_some(self) -> None:
        world = World([rows(2)])
        key = (ObjectVersion("src", "k1", "v1"), "dst")
        world.ledger.refuse = {key: Rejected(Reason.UNWRITABLE, "too large")}
        world.work()
        assert world.listed == []

    def test_is_not_while_a_file_failed(self) -> None:
        world = World([rows(2)], changed={"fileFormat": "ORC"})
        world.work()
        assert (world.ended, world.listed) == ("failed", [])

    def test_of_an_empty_bucket_is_known_as_well(self) -> None:
        world = World([[]])
        world.work()
        assert world.listed == self.LISTED

    def test_is_not_told_by_the_list_of_a_destination(self) -> None:
        world = of_a_destination()
        world.work()
        assert world.listed == []


def test_an_inventory_without_files_is_finished_at_once() -> None:
    world = World([])
    world.work()
    assert world.ended == "finished"
    assert world.progress.finished_at == NOW


def test_when_the_time_runs_out_the_same_message_goes_on() -> None:
    world = World([rows(10)])
    world.work(seconds_left=RESERVE_SECONDS - 1)
    assert world.ended == "finished"
    assert (world.progress.rows, world.progress.counts) == (10, {"completed": 10})
    assert world.ledger.writes == 10


def calls_of_a_whole_run() -> int:
    world = World([rows(7), rows(4, 100)])
    world.work(seconds_left=0)
    return world.calls


@pytest.mark.parametrize("done_before_crash", [False, True])
@pytest.mark.parametrize("crash", range(1, calls_of_a_whole_run() + 1))
def test_a_crash_at_any_call_changes_nothing_in_the_end(
    crash: int, done_before_crash: bool
) -> None:
    straight = World([rows(7), rows(4, 100)])
    straight.work(seconds_left=0)
    world = World([rows(7), rows(4, 100)], crash=crash, done_before_crash=done_before_crash)
    world.work(seconds_left=0)
    assert world.crash is None
    assert world.ledger.records == straight.ledger.records
    assert world.progress.counts == straight.progress.counts
    assert world.progress.rows == straight.progress.rows
    assert world.ended == "finished"
    assert set(world.listed) == set(straight.listed) != set()


def test_every_message_delivered_twice_counts_once() -> None:
    world = World([rows(7)])
    world.bodies = [json.dumps({"manifest": URI})] * 2
    world.work(seconds_left=0)
    assert world.progress.counts == {"completed": 7}
    assert world.ended == "finished"


def test_a_finished_run_started_again_reads_no_file() -> None:
    world = World([rows(7)])
    world.work()
    writes = world.ledger.writes
    world.work()
    assert world.ledger.writes == writes
    assert world.ended == "finished"


def test_a_broken_row_is_counted_and_named_and_stops_nothing() -> None:
    good = rows(5)
    world = World([[*good[:2], b"broken\n", line(values("x", status="DONE")), b"\n", *good[2:]]])
    world.work()
    assert world.progress.counts == {"completed": 5, "broken": 2}
    assert len(world.ledger.records) == 5
    (file,) = world.progress.files
    assert [text.partition(":")[0] for text in file.broken] == ["row 3", "row 4"]
    assert file.rows == 8


def test_a_row_the_ledger_cannot_hold_is_named_and_stops_nothing() -> None:
    world = World([rows(5)])
    key = (ObjectVersion("src", "k1", "v1"), "dst")
    world.ledger.refuse = {key: Rejected(Reason.UNWRITABLE, "too large")}
    world.work()
    assert world.progress.counts == {"completed": 5, "refused": 1}
    assert "k1" in world.progress.files[0].broken[0]
    assert world.ended == "finished"


def test_what_the_ledger_cannot_take_now_comes_again_and_the_progress_says_why() -> None:
    world = World([rows(5)])
    key = (ObjectVersion("src", "k4", "v1"), "dst")
    world.ledger.refuse = {key: Unavailable("throttled")}
    with pytest.raises(NotYet):
        world.work()
    assert world.ended == "running"
    assert world.progress.rows == 3
    assert list(world.progress.troubles) == ["data/0.csv: throttled"]
    world.ledger.refuse = {}
    world.work()
    assert world.ended == "finished"
    assert list(world.progress.troubles) == []
    assert world.progress.counts == {"completed": 5}


def several(status: str = "FAILED") -> World:
    """Two destinations; only `b` has the object."""
    world = World([rows(1, status=status)])
    world.histories.known = {"src": history("src", rule("a"), rule("b"))}
    version = ObjectVersion("src", "k0", "v1")
    world.objects.heads = {
        version: Head(status, delete_marker=False, last_modified=NOW),
        replace(version, bucket="b"): Head("REPLICA", delete_marker=False, last_modified=NOW),
    }
    return world


def status_at(world: World, name: str) -> Status | None:
    return world.ledger.records[ObjectVersion("src", "k0", "v1"), name].state.status


def test_which_of_several_destinations_is_meant_s3_is_asked() -> None:
    """Nothing would ask later: a version without a status is in no list."""
    world = several()
    world.work()
    assert (status_at(world, "a"), status_at(world, "b")) == (Status.FAILED, Status.COMPLETED)
    assert world.progress.counts == {"ambiguous": 1}


def test_what_is_clear_is_not_looked_at() -> None:
    world = several("COMPLETED")
    world.work()
    assert (status_at(world, "a"), status_at(world, "b")) == (Status.COMPLETED, Status.COMPLETED)
    assert world.objects.asked == []


def test_who_knows_how_old_the_rules_are_saves_the_looks() -> None:
    for rules_since, counts in ((None, {"ambiguous": 3}), ("2026-10-01", {"completed": 3})):
        world = World([rows(3)])
        young = history("src", rule("dst"), since="2026-11-20T00:00:00.000Z")
        world.histories.known = {"src": young}
        more = {"rules_since": f"{rules_since}T00:00:00Z"} if rules_since else {}
        world.bodies = [json.dumps({"manifest": URI} | more)]
        world.work(seconds_left=0)
        assert world.progress.counts == counts
        assert bool(world.objects.asked) is not bool(rules_since)


def test_a_look_that_is_denied_leaves_it_unknown_and_says_what_to_allow() -> None:
    world = several()
    world.objects.fault = Denied("s3:GetObjectVersion", "src")
    world.work()
    assert (status_at(world, "a"), status_at(world, "b")) == (None, None)
    assert world.ended == "finished"
    assert world.progress.counts == {"ambiguous": 1, "not_looked_at": 1}
    assert "s3:GetObjectVersion" in world.progress.files[0].broken[0]


def test_a_look_that_s3_throttles_comes_again() -> None:
    world = several()
    world.objects.fault = Unavailable("SlowDown")
    with pytest.raises(Unavailable):
        world.work()
    assert world.progress.rows == 0
    world.objects.fault = None
    world.work()
    assert status_at(world, "a") is Status.FAILED
    assert world.progress.counts == {"ambiguous": 1}


def test_rules_that_cannot_be_read_are_waited_for() -> None:
    world = World([rows(2)])
    world.histories.known, world.histories.not_known = {}, {"src": "AccessDenied"}
    with pytest.raises(Unavailable, match="s3:GetReplicationConfiguration"):
        world.work()
    assert "AccessDenied" in world.progress.troubles[0]
    assert world.ledger.records == {}


def of_a_destination() -> World:
    """The list of `dst`, which has one replica of `src`."""
    listed = line(values("k0", status="REPLICA", Bucket="dst"))
    world = World([[listed]], changed={"sourceBucket": "dst"})
    version = ObjectVersion("src", "k0", "v1")
    world.objects.heads = {
        version: Head("COMPLETED", delete_marker=False, last_modified=NOW),
        version.in_bucket("dst"): Head("REPLICA", delete_marker=False, last_modified=NOW),
    }
    return world


def test_the_inventory_of_a_destination_tells_of_its_sources_versions() -> None:
    world = of_a_destination()
    world.work()
    assert world.ended == "finished"
    assert world.progress.counts == {"replica": 1}
    assert status_at(world, "dst") is Status.COMPLETED


def test_whose_replicas_they_are_waits_for_the_rules_of_every_source() -> None:
    world = of_a_destination()
    world.histories.not_known = {"other-source": "AccessDenied"}
    with pytest.raises(Unavailable, match="configuration of other-source"):
        world.work()
    assert world.ledger.records == {}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"fileFormat": "Parquet"}, "output format CSV"),
        ({"sourceBucket": "other"}, "in source_buckets"),
        ({"creationTimestamp": "4102444800000"}, "in the future"),
    ],
)
def test_a_delivery_of_no_use_is_refused_with_the_reason(
    changed: dict[str, Any], told: str
) -> None:
    world = World([rows(2)], changed=changed)
    world.work()
    assert world.ended == "failed"
    assert told in world.progress.troubles[0]
    assert world.ledger.records == {}
    world.changed = {}
    world.work()
    assert world.ended == "finished"


def test_a_file_of_no_use_stops_no_other_and_begins_anew_when_started_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World([rows(4), rows(4, 100)])
    read = world.lines

    def damaged(file: DataFile, etag: str) -> Generator[bytes, None, None]:
        if file.key == "data/1.csv":
            with closing(read(file, etag)) as stored:
                yield from (next(stored) for _ in range(3))
            raise Rejected(Reason.CHANGED, "it was changed")
        yield from read(file, etag)

    monkeypatch.setattr(world, "lines", damaged)
    world.work()
    assert world.ended == "failed"
    assert world.progress.files_finished == 1
    assert world.progress.troubles == ("data/1.csv: changed: it was changed",)
    monkeypatch.undo()
    world.work()
    assert world.ended == "finished"
    assert world.progress.counts == {"completed": 8}


def test_a_file_the_manifest_does_not_name_any_more_is_refused() -> None:
    world = World([rows(1)])
    world.work()
    world.bodies = [Request(URI, ("inventories", "gone.csv")).body]
    world.work()
    assert "does not name this file" in world.items["inventories", "gone.csv"].error  # type: ignore[operator]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{}",
        '{"manifest": 1}',
        '{"manifest": "https://bucket/key"}',
        '{"manifest": "s3://bucket"}',
        '{"manifest": "s3://b/k", "file": "x"}',
        '{"manifest": "s3://b/k", "rules_since": "long ago"}',
        '{"manifest": "s3://b/k", "rules_since": 2026}',
        "[" * 100_000,
    ],
)
def test_a_message_that_is_none_of_its_own_raises(body: str) -> None:
    with pytest.raises(Rejected):
        World([]).backfill().handle(body, lambda: 300.0)


@pytest.mark.parametrize(
    "request_",
    [Request(URI), Request(URI, ("b", 'k"\N{PARTY POPPER}')), Request(URI, ("b", "k"), NOW)],
)
def test_a_request_survives_the_queue(request_: Request) -> None:
    assert Request.parse(request_.body) == request_

"""A delivery from its bucket through the queue into the ledger."""

import json
import tracemalloc
from typing import Any

import pytest
from botocore.exceptions import ClientError

from replication.aws.deliveries.files import S3DeliveryFiles
from replication.errors import Rejected, Unavailable
from replication.head.port import Head
from replication.ledger.fact import Fact, Kind
from replication.ledger.port import Claim, Written
from replication.published.backfill import RunState
from replication.s3.deliveries import DataFile
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from replication.times import Instant, plus
from tests.backfill.conftest import NOW, World, rows
from tests.support import deliveries
from tests.support.deliveries import BUCKET, MANIFEST, URI, put_inventory
from tests.support.fakes import MemoryLedger
from tests.support.seeds import version

SCANNED = Instant(deliveries.SCANNED)


def live(kind: Kind, at: Instant, key: str = "k0", **more: Any) -> Claim:
    evidence = Evidence.OBJECT_CREATED if kind is Kind.REQUESTED else Evidence.REPLICATION_EVENT
    return Claim(Fact(kind, version(key), "dst", at, evidence, f"live-{kind}", **more))


def test_all_rows_of_all_files_come_into_the_ledger(world: World) -> None:
    put_inventory(world.s3, rows(120), rows(30, 500, "FAILED"), rows(1, 900, ""))
    world.start()
    assert world.work() == 4
    assert isinstance(world.ledger, MemoryLedger)
    assert len(world.ledger.records) == 150
    assert world.state("k119").status is Status.COMPLETED
    assert world.state("k500").status is Status.FAILED
    found = world.progress
    assert (found.state, found.rows, found.files_finished) == (RunState.FINISHED, 151, 3)
    assert found.counts == {"completed": 120, "failed": 30, "no_status": 1}
    assert (found.run.files, found.run.started_at, found.finished_at) == (3, NOW, NOW)


def test_a_function_that_runs_out_of_time_is_continued(world: World) -> None:
    put_inventory(world.s3, rows(220))
    world.start()
    assert world.work(seconds_left=10) == 1 + 5  # one batch of fifty rows each
    assert (world.progress.state, world.progress.rows) == (RunState.FINISHED, 220)
    assert world.progress.counts == {"completed": 220}


def test_a_restart_in_the_middle_goes_on_where_the_ledger_is(world: World) -> None:
    """The process dies between the ledger's write and the progress of the third batch."""

    class Dying(MemoryLedger):
        batches = 0

        def write(self, claims: Any) -> Any:
            self.batches += 1
            written = MemoryLedger.write(self, claims)
            if self.batches == 3:
                raise KeyboardInterrupt
            return written

    ledger = world.ledger = Dying()
    put_inventory(world.s3, rows(220))
    world.start()
    with pytest.raises(KeyboardInterrupt):
        world.work()
    assert (world.progress.state, world.progress.rows) == (RunState.RUNNING, 100)
    assert len(ledger.records) == 150
    world.work()
    assert world.progress.counts == {"completed": 220}
    assert len(ledger.records) == 220
    assert ledger.batches == 3 + 3
    assert all(len(record.facts) == 1 for record in ledger.records.values())


def test_messages_delivered_twice_change_nothing(world: World) -> None:
    put_inventory(world.s3, rows(120), rows(30, 500))
    for _ in range(3):
        world.start()
    world.work(seconds_left=10)
    once = dict(world.ledger.records)  # type: ignore[attr-defined]
    world.start()
    world.work()
    assert world.ledger.records == once  # type: ignore[attr-defined]
    assert world.progress.counts == {"completed": 150}


def test_live_facts_win_over_an_older_inventory(world: World) -> None:
    world.ledger.write([live(Kind.FAILED, plus(SCANNED, 60), failure_code="DstBucketNotFound")])
    put_inventory(world.s3, rows(1))
    world.start()
    world.work()
    state = world.state("k0")
    assert (state.status, state.failure_code) == (Status.FAILED, "DstBucketNotFound")
    assert len(world.ledger.records[version("k0"), "dst"].facts) == 2  # type: ignore[attr-defined]


def test_it_does_not_matter_which_was_heard_first(world: World) -> None:
    events = [
        live(Kind.REQUESTED, plus(SCANNED, -60), size=9),
        live(Kind.ARRIVED, plus(SCANNED, 60)),
    ]
    put_inventory(world.s3, rows(1, status="PENDING"))
    world.start()
    world.work()
    world.ledger.write(events)
    first = world.ledger.records[version("k0"), "dst"]  # type: ignore[attr-defined]
    other = MemoryLedger()
    other.write(events)
    other.write([Claim(fact) for fact in first.facts])
    assert other.records[version("k0"), "dst"] == first
    assert (first.state.status, first.state.size) == (Status.COMPLETED, 9)


def test_a_newer_inventory_corrects(world: World) -> None:
    world.ledger.write([live(Kind.REQUESTED, plus(SCANNED, -9000), size=9, rule_id="live")])
    put_inventory(world.s3, rows(1))
    world.start()
    world.work()
    state = world.state("k0")
    assert (state.status, state.evidence) == (Status.COMPLETED, Evidence.INVENTORY)
    assert (state.size, state.rule_id, state.etag) == (9, "live", deliveries.values()["ETag"])


def test_a_file_whose_md5_differs_is_refused_before_any_row_is_read(world: World) -> None:
    put_inventory(world.s3, rows(5), rows(5, 100))
    world.s3.put_object(Bucket=BUCKET, Key="data/1.csv.gz", Body=deliveries.packed(*rows(5, 200)))
    world.start()
    world.work()
    assert world.progress.state is RunState.FAILED
    assert "wrong-md5" in world.progress.troubles[0]
    assert len(world.ledger.records) == 5  # type: ignore[attr-defined]
    world.s3.put_object(Bucket=BUCKET, Key="data/1.csv.gz", Body=deliveries.packed(*rows(5, 100)))
    world.start()
    world.work()
    assert world.progress.counts == {"completed": 10}


def test_a_file_that_changes_while_it_is_read_is_refused(world: World) -> None:
    put_inventory(world.s3, rows(120))
    world.start()
    world.work(seconds_left=10, most=2)
    world.s3.put_object(Bucket=BUCKET, Key="data/0.csv.gz", Body=deliveries.packed(*rows(9)))
    world.work()
    assert world.progress.state is RunState.FAILED
    assert "changed while it was read" in world.progress.troubles[0]


def test_a_file_that_is_no_gzip_is_refused(world: World) -> None:
    body = b"no gzip at all"
    world.s3.put_object(Bucket=BUCKET, Key="data/0.csv.gz", Body=body)
    manifest = deliveries.inventory(("data/0.csv.gz", body))
    world.s3.put_object(Bucket=BUCKET, Key=MANIFEST, Body=json.dumps(manifest).encode())
    world.start()
    world.work()
    assert "not-gzip" in world.progress.troubles[0]


def test_a_file_that_is_not_there_is_named_with_the_likely_reason(world: World) -> None:
    manifest = deliveries.inventory(("data/none.csv.gz", b""))
    world.s3.put_object(Bucket=BUCKET, Key=MANIFEST, Body=json.dumps(manifest).encode())
    world.start()
    world.work()
    assert "destination prefix that ends in `/`" in world.progress.troubles[0]


def test_a_manifest_that_is_not_there_fails_the_run(world: World) -> None:
    world.start()
    world.work()
    assert world.progress.state is RunState.FAILED
    assert "does not exist" in world.progress.troubles[0]


def test_a_report_of_batch_replication_is_read_like_an_inventory(world: World) -> None:
    done = deliveries.csv_of([["src", "k0", "v1", "succeeded", "200", "", "Successful"]], 0, "\r\n")
    failed = deliveries.csv_of(
        [
            ["src", "k1", "v1", "failed", "403", "DstPutObjectNotPermitted", "no"],
            ["src", "k2", r"\N", "failed", "404", "SrcObjectNotFound", "no version"],
            ["elsewhere", "k3", "v1", "succeeded", "200", "", ""],
        ],
        0,
        "\r\n",
    )
    head = Head("COMPLETED", delete_marker=False, last_modified=NOW)
    world.objects.heads = {version("k0"): head}
    files = [("results/done.csv", done), ("results/failed.csv", failed)]
    for key, body in files:
        world.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    world.s3.put_object(
        Bucket=BUCKET, Key=MANIFEST, Body=json.dumps(deliveries.report(*files)).encode()
    )
    world.start()
    world.work()
    assert world.progress.counts == {"task_succeeded": 1, "failed": 1, "broken": 2}
    assert world.state("k0").status is Status.COMPLETED
    assert world.state("k0").evidence is Evidence.HEAD_SOURCE
    assert world.state("k1").failure_code == "DstPutObjectNotPermitted"
    assert set(world.reports_read) == {URI}, "who redrives is told"


def test_a_row_over_several_lines_is_one_row_of_the_progress(world: World) -> None:
    """Also when the function runs out of time within such rows."""
    body = deliveries.csv_of(
        [
            ["src", f"k{number}", "v1", "failed", "503", "SlowDown", "no answer\nat\nall"]
            for number in range(120)
        ],
        0,
    )
    world.s3.put_object(Bucket=BUCKET, Key="results/failed.csv", Body=body)
    manifest = deliveries.report(("results/failed.csv", body))
    world.s3.put_object(Bucket=BUCKET, Key=MANIFEST, Body=json.dumps(manifest).encode())
    world.start()
    world.work(seconds_left=10)
    assert (world.progress.state, world.progress.rows) == (RunState.FINISHED, 120)
    assert world.progress.counts == {"failed": 120}
    assert world.state("k119").failure_code == "SlowDown"


@pytest.mark.parametrize(
    ("code", "error"),
    [("AccessDenied", Unavailable), ("SlowDown", Unavailable), ("NoSuchBucket", Rejected)],
)
def test_what_s3_answers_decides_whether_to_come_again(
    world: World, monkeypatch: pytest.MonkeyPatch, code: str, error: type[Exception]
) -> None:
    def refused(**_: object) -> object:
        raise ClientError({"Error": {"Code": code}}, "GetObject")

    monkeypatch.setattr(world.s3, "get_object", refused)
    with pytest.raises(error):
        S3DeliveryFiles(lambda _: world.s3).verified(DataFile(BUCKET, "k", "0" * 32))


def test_memory_does_not_grow_with_the_file(world: World) -> None:
    """200,000 rows are 27 MB as text. Most have no status, because tracing memory is slow."""

    class Forgetful(MemoryLedger):
        def write(self, claims: Any) -> Any:
            keys = {(claim.fact.version, claim.fact.destination) for claim in claims}
            return dict.fromkeys(keys, Written.WRITTEN)

    world.ledger, world.batch_rows = Forgetful(), 2_000
    some, most = rows(20_000), rows(180_000, 20_000, status="")
    assert sum(map(len, most)) > 20 * 1024**2
    put_inventory(world.s3, [*some[::2], *most, *some[1::2]])
    del some, most
    world.start()
    world.work(most=1)
    tracemalloc.start()
    try:
        world.work()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert world.progress.counts == {"completed": 20_000, "no_status": 180_000}
    assert peak < 16 * 1024**2

"""The counters against a real store: exact under faults, healed by a recount, one incident a storm.

`python -m bench.counted` is the same proof with 50,000 facts.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from replication.aws.table.counter_reads import CounterReads
from replication.aws.table.counter_recount import IndexWalk, RecountedCounters
from replication.aws.table.counter_writes import CounterTable
from replication.aws.table.fence_item import FENCES
from replication.aws.table.incident_reads import IncidentReads
from replication.aws.table.incident_writes import IncidentTable, incident_id
from replication.aws.table.stream_record import became_failed, read_record
from replication.counters.counter import BenignKeys, Change, Deltas, FailureKind, Totals
from replication.errors import Unavailable
from replication.published.sns_message import SnsMessage
from replication.times import Instant
from summarize.recount import Recount, Verdict
from summarize.summarizer import Summarizer
from tests.announce.conftest import record
from tests.replication.aws.table.conftest import SHARDS
from tests.support import counted, seeds
from tests.support.seeds import arrived, failed, requested, stored, version

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from replication.ledger.item import LedgerItem

pytestmark = pytest.mark.e2e

NOW = Instant("2026-11-22T10:30:00.000Z")
TOTALS = Totals("src", "dst-a", "rule-a")
TROUBLE = FailureKind("src", "dst-a", "rule-a", "DstPutObjectNotPermitted", benign=False)


@pytest.fixture
def counters(dynamodb: "DynamoDBClient", table: str) -> CounterTable:
    return CounterTable(dynamodb, table, SHARDS)


@pytest.fixture
def reads(dynamodb: "DynamoDBClient", table: str) -> CounterReads:
    return CounterReads(dynamodb, table, SHARDS)


def adds(*numbers: int) -> list[Change]:
    return [Change(str(one), {TOTALS: Counter(PENDING=1)}) for one in numbers]


@pytest.mark.parametrize("named", [True, False])
def test_under_every_fault_counters_equal_a_recount_and_the_lists(
    dynamodb: "DynamoDBClient", table: str, named: bool
) -> None:
    dynamodb.update_table(
        TableName=table,
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    streams = boto3.client(
        "dynamodbstreams",
        endpoint_url=dynamodb.meta.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    told = counted.prove(dynamodb, streams, table, 1_500, named=named, seed=11)
    assert "counters = recount = lists" in told


@pytest.mark.parametrize("shard", ["shardId-1", None])
def test_what_is_in_is_not_counted_again_however_the_batch_is_cut(
    counters: CounterTable, reads: CounterReads, shard: str | None
) -> None:
    assert len(counters.apply(shard, adds(100, 101, 102))) == 3
    assert counters.apply(shard, adds(100, 101, 102)) == []
    assert counters.apply(shard, adds(101)) == []
    assert [one.number for one in counters.apply(shard, adds(102, 103))] == ["103"]
    assert reads.totals("src")[TOTALS] == {"PENDING": 4}


def test_numbers_are_compared_as_numbers(counters: CounterTable, reads: CounterReads) -> None:
    counters.apply("shardId-1", adds(99))
    counters.apply("shardId-1", adds(100))
    assert reads.totals("src")[TOTALS] == {"PENDING": 2}


def test_shards_count_apart(counters: CounterTable, reads: CounterReads) -> None:
    for shard in ("shardId-1", "shardId-2", "shardId-3"):
        counters.apply(shard, adds(7, 8))
    assert reads.totals("src")[TOTALS] == {"PENDING": 6}


def test_a_batch_wider_than_a_transaction_takes_several_and_counts_once(
    counters: CounterTable, reads: CounterReads
) -> None:
    wide = [
        Change(str(n), {Totals("src", f"dst-{n}", "r"): Counter(PENDING=1)}) for n in range(250)
    ]
    for _ in range(2):
        counters.apply("shardId-1", wide)
    assert sum(one["PENDING"] for one in reads.totals("src").values()) == 250


def test_a_table_that_is_away_has_the_batch_come_again(dynamodb: "DynamoDBClient") -> None:
    with pytest.raises(Unavailable):
        CounterTable(dynamodb, "no-such-table", SHARDS).apply("shardId-1", adds(1))


def fence_records(dynamodb: "DynamoDBClient", table: str) -> list[dict[str, Any]]:
    """The fences that stand, as the stream tells of them."""
    pages = dynamodb.get_paginator("scan").paginate(TableName=table)
    items = [item for page in pages for item in page["Items"]]
    return [
        {"dynamodb": {"SequenceNumber": str(number), "NewImage": item}}
        for number, item in enumerate(items, 1)
        if item["pk"]["S"].startswith("#fence#")
    ]


@pytest.fixture
def recount(dynamodb: "DynamoDBClient", table: str, summarizer: Summarizer) -> Recount:
    """With a stream that is worked off whenever the recount rests."""
    tables = RecountedCounters(
        CounterReads(dynamodb, table, SHARDS), CounterTable(dynamodb, table, SHARDS)
    )
    walk = IndexWalk(dynamodb, table, SHARDS)

    def rest() -> None:
        summarizer.summarize("shardId-9", fence_records(dynamodb, table))

    return Recount(walk, tables, BenignKeys(), rest=rest, now=lambda: NOW)


def test_a_recount_does_not_count_what_the_stream_is_about_to_tell(
    dynamodb: "DynamoDBClient",
    table: str,
    recount: Recount,
    summarizer: Summarizer,
    reads: CounterReads,
) -> None:
    """The stream stands still, as while its mapping is made, and tells everything afterwards."""
    made = [stored(requested(n), of=version(f"k{n}")) for n in range(50)]
    seeds.put(dynamodb, table, *made, shards=SHARDS)
    still = replace(recount, rest=lambda: None)
    assert still("src", "dst-a").verdict is Verdict.MOVING
    summarizer.summarize("shardId-1", [record(n, one) for n, one in enumerate(made, 1)])
    assert reads.totals("src")[TOTALS]["PENDING"] == 50
    assert recount("src", "dst-a").verdict is Verdict.RIGHT


def test_a_fence_is_passed_when_every_shard_counted_what_came_before(
    dynamodb: "DynamoDBClient", table: str, counters: CounterTable, summarizer: Summarizer
) -> None:
    first = counters.fences.put_up()
    standing = fence_records(dynamodb, table)
    assert len(standing) == FENCES
    summarizer.summarize("shardId-1", standing[1:])
    assert not counters.fences.are_passed(first)
    summarizer.summarize("shardId-2", standing[:1])
    assert counters.fences.are_passed(first)
    second = counters.fences.put_up()
    assert not counters.fences.are_passed(second)
    assert len(fence_records(dynamodb, table)) == FENCES, "the same items, written again"
    summarizer.summarize("shardId-1", fence_records(dynamodb, table))
    assert counters.fences.are_passed(second)


def test_a_fence_counts_nothing_and_is_no_item_nobody_can_read(
    dynamodb: "DynamoDBClient", table: str, counters: CounterTable, summarizer: Summarizer
) -> None:
    counters.fences.put_up()
    done = summarizer.summarize("shardId-1", fence_records(dynamodb, table))
    assert (done.deltas, done.unreadable) == ({}, 0)


def test_a_fence_stands_until_the_changes_of_its_batch_are_counted(
    dynamodb: "DynamoDBClient", table: str, counters: CounterTable, summarizer: Summarizer
) -> None:
    @dataclass
    class Down:
        def apply(self, *_: Any) -> list[Change]:
            raise Unavailable("throttled")

        def pass_by(self, *_: Any) -> None:
            raise AssertionError("nothing is counted yet")

    token = counters.fences.put_up()
    batch = [record(1, stored(requested(0))), *fence_records(dynamodb, table)]
    with pytest.raises(Unavailable):
        replace(summarizer, counters=Down()).summarize("shardId-1", batch)
    assert not counters.fences.are_passed(token)
    summarizer.summarize("shardId-1", batch)
    assert counters.fences.are_passed(token)


def test_a_recount_heals_what_was_never_counted(
    dynamodb: "DynamoDBClient", table: str, recount: Recount, reads: CounterReads
) -> None:
    seeds.put(
        dynamodb,
        table,
        *(stored(requested(n), of=version(f"p{n}")) for n in range(5)),
        *(stored(requested(n), failed(9), of=version(f"f{n}")) for n in range(3)),
        *(stored(requested(n), arrived(9), of=version(f"c{n}")) for n in range(4)),
        shards=SHARDS,
    )
    healed = recount("src", "dst-a")
    assert (healed.verdict, healed.entries) == (Verdict.HEALED, 12)
    assert recount("src", "dst-a").verdict is Verdict.RIGHT
    counted_now = reads.totals("src")[TOTALS]
    assert [counted_now[one] for one in ("PENDING", "FAILED", "COMPLETED")] == [5, 3, 4]
    assert counted_now["FAILED_bytes"] == 3 * 1024
    assert reads.failure_kind(TROUBLE) == {"failing": 3, "failing_bytes": 3 * 1024}


def test_a_recount_takes_away_what_is_too_much(
    counters: CounterTable, recount: Recount, reads: CounterReads
) -> None:
    counters.apply("shardId-1", adds(1, 2, 3))
    assert recount("src", "dst-a").verdict is Verdict.HEALED
    assert +reads.totals("src")[TOTALS] == {}


def test_a_recount_leaves_alone_what_never_rests(
    counters: CounterTable, recount: Recount, reads: CounterReads
) -> None:
    numbers = count()

    @dataclass(frozen=True)
    class Busy:
        """Something is counted whenever somebody looks."""

        behind: Any

        def snapshot(self, *arguments: Any) -> Deltas:
            counters.apply("shardId-1", adds(next(numbers)))
            found: Deltas = self.behind.snapshot(*arguments)
            return found

        def heal(self, *_: Any) -> None:
            raise AssertionError("it moved")

        def put_up_fences(self) -> str:
            return str(self.behind.put_up_fences())

        def fences_are_passed(self, token: str) -> bool:
            return bool(self.behind.fences_are_passed(token))

    busy = replace(recount, counters=Busy(recount.counters))
    assert busy("src", "dst-a").verdict is Verdict.MOVING


@dataclass
class MemoryTopic:
    notices: list[SnsMessage] = field(default_factory=list)
    down: int = 0

    def publish(self, notice: SnsMessage) -> None:
        if self.down:
            self.down -= 1
            raise Unavailable("SNS is away")
        self.notices.append(notice)

    @property
    def events(self) -> list[str]:
        return [str(one.body["event"]) for one in self.notices]


@pytest.fixture
def topic() -> MemoryTopic:
    return MemoryTopic()


@pytest.fixture
def summarizer(
    dynamodb: "DynamoDBClient",
    table: str,
    counters: CounterTable,
    reads: CounterReads,
    topic: MemoryTopic,
) -> Summarizer:
    return Summarizer(
        read=read_record,
        counters=counters,
        counted=reads,
        incidents=IncidentTable(dynamodb, table),
        open_incidents=IncidentReads(dynamodb, table),
        topic=topic,
        benign=BenignKeys(("*.tflock",)),
        new_id=incident_id,
        now=lambda: NOW,
    )


def storm(failures: int, template: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Records of that many objects that failed, as the stream has them."""
    for number in range(failures):
        images = {
            name: {**template["dynamodb"][name], "pk": {"S": f"src/k{number:06}"}}
            for name in ("OldImage", "NewImage")
        }
        change = {**template["dynamodb"], **images, "SequenceNumber": f"{number + 1:021}"}
        yield {"eventID": str(number), "eventName": "MODIFY", "dynamodb": change}


@pytest.mark.timeout(300)  # a hundred thousand records, beside other tests
def test_a_storm_of_100_000_failures_is_one_incident_and_a_handful_of_messages(
    dynamodb: "DynamoDBClient",
    table: str,
    summarizer: Summarizer,
    topic: MemoryTopic,
    reads: CounterReads,
) -> None:
    template = record(1, stored(requested(0), failed(3)), stored(requested(0)))
    announced = 0
    for batch in batched_records(storm(100_000, template), 1_000):
        summarizer.summarize("shardId-1", batch)
        announced += sum(
            became_failed(one["dynamodb"]["OldImage"], one["dynamodb"]["NewImage"]) for one in batch
        )
    assert topic.events == ["opened", "grown", "grown"]
    (incident,) = IncidentReads(dynamodb, table).open_of("src", "dst-a")
    assert incident.failures == incident.failing == 100_000
    assert reads.failure_kind(TROUBLE)["failing"] == 100_000
    assert announced == 100_000, "each of them still goes to the failure topic"


def batched_records(records: Iterator[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for one in records:
        batch.append(one)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


FAILING = stored(requested(0), failed(3))
WELL = stored(requested(0), failed(3), arrived(9))


def change(number: int, new: "LedgerItem", old: "LedgerItem | None" = None) -> list[dict[str, Any]]:
    return [record(number, new, old)]


def test_an_incident_opens_resolves_and_opens_anew(
    summarizer: Summarizer, topic: MemoryTopic
) -> None:
    summarizer.summarize("shardId-1", change(1, FAILING))
    summarizer.summarize("shardId-1", change(2, WELL, FAILING))
    summarizer.summarize("shardId-1", change(3, FAILING, WELL))
    assert topic.events == ["opened", "resolved", "opened"]
    assert topic.notices[2].body["failures"] == 1


@pytest.mark.parametrize("shard", ["shardId-1", None])
def test_a_batch_that_comes_again_tells_nothing_twice(
    summarizer: Summarizer, topic: MemoryTopic, shard: str | None
) -> None:
    for _ in range(3):
        summarizer.summarize(shard, change(1, FAILING))
    assert topic.events == ["opened"]


def test_what_could_not_be_told_is_told_when_the_batch_comes_again(
    summarizer: Summarizer, topic: MemoryTopic, reads: CounterReads
) -> None:
    topic.down = 2
    for _ in range(2):
        with pytest.raises(Unavailable):
            summarizer.summarize("shardId-1", change(1, FAILING))
    summarizer.summarize("shardId-1", change(1, FAILING))
    assert topic.events == ["opened"]
    topic.down = 1
    with pytest.raises(Unavailable):
        summarizer.summarize("shardId-1", change(2, WELL, FAILING))
    summarizer.summarize("shardId-1", change(2, WELL, FAILING))
    assert topic.events == ["opened", "resolved"]
    assert +reads.failure_kind(TROUBLE) == {"failures": 1}


def test_benign_failures_are_recorded_and_not_told(
    dynamodb: "DynamoDBClient", table: str, summarizer: Summarizer, topic: MemoryTopic
) -> None:
    lock = stored(requested(0), failed(3), of=version("state/main.tflock"))
    summarizer.summarize("shardId-1", change(1, lock))
    assert topic.notices == []
    (incident,) = IncidentReads(dynamodb, table).open_of("src", "dst-a")
    assert incident.kind.benign
    assert [one.key for one in incident.samples] == ["state/main.tflock"]


def test_a_record_nobody_can_read_holds_up_nothing(
    summarizer: Summarizer, reads: CounterReads
) -> None:
    foreign = record(1, FAILING)
    foreign["dynamodb"]["NewImage"] = {"status": {"S": "FAILED"}, "pk": {"S": "?"}}
    done = summarizer.summarize("shardId-1", [foreign, *change(2, FAILING)])
    assert done.unreadable == 1
    assert reads.failure_kind(TROUBLE)["failing"] == 1


def test_resolved_incidents_are_found_and_listed_the_last_first(
    dynamodb: "DynamoDBClient", table: str, summarizer: Summarizer
) -> None:
    for number in range(0, 6, 2):
        moment = Instant(f"2026-11-22T1{number}:00:00.000Z")
        then = replace(summarizer, now=partial(Instant, moment))
        of = version(f"key-{number}")
        failing = stored(requested(0), failed(3), of=of)
        well = stored(requested(0), failed(3), arrived(9), of=of)
        then.summarize("shardId-1", change(number + 1, failing))
        then.summarize("shardId-1", change(number + 2, well, failing))
    table_of = IncidentReads(dynamodb, table)
    found = [incident for incident, _ in table_of.listed_resolved(None, None)]
    assert [one.opened_at[11:13] for one in found] == ["14", "12", "10"]
    assert table_of.find(found[1].id) == found[1]
    assert table_of.find("nothing") is None
    assert table_of.open_of("src", "dst-a") == []

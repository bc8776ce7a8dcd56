"""Counters under faults: facts with duplicates, disorder, failures and deletions through the real
ledger, its stream delivered the way Lambda does on a bad day, then three answers compared.

    counters    as the summary reads them
    recount     a walk of the index
    lists       the length of each list, page by page

Three shards of the stream are worked off at once. Each batch may be delivered twice, die before or
after its transaction, lose the answer of a transaction that took place, be halved, or begin again
in its middle; which, a seeded random generator says.
"""

import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from zlib import crc32

from replication.aws.table.counter_reads import CounterReads
from replication.aws.table.counter_recount import IndexWalk, RecountedCounters
from replication.aws.table.counter_writes import CounterTable
from replication.aws.table.index_reads import IndexReads
from replication.aws.table.ledger import DynamoDBLedger
from replication.aws.table.stream_record import read_record
from replication.counters.counter import BenignKeys, Change, Deltas, deltas, merged
from replication.errors import Unavailable
from replication.ledger import index
from replication.ledger.fact import Fact, Kind
from replication.ledger.index import Filters
from replication.ledger.port import Claim
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import Instant, plus
from summarize.recount import Recount, Recounted

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

START = Instant("2026-11-22T10:00:00.000Z")
SOURCE, DESTINATIONS = "src", ("dst-a", "dst-b")
SHARDS = 2
BENIGN = BenignKeys(("*.tflock",))
STREAM_SHARDS = 3

Record = dict[str, Any]


class Crash(Exception):
    """The function died."""


def facts(count: int, chance: random.Random) -> Iterator[Fact]:
    """About `count` facts of versions that live all kinds of lives within an hour."""
    number = made = 0
    while made < count:
        suffix = ".tflock" if chance.random() < 0.05 else ".pdf"
        version = ObjectVersion(SOURCE, f"k/{number:06}{suffix}", f"v{number % 7}")
        for destination in DESTINATIONS:
            life = list(_life(version, destination, number, chance))
            made += len(life)
            yield from life
        number += 1


def _life(
    version: ObjectVersion, destination: str, number: int, chance: random.Random
) -> Iterator[Fact]:
    began = chance.uniform(0, 3_000)

    def fact(kind: Kind, seconds: float, evidence: Evidence, **more: Any) -> Fact:
        at = plus(START, began + seconds)
        return Fact(kind, version, destination, at, evidence, f"{number}-{kind}-{seconds}", **more)

    asked = {"rule_id": f"rule-{number % 3}", "size": number % 5_000}
    yield fact(Kind.REQUESTED, 0, Evidence.OBJECT_CREATED, **asked)
    told: dict[str, Any] = {"requested_at": plus(START, began)}
    draw = chance.random()
    if draw < 0.2:
        code = chance.choice(["DstBucketNotFound", "AssumeRoleNotPermitted"])
        told["failure_code"] = code
        yield fact(Kind.FAILED, 20, Evidence.REPLICATION_EVENT, **told)
    if 0.1 < draw < 0.85:
        yield fact(Kind.ARRIVED, 40, Evidence.REPLICA_CREATED)
    if 0.5 < draw < 0.55:
        yield fact(Kind.CHANGED, 50, Evidence.OBJECT_CHANGED)
    if draw > 0.95:
        yield fact(Kind.DELETED, 60, Evidence.OBJECT_DELETED)


def written(ledger: DynamoDBLedger, all_facts: Sequence[Fact], chance: random.Random) -> int:
    """Writes them with duplicates and out of order; how many were delivered."""
    delivered = [*all_facts, *chance.sample(all_facts, len(all_facts) // 10)]
    for start in range(0, len(delivered), 2_000):  # disorder within reach of a queue
        window = delivered[start : start + 2_000]
        chance.shuffle(window)
        delivered[start : start + 2_000] = window
    for start in range(0, len(delivered), 500):
        results = ledger.write([Claim(one) for one in delivered[start : start + 500]])
        assert not [one for one in results.values() if isinstance(one, Exception)]
    return len(delivered)


def stream_of(streams: Any, arn: str) -> list[list[Record]]:
    """The table's stream as some shards: an item's records in one of them, in order, with numbers
    that rise."""
    shards: list[list[Record]] = [[] for _ in range(STREAM_SHARDS)]
    number = 0
    for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
        iterator = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while iterator:
            answer = streams.get_records(ShardIterator=iterator, Limit=1_000)
            for record in answer["Records"]:
                pk = record["dynamodb"]["Keys"]["pk"]["S"]
                if pk.startswith("#"):
                    continue
                number += 1
                change = record["dynamodb"] | {"SequenceNumber": f"{number}00000000001"}
                shards[crc32(pk.encode()) % STREAM_SHARDS].append({"dynamodb": change})
            iterator = answer.get("NextShardIterator") if answer["Records"] else None
    return shards


def change_of(record: Record) -> Change:
    read = read_record(record)
    return Change(read.number, deltas(read.old, read.new, BENIGN))


class Faulty:
    """A client whose transactions now and then fail, before or after they took place."""

    def __init__(self, client: "DynamoDBClient", chance: random.Random) -> None:
        self._client = client
        self._chance = chance
        self.crashes = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def transact_write_items(self, **arguments: Any) -> Any:
        draw = self._chance.random()
        if draw < 0.08:
            self.crashes += 1
            raise Crash("before")
        answer = self._client.transact_write_items(**arguments)
        if draw < 0.2:
            self.crashes += 1
            raise Crash("after: the answer is lost")
        return answer


def delivered(
    counters: CounterTable, shard: str | None, records: Sequence[Record], chance: random.Random
) -> int:
    """Lambda with one shard on a bad day; how many batches it took."""
    position = batches = 0
    size = window = 200
    while position < len(records):
        batch = records[position : position + chance.randint(1, window)]
        batches += 1
        try:
            counters.apply(shard, [change_of(record) for record in batch])
        except (Crash, Unavailable):
            window = max(1, len(batch) // 2)  # bisected
            continue
        window = size
        draw = chance.random()
        if draw < 0.1:
            continue  # it worked, and is delivered once more
        if draw < 0.2:
            position += len(batch) // 2  # a reported failure in its middle
            continue
        position += len(batch)
    return batches


def lists(reads: IndexReads, destination: str, status: Status) -> Counter[str]:
    """Length and bytes of a list, page by page."""
    filters = Filters(((SOURCE, destination),), (status,), newest_first=False)
    found: Counter[str] = Counter()
    after = None
    while True:
        page = index.page(filters, reads.fetch, shards=SHARDS, after=after, limit=1_000)
        found["count"] += len(page.rows)
        found["bytes"] += sum(row.record.state.size or 0 for _, row in page.rows)
        if (after := page.next) is None:
            return found


def recounted(client: "DynamoDBClient", table: str, destination: str) -> Recounted:
    reads = CounterReads(client, table, SHARDS)
    counters = RecountedCounters(reads, CounterTable(client, table, SHARDS))
    now = plus(START, 3_700)
    walk = IndexWalk(client, table, SHARDS)
    return Recount(walk, counters, BENIGN, rest=lambda: None, now=lambda: now)(SOURCE, destination)


def everything(client: "DynamoDBClient", table: str) -> Deltas:
    counters = RecountedCounters(
        CounterReads(client, table, SHARDS), CounterTable(client, table, SHARDS)
    )
    found: Deltas = {}
    for destination in DESTINATIONS:
        found |= counters.snapshot(SOURCE, destination, plus(START, 3_700))
    return merged([found])


def prove(
    client: "DynamoDBClient", streams: Any, table: str, count: int, *, named: bool, seed: int
) -> str:
    """The whole comparison on an empty table with a stream; a line for a person."""
    chance = random.Random(seed)
    began = time.perf_counter()
    made = list(facts(count, chance))
    sent = written(DynamoDBLedger(client, table, SHARDS), made, chance)
    arn = client.describe_table(TableName=table)["Table"]["LatestStreamArn"]
    shards = stream_of(streams, arn)
    faulty: Any = Faulty(client, random.Random(seed + 1))
    counters = CounterTable(faulty, table, SHARDS)

    def work(number: int) -> int:
        shard = f"shardId-{number:020}" if named else None
        return delivered(counters, shard, shards[number], random.Random(seed + 2 + number))

    with ThreadPoolExecutor(max_workers=STREAM_SHARDS) as pool:
        batches = sum(pool.map(work, range(STREAM_SHARDS)))
    plain = merged([change_of(record).deltas for records in shards for record in records])
    counted = everything(client, table)
    assert counted == {view: one for view, one in plain.items() if view in counted}
    for destination in DESTINATIONS:
        verdict = recounted(client, table, destination)
        assert verdict.verdict == "recount_right", verdict
        totals = CounterReads(client, table, SHARDS).totals(SOURCE)
        for status in Status:
            listed = lists(IndexReads(client, table), destination, status)
            mine = [one for view, one in totals.items() if view.destination == destination]
            assert sum(one[status] for one in mine) == listed["count"]
            assert sum(one[f"{status}_bytes"] for one in mine) == listed["bytes"]
    records = sum(map(len, shards))
    return (
        f"{sent} facts delivered, {records} stream records in {batches} batches,"
        f" {faulty.crashes} crashes, shard {'named' if named else 'not named'}:"
        f" counters = recount = lists ({time.perf_counter() - began:.0f} s)"
    )

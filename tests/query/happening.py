"""Lives that the summarizer hears of."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from replication import times
from replication.aws.table.counter_reads import CounterReads
from replication.aws.table.counter_writes import CounterTable
from replication.aws.table.incident_reads import IncidentReads
from replication.aws.table.incident_writes import IncidentTable, incident_id
from replication.aws.table.stream_record import read_record
from replication.counters.counter import BenignKeys
from replication.ledger.fact import Fact, Kind
from replication.ledger.fold import fold
from replication.ledger.item import LedgerItem
from replication.published.sns_message import SnsMessage
from replication.s3.evidence import Evidence
from replication.times import Instant
from summarize.summarizer import Summarizer
from tests.announce.conftest import record
from tests.query.conftest import (
    SHARDS,
    TABLE,
)
from tests.support import seeds
from tests.support.seeds import version

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass
class Silent:
    notices: list[SnsMessage] = field(default_factory=list)

    def publish(self, notice: SnsMessage) -> None:
        self.notices.append(notice)


def ago(seconds: float) -> Instant:
    return times.plus(times.wall_clock(), -seconds)


def life(
    key: str, asked: float, then: Kind | None = None, later: float = 0, **more: Any
) -> list[LedgerItem]:
    """The item after each fact; times are seconds before now."""
    where: dict[str, Any] = {"version": version(key), "destination": more.pop("to", "dst-a")}
    asked_at = ago(asked)
    known: dict[str, Any] = {"rule_id": "rule-a", "size": 100}
    facts = [
        Fact(
            Kind.REQUESTED, at=asked_at, evidence=Evidence.OBJECT_CREATED, id="1", **where, **known
        )
    ]
    if then:
        code = "DstBucketNotFound" if then is Kind.FAILED else None
        evidence = Evidence.REPLICATION_EVENT
        facts.append(
            Fact(then, at=ago(later), evidence=evidence, id="2", failure_code=code, **where)
        )
    return [
        LedgerItem(where["version"], where["destination"], fold(facts[: number + 1]))
        for number in range(len(facts))
    ]


Happen = Callable[..., None]


@pytest.fixture
def happen(dynamodb: "DynamoDBClient") -> Happen:
    """Puts lives into the ledger and lets the summarizer hear of every change."""
    reads = CounterReads(dynamodb, TABLE, SHARDS)
    summarizer = Summarizer(
        read=read_record,
        counters=CounterTable(dynamodb, TABLE, SHARDS),
        counted=reads,
        incidents=IncidentTable(dynamodb, TABLE),
        open_incidents=IncidentReads(dynamodb, TABLE),
        topic=Silent(),
        benign=BenignKeys(("*.tflock",)),
        new_id=incident_id,
        now=times.wall_clock,
    )
    numbers = iter(range(1, 10_000))

    def put(*lives: list[LedgerItem], goes_on: bool = False) -> None:
        """`goes_on`: the first of the stages is there already."""
        records = [
            record(next(numbers), new, old)
            for stages in lives
            for old, new in list(zip([None, *stages], stages, strict=False))[goes_on:]
        ]
        summarizer.summarize("shardId-1", records)
        seeds.put(dynamodb, TABLE, *(stages[-1] for stages in lives), shards=SHARDS)

    return put

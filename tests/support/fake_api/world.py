"""What the canned answers tell of: three source buckets, one healthy, one late, one failing."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from replication import times
from replication.ledger.fact import Fact, Kind
from replication.ledger.fold import fold
from replication.ledger.item import LedgerItem
from replication.published import row
from replication.published.row import AsOf
from replication.s3.evidence import Evidence
from replication.s3.rule_history import Revision, RuleHistory
from replication.s3.rules import Configuration, Rule
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import Instant
from replication.topology import Place, Topology

MEDIA, TAX, LOGS = "media-originals", "tax-documents", "web-logs"
FRANKFURT, OREGON, DUBLIN = "media-replica-frankfurt", "media-archive-oregon", "tax-replica-dublin"
ROUTES = ((MEDIA, FRANKFURT), (MEDIA, OREGON), (TAX, DUBLIN))
HOME = Place("111111111111", "eu-central-1")
TOPOLOGY = Topology(
    (MEDIA, TAX, LOGS),
    (FRANKFURT, OREGON, DUBLIN),
    {
        **dict.fromkeys((MEDIA, TAX, LOGS, FRANKFURT), HOME),
        OREGON: Place("222222222222", "us-west-2"),
        DUBLIN: Place(HOME.account, "eu-west-1"),
    },
)
RULES = {(MEDIA, FRANKFURT): "all-media", (MEDIA, OREGON): "archive", (TAX, DUBLIN): "tax"}

DENIED, NO_KEY = "DstPutObjectNotPermitted", "DstKmsKeyNotFound"

HOSTILE = (
    "inbox/<img src=x onerror=\"document.title='owned'\">.pdf",
    "inbox/\"><script>document.title='owned'</script>.pdf",
    "inbox/javascript:alert(1)//%0a'`${7*7}`{{7*7}}.pdf",
    "inbox/line\nbreak\ttab \x1b[31mred\x07.pdf",
    "inbox/\u202egnp.exe",
    "inbox/red flower + 50% 🎉 ÄÖ/?key=a&b=c#fragment.jpg",
    "inbox/" + "long-" * 203 + "end",
)
CHANGED = "2026/report-0.pdf"
"""Failed, was put right, and was changed once more: it has a life to tell."""


Later = tuple[Kind, float, dict[str, Any]]
"""What came later: how many seconds ago, and further fields."""


@dataclass(slots=True, eq=False)
class World:
    """`now` is when the answers are given; everything else lies before it."""

    now: Instant
    items: list[LedgerItem] = field(default_factory=list)

    @classmethod
    def made(cls, now: datetime | None = None) -> "World":
        world = cls(times.from_datetime(now or datetime.now(UTC)))
        world.items = list(_items(world))
        return world

    @property
    def present(self) -> AsOf:
        return AsOf(self.now)

    @property
    def heard_until(self) -> Instant:
        return self.ago(150)

    def ago(self, seconds: float) -> Instant:
        return times.plus(self.now, -seconds)

    @property
    def histories(self) -> dict[str, RuleHistory | None]:
        """The configurations of the source buckets; one was never read."""
        known = {MEDIA: self.ago(9 * 86_400), TAX: self.ago(86_400)}
        return {
            bucket: RuleHistory(bucket, (Revision(since, _configuration(bucket)),), listed=True)
            for bucket, since in known.items()
        } | {LOGS: None}

    @property
    def buckets(self) -> list[dict[str, Any]]:
        """As `GET /v1/buckets` has them."""
        destinations = [destination for _, destination in ROUTES]
        return [
            row.tracked_bucket(name, self.histories, TOPOLOGY)
            for name in sorted({*self.histories, *destinations})
        ]


def _configuration(bucket: str) -> Configuration:
    rules = [
        Rule(
            id=RULES[source, destination],
            priority=number,
            enabled=True,
            prefix="",
            tags=(),
            destination=destination,
            delete_markers=True,
            metrics=True,
            threshold_minutes=15 if destination == OREGON else None,
        )
        for number, (source, destination) in enumerate(ROUTES, 1)
        if source == bucket
    ]
    return Configuration(tuple(rules))


def _items(world: World) -> Iterator[LedgerItem]:
    chance = random.Random(26)
    for number in range(160):
        key = f"2026/{11 - number // 60:02}/clip-{number:03}.mp4"
        begun = chance.uniform(60, 6 * 3_600)
        for destination, pace in ((FRANKFURT, 3.0), (OREGON, 40.0)):
            arrived = begun - min(begun - 1, chance.lognormvariate(0, 0.6) * pace)
            yield _stored(world, MEDIA, destination, key, begun, (Kind.ARRIVED, arrived, {}))
    for number in range(5):
        yield _stored(world, MEDIA, FRANKFURT, f"2026/11/new-{number}.mp4", 2 + number)
    for number in range(23):
        key, begun = f"2026/11/raw/scene-{number:02}.mov", 2_860 - number * 110
        yield _stored(world, MEDIA, OREGON, key, begun)
    for number in range(9):
        fault: Later = (Kind.FAILED, 1_500 - number * 60, {"failure_code": NO_KEY})
        yield _stored(world, MEDIA, OREGON, f"vault/master-{number}.wav", 1_600, fault)
    for number in range(95):
        begun = chance.uniform(5_400, 20_000)
        arrival: Later = (Kind.ARRIVED, begun - chance.uniform(2, 9), {})
        yield _stored(world, TAX, DUBLIN, f"2026/form-{number:03}.pdf", begun, arrival)
    for number in range(230):
        begun = 5_000 - number * 20.0
        fault = (Kind.FAILED, begun - 2, {"failure_code": DENIED})
        yield _stored(world, TAX, DUBLIN, f"2026/return-{number:03}.pdf", begun, fault)
    for number, key in enumerate(HOSTILE):
        fault = (Kind.FAILED, 60 - number, {"failure_code": DENIED})
        yield _stored(world, TAX, DUBLIN, key, 100, fault)
    yield _stored(
        world,
        TAX,
        DUBLIN,
        CHANGED,
        19_000,
        (Kind.FAILED, 18_990, {"failure_code": DENIED}),
        (Kind.ARRIVED, 12_000, {}),
        (Kind.CHANGED, 7_000, {"detail": "OBJECT_TAGGING"}),
        (Kind.VERDICT, 7_000, {"status": Status.PENDING}),
        (Kind.ARRIVED, 6_996.5, {}),
    )


_EVIDENCE = {
    Kind.ARRIVED: Evidence.REPLICA_CREATED,
    Kind.FAILED: Evidence.REPLICATION_EVENT,
    Kind.CHANGED: Evidence.OBJECT_CHANGED,
    Kind.VERDICT: Evidence.OBJECT_CHANGED,
}


def _stored(
    world: World,
    bucket: str,
    destination: str,
    key: str,
    begun: float,
    *later: Later,
) -> LedgerItem:
    """`begun` and the times of what came later are seconds ago."""
    version = ObjectVersion(bucket, key, f"v{abs(begun):.0f}.{len(key)}")
    rule = RULES[bucket, destination]
    size = 1_024 * (len(key) ** 3 % 90_001)
    first = Fact(
        kind=Kind.REQUESTED,
        version=version,
        destination=destination,
        at=world.ago(begun),
        evidence=Evidence.OBJECT_CREATED,
        id=f"created {key}",
        rule_id=rule,
        size=size,
        etag="9b2cf535f27731c974343645a3985328",
        sequencer="0055AED6DCD90281E5",
    )
    facts = [first]
    for kind, ago, more in later:
        facts.append(
            Fact(
                kind=kind,
                version=version,
                destination=destination,
                at=world.ago(ago),
                evidence=_EVIDENCE[kind],
                id=f"{kind} {ago} {key}",
                rule_id=rule,
                **more,
            )
        )
    return LedgerItem(version, destination, fold(facts))

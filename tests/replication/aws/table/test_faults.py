"""Throttled statements, calls that fail and writers that race: nothing is lost, nothing outlives
the function."""

import random
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from replication.aws.table.ledger import PATIENCE_SECONDS, DynamoDBLedger
from replication.errors import Unavailable
from replication.ledger.fact import Fact, Kind
from replication.ledger.port import Claim, Written
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import plus
from tests.replication.aws.table.conftest import SHARDS
from tests.replication.aws.table.test_ledger import START, expected, fact, fresh, in_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = pytest.mark.e2e

PASSING = (
    "ThrottlingError",
    "ProvisionedThroughputExceeded",
    "RequestLimitExceeded",
    "InternalServerError",
    "TransactionConflict",
)


@dataclass
class Faulty:
    """The client of a table that has trouble. `refuses` names the error of a statement, if any,
    and `falls` may raise in place of a call or after it."""

    client: Any
    refuses: Callable[[Any], str | None] = lambda _: None
    falls: Callable[[str], None] = lambda _: None
    calls: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def batch_execute_statement(self, *, Statements: Sequence[Any]) -> Mapping[str, Any]:  # noqa: N803
        errors = [self.refuses(one) for one in Statements]
        good = [one for one, error in zip(Statements, errors, strict=True) if error is None]
        answers = iter(
            self._call("batch_execute_statement", Statements=good)["Responses"] if good else []
        )
        return {
            "Responses": [
                {"Error": {"Code": error, "Message": ""}} if error else next(answers)
                for error in errors
            ]
        }

    def get_item(self, **asked: Any) -> Any:
        return self._call("get_item", **asked)

    def put_item(self, **asked: Any) -> Any:
        return self._call("put_item", **asked)

    def _call(self, name: str, **asked: Any) -> Any:
        self.calls.append(name)
        self.falls("before")
        answer = getattr(self.client, name)(**asked)
        self.falls("after")
        return answer


@dataclass
class Clock:
    """Passes while somebody sleeps."""

    now: float = 0.0
    pauses: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def ledger_of(client: Faulty, table: str, clock: Clock) -> DynamoDBLedger:
    return DynamoDBLedger(
        cast("DynamoDBClient", client), table, SHARDS, seconds=clock, sleep=clock.sleep
    )


def about(version: ObjectVersion) -> Callable[[Any], bool]:
    """Whether a statement is of that version."""
    return lambda one: any(value == {"S": f"source/{version.key}"} for value in one["Parameters"])


class TestAThrottledStatement:
    """botocore retries whole calls alone."""

    @pytest.mark.parametrize("code", PASSING)
    def test_is_sent_again_until_it_passes(
        self, dynamodb: "DynamoDBClient", table: str, code: str
    ) -> None:
        bad, good = fresh(), fresh()
        left = [code] * 4
        is_bad = about(bad)
        faulty = Faulty(dynamodb, lambda one: left.pop() if left and is_bad(one) else None)
        clock = Clock()
        ledger = ledger_of(faulty, table, clock)
        results = ledger.write([Claim(fact(Kind.REQUESTED, one)) for one in (good, bad)])
        assert set(results.values()) == {Written.WRITTEN}
        assert len(clock.pauses) == 4
        assert clock.pauses != sorted(clock.pauses, reverse=True), "each may be longer"
        for one in (good, bad):
            assert in_table(dynamodb, table, one) == expected([fact(Kind.REQUESTED, one)], one)

    @pytest.mark.parametrize("code", PASSING)
    def test_is_given_back_alone_when_patience_ends(
        self, dynamodb: "DynamoDBClient", table: str, code: str
    ) -> None:
        bad, good = fresh(), [fresh() for _ in range(30)]
        is_bad = about(bad)
        clock = Clock()
        faulty = Faulty(dynamodb, lambda one: code if is_bad(one) else None)
        ledger = ledger_of(faulty, table, clock)
        results = dict(ledger.write([Claim(fact(Kind.REQUESTED, one)) for one in (bad, *good)]))
        trouble = results.pop((bad, "dst"))
        assert isinstance(trouble, Unavailable)
        assert code in str(trouble)
        assert list(results.values()) == [Written.WRITTEN] * 30
        assert PATIENCE_SECONDS - 1.5 <= clock.now <= PATIENCE_SECONDS
        assert in_table(dynamodb, table, bad) == {}

    def test_of_an_error_that_does_not_pass_is_given_back_at_once(
        self, dynamodb: "DynamoDBClient", table: str
    ) -> None:
        clock = Clock()
        faulty = Faulty(dynamodb, lambda _: "AccessDenied")
        (result,) = (
            ledger_of(faulty, table, clock).write([Claim(fact(Kind.REQUESTED, fresh()))]).values()
        )
        assert isinstance(result, Unavailable)
        assert clock.pauses == []

    def test_that_is_refused_when_it_passes_is_decided_by_reading(
        self, dynamodb: "DynamoDBClient", table: str
    ) -> None:
        version = fresh()
        clock = Clock()
        first = fact(Kind.REQUESTED, version, size=5)
        ledger_of(Faulty(dynamodb), table, clock).write([Claim(first)])
        left = ["ThrottlingError"] * 2
        faulty = Faulty(dynamodb, lambda _: left.pop() if left else None)
        other = fact(Kind.REQUESTED, version, 0.5, id="other", size=5)
        assert set(ledger_of(faulty, table, clock).write([Claim(other)]).values()) == {
            Written.WRITTEN
        }
        assert in_table(dynamodb, table, version) == expected([first, other], version)


class TestACallThatFails:
    @pytest.mark.parametrize(
        "error",
        [
            ConnectionClosedError(endpoint_url="https://dynamodb"),
            ClientError({"Error": {"Code": "ThrottlingException"}}, "BatchExecuteStatement"),
            ClientError({"Error": {"Code": "AccessDeniedException"}}, "BatchExecuteStatement"),
        ],
        ids=["closed", "throttled", "denied"],
    )
    def test_gives_back_its_own_items_and_raises_nothing(
        self, dynamodb: "DynamoDBClient", table: str, error: Exception
    ) -> None:
        def fall(_: str) -> None:
            raise error

        ledger = ledger_of(Faulty(dynamodb, falls=fall), table, Clock())
        results = ledger.write([Claim(fact(Kind.REQUESTED, fresh())) for _ in range(3)])
        assert {type(one) for one in results.values()} == {Unavailable}

    def test_after_it_took_effect_is_known_when_it_comes_again(
        self, dynamodb: "DynamoDBClient", table: str
    ) -> None:
        def fall(when: str) -> None:
            if when == "after":
                raise ConnectionClosedError(endpoint_url="https://dynamodb")

        version, clock = fresh(), Clock()
        claim = Claim(fact(Kind.REQUESTED, version, size=5))
        (result,) = ledger_of(Faulty(dynamodb, falls=fall), table, clock).write([claim]).values()
        assert isinstance(result, Unavailable)
        (result,) = ledger_of(Faulty(dynamodb), table, clock).write([claim]).values()
        assert result is Written.KNOWN

    def test_of_a_table_that_is_slow_does_not_begin_what_it_cannot_end(
        self, dynamodb: "DynamoDBClient", table: str
    ) -> None:
        """Each read takes two seconds; what is not begun in time comes again."""
        clock = Clock()
        faulty = Faulty(dynamodb, falls=lambda when: clock.sleep(2.0) if when == "before" else None)
        changes = [fact(Kind.CHANGED, fresh(), 1) for _ in range(40)]
        results = ledger_of(faulty, table, clock).write([Claim(one) for one in changes])
        written = [one for one in results.values() if one is Written.WRITTEN]
        given_back = [one for one in results.values() if isinstance(one, Unavailable)]
        assert len(written) + len(given_back) == 40
        assert written
        assert given_back
        for (version, _), result in results.items():
            assert bool(in_table(dynamodb, table, version)) is (result is Written.WRITTEN)


KINDS = (
    Kind.REQUESTED,
    Kind.CHANGED,
    Kind.VERDICT,
    Kind.FAILED,
    Kind.ARRIVED,
    Kind.THRESHOLD_MISSED,
    Kind.OBSERVED,
    Kind.NOTED,
    Kind.REPLICA_DELETED,
    Kind.DELETED,
)


def any_history(rng: random.Random) -> list[Fact]:
    """Facts of one version, of few instants, each with an id of its own."""
    version = ObjectVersion("source", fresh().key, rng.choice(["v1", "null"]))
    facts = [fact(Kind.REQUESTED, version, rule_id="r", size=3)]
    for number in range(rng.randint(1, 9)):
        kind = rng.choice(KINDS)
        more: dict[str, Any] = {"id": f"{number}-{version.key}"}
        if kind in (Kind.FAILED, Kind.THRESHOLD_MISSED):
            more["evidence"] = Evidence.REPLICATION_EVENT
            more["requested_at"] = rng.choice([None, START, plus(START, 1)])
        if kind is Kind.FAILED:
            more["failure_code"] = rng.choice("AB")
        if kind in (Kind.OBSERVED, Kind.VERDICT):
            more["status"] = rng.choice([None, *Status])
        if kind is Kind.OBSERVED:
            more |= {"evidence": Evidence.HEAD_SOURCE, "present": rng.choice([None, True])}
        facts.append(fact(kind, version, rng.choice([0, 1, 2, 2, 3, 5, 8, 13, 20]), **more))
    return facts


@pytest.mark.parametrize("seed", range(3))
def test_writers_that_race_through_faults_lose_nothing(
    dynamodb: "DynamoDBClient", table: str, seed: int
) -> None:
    """Six writers with the same and other facts of the same items, in any order and batches, calls
    that fail before or after they took effect, throttled statements."""
    rng, lock = random.Random(seed), Lock()
    histories = [any_history(rng) for _ in range(25)]
    work = [one for facts in histories for one in facts]
    work += rng.sample(work, len(work) // 2)
    rng.shuffle(work)

    def writer(number: int) -> None:
        mine = random.Random(number)

        def fall(_: str) -> None:
            if mine.random() < 0.05:
                raise ConnectionClosedError(endpoint_url="https://dynamodb")

        faulty = Faulty(
            dynamodb, lambda _: "ThrottlingError" if mine.random() < 0.05 else None, fall
        )
        ledger = DynamoDBLedger(cast("DynamoDBClient", faulty), table, SHARDS, sleep=lambda _: None)
        while True:
            with lock:
                size = min(len(work), mine.randint(1, 30))
                batch = [work.pop() for _ in range(size)]
            if not batch:
                return
            claims = [
                Claim(one, must_exist=one.kind is Kind.ARRIVED and mine.random() < 0.5)
                for one in batch
            ]
            results = ledger.write(claims)
            again = [
                one
                for one in batch
                if results[one.version, one.destination] not in (Written.WRITTEN, Written.KNOWN)
            ]
            with lock:
                work.extend(again)

    with ThreadPoolExecutor(max_workers=6) as pool:
        list(pool.map(writer, range(10 * seed, 10 * seed + 6)))
    for facts in histories:
        version = facts[0].version
        assert in_table(dynamodb, table, version) == expected(facts, version)

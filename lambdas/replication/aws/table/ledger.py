"""Writes facts into items of the ledger: one write each when they come in order.

The fast path reads nothing. A version's first fact, or what an inventory lists, is an INSERT. A
later fact is an UPDATE that sets what `fold.effect` says, on condition that the fact is newer than
everything in the item (`ord < ?`) and that its assumptions hold. A call takes 25 statements, which
needs less than a tenth of the CPU of single calls. What DynamoDB refuses (the item exists, the fact
is older, the state must be known) takes the slow path: read the item, fold all facts, and write it
back unless another process wrote meanwhile. Both paths give the same item, because both are the
fold.

A throttled statement is retried here, because botocore retries whole calls only. All of this is
bounded in time: an item that is not written by then is Unavailable.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from replication.aws.answers import FAILED_CALL
from replication.aws.batches import by_number
from replication.aws.table import ledger_item
from replication.aws.table.item_reads import ItemReads
from replication.aws.table.ledger_item import Item
from replication.aws.table.ledger_statements import Statement, insert, update
from replication.errors import NotYet, Reason, Rejected, Unavailable
from replication.ledger.assumptions import assumes
from replication.ledger.fact import Fact, Kind
from replication.ledger.fold import fold
from replication.ledger.item import LedgerItem
from replication.ledger.port import Claim, ItemKey, Written
from replication.ledger.state import Record, State
from replication.s3.evidence import Evidence
from replication.s3.version import ObjectVersion
from replication.threads import concurrently

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

STATEMENTS_A_CALL = 25
"""BatchExecuteStatement takes no more."""
FACTS_A_STATEMENT = 50
"""A statement may have 8,192 characters; one fact's name takes about sixty."""
THREADS = 8
ATTEMPTS = 6
"""How often the slow path starts again when another process wrote between its read and write."""

_FIRST = (Kind.REQUESTED, Kind.INELIGIBLE, Kind.POSSIBLE)
PATIENCE_SECONDS = 6.0
"""How long a write is retried. Two writes and a call that hangs fit into a function's time."""
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0

THROTTLED = frozenset(
    {
        "ThrottlingError",
        "ProvisionedThroughputExceeded",
        "RequestLimitExceeded",
        "InternalServerError",
        "TransactionConflict",
    }
)
"""Errors of one statement that a retry may cure."""
_REFUSED = ("DuplicateItem", "ConditionalCheckFailed", "ValidationError")

Result = Written | NotYet | Rejected


class DynamoDBLedger:
    """`ledger.port.Ledger`. `shards` is the number of partitions of a route in the index;
    `completed_days` is how long COMPLETED versions are kept (0: for ever); `seconds` is a monotonic
    clock. Threads may share `client`."""

    def __init__(
        self,
        client: "DynamoDBClient",
        table_name: str,
        shards: int,
        *,
        completed_days: int = 0,
        patience_seconds: float = PATIENCE_SECONDS,
        seconds: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._table_name = table_name
        self._shards = shards
        self._completed_days = completed_days
        self._patience = patience_seconds
        self._seconds = seconds
        self._sleep = sleep

    def write(self, claims: Sequence[Claim]) -> Mapping[ItemKey, Result]:
        """See `ledger.port.Ledger.write`. Facts of one item are folded here and written once."""
        end = self._seconds() + self._patience
        groups: dict[ItemKey, list[Claim]] = {}
        for claim in claims:
            groups.setdefault((claim.fact.version, claim.fact.destination), []).append(claim)
        batches: list[tuple[ItemKey, Statement]] = []
        refused: list[ItemKey] = []
        for key, group in groups.items():
            must_exist = all(claim.must_exist for claim in group)
            statement = self._statement(key, fold(claim.fact for claim in group), must_exist)
            if statement is None:
                refused.append(key)
            else:
                batches.append((key, statement))
        results: dict[ItemKey, Result] = {}
        calls = by_number(batches, STATEMENTS_A_CALL)
        for answers in concurrently(lambda batch: self._execute(batch, end), calls, THREADS):
            for key, answer in answers:
                if answer is None:
                    refused.append(key)
                else:
                    results[key] = answer
        slow = concurrently(lambda key: self._merge(key, groups[key], end), refused, THREADS)
        return results | dict(zip(refused, slow, strict=True))

    def states(self, version: ObjectVersion) -> Mapping[str, State]:
        """See `ledger.port.Ledger.states`. Strongly consistent."""
        found = ItemReads(self._client, self._table_name).version(version)
        return {stored.destination: stored.record.state for stored in found}

    def _statement(self, key: ItemKey, record: Record, must_exist: bool) -> Statement | None:
        """The statement that probably succeeds; None when the item must be read first.

        INSERT writes the whole fold, so it is right for any facts if there is no item yet. That is
        likely for a version's first fact, and for an inventory of objects that are not tracked."""
        facts = record.facts
        if len(facts) > FACTS_A_STATEMENT:
            return None
        listed = facts[0].evidence is Evidence.INVENTORY
        if not must_exist and (facts[0].kind in _FIRST or listed):
            return insert(self._table_name, self._item_of(LedgerItem(*key, record)))
        assumed = assumes(facts[0]) if len(facts) == 1 else None
        if assumed is None:
            return None
        return update(self._table_name, key, facts[0], assumed, self._shards, self._completed_days)

    def _item_of(self, stored: LedgerItem) -> Item:
        return ledger_item.item_of(stored, self._shards, self._completed_days)

    def _execute(
        self, batch: Sequence[tuple[ItemKey, Statement]], end: float
    ) -> list[tuple[ItemKey, Result | None]]:
        """Repeats the call until no statement is throttled, or until `end`. None: DynamoDB refused
        the statement, and the slow path must decide."""
        results: dict[ItemKey, Result | None] = {}
        pause, waiting = FIRST_PAUSE, list(batch)
        while waiting:
            answers = dict(self._call(waiting))
            results |= answers
            waiting = [one for one in waiting if isinstance(answers[one[0]], _Throttled)]
            wait = random.uniform(pause / 2, pause)  # noqa: S311
            if self._seconds() + wait > end:
                break
            if waiting:
                self._sleep(wait)
                pause = min(LONGEST_PAUSE, 2 * pause)
        return [(key, results[key]) for key, _ in batch]

    def _call(
        self, batch: Sequence[tuple[ItemKey, Statement]]
    ) -> list[tuple[ItemKey, Result | None]]:
        try:
            answers = self._client.batch_execute_statement(
                Statements=[statement for _, statement in batch]
            )["Responses"]
        except FAILED_CALL as error:
            # One invalid statement fails the whole call; the slow path finds out which.
            failure = None if _invalid(error) else _unavailable(error)
            return [(key, failure) for key, _ in batch]
        return [
            (key, _result(answer.get("Error")))
            for (key, _), answer in zip(batch, answers, strict=True)
        ]

    def _merge(self, key: ItemKey, group: Sequence[Claim], end: float) -> Result:
        """The slow path: read, fold, write back unless the item changed. Not begun after `end`."""
        if self._seconds() > end:
            return Unavailable("no time was left to write it")
        must_exist = all(claim.must_exist for claim in group)
        try:
            for _ in range(ATTEMPTS):
                item = self._client.get_item(
                    TableName=self._table_name, Key=ledger_item.key_of(*key), ConsistentRead=True
                ).get("Item")
                if item is None and must_exist:
                    return Written.MISSING
                new = _with_facts(key, item, [claim.fact for claim in group])
                if new is None:
                    return Written.KNOWN
                if self._replace(item, self._item_of(new)):
                    return Written.WRITTEN
        except FAILED_CALL as error:
            if _invalid(error):
                return Rejected(Reason.UNWRITABLE, f"DynamoDB does not take the item: {error}")
            return _unavailable(error)
        return NotYet(f"{ATTEMPTS} other writers came first")

    def _replace(self, old: Mapping[str, Any] | None, new: Item) -> bool:
        """Whether the item was still `old` and is now `new`."""
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if old is not None:
            revision = old.get("rev", {"N": "0"})
            condition = {
                "ConditionExpression": "ord = :ord AND "
                + ("rev = :rev" if "rev" in old else "attribute_not_exists(rev)"),
                "ExpressionAttributeValues": {":ord": old["ord"]}
                | ({":rev": revision} if "rev" in old else {}),
            }
            new = new | {"rev": {"N": str(int(revision["N"]) + 1)}}
        try:
            self._client.put_item(TableName=self._table_name, Item=new, **condition)
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True


class _Throttled(Unavailable):
    """A statement that may succeed in a moment."""


def _with_facts(
    key: ItemKey, item: Mapping[str, Any] | None, facts: Sequence[Fact]
) -> LedgerItem | None:
    """The record with the facts added; None when all are known or older than those it keeps."""
    stored = ledger_item.read_item(item) if item else LedgerItem(*key, fold(()))
    known = {fact.order for fact in stored.record.facts}
    new = [
        fact for fact in facts if fact.order not in known and fact.order > (stored.base_until or "")
    ]
    if not new:
        return None
    record = fold((*stored.record.facts, *new), stored.base)
    return ledger_item.compact(replace(stored, record=record))


def _invalid(error: ClientError | BotoCoreError) -> bool:
    return (
        isinstance(error, ClientError) and error.response["Error"]["Code"] == "ValidationException"
    )


def _unavailable(error: ClientError | BotoCoreError) -> Unavailable:
    return Unavailable(f"the ledger does not answer: {error}")


def _result(error: Mapping[str, Any] | None) -> Result | None:
    if error is None:
        return Written.WRITTEN
    if error["Code"] in _REFUSED:
        return None
    kind = _Throttled if error["Code"] in THROTTLED else Unavailable
    return kind(f"the ledger answered {error['Code']}: {error.get('Message')}")

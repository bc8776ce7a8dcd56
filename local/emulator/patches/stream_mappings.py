"""DynamoDB-stream event source mappings retry, and lose nothing silently.

AWS: a batch that fails is retried, from the first sequence number the function reports when
`ReportBatchItemFailures` is on, until it works or `MaximumRetryAttempts` (-1: no bound) or
`MaximumRecordAgeInSeconds` ends it; bisecting halves a failing batch and does not count as a
retry; what is given up is described to the on-failure destination.
MiniStack 1.5.33: ignores reported failures (those records are lost), the bound and the bisecting,
and reads all mappings in one thread, so that one slow function holds up the others.

Here each mapping has a thread of its own while its stream has something to read.
"""

from __future__ import annotations

import functools
import json
import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.emulator.patches.wrap import require, wrap

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

_log = logging.getLogger("local.streams")
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 5.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one invocation did to its batch."""

    done: int
    """Records from the start of the batch that need no retry."""
    failed: bool


def judge(result: dict[str, Any], batch: Sequence[dict[str, Any]], *, partial: bool) -> Verdict:
    """How far the batch got.  `partial`: the mapping has `ReportBatchItemFailures`.

    Of the reported sequence numbers the lowest counts.  A report that names none of the batch's
    records, or that has another shape, fails all of it, as on AWS.
    """
    if result.get("error"):
        return Verdict(0, failed=True)
    if not partial:
        return Verdict(len(batch), failed=False)
    body = result.get("body")
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except json.JSONDecodeError:
            return Verdict(0, failed=True)
    if not body:
        return Verdict(len(batch), failed=False)
    if not isinstance(body, dict):
        return Verdict(0, failed=True)
    failures = body.get("batchItemFailures")
    if not failures:
        return Verdict(len(batch), failed=False)
    numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
    try:
        done = min(numbers.index(failure["itemIdentifier"]) for failure in failures)
    except (KeyError, TypeError, ValueError):
        done = 0
    return Verdict(done, failed=True)


def pause(attempt: int) -> float:
    """Seconds before retry number `attempt` (from 1)."""
    return float(min(_FIRST_PAUSE * 2 ** min(attempt - 1, 10), _LONGEST_PAUSE))


def apply(lambda_svc: ModuleType, dynamodb: ModuleType) -> None:
    """Put our poller where MiniStack's is; its loop goes on to call it."""
    for name in (
        "_iter_all_esms",
        "_get_func_record_for_qualifier",
        "_apply_filter_criteria",
        "_execute_function",
        "_dynamodb_stream_table_from_arn_spec",
        "_dynamodb_stream_positions",
        "_dynamodb_stream_positions_lock",
        "_esms",
        "_esm_wake",
        "parse_arn",
        "spawn_background",
    ):
        require(lambda_svc, name)
    require(
        lambda_svc,
        "_send_ddb_stream_failure_record",
        "esm",
        "func_rec",
        "batch",
        "stream_arn",
        "result",
        "condition",
    )
    for name in ("stream_start_position", "stream_end_position", "stream_records_since"):
        require(dynamodb, name, "table_name")
    poller = StreamPoller(lambda_svc, dynamodb)
    wrap(lambda_svc, "_poll_dynamodb_streams", by=lambda _: functools.partial(poller.poll))


class StreamPoller:
    """Starts a reader for every mapping that has something to read and no reader yet."""

    def __init__(self, lambda_svc: Any, dynamodb: Any) -> None:
        self._lambda = lambda_svc
        self._dynamodb = dynamodb
        self._reading: set[str] = set()
        self._lock = threading.Lock()

    def poll(self) -> bool:
        """One pass over the mappings; False, the readers go on by themselves."""
        from ministack.core.responses import request_scope

        for account, region, esm in self._lambda._iter_all_esms():
            with request_scope(account, region):
                reader = MappingReader(self._lambda, self._dynamodb, esm)
                if not reader.has_work() or not self._claim(esm["UUID"]):
                    continue
                self._lambda.spawn_background(
                    self._read, reader, esm["UUID"], thread_name="local-stream-mapping"
                )
        return False

    def _claim(self, uuid: str) -> bool:
        with self._lock:
            if uuid in self._reading:
                return False
            self._reading.add(uuid)
            return True

    def _read(self, reader: MappingReader, uuid: str) -> None:
        try:
            reader.drain()
        finally:
            with self._lock:
                self._reading.discard(uuid)
            self._lambda._esm_wake.set()


class MappingReader:
    """Reads one mapping's stream until there is nothing left, in the mapping's account."""

    def __init__(self, lambda_svc: Any, dynamodb: Any, esm: dict[str, Any]) -> None:
        self._lambda = lambda_svc
        self._dynamodb = dynamodb
        self._esm = esm
        self._attempts = 0
        self._window: int | None = None
        """Batch size while a failing batch is being halved."""

    def table(self) -> str | None:
        """The table whose stream this mapping reads now, or None when it may not read."""
        esm = self._esm
        if self._lambda._esms.get(esm["UUID"]) is not esm or not _is_true(esm.get("Enabled", True)):
            return None
        arn = esm.get("EventSourceArn", "")
        if ":dynamodb:" not in arn:
            return None
        found = self._lambda._dynamodb_stream_table_from_arn_spec(self._lambda.parse_arn(arn))
        if found is None:
            return None
        table = self._dynamodb._tables.get(found[0])
        if not table or table.get("LatestStreamArn") != arn or self._function() is None:
            return None
        return str(found[0])

    def has_work(self) -> bool:
        table = self.table()
        return table is not None and self._position(table) < self._dynamodb.stream_end_position(
            table
        )

    def drain(self) -> None:
        """Invoke the function with batch after batch; pauses between retries, holds no lock."""
        while (table := self.table()) is not None:
            position = self._position(table)
            size = self._window or int(self._esm.get("BatchSize", 100))
            raw = self._dynamodb.stream_records_since(table, position, size)
            if not raw:
                return
            batch = self._lambda._apply_filter_criteria(raw, self._esm)
            if batch:
                self._invoke(position, raw, batch)
            else:
                self._advance(position + len(raw))

    def _function(self) -> Any:
        esm = self._esm
        return self._lambda._get_func_record_for_qualifier(
            esm["FunctionName"], esm.get("Qualifier")
        )[0]

    def _position(self, table: str) -> int:
        """Absolute index in the stream; MiniStack anchors it when the mapping is made."""
        with self._lambda._dynamodb_stream_positions_lock:
            positions = self._lambda._dynamodb_stream_positions
            horizon = int(self._dynamodb.stream_start_position(table))
            if self._esm["UUID"] not in positions:
                latest = self._esm.get("StartingPosition", "LATEST") != "TRIM_HORIZON"
                positions[self._esm["UUID"]] = (
                    self._dynamodb.stream_end_position(table) if latest else horizon
                )
            return max(int(positions[self._esm["UUID"]]), horizon)

    def _advance(self, position: int) -> None:
        with self._lambda._dynamodb_stream_positions_lock:
            self._lambda._dynamodb_stream_positions[self._esm["UUID"]] = position
        self._attempts = 0
        self._window = None

    def _invoke(
        self, position: int, raw: Sequence[dict[str, Any]], batch: Sequence[dict[str, Any]]
    ) -> None:
        function = self._function()
        if function is None:
            return
        result = self._lambda._execute_function(function, {"Records": list(batch)})
        partial = "ReportBatchItemFailures" in self._esm.get("FunctionResponseTypes", [])
        verdict = judge(result, batch, partial=partial)
        if not verdict.failed:
            self._esm["LastProcessingResult"] = f"OK - {len(batch)} records"
            self._advance(position + len(raw))
            return
        self._esm["LastProcessingResult"] = "PROBLEM: Function call failed"
        _log.warning(
            "%s failed on record %d of %d: %s",
            self._esm["FunctionName"],
            verdict.done + 1,
            len(batch),
            result.get("body"),
        )
        rest = batch[verdict.done :]
        if verdict.done:
            first = raw.index(rest[0])
            self._advance(position + first)
            raw, position = raw[first:], position + first
        self._retry_or_give_up(function, position, raw, rest, result)

    def _retry_or_give_up(
        self,
        function: Any,
        position: int,
        raw: Sequence[dict[str, Any]],
        batch: Sequence[dict[str, Any]],
        result: dict[str, Any],
    ) -> None:
        if _is_true(self._esm.get("BisectBatchOnFunctionError")) and len(raw) > 1:
            self._window = len(raw) // 2
            time.sleep(pause(1))
            return
        condition = self._exhausted(batch)
        if condition is None:
            self._attempts += 1
            time.sleep(pause(self._attempts))
            return
        _log.error(
            "%s gives up %d records from %s: %s",
            self._esm["FunctionName"],
            len(batch),
            batch[0]["dynamodb"]["SequenceNumber"],
            condition,
        )
        self._lambda._send_ddb_stream_failure_record(
            self._esm, function, list(batch), self._esm["EventSourceArn"], result, condition
        )
        self._advance(position + len(raw))

    def _exhausted(self, batch: Sequence[dict[str, Any]]) -> str | None:
        """Why this batch is not tried again, or None."""
        most = int(self._esm.get("MaximumRetryAttempts", -1))
        if 0 <= most <= self._attempts:
            return "RetryAttemptsExhausted"
        age = int(self._esm.get("MaximumRecordAgeInSeconds", -1))
        oldest = min(float(r["dynamodb"]["ApproximateCreationDateTime"]) for r in batch)
        if age > 0 and time.time() - oldest > age:
            return "MaxRecordAgeExceeded"
        return None


def _is_true(value: object) -> bool:
    return str(value).lower() == "true"

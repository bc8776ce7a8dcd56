"""Replication configurations: read from S3, kept with their history in the ledger's table.

pk   #configuration#<bucket>        (no bucket name begins with `#`)
sk   the instant the revision was first known to hold
configuration   B: ReplicationConfiguration as GetBucketReplication gave it, JSON, zlib
                (S3 allows 2 MB of it, DynamoDB 400 KB an item)
"""

import json
import zlib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from replication.configuration import History, Revision
from replication.eligibility import Configuration, parse_configuration
from replication.times import Instant, plus

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

REFRESH_SECONDS = 60
SETTLING_SECONDS = 60
SETTLING_REFRESH_SECONDS = 5

Raw = Mapping[str, Any]
"""ReplicationConfiguration as S3 gives it; empty when the bucket has none."""


class ConfigurationTable:
    """The revisions of each bucket as the table has them."""

    def __init__(self, dynamodb: "DynamoDBClient", table_name: str) -> None:
        self._dynamodb = dynamodb
        self._table_name = table_name

    def load(self, bucket: str) -> History | None:
        """The history of a bucket; None when its configuration was never read."""
        items = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table_name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": _partition(bucket)}},
            ConsistentRead=True,
        )
        revisions: list[Revision] = []
        for page in items:
            for item in page["Items"]:
                configuration = parse_configuration(_unpack(item["configuration"]["B"]))
                if not revisions or revisions[-1].configuration != configuration:
                    revisions.append(Revision(Instant(item["sk"]["S"]), configuration))
        return History(bucket, tuple(revisions)) if revisions else None

    def append(self, bucket: str, since: Instant, raw: Raw) -> None:
        self._dynamodb.put_item(
            TableName=self._table_name,
            Item={
                "pk": {"S": _partition(bucket)},
                "sk": {"S": since},
                "configuration": {"B": _pack(raw)},
            },
        )


@dataclass(frozen=True, slots=True)
class _Cached:
    history: History
    read_at: float
    settled_at: float


class Configurations:
    """The histories of the tracked source buckets, never older than a minute.

    `seconds` is a monotonic clock, `now` the wall clock. A bucket without a configuration is
    remembered like any other (its revision has no rules).
    """

    def __init__(
        self,
        *,
        s3: Callable[[], "S3Client"],
        table: ConfigurationTable,
        buckets: Iterable[str],
        seconds: Callable[[], float],
        now: Callable[[], Instant],
    ) -> None:
        self._s3 = s3
        self._table = table
        self._buckets = tuple(buckets)
        self._seconds = seconds
        self._now = now
        self._cache: dict[str, _Cached] = {}
        self._changed: dict[str, Instant] = {}
        self._failures: dict[str, str] = {}

    def histories(self) -> Mapping[str, History]:
        """Those that are known; `unknown` names the others and why."""
        stale = [bucket for bucket in self._buckets if not self._fresh(bucket)]
        if len(stale) == 1:
            self._refresh(stale[0])
        elif stale:
            with ThreadPoolExecutor(max_workers=8) as pool:
                list(pool.map(self._refresh, stale))
        moment = self._seconds()
        return {
            bucket: replace(cached.history, settled=moment >= cached.settled_at)
            for bucket, cached in self._cache.items()
        }

    def unknown(self) -> Mapping[str, str]:
        """Buckets whose configuration could not be read, with the reason."""
        return {
            bucket: reason for bucket, reason in self._failures.items() if bucket not in self._cache
        }

    def forget(self, bucket: str | None, changed_at: Instant | None) -> None:
        """Read anew at the next question. `changed_at`: S3 was told of a change at that time, so
        its answers cannot be relied on for a while."""
        for name in self._buckets if bucket is None else (bucket,):
            cached = self._cache.get(name)
            if changed_at is not None:
                self._changed[name] = changed_at
            if cached is not None:
                settled_at = cached.settled_at if changed_at is None else self._settling()
                self._cache[name] = replace(cached, read_at=float("-inf"), settled_at=settled_at)

    def _fresh(self, bucket: str) -> bool:
        cached = self._cache.get(bucket)
        if cached is None:
            return False
        moment = self._seconds()
        unsettled = moment < cached.settled_at
        return moment - cached.read_at < (
            SETTLING_REFRESH_SECONDS if unsettled else REFRESH_SECONDS
        )

    def _refresh(self, bucket: str) -> None:
        cached = self._cache.get(bucket)
        try:
            history = cached.history if cached else self._table.load(bucket)
            raw = self._read(bucket)
            configuration = parse_configuration(raw)
            settled_at = cached.settled_at if cached else self._seconds()
            if history is None or history.current != configuration:
                # Another environment may have written the same change meanwhile.
                history = self._table.load(bucket)
                if history is None or history.current != configuration:
                    history = self._append(bucket, history, raw, configuration)
                if cached is not None:
                    settled_at = self._settling()
        except (ClientError, BotoCoreError, ValueError) as error:
            self._failures[bucket] = str(error)
            if cached is not None:
                # Known rules serve on; S3 is asked again after the usual time.
                self._cache[bucket] = replace(cached, read_at=self._seconds())
            return
        if bucket in self._changed and cached is None:
            settled_at = self._settling()
        self._changed.pop(bucket, None)
        self._failures.pop(bucket, None)
        self._cache[bucket] = _Cached(history, self._seconds(), settled_at)

    def _append(
        self, bucket: str, history: History | None, raw: Raw, configuration: Configuration
    ) -> History:
        since = self._changed.get(bucket, self._now())
        revisions = history.revisions if history else ()
        if revisions:
            # CloudTrail tells whole seconds. A change of the second in which the last revision
            # began came after it all the same, or it would be the last one.
            since = max(since, plus(revisions[-1].since, 0.001))
        self._table.append(bucket, since, raw)
        return History(bucket, (*revisions, Revision(since, configuration)))

    def _read(self, bucket: str) -> Raw:
        try:
            return self._s3().get_bucket_replication(Bucket=bucket)["ReplicationConfiguration"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ReplicationConfigurationNotFoundError":
                return {"Rules": []}
            raise

    def _settling(self) -> float:
        return self._seconds() + SETTLING_SECONDS


def _partition(bucket: str) -> str:
    return f"#configuration#{bucket}"


def _pack(raw: Raw) -> bytes:
    return zlib.compress(json.dumps(raw, separators=(",", ":")).encode())


def _unpack(packed: bytes) -> Raw:
    unpacked: Raw = json.loads(zlib.decompress(packed))
    return unpacked

"""A table in moto, and S3 with rules that change: what reads of configurations are tested in."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import boto3
from botocore.exceptions import ClientError
from moto import mock_aws

from replication.aws.s3.rule_histories import S3RuleHistories
from replication.aws.table.rule_revisions import RuleRevisionTable
from replication.errors import Denied
from replication.times import Instant, plus, seconds_between
from tests.support import ledger_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NOW = Instant("2026-11-22T10:00:00.400Z")


def raw(*destinations: str) -> dict[str, Any]:
    """A configuration that sends everything to these."""
    return {
        "Role": "arn:aws:iam::1:role/r",
        "Rules": [
            {
                "ID": f"to-{name}",
                "Priority": number,
                "Status": "Enabled",
                "Filter": {},
                "DeleteMarkerReplication": {"Status": "Disabled"},
                "Destination": {"Bucket": f"arn:aws:s3:::{name}"},
            }
            for number, name in enumerate(destinations)
        ],
    }


def refused(code: str, operation: str = "GetBucketReplication") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, operation)


@dataclass
class Kept:
    """Source buckets and what S3 answers about them; `now` is the wall clock."""

    client: "DynamoDBClient"
    rules: dict[str, tuple[str, ...] | ClientError] = field(
        default_factory=lambda: {"src": ("dst-a",)}
    )
    now: Instant = NOW
    reads: list[str] = field(default_factory=list)
    refusals: list[Denied] = field(default_factory=list)
    objects: dict[str, int | ClientError] = field(default_factory=lambda: {"src": 1})
    """How many versions a bucket lists."""
    events_begin_seconds: float = 0.0

    def __post_init__(self) -> None:
        self.table = RuleRevisionTable(self.client, "ledger", lambda: self.now)

    def process(self) -> S3RuleHistories:
        """A function that starts: its cache is empty, the table is the same."""
        return S3RuleHistories(
            s3=lambda _: cast("Any", self),
            table=self.table,
            buckets=sorted(self.rules),
            seconds=lambda: seconds_between(NOW, self.now),
            now=lambda: self.now,
            refused=self.refusals.append,
            events_begin_seconds=self.events_begin_seconds,
        )

    def wait(self, seconds: float) -> None:
        self.now = plus(self.now, seconds)

    def get_bucket_replication(self, *, Bucket: str) -> dict[str, Any]:  # noqa: N803
        self.reads.append(Bucket)
        answer = self.rules[Bucket]
        if isinstance(answer, ClientError):
            raise answer
        if not answer:
            raise refused("ReplicationConfigurationNotFoundError")
        return {"ReplicationConfiguration": raw(*answer)}

    def list_object_versions(self, *, Bucket: str, MaxKeys: int) -> dict[str, Any]:  # noqa: N803
        assert MaxKeys == 1
        answer = self.objects.get(Bucket, 0)
        if isinstance(answer, ClientError):
            raise answer
        return {"Versions": [{"Key": "k"}]} if answer else {}


@contextmanager
def world() -> Iterator[Kept]:
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        ledger_table.create(client, "ledger")
        yield Kept(client)

"""What users do: a seeded sequence of writes, changes, deletions and changes of the rules."""

from __future__ import annotations

import json
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from local.parity import rules
from local.server import REGION

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

_PREFIXES = {rules.SOURCE: ("a/", "b/", "t/", "c/", "d/"), rules.EAST: ("", "x/")}
_NAMES = (
    "plain.pdf",
    "red flower + 50%.jpg",
    "ÄÖ 🎉 'quoted\".bin",
    "deep/er/than/that",
    "k" * 1_000,
    "slow-4.log",
    "fail-DstPutObjectNotPermitted",
    f"fail-DstKmsKeyNotFound@{rules.TWO}",
    "tagless",
    "not-tracked",
)
_WEIGHTS = (20, 10, 8, 8, 3, 4, 4, 4, 4, 2)
_TAGS: tuple[dict[str, str], ...] = ({}, rules.TAG, {"owner": "me"}, rules.TAG | {"owner": "me"})


@dataclass(frozen=True, slots=True)
class Written:
    """A version or a delete marker that was written to a bucket by a user."""

    bucket: str
    key: str
    version_id: str
    marker: bool = False


@dataclass
class Workload:
    """`written` is every version there ever was in a source bucket, in order; `own` those that were
    put into a destination directly; `gone` when versions were deleted for good at their source;
    `done` counts what was done, by name."""

    s3: S3Client
    sqs: SQSClient
    queue_url: str
    rng: random.Random
    written: list[Written] = field(default_factory=list)
    own: list[Written] = field(default_factory=list)
    gone: dict[Written, datetime] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=dict)
    _alive: list[Written] = field(default_factory=list)

    def run(self, versions: int, advance: Callable[[], None], *, rule_changes: int) -> None:
        """Writes so many versions, with everything else in between."""
        steps: dict[Callable[[], None], float] = {
            self._put: 52,
            self._overwrite: 14,
            self._multipart: 3,
            self._copy: 4,
            self._mark: 6,
            self._change_tags: 12,
            self._change_acl: 4,
            self._delete: 6,
            self._delete_replica: 2,
            self._put_at_destination: 2,
            # Six of ten steps write a version or two; so many changes come to the whole run.
            self._change_rules: 75 * rule_changes / versions,
        }
        while len(self.written) < versions:
            (step,) = self.rng.choices(list(steps), list(steps.values()))
            step()
            name = step.__name__.strip("_").replace("_", " ")
            self.done[name] = self.done.get(name, 0) + 1
            advance()

    def _key(self, bucket: str) -> str:
        prefix = self.rng.choice(_PREFIXES.get(bucket, ("", "x/")))
        (name,) = self.rng.choices(_NAMES, _WEIGHTS)
        return f"{prefix}{self.rng.randrange(10_000)}/{name}"[:1_024]

    def _bucket(self) -> str:
        return self.rng.choices(rules.SOURCES, (7, 1, 1))[0]

    def _tagging(self) -> str:
        tags = self.rng.choice(_TAGS)
        return "&".join(f"{name}={value}" for name, value in tags.items())

    def _pick(self) -> Written | None:
        objects = [one for one in self._alive[-400:] if not one.marker]
        return self.rng.choice(objects) if objects else None

    def _note(self, bucket: str, key: str, version_id: str, *, marker: bool = False) -> None:
        one = Written(bucket, key, version_id, marker)
        self.written.append(one)
        self._alive.append(one)

    def _put(self) -> None:
        bucket = self._bucket()
        self._put_version(bucket, self._key(bucket))

    def _put_version(self, bucket: str, key: str) -> None:
        body = self.rng.randbytes(self.rng.choice((0, 1, 100, 5_000)))
        answer = self.s3.put_object(Bucket=bucket, Key=key, Body=body, Tagging=self._tagging())
        self._note(bucket, key, answer["VersionId"])

    def _overwrite(self) -> None:
        one = self._pick()
        if one:
            self._put_version(one.bucket, one.key)

    def _multipart(self) -> None:
        bucket = self._bucket()
        where: dict[str, Any] = {"Bucket": bucket, "Key": self._key(bucket)}
        upload = self.s3.create_multipart_upload(**where, Tagging=self._tagging())["UploadId"]
        part = self.s3.upload_part(**where, UploadId=upload, PartNumber=1, Body=b"part")
        parts: Any = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        done = self.s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload=parts)
        self._note(bucket, where["Key"], done["VersionId"])

    def _copy(self) -> None:
        one = self._pick()
        if one is None:
            return
        bucket = self._bucket()
        key = self._key(bucket)
        source: Any = {"Bucket": one.bucket, "Key": one.key, "VersionId": one.version_id}
        done = self.s3.copy_object(Bucket=bucket, Key=key, CopySource=source)
        self._note(bucket, key, done["VersionId"])

    def _mark(self) -> None:
        one = self._pick()
        if one:
            answer = self.s3.delete_object(Bucket=one.bucket, Key=one.key)
            self._note(one.bucket, one.key, answer["VersionId"], marker=True)

    def _change_tags(self) -> None:
        one = self._pick()
        if one is None:
            return
        tags: Any = [{"Key": n, "Value": v} for n, v in self.rng.choice(_TAGS).items()]
        with _unless_hidden():
            self.s3.put_object_tagging(
                Bucket=one.bucket, Key=one.key, VersionId=one.version_id, Tagging={"TagSet": tags}
            )

    def _change_acl(self) -> None:
        one = self._pick()
        if one is None:
            return
        with _unless_hidden():
            self.s3.put_object_acl(
                Bucket=one.bucket, Key=one.key, VersionId=one.version_id, ACL="public-read"
            )

    def _delete(self) -> None:
        """One version, markers as well, for good."""
        if self._alive:
            one = self.rng.choice(self._alive[-400:])
            self._alive.remove(one)
            self.gone[one] = datetime.now(UTC)
            self.s3.delete_object(Bucket=one.bucket, Key=one.key, VersionId=one.version_id)

    def _delete_replica(self) -> None:
        one = self._pick()
        if one:
            bucket = self.rng.choice((rules.ONE, rules.TWO, rules.THREE))
            try:
                self.s3.head_object(Bucket=bucket, Key=one.key, VersionId=one.version_id)
            except ClientError:
                return
            self.s3.delete_object(Bucket=bucket, Key=one.key, VersionId=one.version_id)

    def _put_at_destination(self) -> None:
        """An object of the destination's own, under a key the source may have as well."""
        one = self._pick()
        if one:
            bucket = self.rng.choice((rules.ONE, rules.TWO, rules.THREE))
            answer = self.s3.put_object(Bucket=bucket, Key=one.key, Body=b"its own")
            self.own.append(Written(bucket, one.key, answer["VersionId"]))

    def _change_rules(self) -> None:
        """Half of the time CloudTrail tells of it."""
        drawn = rules.redrawn(self.rng)
        name = "PutBucketReplication" if drawn else "DeleteBucketReplication"
        if drawn:
            configuration: Any = rules.configuration(drawn)
            self.s3.put_bucket_replication(
                Bucket=rules.SOURCE, ReplicationConfiguration=configuration
            )
        else:
            self.s3.delete_bucket_replication(Bucket=rules.SOURCE)
        if self.rng.random() < 0.5:
            self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=_told(name))


@contextmanager
def _unless_hidden() -> Iterator[None]:
    """The emulator changes no version whose key has a delete marker on top; S3 does."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchKey":
            raise


def _told(call: str) -> str:
    """The management event of CloudTrail that EventBridge would put into the ingest queue."""
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    detail = {
        "eventVersion": "1.11",
        "eventTime": now,
        "eventSource": "s3.amazonaws.com",
        "eventName": call,
        "awsRegion": REGION,
        "requestParameters": {"bucketName": rules.SOURCE},
        "eventID": str(uuid.uuid4()),
    }
    envelope = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.s3",
        "time": now,
        "region": REGION,
        "resources": [],
        "detail": detail,
    }
    return json.dumps(envelope)

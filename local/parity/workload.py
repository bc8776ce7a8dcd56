"""What users do: a seeded sequence of writes, changes, deletions and changes of the rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from local.parity import customer_keys, rules

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

    from local.parity.barriers import Barriers

_PREFIXES = {rules.SOURCE: ("a/", "b/", rules.TAGGED, "c/", "d/"), rules.EAST: ("", "x/", "y/")}
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
    f"{customer_keys.WORD}.bin",
)
_WEIGHTS = (20, 10, 8, 8, 3, 4, 4, 4, 4, 2, 8)
_MENDED = 10
"""Of the versions written while a destination refused, so many are changed once it is repaired,
which heals those that failed."""
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
    `changed` those whose tags or ACL were; `configured` when the rules of the main source changed,
    and `under` how many changes there had been when a version was written; `done` counts what was
    done, by name."""

    s3: S3Client
    sqs: SQSClient
    queue_url: str
    barriers: Barriers
    rng: random.Random
    written: list[Written] = field(default_factory=list)
    own: list[Written] = field(default_factory=list)
    gone: dict[Written, datetime] = field(default_factory=dict)
    changed: set[Written] = field(default_factory=set)
    configured: list[datetime] = field(default_factory=list)
    under: dict[Written, int] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=dict)
    _alive: list[Written] = field(default_factory=list)
    _refused_since: int = 0

    def run(self, versions: int, advance: Callable[[], None], *, rule_changes: int) -> None:
        """Writes so many versions, with everything else in between."""
        steps: dict[Callable[[], None], float] = {
            self._put: 52,
            self._overwrite: 14,
            self._put_encrypted: 4,
            self._multipart: 3,
            self._copy: 4,
            self._mark: 6,
            self._change_tags: 12,
            self._tag_late: 5,
            self._untag_late: 2,
            self._change_acl: 4,
            self._delete: 6,
            self._delete_replica: 2,
            self._put_at_destination: 2,
            # Six of ten steps write a version or two; so many changes come to the whole run.
            self._change_rules: 75 * rule_changes / versions,
            self._refuse_or_repair: 150 * rule_changes / versions,
            self._hide_or_show: 150 * rule_changes / versions,
        }
        while len(self.written) < versions:
            (step,) = self.rng.choices(list(steps), list(steps.values()))
            step()
            name = step.__name__.strip("_").replace("_", " ")
            self.done[name] = self.done.get(name, 0) + 1
            advance()

    def _key(self, bucket: str, *, prefix: str | None = None, plain: bool = False) -> str:
        """`plain`: of an object that no customer's key encrypts."""
        prefix = prefix or self.rng.choice(_PREFIXES.get(bucket, ("", "x/")))
        (name,) = self.rng.choices(_NAMES, _WEIGHTS)
        if plain and customer_keys.is_encrypted(name):
            name = _NAMES[0]
        return f"{prefix}{self.rng.randrange(10_000)}/{name}"[:1_024]

    def _bucket(self) -> str:
        return self.rng.choices(rules.SOURCES, (7, 1, 1))[0]

    def _tagging(self, tags: dict[str, str] | None = None) -> str:
        tags = self.rng.choice(_TAGS) if tags is None else tags
        return "&".join(f"{name}={value}" for name, value in tags.items())

    def _pick(self, *, plain: bool = False) -> Written | None:
        objects = [
            one
            for one in self._alive[-400:]
            if not one.marker and not (plain and customer_keys.is_encrypted(one.key))
        ]
        return self.rng.choice(objects) if objects else None

    def _note(self, bucket: str, key: str, version_id: str, *, marker: bool = False) -> Written:
        one = Written(bucket, key, version_id, marker)
        self.written.append(one)
        self.under[one] = len(self.configured)
        self._alive.append(one)
        return one

    def under_unread_rules(self, read: Sequence[datetime]) -> list[Written]:
        """The versions written under rules that changed again before any of these times."""
        periods = enumerate(pairwise(self.configured), 1)
        unread = {
            number
            for number, (begin, end) in periods
            if not any(begin <= one < end for one in read)
        }
        return [
            one
            for one, number in self.under.items()
            if one.bucket == rules.SOURCE and number in unread
        ]

    def _put(self) -> None:
        bucket = self._bucket()
        self._put_version(bucket, self._key(bucket))

    def _put_version(self, bucket: str, key: str, tags: dict[str, str] | None = None) -> Written:
        body, tagging = self.rng.randbytes(self.rng.choice((0, 1, 100, 5_000))), self._tagging(tags)
        answer = self.s3.put_object(Bucket=bucket, Key=key, Body=body, Tagging=tagging)
        return self._note(bucket, key, answer["VersionId"])

    def _put_encrypted(self) -> None:
        """With a customer's key, into a bucket whose rules never change: S3 shows its status to
        nobody else, and there events tell it for certain."""
        prefix = self.rng.choice(_PREFIXES[rules.EAST])
        self._put_version(rules.EAST, f"{prefix}{self.rng.randrange(10_000)}/{customer_keys.WORD}")

    def _overwrite(self) -> None:
        one = self._pick()
        if one:
            self._put_version(one.bucket, one.key)

    def _multipart(self) -> None:
        bucket = self._bucket()
        where: dict[str, Any] = {"Bucket": bucket, "Key": self._key(bucket, plain=True)}
        upload = self.s3.create_multipart_upload(**where, Tagging=self._tagging())["UploadId"]
        part = self.s3.upload_part(**where, UploadId=upload, PartNumber=1, Body=b"part")
        parts: Any = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        done = self.s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload=parts)
        self._note(bucket, where["Key"], done["VersionId"])

    def _copy(self) -> None:
        one = self._pick(plain=True)
        if one is None:
            return
        bucket = self._bucket()
        key = self._key(bucket, plain=True)
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
        if one:
            self._tag(one, self.rng.choice(_TAGS))

    def _tag(self, one: Written, tags: dict[str, str]) -> None:
        self.changed.add(one)
        tagging: Any = {"TagSet": [{"Key": name, "Value": value} for name, value in tags.items()]}
        self.s3.put_object_tagging(
            Bucket=one.bucket, Key=one.key, VersionId=one.version_id, Tagging=tagging
        )

    def _tag_late(self) -> None:
        """The tags that a rule asks for come after the creation: S3 never replicates it."""
        key = self._key(rules.SOURCE, prefix=rules.TAGGED)
        self._tag(self._put_version(rules.SOURCE, key, {}), rules.TAG)

    def _untag_late(self) -> None:
        """They go after the creation: S3 replicates it all the same."""
        key = self._key(rules.SOURCE, prefix=rules.TAGGED)
        self._tag(self._put_version(rules.SOURCE, key, rules.TAG), {})

    def _change_acl(self) -> None:
        one = self._pick()
        if one:
            self.changed.add(one)
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
            bucket = self.rng.choice(rules.REPLICAS)
            try:
                self.s3.head_object(Bucket=bucket, Key=one.key, VersionId=one.version_id)
            except ClientError:
                return
            self.s3.delete_object(Bucket=bucket, Key=one.key, VersionId=one.version_id)

    def _put_at_destination(self) -> None:
        """An object of the destination's own, under a key the source may have as well."""
        one = self._pick(plain=True)
        if one:
            bucket = self.rng.choice(rules.REPLICAS)
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
        self.configured.append(datetime.now(UTC))
        if self.rng.random() < 0.5:
            self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=rules.told(name))

    def _refuse_or_repair(self) -> None:
        """A destination refuses replicas for a while. What failed meanwhile stays so, but for what
        is changed afterwards."""
        if not self.barriers.refusing:
            self._refused_since = len(self.written)
            self.barriers.refuse(self.rng.choice(rules.REPLICAS))
            return
        self.barriers.repair(*self.barriers.refusing)
        failed = [one for one in self.written[self._refused_since :] if one in self._alive]
        for one in failed[:_MENDED]:
            if not one.marker:
                self._tag(one, rules.TAG | {"owner": "mended"})

    def _hide_or_show(self) -> None:
        """The tracker may not read a destination for a while."""
        if self.barriers.hidden:
            self.barriers.show(*self.barriers.hidden)
        else:
            self.barriers.hide(self.rng.choice(rules.REPLICAS))

"""The replication service's store: MiniStack's buckets.

MiniStack keeps a key's versions oldest first in `_object_versions` and its newest one in the
bucket's `objects`; its own way to add a version mints a new version id, so replicas go in here.
Every call runs on MiniStack's event loop, where its S3 requests run too: nothing interleaves.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from local.s3_replication import policies
from local.s3_replication.outcomes import Destination, Source
from local.s3_replication.rules import Write
from local.s3_replication.status_header import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.s3_replication.ports import VersionRef
    from local.s3_replication.rules import Rule

SEQUENCER = "_local_sequencer"
"""Key of a version entry: the sequencer of the write, copied to its replicas."""

_READS = (
    ("s3:GetObjectVersionForReplication", "SrcGetObjectNotPermitted"),
    ("s3:GetObjectVersionAcl", "SrcGetAclNotPermitted"),
)
_LOCK_READS = (
    ("s3:GetObjectRetention", "SrcGetRetentionNotPermitted"),
    ("s3:GetObjectLegalHold", "SrcGetLegalHoldNotPermitted"),
)
"""What S3 reads besides where the source has Object Lock."""
_READ_TAGS, _WRITE_TAGS = "s3:GetObjectVersionTagging", "s3:ReplicateTags"


class MiniStackBuckets:
    """`ports.Store` on the module `ministack.services.s3`."""

    def __init__(self, s3: Any) -> None:
        self._s3 = s3

    def entry(self, ref: VersionRef) -> dict[str, Any] | None:
        """MiniStack's own record of the version, or None."""
        with self._s3._in_account(ref.account):
            versions = self._s3._object_versions.get((ref.bucket, ref.key), [])
        return next((entry for entry in versions if entry["version_id"] == ref.version_id), None)

    def exists(self, ref: VersionRef) -> bool:
        return self.entry(ref) is not None

    def write(self, key: str, record: Mapping[str, Any], tags: Mapping[str, str] | None) -> Write:
        """What the rules look at, from MiniStack's record of an object about to be stored."""
        return Write(
            key=key,
            tags=dict(tags or {}),
            storage_class=record.get("storage_class") or "STANDARD",
            encryption=record.get("preserved_headers", {}).get("x-amz-server-side-encryption"),
        )

    def set_status(self, ref: VersionRef, status: Status) -> None:
        entry = self.entry(ref)
        if entry is None or entry.get("is_delete_marker"):
            return
        entry["replication_status"] = status.value
        with self._s3._in_account(ref.account):
            current = self._s3._buckets[ref.bucket]["objects"].get(ref.key)
        if current is not None and current.get("version_id") == ref.version_id:
            current["replication_status"] = status.value

    def region(self, bucket: str) -> str:
        with self._s3._in_account(self._owner(bucket)):
            return str(self._s3._notification_bucket_region(bucket))

    def source(self, ref: VersionRef, rule: Rule) -> Source:
        here = self._address(ref.bucket, ref)
        with self._s3._in_account(ref.account):
            policy = self._s3._bucket_policies.get(ref.bucket)
            tagged = bool(self._s3._object_tags.get(here))
            locked = here in self._s3._object_retention or here in self._s3._object_legal_hold
            object_lock = bool(self._s3._bucket_object_lock.get(ref.bucket))

        def may(action: str) -> bool:
            resource = f"arn:aws:s3:::{ref.bucket}/{ref.key}"
            return policies.role_may(policy, action, resource, rule, ref.account, same_account=True)

        reads = _READS + _LOCK_READS if object_lock else _READS
        entry = self.entry(ref) or {}
        return Source(
            refusal=next((code for action, code in reads if not may(action)), None),
            tags_readable=may(_READ_TAGS),
            tagged=tagged,
            locked=locked,
            customer_key=has_customer_key(entry),
        )

    def destination(self, ref: VersionRef, rule: Rule, *, delete_marker: bool) -> Destination:
        owner = self._s3._bucket_owner_account(rule.destination)
        if owner is None:
            return Destination(exists=False)
        with self._s3._in_account(owner):
            versioning = self._s3._bucket_versioning.get(rule.destination)
            policy = self._s3._bucket_policies.get(rule.destination)
            object_lock = bool(self._s3._bucket_object_lock.get(rule.destination))
            encryption = self._s3._bucket_encryption.get(rule.destination)
            versions = self._s3._object_versions.get((rule.destination, ref.key), [])

        def may(action: str) -> bool:
            resource = f"arn:aws:s3:::{rule.destination}/{ref.key}"
            same = owner == ref.account
            return policies.role_may(policy, action, resource, rule, ref.account, same_account=same)

        return Destination(
            versioned=versioning == "Enabled",
            policy_allows=may("s3:ReplicateDelete" if delete_marker else "s3:ReplicateObject"),
            tags_allowed=may(_WRITE_TAGS),
            object_lock=object_lock,
            blocks_customer_keys=blocks_customer_keys(encryption),
            has_replica=any(entry["version_id"] == ref.version_id for entry in versions),
        )

    def put_replica(self, ref: VersionRef, rule: Rule, *, with_tags: bool) -> None:
        source = self.entry(ref)
        if source is None:
            raise LookupError(f"{ref} was deleted")
        with self._s3._in_account(ref.account):
            body = self._s3._version_body(
                self._s3._buckets[ref.bucket], ref.bucket, ref.key, source
            )
        record = copy.deepcopy(self._s3._object_record_from_version(source))
        record |= {
            "body": body,
            "parts": source.get("parts"),
            "replication_status": Status.REPLICA.value,
            "storage_class": rule.storage_class or record["storage_class"],
        }
        entry = self._s3._version_entry_from_record(record, ref.version_id, body)
        entry[SEQUENCER] = source.get(SEQUENCER, "")
        with self._s3._in_account(self._owner(rule.destination)):
            self._insert(rule.destination, ref.key, entry, record)
        self._copy_acl(ref, rule)
        if with_tags:
            self._copy(self._s3._object_tags, ref, rule)
        self._lock(ref, rule)

    def put_delete_marker(self, ref: VersionRef, rule: Rule) -> None:
        source = self.entry(ref)
        if source is None:
            raise LookupError(f"{ref} was deleted")
        with self._s3._in_account(self._owner(rule.destination)):
            self._insert(rule.destination, ref.key, copy.deepcopy(source), None)

    def update_replica(
        self, ref: VersionRef, rule: Rule, *, with_tags: bool, with_lock: bool
    ) -> None:
        self._copy_acl(ref, rule)
        if with_tags:
            self._copy(self._s3._object_tags, ref, rule)
        if with_lock:
            self._copy(self._s3._object_retention, ref, rule)
            self._copy(self._s3._object_legal_hold, ref, rule)

    def backdate(self, bucket: str, key: str, version_id: str, at: str) -> None:
        """Give a version the age S3 gives it, and its place among the key's versions."""
        current = self._s3._buckets[bucket]["objects"].get(key)
        versions = self._s3._object_versions[(bucket, key)]
        entry = next(each for each in versions if each["version_id"] == version_id)
        record = current or self._s3._object_record_from_version(entry)
        entry["last_modified"] = record["last_modified"] = at
        self._insert(bucket, key, entry, record)
        newest = versions[-1]
        if newest is entry:
            return
        if newest.get("is_delete_marker"):
            self._s3._buckets[bucket]["objects"].pop(key, None)
        else:
            self._s3._buckets[bucket]["objects"][key] = self._s3._object_record_from_version(newest)

    def _owner(self, bucket: str) -> str:
        owner = self._s3._bucket_owner_account(bucket)
        if owner is None:
            raise LookupError(f"bucket {bucket} was deleted")
        return str(owner)

    def _address(self, bucket: str, ref: VersionRef) -> tuple[str, str, str | None]:
        """Where MiniStack keeps what belongs to a version; the null version has no id there."""
        return bucket, ref.key, None if ref.version_id == "null" else ref.version_id

    def _copy(self, values: Any, ref: VersionRef, rule: Rule) -> bool:
        """The replica's value becomes the source's, or goes; whether the source has one."""
        with self._s3._in_account(ref.account):
            value = values.get(self._address(ref.bucket, ref))
        with self._s3._in_account(self._owner(rule.destination)):
            values.pop(self._address(rule.destination, ref), None)
            if value is not None:
                values[self._address(rule.destination, ref)] = copy.deepcopy(value)
        return value is not None

    def _copy_acl(self, ref: VersionRef, rule: Rule) -> None:
        """The ACL stays the destination owner's when the rule overrides it."""
        if not rule.owner_override:
            self._copy(self._s3._object_acl, ref, rule)

    def _lock(self, ref: VersionRef, rule: Rule) -> None:
        """A new replica's retention and legal hold; the destination's default when it has none."""
        retained = self._copy(self._s3._object_retention, ref, rule)
        held = self._copy(self._s3._object_legal_hold, ref, rule)
        if retained or held:
            return
        with self._s3._in_account(self._owner(rule.destination)):
            self._s3._apply_object_lock_from_headers(
                rule.destination, ref.key, {}, self._address(rule.destination, ref)[2]
            )

    def _insert(
        self, bucket: str, key: str, entry: dict[str, Any], record: dict[str, Any] | None
    ) -> None:
        """Put a version where it belongs by its age, and make the newest one current.

        Two versions may arrive in the wrong order; the destination must end with the one the
        source has as its newest.
        """
        objects = self._s3._buckets[bucket]["objects"]
        versions = self._s3._object_versions.setdefault((bucket, key), [])
        self._s3._preserve_null_version(bucket, key, versions, objects.get(key))
        versions[:] = [old for old in versions if old["version_id"] != entry["version_id"]]
        place = len(versions)
        while place and _age(versions[place - 1]) > _age(entry):
            place -= 1
        versions.insert(place, entry)
        for version in versions:
            version["is_latest"] = version is versions[-1]
        if versions[-1] is not entry:
            return
        if record is None:
            objects.pop(key, None)
        else:
            objects[key] = record


def _age(entry: Mapping[str, Any]) -> tuple[str, str]:
    return entry["last_modified"], entry.get(SEQUENCER, "")


def has_customer_key(entry: Mapping[str, Any]) -> bool:
    """Whether the version is encrypted by a key of the customer's own (SSE-C)."""
    return bool(
        entry.get("preserved_headers", {}).get("x-amz-server-side-encryption-customer-key-md5")
    )


def blocks_customer_keys(encryption: str | None) -> bool:
    """Whether a bucket's encryption configuration blocks SSE-C."""
    if not encryption:
        return False
    found = ElementTree.fromstring(encryption).iter()  # noqa: S314 - MiniStack has parsed it
    return any(each.tag.endswith("EncryptionType") and each.text == "SSE-C" for each in found)

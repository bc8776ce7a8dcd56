"""The replication service's store: MiniStack's buckets.

MiniStack keeps a key's versions oldest first in `_object_versions` and its newest one in the
bucket's `objects`; its own way to add a version mints a new version id, so replicas go in here.
Every call runs on MiniStack's event loop, where its S3 requests run too: nothing interleaves.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from local.replication.header import Status
from local.replication.outcomes import Destination
from local.replication.rules import Write

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.replication.ports import VersionRef
    from local.replication.rules import Rule

SEQUENCER = "_local_sequencer"
"""Key of a version entry: the sequencer of the write, copied to its replicas."""


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

    def destination(self, ref: VersionRef, rule: Rule, *, delete_marker: bool) -> Destination:
        owner = self._s3._bucket_owner_account(rule.destination)
        if owner is None:
            return Destination(exists=False)
        with self._s3._in_account(owner):
            versioning = self._s3._bucket_versioning.get(rule.destination)
            policy = self._s3._bucket_policies.get(rule.destination)
        action = "s3:ReplicateDelete" if delete_marker else "s3:ReplicateObject"
        return Destination(
            versioned=versioning == "Enabled",
            policy_allows=_allows(policy, action, ref, rule, same_account=owner == ref.account),
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
        self._copy_subresources(ref, rule, with_tags=with_tags)

    def put_delete_marker(self, ref: VersionRef, rule: Rule) -> None:
        source = self.entry(ref)
        if source is None:
            raise LookupError(f"{ref} was deleted")
        with self._s3._in_account(self._owner(rule.destination)):
            self._insert(rule.destination, ref.key, copy.deepcopy(source), None)

    def update_replica(self, ref: VersionRef, rule: Rule) -> bool:
        with self._s3._in_account(self._owner(rule.destination)):
            versions = self._s3._object_versions.get((rule.destination, ref.key), [])
        if all(entry["version_id"] != ref.version_id for entry in versions):
            return False
        self._copy_subresources(ref, rule, with_tags=True)
        return True

    def _owner(self, bucket: str) -> str:
        owner = self._s3._bucket_owner_account(bucket)
        if owner is None:
            raise LookupError(f"bucket {bucket} was deleted")
        return str(owner)

    def _copy_subresources(self, ref: VersionRef, rule: Rule, *, with_tags: bool) -> None:
        """Tags and ACL; the ACL stays the destination owner's when the rule overrides it."""
        there = (rule.destination, ref.key, ref.version_id)
        here = (ref.bucket, ref.key, ref.version_id)
        with self._s3._in_account(ref.account):
            tags = self._s3._object_tags.get(here) if with_tags else None
            acl = None if rule.owner_override else self._s3._object_acl.get(here)
        with self._s3._in_account(self._owner(rule.destination)):
            for values, value in ((self._s3._object_tags, tags), (self._s3._object_acl, acl)):
                values.pop(there, None)
                if value is not None:
                    values[there] = copy.deepcopy(value)

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


def _allows(
    policy: str | None, action: str, ref: VersionRef, rule: Rule, *, same_account: bool
) -> bool:
    """Whether the destination's bucket policy lets the replication role in.

    In its own account the role's permissions are enough and only a Deny stops it; from another
    account the policy has to say Allow.
    """
    if not policy:
        return same_account
    from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy

    context = EvalContext(
        principal_arn=rule.role,
        principal_type="AssumedRole",
        principal_account=ref.account,
        action=action,
        resource_arn=f"arn:aws:s3:::{rule.destination}/{ref.key}",
        region="us-east-1",
    )
    decision = evaluate_resource_policy(policy, context).decision
    return bool(decision != "Deny" if same_account else decision == "Allow")

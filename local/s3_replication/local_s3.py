"""The local S3 as MiniStack's hooks see it: what to do when something happened to a bucket."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from local.s3_replication.buckets import SEQUENCER, MiniStackBuckets
from local.s3_replication.delivery import LoopTimers, MiniStackAnnouncer
from local.s3_replication.events import LEGAL_HOLD, ObjectEvent, Origin, iso_milliseconds
from local.s3_replication.ports import VersionRef
from local.s3_replication.rules import Rule, Write, parse, routes
from local.s3_replication.service import ReplicationService
from local.s3_replication.status_header import Status

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from local.s3_replication.settings import Settings

_MARKER_MADE = "ObjectRemoved:DeleteMarkerCreated"
_RULES = "_local_rules"
"""Key of MiniStack's object record: the rules that take the object, until its event is sent."""


class LocalS3:
    """Events and replication for all buckets.  Everything runs on MiniStack's event loop."""

    def __init__(self, s3: Any, loop: asyncio.AbstractEventLoop, settings: Settings) -> None:
        self._s3 = s3
        self._buckets = MiniStackBuckets(s3)
        self.heads: Counter[str] = Counter()
        self.timers = LoopTimers(loop)
        self._announcer = MiniStackAnnouncer(s3, self.timers, settings)
        self._service = ReplicationService(
            store=self._buckets, timers=self.timers, announcer=self._announcer, settings=settings
        )

    @property
    def settings(self) -> Settings:
        return self._service.settings

    def configure(self, values: Mapping[str, Any]) -> None:
        """Change settings by name; raises `SettingsError` and changes nothing when one is wrong."""
        settings = self._service.settings.changed(values)
        self._service.configure(settings)
        self._announcer.configure(settings)

    def describe(self) -> dict[str, Any]:
        """Settings, counts, HEAD requests by bucket and lost events; `waiting` is 0 when every
        replication has come to its end."""
        stats = self._service.stats
        return {
            "settings": self._service.settings.model_dump(),
            "stats": {name: getattr(stats, name) for name in type(stats).__slots__},
            "heads": dict(self.heads),
            "lost": list(self._announcer.lost),
        }

    def reset(self) -> None:
        self._service.reset()
        self._announcer.lost.clear()
        self.heads.clear()

    def about_to_store(
        self, bucket: str, key: str, record: dict[str, Any], tags: Mapping[str, str] | None
    ) -> None:
        """An object is written but has no version id yet: its header reads PENDING from now."""
        rules = self._routes(bucket, self._buckets.write(key, record, tags))
        if rules:
            record["replication_status"] = Status.PENDING.value
            record[_RULES] = rules

    def delete_marker_made(self, bucket: str, key: str) -> None:
        """A delete marker became the key's newest version."""
        marker = self._s3._object_versions[(bucket, key)][-1]
        ref = self._ref(bucket, key, marker["version_id"])
        origin = self._announcer.origin()
        marker[SEQUENCER] = origin.sequencer
        event = self._event(_MARKER_MADE, ref.bucket, key, ref.version_id, origin=origin)
        self._announcer.announce(event)
        rules = self._routes(bucket, Write(key=key, delete_marker=True))
        if rules:
            self._service.accept(ref, event, rules, delete_marker=True)

    def happened(
        self,
        name: str,
        bucket: str,
        key: str,
        version_id: str | None,
        *,
        size: int,
        etag: str,
        sequencer: str | None,
        object_extra: Mapping[str, Any],
        record_extra: Mapping[str, Any],
    ) -> None:
        """MiniStack would send this event now: send it as S3 does, and start replicating.

        `sequencer` is that of an earlier moment, when the operation began before it was done.
        """
        if self._s3._bucket_owner_account(bucket) is None:
            return  # a timer of MiniStack outlived the bucket
        if name == _MARKER_MADE:
            return  # told already; MiniStack is silent about a marker on top of another one
        event = self._event(
            name,
            bucket,
            key,
            version_id,
            size=size,
            etag=etag.strip('"'),
            origin=self._announcer.origin(sequencer),
            object_extra=object_extra,
            record_extra=record_extra,
        )
        self._announcer.announce(event)
        if version_id is None:
            return
        ref = self._ref(bucket, key, version_id)
        if name == "ObjectRemoved:Delete":
            self._service.forget(ref)
        elif name.startswith("ObjectCreated:"):
            self._created(ref, event)

    def changed(self, name: str, bucket: str, key: str, version_id: str | None) -> None:
        """Tags, ACL, retention or legal hold of a stored version changed."""
        current = self._s3._buckets[bucket]["objects"].get(key) or {}
        ref = self._ref(bucket, key, version_id or "null")
        entry = self._buckets.entry(ref) or current
        event = self._event(
            name,
            bucket,
            key,
            version_id,
            size=entry.get("size", 0),
            etag=str(entry.get("etag", "")).strip('"'),
            retention=self._retention(bucket, key, version_id) if "Retention" in name else {},
        )
        if name != LEGAL_HOLD:
            self._announcer.announce(event)
        tags = self._s3._object_tags.get((bucket, key, version_id))
        rules = self._routes(bucket, self._buckets.write(key, entry, tags))
        if entry.get("replication_status") == Status.REPLICA.value:
            self._service.change_replica(ref, event, rules)
        else:
            self._service.change(ref, event, rules)

    def replicate_again(self, bucket: str, key: str, version_id: str) -> str | None:
        """A task of Batch Operations; the failure reason, or None."""
        if self._s3._bucket_owner_account(bucket) is None:
            return "SrcBucketNotFound"
        if not self._rules(bucket):
            return "SrcBucketReplicationConfigMissing"
        ref = self._ref(bucket, key, version_id)
        entry = self._buckets.entry(ref)
        if entry is None:
            return "SrcVersionNotFound"
        replica = entry.get("replication_status") == Status.REPLICA.value
        if entry.get("is_delete_marker") or replica:
            return "SrcObjectNotEligible"
        event = self._event(
            "ObjectCreated:Put",
            bucket,
            key,
            version_id,
            size=entry.get("size", 0),
            etag=str(entry.get("etag", "")).strip('"'),
        )
        tags = self._s3._object_tags.get((bucket, key, version_id))
        rules = self._routes(bucket, self._buckets.write(key, entry, tags))
        return self._service.replicate_again(ref, event, rules)

    def begun(self) -> str:
        """A multipart upload was created: the sequencer of its object."""
        return self._announcer.sequencer()

    def completed(self, bucket: str, key: str, version_id: str, created: str) -> None:
        """A multipart upload became a version: it is as old as the upload."""
        self._buckets.backdate(bucket, key, version_id, created)

    def _retention(self, bucket: str, key: str, version_id: str | None) -> dict[str, str]:
        found = self._s3._object_retention.get((bucket, key, version_id))
        if not found:
            return {}
        until = datetime.fromisoformat(found["RetainUntilDate"]).astimezone(UTC)
        return {"mode": found["Mode"], "retain-until-date": iso_milliseconds(until)}

    def _created(self, ref: VersionRef, event: ObjectEvent) -> None:
        entry = self._buckets.entry(ref)
        record = self._s3._buckets[ref.bucket]["objects"].get(ref.key)
        if entry is None or record is None:
            return
        entry[SEQUENCER] = event.origin.sequencer
        rules = record.pop(_RULES, ())
        if rules:
            self._service.accept(ref, event, rules, delete_marker=False)

    def _rules(self, bucket: str) -> tuple[Rule, ...]:
        """The bucket's rules as they are; none while its versioning is not Enabled."""
        configuration = self._s3._bucket_replication.get(bucket)
        if not configuration or self._s3._bucket_versioning.get(bucket) != "Enabled":
            return ()
        return parse(configuration)

    def _routes(self, bucket: str, write: Write) -> tuple[Rule, ...]:
        return routes(self._rules(bucket), write)

    def _ref(self, bucket: str, key: str, version_id: str) -> VersionRef:
        owner = self._s3._bucket_owner_account(bucket)
        return VersionRef(str(owner), bucket, key, version_id)

    def _event(
        self,
        name: str,
        bucket: str,
        key: str,
        version_id: str | None,
        *,
        size: int = 0,
        etag: str = "",
        origin: Origin | None = None,
        object_extra: Mapping[str, Any] | None = None,
        record_extra: Mapping[str, Any] | None = None,
        retention: Mapping[str, str] | None = None,
    ) -> ObjectEvent:
        return ObjectEvent(
            name=name,
            bucket=bucket,
            key=key,
            version_id=version_id,
            size=size,
            etag=etag,
            origin=origin or self._announcer.origin(),
            region=self._buckets.region(bucket),
            object_extra=object_extra or {},
            record_extra=record_extra or {},
            retention=retention or {},
        )

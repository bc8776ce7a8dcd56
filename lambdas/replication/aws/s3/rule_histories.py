"""Replication configurations: read from S3, and kept with their history in the table
(`rule_revisions.py`).

A read that shows other rules makes a revision. Its time is the second that CloudTrail named, where
it did. A read is not believed in two cases: CloudTrail spoke of a change that the read does not
show, or the read shows what the newest revision has just replaced. Either may be a stale answer of
S3. For a minute nothing is concluded from it, and versions newer than the last believed read are in
doubt. Both cases follow from what the table holds, whichever process reads.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from replication.aws.answers import FAILED_CALL
from replication.aws.s3.change_times import changes_at, is_of_next_change, with_second
from replication.aws.table.rule_revisions import Raw, RuleRevisionTable
from replication.errors import ASSUME_ROLE, Denied, Unavailable
from replication.s3.rule_history import SETTLING_SECONDS, Revision, RuleHistory, folder_of
from replication.s3.rules import Configuration, parse_configuration
from replication.s3.version import ObjectVersion
from replication.threads import concurrently
from replication.times import Instant, plus, start_of_second

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

log = logging.getLogger(__name__)

REFRESH_SECONDS = 60
SETTLING_REFRESH_SECONDS = 5
LISTING_SECONDS = 300
"""How long after `tracking_since` a bucket is asked whether it is empty, at every read."""
MANY_OWN = 20
"""After so many objects of its own a destination counts as one that takes many."""

_NO_RULES = ("ReplicationConfigurationNotFoundError", "NoSuchBucket")


@dataclass(frozen=True, slots=True)
class _Cached:
    history: RuleHistory
    read_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class S3RuleHistories:
    """The histories of the tracked source buckets, never older than a minute. A bucket without a
    configuration has a revision without rules.

    s3          the client for a bucket
    table       where histories are kept
    buckets     the tracked source buckets
    seconds     a monotonic clock
    now         the wall clock
    refused     is called when S3 denies the rules of a bucket
    events_begin_seconds    how long after the first read S3 surely sends events
    """

    s3: Callable[[str], "S3Client"]
    table: RuleRevisionTable
    buckets: Sequence[str]
    seconds: Callable[[], float]
    now: Callable[[], Instant]
    refused: Callable[[Denied], None] = lambda _: None
    events_begin_seconds: float = 0.0
    _cache: dict[str, _Cached] = field(default_factory=dict)
    _change_times: dict[str, list[Instant]] = field(default_factory=dict)
    _confirm_for_others: set[str] = field(default_factory=set)
    _failures: dict[str, str] = field(default_factory=dict)
    _own: dict[str, int] = field(default_factory=dict)
    _takes_own: dict[str, tuple[float, bool]] = field(default_factory=dict)

    def histories(self) -> Mapping[str, RuleHistory]:
        """By bucket; `unknown` has the buckets that are missing here."""
        stale = [bucket for bucket in self.buckets if not self._fresh(bucket)]
        if len(stale) == 1:
            self._refresh(stale[0])
        elif stale:
            concurrently(self._refresh, stale, most=8)
        return {bucket: cached.history for bucket, cached in self._cache.items()}

    def unknown(self) -> Mapping[str, str]:
        """Buckets of which no rules are known, with the reason."""
        return {
            bucket: reason for bucket, reason in self._failures.items() if bucket not in self._cache
        }

    def forget(self, bucket: str | None, changed_at: Instant | None) -> None:
        """See `RuleHistories.forget`. The next read that agrees is kept in the table for others."""
        for name in self.buckets if bucket is None else (bucket,):
            if name not in self.buckets:
                continue
            self._confirm_for_others.add(name)
            if changed_at is not None:
                self._change_times.setdefault(name, []).append(changed_at)
                self._tell_others(name, changed_at)
            self._expire(name)

    def _tell_others(self, bucket: str, changed_at: Instant) -> None:
        """Or another process could take an old answer of S3 for the rules of now."""
        try:
            self.table.note_told(bucket, changed_at)
        except (*FAILED_CALL, Unavailable) as error:
            log.warning("a change of the rules of %s is not noted for others: %s", bucket, error)

    def reread(self, bucket: str) -> RuleHistory | None:
        """See `RuleHistories.reread`."""
        self._expire(bucket)
        return self.histories().get(bucket)

    def note_destination(self, bucket: str, destination: str) -> None:
        """See `RuleHistories.note_destination`."""
        if cached := self._cache.get(bucket):
            self.table.note_destination(bucket, destination)
            self._change(bucket, others=(*cached.history.others, destination))

    def note_replicas(self, version: ObjectVersion) -> None:
        """See `RuleHistories.note_replicas`. Others of the same folder may be replicas as well."""
        cached = self._cache.get(version.bucket)
        if cached and not cached.history.may_be_replica(version.key):
            prefix = folder_of(version.key)
            self.table.note_replicas(version.bucket, prefix)
            under = (*cached.history.replicas_under, prefix)
            self._change(version.bucket, replicas_under=under)

    def note_audit(self, bucket: str, destination: str) -> None:
        """See `RuleHistories.note_audit`."""
        cached = self._cache.get(bucket)
        if cached and destination not in cached.history.audited_whole:
            self.table.note_audit(bucket, destination)

    def note_own(self, bucket: str) -> None:
        """HEAD showed that a new version in a destination bucket is no replica."""
        self._own[bucket] = self._own.get(bucket, 0) + 1
        if self._own[bucket] >= MANY_OWN:
            self._own[bucket] = 0
            self._takes_own[bucket] = (self.seconds(), True)
            self.table.note_own(bucket)

    def takes_own(self, bucket: str) -> bool:
        """Whether a destination takes so many objects of its own that HEAD is not worth it."""
        read_at, known = self._takes_own.get(bucket, (float("-inf"), False))
        if self.seconds() - read_at >= REFRESH_SECONDS:
            known = self.table.takes_own(bucket)
            self._takes_own[bucket] = (self.seconds(), known)
        return known

    def _change(self, bucket: str, **values: tuple[str, ...]) -> None:
        cached = self._cache[bucket]
        history = replace(cached.history, **values)  # type: ignore[arg-type]
        self._cache[bucket] = replace(cached, history=history)

    def _expire(self, bucket: str) -> None:
        if cached := self._cache.get(bucket):
            self._cache[bucket] = replace(cached, read_at=float("-inf"))

    def _fresh(self, bucket: str) -> bool:
        cached = self._cache.get(bucket)
        if cached is None:
            return False
        bound = REFRESH_SECONDS if cached.history.settled else SETTLING_REFRESH_SECONDS
        return self.seconds() - cached.read_at < bound

    def _refresh(self, bucket: str) -> None:
        cached = self._cache.get(bucket)
        try:
            # Another process may have read the rules and kept them meanwhile.
            history = self.table.load(bucket)
        except (*FAILED_CALL, Unavailable, ValueError) as error:
            self._failures[bucket] = str(error)
            if cached is not None:
                self._cache[bucket] = replace(cached, read_at=self.seconds())
            return
        if cached is not None:
            history = _fresher(history, cached.history)
        began = self.now()
        self._heed_others(history, began)
        try:
            raw = self._read(bucket)
            history = self._after_read(bucket, history, raw, parse_configuration(raw), began)
            history = self._listed_if_empty(history, began)
            self._failures.pop(bucket, None)
        except (*FAILED_CALL, Unavailable, ValueError) as error:
            self._failures[bucket] = str(error)
            if isinstance(error, ClientError) and "Denied" in error.response["Error"]["Code"]:
                assumes = error.operation_name == "AssumeRole"
                action = ASSUME_ROLE if assumes else "s3:GetReplicationConfiguration"
                self.refused(Denied(action, bucket))
            if history is None:
                return  # its rules were never read
        self._cache[bucket] = _Cached(history, self.seconds())

    def _heed_others(self, history: RuleHistory | None, now: Instant) -> None:
        """Takes over a change that another process was told of, while reads may not show it."""
        told_at = history.told_at if history else None
        if history is None or told_at is None or now >= plus(told_at, SETTLING_SECONDS):
            return
        known = self._change_times.setdefault(history.bucket, [])
        if told_at not in known:
            known.append(told_at)

    def _after_read(
        self,
        bucket: str,
        history: RuleHistory | None,
        raw: Raw,
        configuration: Configuration,
        began: Instant,
    ) -> RuleHistory:
        """The history after a read that began at `began` and gave this configuration."""
        seconds = self._change_times.get(bucket, [])
        if history is None:
            self._change_times.pop(bucket, None)
            first = Revision(
                began,
                configuration,
                not_before=began,
                noticed_at=began,
                events_from=plus(began, self.events_begin_seconds),
            )
            self.table.append(bucket, first, raw)
            return RuleHistory(bucket, (first,), read_at=began)
        if configuration != history.current:
            latest = self.table.load(bucket)
            if latest is not None and latest.revisions != history.revisions:
                # Another process has kept a revision since this one began to read.
                latest = _fresher(latest, history)
                return self._after_read(bucket, latest, raw, configuration, began)
            history = self._with_seconds(history, seconds)
            seconds = [at for at in seconds if is_of_next_change(history, at)]
            if not seconds and self._may_be_stale(history, configuration, began):
                return replace(history, settled=False)
            self._change_times.pop(bucket, None)
            history = self._append(history, raw, configuration, began, seconds)
            return self._confirmed(history, began)
        history = self._with_seconds(history, seconds)
        # A change that reads do not show after a minute was changed back, or is known already.
        waiting = [
            at
            for at in seconds
            if began < plus(at, SETTLING_SECONDS) and not changes_at(history, at)
        ]
        if waiting:
            self._change_times[bucket] = waiting
            return replace(history, settled=False, changing_from=start_of_second(min(waiting)))
        self._change_times.pop(bucket, None)
        between = [at for at in seconds if at > history.revisions[-1].span[1]]
        if len(set(between)) > 1:
            # Changed and changed back between two reads: the rules of the time between are unknown.
            history = self._append(history, raw, configuration, began, between)
        return self._confirmed(history, began)

    def _with_seconds(self, history: RuleHistory, seconds: Iterable[Instant]) -> RuleHistory:
        """The history with the exact times of changes that reads had shown before."""
        for at in seconds:
            for old, new in with_second(history, at):
                self.table.amend(history.bucket, old.since, new)
                revisions = (new if one is old else one for one in history.revisions)
                history = replace(history, revisions=tuple(revisions))
        return history

    def _confirmed(self, history: RuleHistory, began: Instant) -> RuleHistory:
        at = max(began, history.read_at or began)
        if history.bucket in self._confirm_for_others:
            self._confirm_for_others.discard(history.bucket)
            self.table.note_read(history.bucket, at)
        return replace(history, read_at=at)

    @staticmethod
    def _may_be_stale(history: RuleHistory, configuration: Configuration, began: Instant) -> bool:
        """Whether the read shows what the newest revision replaced within the last minute."""
        if len(history.revisions) < 2 or history.revisions[-2].configuration != configuration:
            return False
        last = history.revisions[-1]
        return began < plus(last.noticed_at or last.since, SETTLING_SECONDS)

    def _append(
        self,
        history: RuleHistory,
        raw: Raw,
        configuration: Configuration,
        began: Instant,
        seconds: list[Instant],
    ) -> RuleHistory:
        last = history.revisions[-1]
        since = max(seconds) if seconds else began
        not_before = min(seconds) if seconds else (history.read_at or last.since)
        # CloudTrail names whole seconds. A change in the second in which the last revision began
        # came after it, or it would be the last one.
        since = max(since, plus(last.since, 0.001))
        revision = Revision(
            since,
            configuration,
            not_before,
            bool(seconds),
            noticed_at=began,
            read_before=history.read_at or last.since,
            looked_back=False,
        )
        self.table.append(history.bucket, revision, raw)
        return replace(history, revisions=(*history.revisions, revision))

    def _read(self, bucket: str) -> Raw:
        try:
            return self.s3(bucket).get_bucket_replication(Bucket=bucket)["ReplicationConfiguration"]
        except ClientError as error:
            if error.response["Error"]["Code"] in _NO_RULES:
                return {"Rules": []}
            raise

    def _listed_if_empty(self, history: RuleHistory, now: Instant) -> RuleHistory:
        """With `listed` if the bucket is found empty once its events are complete. It is not asked
        before: a version may be written then of which no event comes."""
        since = history.tracking_since
        is_due = not history.listed and since <= now < plus(since, LISTING_SECONDS)
        if not is_due or not self._is_empty(history.bucket):
            return history
        self.table.note_listed(history.bucket, now)
        return replace(history, listed=True)

    def _is_empty(self, bucket: str) -> bool:
        """Whether the bucket holds nothing; False when S3 does not say."""
        try:
            answer = self.s3(bucket).list_object_versions(Bucket=bucket, MaxKeys=1)
        except FAILED_CALL:
            return False
        return not answer.get("Versions") and not answer.get("DeleteMarkers")


def _fresher(stored: RuleHistory | None, known: RuleHistory) -> RuleHistory:
    """The history in the table, with what this process has read since."""
    if stored is None:
        return known
    if stored.current != known.current or not known.read_at:
        return stored
    return replace(stored, read_at=max(stored.read_at or known.read_at, known.read_at))

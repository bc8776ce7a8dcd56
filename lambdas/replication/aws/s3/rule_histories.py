"""Replication configurations: read from S3, and kept with their history in the table
(`configuration_table.py`).

A read that shows other rules makes a revision, that of the second which CloudTrail named where it
did. Two things keep a read from being believed: S3 was told of a change that it does not show, or
it shows once more what the newest revision has just replaced. Either may be a stale answer, so for
a minute nothing is concluded, and what is newer than the last read that agreed is in doubt. Both
follow from what the table holds, whichever process reads.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from replication.aws.answers import FAILED_CALL
from replication.aws.table.rule_revisions import Raw, RuleRevisionTable
from replication.errors import Denied, Unavailable
from replication.s3.rule_history import SETTLING_SECONDS, Revision, RuleHistory, folder_of
from replication.s3.rules import Configuration, parse_configuration
from replication.s3.version import ObjectVersion
from replication.threads import concurrently
from replication.times import Instant, end_of_second, plus

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["RuleRevisionTable", "S3RuleHistories"]

REFRESH_SECONDS = 60
SETTLING_REFRESH_SECONDS = 5
MANY_OWN = 20
"""Objects of its own that a destination is seen to take before it is known to take many."""

_NO_RULES = ("ReplicationConfigurationNotFoundError", "NoSuchBucket")


@dataclass(frozen=True, slots=True)
class _Cached:
    history: RuleHistory
    looked_at: float


class S3RuleHistories:
    """The histories of the tracked source buckets, never older than a minute.

    `seconds` is a monotonic clock, `now` the wall clock. A bucket without a configuration is
    remembered like any other (its revision has no rules). `refused` hears of buckets whose rules
    may not be read.
    """

    def __init__(
        self,
        *,
        s3: Callable[[], "S3Client"],
        table: RuleRevisionTable,
        buckets: Iterable[str],
        seconds: Callable[[], float],
        now: Callable[[], Instant],
        refused: Callable[[Denied], None] = lambda _: None,
    ) -> None:
        self._s3 = s3
        self._table = table
        self._buckets = tuple(buckets)
        self._seconds = seconds
        self._now = now
        self._refused = refused
        self._cache: dict[str, _Cached] = {}
        self._told: dict[str, list[Instant]] = {}
        self._to_note: set[str] = set()
        self._failures: dict[str, str] = {}
        self._own: dict[str, int] = {}
        self._takes_own: dict[str, tuple[float, bool]] = {}

    def histories(self) -> Mapping[str, RuleHistory]:
        """Those that are known; `unknown` names the others and why."""
        stale = [bucket for bucket in self._buckets if not self._fresh(bucket)]
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
        """See `ports.Histories.forget`. What the next read agrees with is noted for others."""
        for name in self._buckets if bucket is None else (bucket,):
            if name not in self._buckets:
                continue
            self._to_note.add(name)
            if changed_at is not None:
                self._told.setdefault(name, []).append(changed_at)
            self._expire(name)

    def reread(self, bucket: str) -> RuleHistory | None:
        """See `ports.Histories.reread`."""
        self._expire(bucket)
        return self.histories().get(bucket)

    def note_destination(self, bucket: str, destination: str) -> None:
        """See `ports.Histories.note_destination`."""
        if cached := self._cache.get(bucket):
            self._table.note_destination(bucket, destination)
            others = (*cached.history.others, destination)
            self._cache[bucket] = replace(cached, history=replace(cached.history, others=others))

    def note_replicas(self, version: ObjectVersion) -> None:
        """The version is a replica of a bucket nobody tracks; those beside it may be, too."""
        cached = self._cache.get(version.bucket)
        if cached and not cached.history.may_be_replica(version.key):
            prefix = folder_of(version.key)
            self._table.note_replicas(version.bucket, prefix)
            under = (*cached.history.replicas_under, prefix)
            history = replace(cached.history, replicas_under=under)
            self._cache[version.bucket] = replace(cached, history=history)

    def note_audit(self, bucket: str, destination: str) -> None:
        """See `ports.Histories.note_audit`."""
        cached = self._cache.get(bucket)
        if cached and destination not in cached.history.audited_whole:
            self._table.note_audit(bucket, destination)

    def note_own(self, bucket: str) -> None:
        """S3 was asked about a new version of a destination, and it was the bucket's own."""
        self._own[bucket] = self._own.get(bucket, 0) + 1
        if self._own[bucket] >= MANY_OWN:
            self._own[bucket] = 0
            self._takes_own[bucket] = (self._seconds(), True)
            self._table.note_own(bucket)

    def takes_own(self, bucket: str) -> bool:
        """Whether so many versions of a destination are its own that S3 is asked no more."""
        read_at, known = self._takes_own.get(bucket, (float("-inf"), False))
        if self._seconds() - read_at >= REFRESH_SECONDS:
            known = self._table.takes_own(bucket)
            self._takes_own[bucket] = (self._seconds(), known)
        return known

    def _expire(self, bucket: str) -> None:
        if cached := self._cache.get(bucket):
            self._cache[bucket] = replace(cached, looked_at=float("-inf"))

    def _fresh(self, bucket: str) -> bool:
        cached = self._cache.get(bucket)
        if cached is None:
            return False
        bound = REFRESH_SECONDS if cached.history.settled else SETTLING_REFRESH_SECONDS
        return self._seconds() - cached.looked_at < bound

    def _refresh(self, bucket: str) -> None:
        cached = self._cache.get(bucket)
        try:
            # Another process may have read and noted meanwhile.
            history = self._table.load(bucket)
        except (*FAILED_CALL, Unavailable, ValueError) as error:
            self._failures[bucket] = str(error)
            if cached is not None:
                self._cache[bucket] = replace(cached, looked_at=self._seconds())
            return
        if cached is not None:
            history = _fresher(history, cached.history)
        began = self._now()
        try:
            raw = self._read(bucket)
            history = self._judged(bucket, history, raw, parse_configuration(raw), began)
            self._failures.pop(bucket, None)
        except (*FAILED_CALL, Unavailable, ValueError) as error:
            self._failures[bucket] = str(error)
            if isinstance(error, ClientError) and "Denied" in error.response["Error"]["Code"]:
                self._refused(Denied("s3:GetReplicationConfiguration", bucket))
            if history is None:
                return  # nothing was ever known of it
        self._cache[bucket] = _Cached(history, self._seconds())

    def _judged(
        self,
        bucket: str,
        history: RuleHistory | None,
        raw: Raw,
        configuration: Configuration,
        began: Instant,
    ) -> RuleHistory:
        """The history after a read that began then."""
        told = self._told.get(bucket, [])
        if history is None:
            self._told.pop(bucket, None)
            first = Revision(began, configuration, not_before=began, noticed_at=began)
            self._table.append(bucket, first, raw)
            listed = self._is_empty(bucket)
            if listed:
                self._table.note_listed(bucket, began)
            return RuleHistory(bucket, (first,), read_at=began, listed=listed)
        if configuration != history.current:
            latest = self._table.load(bucket)
            if latest is not None and latest.revisions != history.revisions:
                # Another process has noticed something since this one began to read.
                return self._judged(bucket, _fresher(latest, history), raw, configuration, began)
            history = self._amended(history, told)
            told = [at for at in told if _dates_the_next(history, at)]
            if not told and self._may_be_stale(history, configuration, began):
                return replace(history, settled=False)
            self._told.pop(bucket, None)
            return self._confirmed(self._append(history, raw, configuration, began, told), began)
        history = self._amended(history, told)
        # What a change of a minute ago does not show was changed back, or is noticed already.
        waiting = [
            at for at in told if began < plus(at, SETTLING_SECONDS) and not _noticed(history, at)
        ]
        if waiting:
            self._told[bucket] = waiting
            return replace(history, settled=False)
        self._told.pop(bucket, None)
        between = [at for at in told if at > history.revisions[-1].span[1]]
        if len(set(between)) > 1:
            # Changed and changed back before anybody read it: what held between, nobody knows.
            history = self._append(history, raw, configuration, began, between)
        return self._confirmed(history, began)

    def _amended(self, history: RuleHistory, told: Iterable[Instant]) -> RuleHistory:
        """The history with what CloudTrail says of changes that a read had noticed before: their
        time is known to the second now."""
        for at in told:
            noticed = _noticed(history, at)
            for before, one in noticed:
                # Of several nobody knows which it speaks of: a doubt may only widen by it.
                if not one.told and len(noticed) > 1:
                    continue
                revision = _dated(before, one, at)
                if revision == one:
                    continue
                self._table.amend(history.bucket, one.since, revision)
                revisions = (revision if it is one else it for it in history.revisions)
                history = replace(history, revisions=tuple(revisions))
        return history

    def _confirmed(self, history: RuleHistory, began: Instant) -> RuleHistory:
        at = max(began, history.read_at or began)
        if history.bucket in self._to_note:
            self._to_note.discard(history.bucket)
            self._table.note_read(history.bucket, at)
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
        told: list[Instant],
    ) -> RuleHistory:
        last = history.revisions[-1]
        since = max(told) if told else began
        not_before = min(told) if told else (history.read_at or last.since)
        # CloudTrail tells whole seconds. A change of the second in which the last revision
        # began came after it all the same, or it would be the last one.
        since = max(since, plus(last.since, 0.001))
        revision = Revision(
            since,
            configuration,
            not_before,
            bool(told),
            noticed_at=began,
            read_before=history.read_at or last.since,
            looked_back=False,
        )
        self._table.append(history.bucket, revision, raw)
        return replace(history, revisions=(*history.revisions, revision))

    def _read(self, bucket: str) -> Raw:
        try:
            return self._s3().get_bucket_replication(Bucket=bucket)["ReplicationConfiguration"]
        except ClientError as error:
            if error.response["Error"]["Code"] in _NO_RULES:
                return {"Rules": []}
            raise

    def _is_empty(self, bucket: str) -> bool:
        """Whether nothing was there before the tracker. What cannot be asked is not known."""
        try:
            answer = self._s3().list_object_versions(Bucket=bucket, MaxKeys=1)
        except FAILED_CALL:
            return False
        return not answer.get("Versions") and not answer.get("DeleteMarkers")


def _fresher(stored: RuleHistory | None, known: RuleHistory) -> RuleHistory:
    """What the table says, and what this process has read since."""
    if stored is None:
        return known
    if stored.current != known.current or not known.read_at:
        return stored
    return replace(stored, read_at=max(stored.read_at or known.read_at, known.read_at))


def _noticed(history: RuleHistory, told: Instant) -> list[tuple[Revision, Revision]]:
    """The revisions that CloudTrail may speak of, each with the one before it. A second that one is
    dated by already was told again, and is of no other."""
    found = []
    for before, one in reversed(list(zip(history.revisions, history.revisions[1:], strict=False))):
        if one.told and (one.not_before or one.since) <= told <= one.since:
            return [(before, one)]
        # Between the two reads that showed it, whatever has been told of it since.
        first = plus(one.read_before, -SETTLING_SECONDS) if one.read_before else one.span[0]
        # What came in the very second of the read may have come after it.
        within = end_of_second(told) <= (one.noticed_at or one.span[1])
        if min(first, one.span[0]) <= told and (within or (one.told and told <= one.since)):
            found.append((before, one))
    return found


def _dates_the_next(history: RuleHistory, told: Instant) -> bool:
    """Whether a second that CloudTrail named can only be that of a change no read has shown yet.
    Not when a read after it still showed the rules of before, and not when a change that was
    noticed may be the one it speaks of: the next one then lies somewhere between two reads."""
    if end_of_second(told) <= (history.read_at or history.tracking_since):
        return False
    return not any(told <= (one.noticed_at or one.since) for one in history.revisions[1:])


def _dated(before: Revision, noticed: Revision, told: Instant) -> Revision:
    """What is known of a revision once CloudTrail has named its second; of several changes that one
    read showed at once the first and the last second are kept."""
    since = max(told, noticed.since) if noticed.told else told
    first = min(noticed.not_before or noticed.since, told) if noticed.told else told
    since = max(since, plus(before.since, 0.001))
    wider = noticed.told and (since, first) != (noticed.since, noticed.not_before)
    looked_back = noticed.looked_back and not wider
    return replace(noticed, since=since, not_before=first, told=True, looked_back=looked_back)

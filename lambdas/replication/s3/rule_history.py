"""The replication configurations a bucket has had, and which of them may apply to a version.

S3 replicates a version by the rules that were in force when it was written, however late that
happens. The rules changed between the second that CloudTrail reported and the next read, or, if
nothing was reported, between two reads. To a version written within that time either configuration
may apply, so its destinations are in doubt. So are those of a version newer than the last read of
the rules.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace

from replication.errors import Reason, Rejected
from replication.s3.rules import Configuration
from replication.times import EARLIEST, Instant, end_of_second, plus, start_of_second

NOTICE_SECONDS = 65
"""The longest that a change of the rules goes unnoticed: they are read once a minute."""
SETTLING_SECONDS = 60
"""How long after a change a read may still return the old configuration; S3 warns of it."""
CLOCK_SECONDS = 5
"""The most by which the clock of a function and that of S3 differ."""


@dataclass(frozen=True, slots=True)
class Revision:
    """A configuration of a bucket, and when it came into force."""

    since: Instant
    """The earliest time at which it is known to be in force."""
    configuration: Configuration
    not_before: Instant | None = None
    """It was not in force before; None: unknown."""
    told: bool = False
    """Whether CloudTrail reported the second of the change."""
    noticed_at: Instant | None = None
    """When the tracker first read it."""
    read_before: Instant | None = None
    """When the tracker last read the configuration before it."""
    looked_back: bool = True
    """Whether the versions that may have been recorded by the wrong rules were reconciled."""
    events_from: Instant | None = None
    """Of the first revision: from when on S3 surely sends every event of the bucket. It begins some
    minutes after it is asked to. None: from `since` on."""
    span: tuple[Instant, Instant] = field(init=False, compare=False, repr=False)
    """The earliest and the latest time at which S3 changed over."""

    def __post_init__(self) -> None:
        # Every event needs it, so it is computed once.
        object.__setattr__(self, "span", self._span())

    def _span(self) -> tuple[Instant, Instant]:
        if self.told:
            first, last = start_of_second(self.not_before or self.since), end_of_second(self.since)
            # A read shows what is in force by then. Until it, there may have been further changes
            # of which nothing was reported.
            return first, max(last, self.noticed_at or last)
        if self.not_before is None:
            return plus(self.since, -NOTICE_SECONDS), plus(self.since, NOTICE_SECONDS)
        return plus(self.not_before, -SETTLING_SECONDS), plus(self.since, CLOCK_SECONDS)

    @property
    def look_back(self) -> tuple[Instant, Instant]:
        """The earliest and latest write time of versions that may have been recorded by the rules
        before this revision."""
        first, last = self.span
        return first, max(last, plus(self.noticed_at or self.since, NOTICE_SECONDS))


@dataclass(frozen=True, slots=True)
class RuleHistory:
    """The configurations of one source bucket, and what else is recorded of its replication."""

    bucket: str
    revisions: tuple[Revision, ...]
    """Oldest first, at least one."""
    settled: bool = True
    """False: CloudTrail reported a change that no read of the rules shows yet."""
    read_at: Instant | None = None
    """The last read that returned the current rules; None: the rules are taken as current."""
    changing_from: Instant | None = None
    """The reported change, while it is not settled. None: not known, some time since the newest
    revision."""
    told_at: Instant | None = None
    """A change that CloudTrail reported to any process, perhaps not the newest one. None: none."""
    listed: bool = False
    """Whether the objects from before `tracking_since` are recorded too, or there were none."""
    missed_until: Instant | None = None
    """Until then the bucket may not have sent all its events, and no inventory made after it was
    read. None: none are known to be missing."""
    others: tuple[str, ...] = ()
    """Destinations that S3 named in events and no known rule does."""
    replicas_under: tuple[str, ...] = ()
    """Prefixes under which replicas of untracked buckets arrive."""
    audited_whole: tuple[str, ...] = ()
    """Destinations whose replicas are all audited, not a sample of them."""

    @property
    def first_read_at(self) -> Instant:
        """When the rules were read first."""
        return self.revisions[0].since

    @property
    def tracking_since(self) -> Instant:
        """From when on the events of the bucket are complete. Just after the first read this is in
        the future."""
        return self.revisions[0].events_from or self.first_read_at

    @property
    def current(self) -> Configuration:
        """The newest configuration."""
        return self.revisions[-1].configuration

    def at(self, instant: Instant) -> Configuration:
        """The configuration in force at that time; before the first revision, that one."""
        known = [revision for revision in self.revisions if revision.since <= instant]
        return (known or self.revisions[:1])[-1].configuration

    @property
    def destinations(self) -> tuple[str, ...]:
        """Every destination the bucket ever had, sorted."""
        names = {
            name for revision in self.revisions for name in revision.configuration.destinations
        }
        return tuple(sorted({*names, *self.others}))

    def destinations_under(self, prefix: str) -> tuple[str, ...]:
        """The destinations that any rule the bucket ever had, or an unknown one, could have sent a
        key to that begins so, sorted."""
        rules = (rule for revision in self.revisions for rule in revision.configuration.rules)
        names = {rule.destination for rule in rules if rule.may_take_under(prefix)}
        return tuple(sorted({*names, *self.others}))

    def may_take(self, key: str, destination: str, *, delete_marker: bool = False) -> bool:
        """Whether any rule the bucket ever had could have sent the key there, or an unknown one."""
        return destination in self.others or any(
            rule.destination == destination and rule.may_take(key, delete_marker=delete_marker)
            for revision in self.revisions
            for rule in revision.configuration.rules
        )

    def candidates(self, key: str, *, delete_marker: bool = False) -> dict[str, str | None]:
        """Every destination that any rule the bucket ever had could have sent the key to, sorted,
        with the rule's id; None where several rules could, or an unknown one."""
        found: dict[str, set[str | None]] = {name: {None} for name in self.others}
        for revision in self.revisions:
            for rule in revision.configuration.rules:
                if rule.may_take(key, delete_marker=delete_marker):
                    found.setdefault(rule.destination, set()).add(rule.id)
        return {
            name: next(iter(ids)) if len(ids) == 1 else None for name, ids in sorted(found.items())
        }

    def met(self, first: Instant, last: Instant | None = None) -> tuple[Configuration, ...]:
        """The configurations that may apply to a version written between `first` and `last` (both
        included; None: at `first`), the likeliest first. More than one: its destinations are in
        doubt."""
        last = last or first
        found = [self.at(last)]
        if first <= self.revisions[0].span[1]:
            # What was in force before the first read is unknown: perhaps no rules at all.
            found += [*(one.configuration for one in self.revisions), Configuration()]
        for before, after in zip(self.revisions, self.revisions[1:], strict=False):
            begin, end = after.span
            if first <= end and last >= begin:
                found += [after.configuration, before.configuration]
                if after.configuration == before.configuration:
                    found.append(Configuration())  # changed and changed back between two reads
        if self.is_changing(last):
            found += [one.configuration for one in self.revisions]
        return tuple(dict.fromkeys(found)) if len(found) > 1 else tuple(found)

    def is_changing(self, written_at: Instant) -> bool:
        """Whether a change before that time was reported that no read of the rules shows yet."""
        since = max(self.revisions[-1].since, self.changing_from or EARLIEST)
        return not self.settled and written_at >= since

    def is_read(self, written_at: Instant) -> bool:
        """Whether the rules were read after that time and were still the current ones."""
        return self.read_at is None or written_at <= self.read_at

    def in_doubt(self, created_at: Instant | None, now: Instant | None = None) -> bool:
        """Whether other rules than `at(created_at)` may apply to a version written then: the time
        is unknown (None) or before the first revision, the rules changed about then, or they were
        not read since. Where `read_at` is None, `now` says how long ago that was."""
        if created_at is None:
            return True
        last = end_of_second(created_at)  # most of S3's times are whole seconds
        if self.is_changing(last) or len(self.met(created_at, last)) > 1:
            return True
        if self.read_at:
            return last > self.read_at
        return now is not None and created_at >= plus(now, -NOTICE_SECONDS)

    @property
    def certain_until(self) -> Instant | None:
        """The rules that apply to versions written before this are known, and were when they were
        recorded; None: so they are for all versions."""
        known = [one.look_back[0] for one in self.revisions[1:] if not one.looked_back]
        if self.read_at:
            known.append(self.read_at)
        return min(known, default=None)

    def may_be_replica(self, key: str) -> bool:
        """Whether versions under the same prefix have been replicas of an untracked bucket."""
        return any(key.startswith(prefix) for prefix in self.replicas_under)

    def held_since(self, since: Instant) -> "RuleHistory":
        """The history when an operator states that the first rules were in force since then,
        before the tracker read them."""
        first, *later = self.revisions
        return replace(self, revisions=(replace(first, since=min(since, first.since)), *later))


def sources_of(
    histories: Mapping[str, RuleHistory], destination: str, key: str, *, delete_marker: bool = False
) -> tuple[str, ...]:
    """The source buckets whose rules could have sent `key` to `destination`, by name."""
    return tuple(
        bucket
        for bucket, history in sorted(histories.items())
        if history.may_take(key, destination, delete_marker=delete_marker)
    )


def require_tracked(bucket: str, tracked: Set[str], histories: Mapping[str, RuleHistory]) -> None:
    """Raises Rejected unless the bucket is in `tracked` or is a destination that a rule in
    `histories` names or once named."""
    if bucket in tracked or any(bucket in history.destinations for history in histories.values()):
        return
    raise not_tracked(bucket)


def not_tracked(bucket: str, role: str = "bucket") -> Rejected:
    return Rejected(
        Reason.BUCKET_NOT_TRACKED,
        f"{bucket} is no {role} of this tracker; deploy with it, in tracker.toml or in "
        "source_buckets or destination_buckets, or stop sending its events here",
    )


def folder_of(key: str) -> str:
    """The first folder of a key, with its slash; empty when it has none. Replicas of one source
    usually share it."""
    folder, slash, _ = key.partition("/")
    return f"{folder}/" if slash else ""

"""The configurations a bucket has had, and the question which ones a version may have met.

A version keeps the destinations it was accepted for, so a late event must be judged by the rules
of its own time, not of the time it is read. S3 says of a change of the rules to the second when
CloudTrail saw it, and otherwise only that it came between two reads. A version written within that
span may have met the rules of either side: its destinations are in doubt, as are those of every
version that is newer than the last read of the rules.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace

from replication.errors import Reason, Rejected
from replication.s3.rules import Configuration
from replication.times import Instant, end_of_second, plus, start_of_second

NOTICE_SECONDS = 65
"""How long a change of the rules may go unnoticed: they are read once a minute."""
SETTLING_SECONDS = 60
"""S3 warns that a read soon after a put or delete of the configuration may return the old one."""
CLOCK_SECONDS = 5
"""How far the clock of a function and that of S3 may differ."""


@dataclass(frozen=True, slots=True)
class Revision:
    """A configuration and the instant it was first known to hold.

    `not_before`: the change came no earlier; None is unknown. `told`: CloudTrail named its second.
    `noticed_at` is when the tracker first read it, `read_before` when it last read the rules before
    it. `looked_back`: every version that may have been
    judged by the wrong rules because of it was looked at again. `span` is the time within which S3
    changed over, both ends included.
    """

    since: Instant
    configuration: Configuration
    not_before: Instant | None = None
    told: bool = False
    noticed_at: Instant | None = None
    read_before: Instant | None = None
    looked_back: bool = True
    span: tuple[Instant, Instant] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        # Asked of every event, so it is worked out once.
        object.__setattr__(self, "span", self._span())

    def _span(self) -> tuple[Instant, Instant]:
        if self.told:
            return start_of_second(self.not_before or self.since), end_of_second(self.since)
        if self.not_before is None:
            return plus(self.since, -NOTICE_SECONDS), plus(self.since, NOTICE_SECONDS)
        return plus(self.not_before, -SETTLING_SECONDS), plus(self.since, CLOCK_SECONDS)

    @property
    def look_back(self) -> tuple[Instant, Instant]:
        """When the versions were written that a process with older rules may have recorded."""
        first, last = self.span
        return first, max(last, plus(self.noticed_at or self.since, NOTICE_SECONDS))


@dataclass(frozen=True, slots=True)
class RuleHistory:
    """The configurations of one source bucket, oldest first, at least one.

    `settled` is false while S3 was told of a change that no read shows yet. `read_at` is the last
    read that agreed with the current rules; None: there is no need of one. `listed`: what the
    bucket held before it was tracked is known. `others` are destinations that S3 spoke of and no
    rule names; `replicas_under` are prefixes below which replicas of untracked buckets arrive;
    `audited_whole` are destinations whose replicas are all audited.
    """

    bucket: str
    revisions: tuple[Revision, ...]
    settled: bool = True
    read_at: Instant | None = None
    listed: bool = False
    others: tuple[str, ...] = ()
    replicas_under: tuple[str, ...] = ()
    audited_whole: tuple[str, ...] = ()

    @property
    def tracking_since(self) -> Instant:
        return self.revisions[0].since

    @property
    def current(self) -> Configuration:
        return self.revisions[-1].configuration

    def at(self, instant: Instant) -> Configuration:
        """The rules at that time; before the first known revision, the first one."""
        known = [revision for revision in self.revisions if revision.since <= instant]
        return (known or self.revisions[:1])[-1].configuration

    @property
    def destinations(self) -> tuple[str, ...]:
        """Every destination the bucket ever had, by name."""
        names = {
            name for revision in self.revisions for name in revision.configuration.destinations
        }
        return tuple(sorted({*names, *self.others}))

    def may_take(self, key: str, destination: str, *, delete_marker: bool = False) -> bool:
        """Whether a rule, known or not, could have sent the key there."""
        return destination in self.others or any(
            rule.destination == destination and rule.may_take(key, delete_marker=delete_marker)
            for revision in self.revisions
            for rule in revision.configuration.rules
        )

    def candidates(self, key: str, *, delete_marker: bool = False) -> dict[str, str | None]:
        """Destinations that any rule the bucket ever had could have sent the key to, in the order
        of their names; with the id of the rule where it is but one."""
        found: dict[str, set[str | None]] = {name: {None} for name in self.others}
        for revision in self.revisions:
            for rule in revision.configuration.rules:
                if rule.may_take(key, delete_marker=delete_marker):
                    found.setdefault(rule.destination, set()).add(rule.id)
        return {
            name: next(iter(ids)) if len(ids) == 1 else None for name, ids in sorted(found.items())
        }

    def met(self, first: Instant, last: Instant | None = None) -> tuple[Configuration, ...]:
        """The configurations that a version may have met that was written between `first` and
        `last` (both included; None: at `first`), those of its own time first. More than one: its
        destinations are in doubt."""
        last = last or first
        found = [self.at(last)]
        if first <= self.revisions[0].span[1]:
            # What held before the first read is unknown; that no rule took it is possible, too.
            found += [*(one.configuration for one in self.revisions), Configuration()]
        for before, after in zip(self.revisions, self.revisions[1:], strict=False):
            begin, end = after.span
            if first <= end and last >= begin:
                found += [after.configuration, before.configuration]
                if after.configuration == before.configuration:
                    found.append(Configuration())  # changed, and changed back unread
        if self.is_changing(last):
            found += [one.configuration for one in self.revisions]
        return tuple(dict.fromkeys(found)) if len(found) > 1 else tuple(found)

    def is_changing(self, written_at: Instant) -> bool:
        """Whether S3 was told of a change before that time which no read shows yet."""
        return not self.settled and written_at >= self.revisions[-1].since

    def is_read(self, written_at: Instant) -> bool:
        """Whether the rules were read after that time and had not changed."""
        return self.read_at is None or written_at <= self.read_at

    def in_doubt(self, created_at: Instant | None, now: Instant | None = None) -> bool:
        """Whether a version written then may have met other rules than `at` says: nobody knows
        when it was written, it is older than what is known, the rules changed about then, or they
        were not read since. Who knows no `read_at` gives the present, `now`."""
        if created_at is None or self.is_changing(created_at) or len(self.met(created_at)) > 1:
            return True
        if self.read_at:
            return created_at > self.read_at
        return now is not None and created_at >= plus(now, -NOTICE_SECONDS)

    @property
    def certain_until(self) -> Instant | None:
        """The rules that a version met are known for certain, and were when it was recorded, if it
        was written before this; None: all of them."""
        known = [one.look_back[0] for one in self.revisions[1:] if not one.looked_back]
        if self.read_at:
            known.append(self.read_at)
        return min(known, default=None)

    def may_be_replica(self, key: str) -> bool:
        """Whether new versions like this one have been replicas of a bucket nobody tracks."""
        return any(key.startswith(prefix) for prefix in self.replicas_under)

    def held_since(self, since: Instant) -> "RuleHistory":
        """The same, for somebody who knows that the first rules held from `since` on, before the
        tracker first read them."""
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
    """Rejected when a bucket is neither one that this tracker was deployed for nor a destination
    that a rule of its sources names or once named."""
    if bucket in tracked or any(bucket in history.destinations for history in histories.values()):
        return
    raise Rejected(
        Reason.BUCKET_NOT_TRACKED,
        f"{bucket} is no bucket of this tracker; deploy with it in source_buckets or "
        "destination_buckets, or stop sending its events here",
    )


def folder_of(key: str) -> str:
    """The first folder of a key with its slash: what keys of one origin usually share; empty when
    it lies in none."""
    folder, slash, _ = key.partition("/")
    return f"{folder}/" if slash else ""

"""The configurations a bucket has had, and the question which one an object met.

A version keeps the destinations it was accepted for, so a late event must be judged by the rules
of its own time, not of the time it is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from replication.eligibility import Configuration
from replication.times import Instant, plus

NOTICE_SECONDS = 65
"""How long a change of the rules may go unnoticed: they are read once a minute."""


@dataclass(frozen=True, slots=True)
class Revision:
    """A configuration and the instant it was first known to hold."""

    since: Instant
    configuration: Configuration


@dataclass(frozen=True, slots=True)
class History:
    """The configurations of one source bucket, oldest first, at least one.

    `settled` is false shortly after a change: S3 warns that a read soon after a put or delete of
    the configuration can return a wrong result, so what S3 says of the object itself goes first.
    """

    bucket: str
    revisions: tuple[Revision, ...]
    settled: bool = True

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
        return tuple(sorted(names))

    def may_take(self, key: str, destination: str) -> bool:
        return any(revision.configuration.may_take(key, destination) for revision in self.revisions)

    def in_doubt(self, created_at: Instant | None, now: Instant) -> bool:
        """Whether a version written then may have met other rules than `at` says: nobody told
        when it was written, it is older than what is known, or the rules changed about then, or
        may have, and nobody has noticed yet."""
        if created_at is None or created_at < self.tracking_since:
            return True
        if created_at >= plus(now, -NOTICE_SECONDS):
            return True
        early, late = plus(created_at, -NOTICE_SECONDS), plus(created_at, NOTICE_SECONDS)
        return any(early <= revision.since <= late for revision in self.revisions)

    def held_since(self, since: Instant) -> "History":
        """The same, for somebody who knows that the first rules held from `since` on, before the
        tracker first read them."""
        first, *later = self.revisions
        return replace(self, revisions=(replace(first, since=min(since, first.since)), *later))

    def possible(self, key: str) -> tuple[str, ...]:
        """Destinations that any rule the bucket ever had could have sent the key to, by name."""
        return tuple(name for name in self.destinations if self.may_take(key, name))


def sources_of(histories: Mapping[str, History], destination: str, key: str) -> tuple[str, ...]:
    """The source buckets whose rules could have sent `key` to `destination`, by name."""
    return tuple(
        bucket
        for bucket, history in sorted(histories.items())
        if history.may_take(key, destination)
    )

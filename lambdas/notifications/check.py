"""Looks at all buckets before anything is changed in any of them.

CloudFormation wires the buckets one by one. If it found out at the tenth that somebody else's
notification is in the way, it would have to take back nine; so this comes first, and fails with
everything that stands in the way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

from notifications import refusal
from notifications.buckets import THREADS, Notifications
from notifications.patience import Patience
from notifications.refusal import Refused
from replication.errors import Denied, Unavailable
from replication.s3.bucket_notifications import (
    REPLICATION,
    Configuration,
    Gone,
    Ours,
    taken,
    tells_topic,
)
from replication.threads import concurrently


@dataclass(frozen=True, slots=True)
class Check:
    """`ours` is the entry that sources get. The replication events of those in `topics` go to a
    topic already (its ARN, by bucket); they and destinations get object events alone, if any."""

    s3: Notifications
    ours: Ours
    sources: frozenset[str]
    topics: Mapping[str, str]

    def all(self, buckets: Sequence[str], patience: Patience) -> None:
        """Refused, with everything that stands in the way."""
        found = concurrently(lambda bucket: self._problem(bucket, patience), buckets, THREADS)
        if problems := [one for one in found if one]:
            raise Refused("\n".join(problems))

    def _problem(self, bucket: str, patience: Patience) -> str | None:
        home, region = self.ours.target.split(":")[3], self.s3.region(bucket)
        if region and region != home:
            return refusal.in_another_region(bucket, region, home)
        try:
            now = self._read(bucket, patience)
        except Gone:
            return refusal.no_such_bucket(bucket)
        except Denied as error:
            return f"Bucket {bucket}: {refusal.not_allowed(error.action)}"
        except Unavailable as error:
            return f"Bucket {bucket}: {error}"
        topic = self.topics.get(bucket) if bucket in self.sources else None
        if topic and not tells_topic(now, topic):
            return refusal.topic_is_not_told(bucket, topic)
        ours = self.ours
        if topic or bucket not in self.sources:
            events = tuple(one for one in ours.events if not one.startswith(REPLICATION))
            ours = replace(ours, events=events)
        others = taken(now, ours)
        return refusal.event_types_taken(bucket, others[0]) if others else None

    def _read(self, bucket: str, patience: Patience) -> Configuration:
        for attempt in count():
            is_last = patience.is_over
            try:
                return self.s3.read(bucket)
            except Unavailable:
                if is_last:
                    raise
                patience.pause(attempt)
        raise AssertionError

"""Inspects how the tracked buckets are set up, once an hour: there is no event when somebody
switches events off."""

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from replication.errors import Denied, Unavailable
from replication.s3.bucket_setup import Setup, Setups
from replication.threads import concurrently
from replication.times import Instant, plus, seconds_between

log = logging.getLogger(__name__)

PERIOD_SECONDS = 3_600.0
THREADS = 8


class Findings(Protocol):
    """Keeps the results for the API."""

    def note(self, denied: Denied, now: Instant) -> None: ...

    def note_setup(self, bucket: str, setup: Setup, now: Instant) -> None: ...

    def setups(self) -> Setups: ...


@dataclass(frozen=True, slots=True)
class SetupInspection:
    """Inspects buckets.

    setup_of    reads a bucket's set-up from S3; raises Denied or Unavailable
    routed      reads which buckets' events EventBridge sends to the tracker (None: it is to send
                none); raises Unavailable
    findings    keeps the results
    buckets     the tracked buckets
    elsewhere   those whose rules of EventBridge are in another Region or account
    note_missed     keeps until when events of a bucket may be missing
    events_begin_seconds    how long after they are switched on S3 surely sends events
    """

    setup_of: Callable[[str], Setup]
    routed: Callable[[], Collection[str] | None]
    findings: Findings
    buckets: Sequence[str]
    note_missed: Callable[[str, Instant], None]
    events_begin_seconds: float = 0.0
    elsewhere: Collection[str] = frozenset()

    def inspect(self, now: Instant) -> int:
        """Inspects the buckets that are due, and returns their number."""
        known = self.findings.setups()
        due = [
            bucket
            for bucket in self.buckets
            if bucket not in known or seconds_between(known[bucket][1], now) >= PERIOD_SECONDS
        ]
        routed = self._routed() if due else None
        concurrently(lambda bucket: self._inspect(bucket, routed, now), due, THREADS)
        return len(due)

    def _routed(self) -> Collection[str] | None:
        try:
            return self.routed()
        except Unavailable as error:
            log.warning("the rules of EventBridge could not be inspected: %s", error)
            return None

    def _inspect(self, bucket: str, routed: Collection[str] | None, now: Instant) -> None:
        try:
            known = routed is not None and bucket not in self.elsewhere
            is_routed = bucket in (routed or ()) if known else None
            setup = replace(self.setup_of(bucket), routed=is_routed)
            if not setup.sends_events:
                # They may be switched on again at any time before the next inspection.
                begin = plus(now, PERIOD_SECONDS + self.events_begin_seconds)
                self.note_missed(bucket, begin)
            self.findings.note_setup(bucket, setup, now)
        except Denied as error:
            self.findings.note(error, now)
        except Unavailable as error:
            log.warning("%s could not be inspected: %s", bucket, error)

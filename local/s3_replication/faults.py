"""Event delivery as S3 promises it: at least once, in no order, sometimes late.

With drops it is worse than S3 promises, which is what a reconciliation is tested with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

    from local.s3_replication.settings import Settings


def deliveries(settings: Settings, rng: random.Random) -> tuple[float, ...]:
    """Seconds from now at which one event is delivered: none, one or two times.

    Draws the same number of values whatever the settings, so that one seed gives one sequence.
    """
    drop, duplicate, late, first, second = (rng.random() for _ in range(5))
    if drop < settings.event_drop_rate:
        return ()
    delay = first * settings.event_delay_seconds if late < settings.event_delay_rate else 0.0
    if duplicate < settings.event_duplicate_rate:
        return (delay, delay + second * settings.event_delay_seconds)
    return (delay,)

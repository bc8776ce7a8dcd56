"""The minutes, hours and days that counters are kept by.

The name of a period is what its Instants have in common: `2026-11-22T09:15` is a minute,
`2026-11-22T09` an hour, `2026-11-22` a day.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from replication.times import Instant, from_datetime, to_datetime

HOUR, DAY = 3_600, 86_400
"""In seconds."""
LAST = "9999"
"""Sorts after the name of every period, also of one in the future (a clock that is ahead)."""


class Level(StrEnum):
    """Minute, hour or day; the values are part of keys in the table."""

    MINUTE = "m"
    HOUR = "h"
    DAY = "d"


LENGTH = {
    Level.MINUTE: timedelta(minutes=1),
    Level.HOUR: timedelta(hours=1),
    Level.DAY: timedelta(days=1),
}
_CHARACTERS = {Level.MINUTE: 16, Level.HOUR: 13, Level.DAY: 10}


def name_of(level: Level, at: Instant) -> str:
    """The name of the period that an instant lies in."""
    return at[: _CHARACTERS[level]]


def start_of(name: str) -> Instant:
    """When the period of that name begins."""
    return Instant(name + "0000-01-01T00:00:00.000Z"[len(name) :])


def start_before(now: Instant, seconds: float, level: Level) -> Instant:
    """The beginning of the period that lies `seconds` before `now`."""
    return from_datetime(floor(to_datetime(now) - timedelta(seconds=seconds), LENGTH[level]))


def floor(moment: datetime, length: timedelta) -> datetime:
    """`moment` rounded down to a multiple of `length`, counted from 1 January 2000, midnight."""
    midnight = moment.replace(year=2000, month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    return moment - (moment - midnight) % length


def first_shown(level: Level, now: Instant) -> str:
    """The name of the first period that is recounted: everything that a summary shows, and more."""
    seconds = 2 * HOUR if level is Level.MINUTE else 2 * DAY
    return name_of(level, start_before(now, seconds, level))

"""Instants as sortable text.

An `Instant` is RFC 3339 in UTC with exactly three decimals and `Z`
(`2026-11-22T09:15:02.120Z`), so comparing the text compares the time, in Python and in
DynamoDB alike.

S3 notifications carry milliseconds, EventBridge whole seconds. A whole second is a span: a request
is dated to its first millisecond, an arrival to its last (`end_of_second`). Otherwise a replica
that arrived in the second of its request could seem to precede it.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import NewType

Instant = NewType("Instant", str)

# The day Amazon S3 opened; nothing it reports is older.
EARLIEST = Instant("2006-03-14T00:00:00.000Z")

# How S3 (milliseconds) and EventBridge (whole seconds) write a time; hour 24 is left out because
# newer Pythons read it as the next day.
_AS_SENT = re.compile(r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\d(?:(\.\d{3})Z|Z)", re.ASCII)


def from_datetime(moment: datetime) -> Instant:
    """A datetime as an Instant, cut to milliseconds. ValueError when it has no time zone."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone is no instant")
    utc = moment.astimezone(UTC)
    return Instant(utc.isoformat(timespec="milliseconds")[: -len("+00:00")] + "Z")


def parse(text: str) -> Instant:
    """RFC 3339 text (any offset, any number of decimals) as an Instant.

    ValueError when it is no such text, has no offset, or lies outside the years 1000 to 9998:
    beyond them an offset or a sum could give a year that does not sort as text.
    """
    moment = datetime.fromisoformat(text)
    if not 1000 <= moment.year <= 9998:
        raise ValueError(f"year {moment.year} is out of range")
    if sent := _AS_SENT.fullmatch(text):
        return Instant(text if sent[1] else f"{text[:-1]}.000Z")
    return from_datetime(moment)


def to_datetime(instant: Instant) -> datetime:
    return datetime.fromisoformat(instant)


def start_of_second(instant: Instant) -> Instant:
    """The first millisecond of the second that `instant` lies in."""
    return Instant(instant[:-4] + "000Z")


def end_of_second(instant: Instant) -> Instant:
    """The last millisecond of the second that `instant` lies in."""
    return Instant(instant[:-4] + "999Z")


def plus(instant: Instant, seconds: float) -> Instant:
    return from_datetime(to_datetime(instant) + timedelta(seconds=seconds))


def seconds_between(start: Instant, end: Instant) -> float:
    """Seconds from start to end, to the millisecond; negative when end comes first."""
    return round((to_datetime(end) - to_datetime(start)).total_seconds(), 3)


def from_epoch_milliseconds(milliseconds: int) -> Instant:
    return from_datetime(datetime.fromtimestamp(milliseconds / 1000, UTC))


def wall_clock() -> Instant:
    """The present. Handed over as an argument, so that tests can set the time."""
    return from_datetime(datetime.now(UTC))

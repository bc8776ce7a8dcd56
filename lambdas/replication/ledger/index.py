"""Pages of rows from the routes index: many sorted streams merged into one list.

The index has one partition for each (source bucket, destination, shard), sorted by status and time.
So each shard of a route and each status is a sorted stream, and a list is a merge of them. Versions
in doubt have no status and are a stream of their own; the route without a destination has no other.
The versions of the lag index, sorted by their request, can be one more stream of each shard.

The next page begins after a *position*, the (since, tie) of a row, not at a DynamoDB key. It means
the same whatever was written meanwhile, so a row that does not change is returned exactly once.

Filters that the index cannot apply drop rows after the read. One request reads a limited number of
entries; when they run out, the page ends at the position up to which every stream was read.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from replication.ledger.item import LedgerItem
from replication.s3.status import Status
from replication.times import Instant

ENTRIES_A_REQUEST = 10_000
"""How many index entries one request may read; below, one chunk at first and at most."""
FIRST_CHUNK = 16
LARGEST_CHUNK = 1_000


class Position(NamedTuple):
    """Where a row stands in a list."""

    since: str
    """When its status began, an Instant."""
    tie: str
    """16 hexadecimal digits of a digest, which order rows of the same `since`."""


class Route(NamedTuple):
    """One shard of a source bucket and a destination: a partition of the index."""

    bucket: str
    destination: str
    """Empty: versions of which no destination is known."""
    shard: int


@dataclass(frozen=True, slots=True)
class Filters:
    """Which rows to list. None, and False, is any."""

    routes: tuple[tuple[str, str], ...]
    """Pairs of source bucket and destination."""
    statuses: tuple[Status | None, ...]
    """None: in doubt, without a status."""
    newest_first: bool
    rule_id: str | None = None
    failure_code: str | None = None
    prefix: str | None = None
    """Of the key."""
    since: Instant | None = None
    """The status began then or later."""
    until: Instant | None = None
    """The status began before."""
    late: bool = False
    """Only those that missed the threshold of Replication Time Control."""
    lost: bool = False
    """Only those whose replica was deleted."""
    in_doubt: bool = False
    """Only those that may not go to this destination."""
    asked_before: Instant | None = None
    """Only those whose oldest request was made before."""
    lacking: bool = False
    """Also the entries of the lag index, whose position is the time of the request."""


@dataclass(frozen=True, slots=True)
class Stream:
    """The entries of one route with one status (None: in doubt, without a status), by time."""

    route: Route
    status: Status | None
    lacking: bool = False
    """The entries of the lag index instead, by the time of the request."""


@dataclass(frozen=True, slots=True)
class ChunkRequest:
    """A request for the next entries of a stream: at most `entries`, after a position (None: from
    the beginning)."""

    stream: Stream
    after: Position | None
    entries: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """The next entries of a stream."""

    rows: Sequence[tuple[Position, LedgerItem]]
    """Those that pass the filters."""
    read: int
    """How many entries were read, before filters."""
    frontier: Position | None
    """The last entry that was read; None: the stream ended."""


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in order. The next page begins after `next`; None: there is none."""

    rows: tuple[tuple[Position, LedgerItem], ...]
    next: Position | None


Fetch = Callable[[Filters, Sequence[ChunkRequest]], Sequence[Chunk]]
"""Reads several streams at once; the chunks are in the order of the requests."""


def streams_of(filters: Filters, shards: int) -> tuple[Stream, ...]:
    routes = [
        Route(bucket, destination, shard)
        for bucket, destination in filters.routes
        for shard in range(shards)
    ]
    return (
        *(
            Stream(route, status)
            for route in routes
            for status in filters.statuses
            if route.destination or status is None
        ),
        *(
            Stream(route, None, lacking=True)
            for route in routes
            if filters.lacking and route.destination
        ),
    )


@dataclass(slots=True)
class _Reading:
    """How far a stream has been read."""

    stream: Stream
    frontier: Position | None
    """The last entry that was read; None: none yet."""
    entries: int
    """How many to read next."""
    rows: deque[tuple[Position, LedgerItem]] = field(default_factory=deque)
    """Read, and not yet on the page."""
    ended: bool = False


def page(
    filters: Filters,
    fetch: Fetch,
    *,
    shards: int,
    after: Position | None,
    limit: int,
    budget: int = ENTRIES_A_REQUEST,
) -> Page:
    """The rows after a position (None: the first ones), at most `limit`.

    It reads about `budget` entries at most, so a page may be short, or empty, before the end. Each
    page moves the position on, so a caller who follows `next` reaches the end.
    """
    streams = streams_of(filters, shards)
    entries = max(FIRST_CHUNK, 2 * limit // max(1, len(streams)))
    readings = [_Reading(stream, after, entries) for stream in streams]
    merge = _Merge(readings, filters.newest_first)
    rows: list[tuple[Position, LedgerItem]] = []
    first_round = True
    while len(rows) < limit:
        head = merge.head()
        hungry = merge.hungry(head)
        if hungry:
            if not first_round and budget < len(hungry):
                return Page(tuple(rows), merge.frontier(hungry))
            budget -= _read_on(filters, fetch, hungry, budget)
            first_round = False
        elif head is None:
            return Page(tuple(rows), None)
        else:
            rows.append(head.rows.popleft())
    more = any(reading.rows or not reading.ended for reading in readings)
    return Page(tuple(rows), rows[-1][0] if more else None)


class _Merge:
    """Which row comes next, and which streams must be read first to be certain."""

    def __init__(self, readings: Sequence[_Reading], newest_first: bool) -> None:
        self._readings = readings
        self._newest_first = newest_first

    def head(self) -> _Reading | None:
        """The stream that has the first of the rows read so far."""
        with_rows = [reading for reading in self._readings if reading.rows]
        choose = max if self._newest_first else min
        return choose(with_rows, key=lambda reading: reading.rows[0][0], default=None)

    def hungry(self, head: _Reading | None) -> list[_Reading]:
        """Streams that may still have a row that comes before the head."""
        return [
            reading
            for reading in self._readings
            if not reading.rows
            and not reading.ended
            and (
                head is None
                or reading.frontier is None
                or self._before(reading.frontier, head.rows[0][0])
            )
        ]

    def frontier(self, hungry: Iterable[_Reading]) -> Position | None:
        """The position up to which every stream was read."""
        frontiers = [reading.frontier for reading in hungry if reading.frontier]
        choose = max if self._newest_first else min
        return choose(frontiers, default=None)

    def _before(self, one: Position, other: Position) -> bool:
        return one > other if self._newest_first else one < other


def _read_on(filters: Filters, fetch: Fetch, hungry: Sequence[_Reading], budget: int) -> int:
    """Reads the next chunk of each stream, and returns how many entries that took."""
    share = max(1, budget // len(hungry))
    chunks = fetch(
        filters,
        [
            ChunkRequest(reading.stream, reading.frontier, min(reading.entries, share))
            for reading in hungry
        ],
    )
    for reading, chunk in zip(hungry, chunks, strict=True):
        reading.rows.extend(chunk.rows)
        reading.ended = chunk.frontier is None
        reading.frontier = chunk.frontier or reading.frontier
        # A stream that is read again has many of the rows: fewer and larger reads.
        reading.entries = min(LARGEST_CHUNK, 2 * reading.entries)
    return sum(chunk.read for chunk in chunks)

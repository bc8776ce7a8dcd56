"""Paging through many sorted streams gives every row once, whatever is written meanwhile."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from operator import gt, lt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replication.aws.table.ledger_item import item_of, tie_of
from replication.ledger import index as ledger_index
from replication.ledger.fact import Kind
from replication.ledger.index import Chunk, ChunkRequest, Filters, Page, Position, Route
from replication.ledger.item import LedgerItem
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from tests.support.seeds import failed, requested, stored

SHARDS = 3
ROUTES = (("src", "dst-a"), ("src", "dst-b"))
EVERYTHING = Filters(routes=ROUTES, statuses=(*Status, None), newest_first=False)


def possible(seconds: float) -> tuple[Kind, float, dict[str, Any]]:
    """In doubt, without a status."""
    return Kind.POSSIBLE, seconds, {}


@dataclass
class MemoryIndex:
    """The index as a list of rows; `keeps` plays the FilterExpression."""

    rows: dict[str, LedgerItem] = field(default_factory=dict)
    keeps: Callable[[LedgerItem], bool] = lambda _: True
    read: int = 0

    def put(self, *rows: LedgerItem) -> None:
        for row in rows:
            self.rows[f"{row.version} {row.destination}"] = row

    def fetch(self, filters: Filters, wanted: Sequence[ChunkRequest]) -> list[Chunk]:
        return [self._chunk(filters, one) for one in wanted]

    def _chunk(self, filters: Filters, wanted: ChunkRequest) -> Chunk:
        before = gt if filters.newest_first else lt
        behind = sorted(
            (
                (position_of(row), row)
                for row in self.rows.values()
                if row.record.state.status is wanted.stream.status
                and _route(row) == wanted.stream.route
                and (wanted.after is None or before(wanted.after, position_of(row)))
            ),
            key=lambda found: found[0],
            reverse=filters.newest_first,
        )
        looked_at = behind[: wanted.entries]
        self.read += len(looked_at)
        ended = len(behind) <= wanted.entries
        return Chunk(
            [found for found in looked_at if self.keeps(found[1])],
            len(looked_at),
            None if ended else looked_at[-1][0],
        )


def position_of(row: LedgerItem) -> Position:
    since = row.record.state.since
    assert since is not None
    return Position(since, tie_of(row.version, row.destination))


def _route(row: LedgerItem) -> Route:
    shard = int(tie_of(row.version, row.destination), 16) % SHARDS
    return Route(row.version.bucket, row.destination, shard)


def follow(index: MemoryIndex, filters: Filters, limit: int, budget: int) -> list[Page]:
    """All pages. A hundred more than any index here needs is a loop without end."""
    pages: list[Page] = []
    after = None
    for _ in range(500):
        page = ledger_index.page(
            filters, index.fetch, shards=SHARDS, after=after, limit=limit, budget=budget
        )
        pages.append(page)
        if page.next is None:
            return pages
        after = page.next
    raise AssertionError("the list never ends")


def rows_of(pages: Sequence[Page]) -> list[LedgerItem]:
    return [row for page in pages for _, row in page.rows]


@st.composite
def records(draw: st.DrawFn, name: str = "k") -> LedgerItem:
    """A row with one of a few times, so that many rows share one."""
    key = f"{name}/{draw(st.integers(0, 40))}"
    fact = draw(st.sampled_from([requested, failed, possible]))(draw(st.integers(0, 6)))
    return stored(
        fact,
        of=ObjectVersion("src", key, "v"),
        destination=draw(st.sampled_from(["dst-a", "dst-b"])),
    )


indexes = st.lists(records(), max_size=60).map(
    lambda rows: {f"{row.version} {row.destination}": row for row in rows}
)


@given(indexes, st.integers(1, 20), st.integers(1, 80), st.booleans())
def test_pages_hold_every_row_once_and_in_order(
    rows: dict[str, LedgerItem], limit: int, budget: int, newest_first: bool
) -> None:
    filters = replace(EVERYTHING, newest_first=newest_first)
    pages = follow(MemoryIndex(rows), filters, limit, budget)
    expected = sorted(rows.values(), key=position_of, reverse=newest_first)
    assert rows_of(pages) == expected
    assert all(len(page.rows) <= limit for page in pages)


@given(indexes, st.integers(1, 20), st.integers(1, 80), st.booleans())
def test_a_filter_that_drops_rows_drops_just_these(
    rows: dict[str, LedgerItem], limit: int, budget: int, newest_first: bool
) -> None:
    def keeps(row: LedgerItem) -> bool:
        return row.version.key.endswith("7")

    filters = replace(EVERYTHING, newest_first=newest_first)
    pages = follow(MemoryIndex(rows, keeps), filters, limit, budget)
    expected = sorted(filter(keeps, rows.values()), key=position_of, reverse=newest_first)
    assert rows_of(pages) == expected


@given(
    indexes,
    st.lists(st.lists(records(name="later"), max_size=8), max_size=8),
    st.integers(1, 10),
    st.integers(1, 40),
    st.booleans(),
)
def test_rows_that_stay_are_given_once_while_others_come_and_go(
    lasting: dict[str, LedgerItem],
    writes: list[list[LedgerItem]],
    limit: int,
    budget: int,
    newest_first: bool,
) -> None:
    filters = replace(EVERYTHING, newest_first=newest_first)
    index = MemoryIndex(dict(lasting))
    given_rows: list[LedgerItem] = []
    after: Position | None = None
    for round_ in range(500):
        page = ledger_index.page(
            filters, index.fetch, shards=SHARDS, after=after, limit=limit, budget=budget
        )
        given_rows += [row for _, row in page.rows]
        after = page.next
        if after is None:
            break
        # Rows of other keys appear, change their place and vanish between two pages.
        index.rows = dict(lasting)
        index.put(*(writes[round_] if round_ < len(writes) else []))
    kept = [row for row in given_rows if row.version.key.startswith("k/")]
    assert kept == sorted(lasting.values(), key=position_of, reverse=newest_first)


@given(indexes, st.integers(1, 20), st.integers(1, 30))
def test_a_request_reads_about_its_budget_at_most(
    rows: dict[str, LedgerItem], limit: int, budget: int
) -> None:
    index = MemoryIndex(rows, keeps=lambda _: False)
    streams = len(ledger_index.streams_of(EVERYTHING, SHARDS))
    ledger_index.page(
        EVERYTHING, index.fetch, shards=SHARDS, after=None, limit=limit, budget=budget
    )
    assert index.read <= max(budget, streams)


def test_a_page_that_holds_the_last_row_says_that_it_is_the_end() -> None:
    index = MemoryIndex()
    index.put(*(stored(requested(n), of=ObjectVersion("src", f"k{n}", "v")) for n in range(4)))
    (page,) = follow(index, EVERYTHING, limit=4, budget=1000)
    assert len(page.rows) == 4


def test_a_page_costs_little_more_than_its_rows() -> None:
    index = MemoryIndex()
    index.put(
        *(stored(requested(n % 50), of=ObjectVersion("src", f"k{n}", "v")) for n in range(3000))
    )
    filters = replace(EVERYTHING, routes=(("src", "dst-a"),), statuses=(Status.PENDING,))
    page = ledger_index.page(filters, index.fetch, shards=SHARDS, after=None, limit=300)
    assert len(page.rows) == 300
    assert index.read <= 3 * 300


@pytest.mark.parametrize("newest_first", [False, True])
def test_rows_of_one_instant_are_told_apart_by_their_tie(newest_first: bool) -> None:
    index = MemoryIndex()
    index.put(*(stored(requested(1), of=ObjectVersion("src", f"k{n}", "v")) for n in range(25)))
    filters = replace(EVERYTHING, newest_first=newest_first)
    assert len(rows_of(follow(index, filters, limit=3, budget=1000))) == 25


def test_no_route_is_an_empty_list() -> None:
    page = ledger_index.page(
        replace(EVERYTHING, routes=()), MemoryIndex().fetch, shards=SHARDS, after=None, limit=5
    )
    assert page == Page((), None)


def test_where_no_destination_is_known_only_what_is_in_doubt_is_looked_for() -> None:
    filters = replace(EVERYTHING, routes=(("src", "dst-a"), ("src", "")))
    streams = ledger_index.streams_of(filters, shards=1)
    assert [one.status for one in streams if not one.route.destination] == [None]
    assert len([one for one in streams if one.route.destination]) == len(Status) + 1
    index = MemoryIndex()
    index.put(stored(possible(3), destination=""), stored(requested(1)))
    assert [row.destination for row in rows_of(follow(index, filters, 5, 100))] == ["dst-a", ""]


def test_a_deleted_version_is_in_no_list() -> None:
    record = stored(requested(0), (Kind.DELETED, 4))
    assert "position" not in item_of(record, SHARDS)

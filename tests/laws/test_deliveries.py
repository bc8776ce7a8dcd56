"""Laws of what is read out of deliveries: total, bounded, true to what was encoded."""

import csv
import gzip
import io
import json
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus

from hypothesis import given
from hypothesis import strategies as st

from backfill.row_claims import RowClaims
from backfill.rows import Rows
from replication.aws.deliveries import csv_lines, manifest
from replication.errors import Rejected
from replication.published.backfill import Outcome
from replication.s3.deliveries import Delivery, Listed, Task
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from tests.support import deliveries
from tests.support.deliveries import COLUMNS, delivery, line, values
from tests.support.fakes import MemoryLedger, MemoryObjects, history, rule

INVENTORY = delivery(deliveries.inventory())
REPORT = delivery(deliveries.report())
READERS = {one.evidence: manifest.reader(one) for one in (INVENTORY, REPORT)}

texts = st.text(max_size=30) | st.sampled_from(["", "src", "COMPLETED", "v" * 2000, '"', ",", "\0"])
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
)
keys = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=200)


T = TypeVar("T")


def outcome(parse: Callable[[], T]) -> T | Rejected:
    """What a parser makes, or the one thing it may raise."""
    try:
        return parse()
    except Rejected as rejected:
        return rejected


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """A row, sound or with some fields replaced, or any bytes at all."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=80))
    row = values() | draw(st.dictionaries(st.sampled_from(COLUMNS), texts, max_size=3))
    report = ["src", "a/k", "v1", "failed", "403", "X", "message"]
    report[draw(st.integers(0, 6))] = draw(texts)
    whole = draw(st.sampled_from([line(row), deliveries.csv_of([report])]))
    return whole[: draw(st.integers(0, len(whole)))] if draw(st.booleans()) else whole


@given(lines(), st.sampled_from([Evidence.INVENTORY, Evidence.BATCH_REPORT]))
def test_any_line_is_a_row_or_a_rejection(raw: bytes, evidence: Evidence) -> None:
    row = outcome(lambda: READERS[evidence](raw))
    if isinstance(row, Rejected):
        assert 0 < len(row.detail) < 500
        return
    assert isinstance(row, Listed if evidence is Evidence.INVENTORY else Task)
    assert 1 <= len(row.version.key.encode()) <= 1024
    assert 1 <= len(row.version.version_id.encode()) <= 900
    if isinstance(row, Listed):
        assert row.size is None or 0 <= row.size <= 2**53
        assert not (row.replica and row.status)


@given(
    st.dictionaries(
        st.sampled_from(sorted({*deliveries.inventory(), *deliveries.report()})), anything
    )
)
def test_any_manifest_is_a_delivery_or_a_rejection(changes: dict[str, Any]) -> None:
    for sound in (deliveries.inventory(("a", b"")), deliveries.report(("a", b""))):
        body = json.dumps(sound | changes).encode()
        found = outcome(lambda body=body: manifest.delivery_of(body))  # type: ignore[misc]
        assert isinstance(found, Delivery) or 0 < len(found.detail) < 1000


@given(st.binary(max_size=200))
def test_any_bytes_are_a_delivery_or_a_rejection(body: bytes) -> None:
    found = outcome(lambda: manifest.delivery_of(body))
    assert isinstance(found, Delivery) or found.detail


@given(keys, st.sampled_from(["/", ""]))
def test_any_key_survives_its_encoding(key: str, safe: str) -> None:
    read = READERS[Evidence.INVENTORY]
    for encoded in (quote_plus(key, safe=safe), quote(key, safe=safe)):
        row = read(line(values(encoded)))
        assert row.version.key == key


@given(st.binary(max_size=400), st.booleans())
def test_the_records_of_a_file_are_the_file(content: bytes, compressed: bool) -> None:
    stored = gzip.compress(content) if compressed else content
    found = list(csv_lines.lines(io.BytesIO(stored), compressed=compressed))
    assert b"".join(found) == content
    assert all(found)
    assert all(one.count(b"\n") <= 1 or b'"' in one for one in found)


# A lone carriage return is left out: Python's writer puts it unquoted, which its reader refuses.
cells = st.lists(st.sampled_from(["a", "b", '"', ",", "\n", "\r\n", "\u00e9", " "])).map("".join)


@given(
    st.lists(st.lists(cells, min_size=2, max_size=4), max_size=6),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_whatever_is_written_as_csv_comes_back_row_by_row(
    table: list[list[str]], quoting: int, end: str, compressed: bool
) -> None:
    content = deliveries.csv_of(table, quoting, end)
    stored = gzip.compress(content) if compressed else content
    found = list(csv_lines.lines(io.BytesIO(stored), compressed=compressed))
    assert len(found) == len(table)
    for record, row in zip(found, table, strict=True):
        columns = [str(number) for number in range(len(row))]
        assert list(csv_lines.fields_of(record, columns).values()) == row


@given(st.lists(lines(), max_size=6), st.booleans())
def test_a_broken_row_of_a_file_costs_no_other(raw: list[bytes], report: bool) -> None:
    """Rows cut anywhere, or of any bytes, among sound ones as S3 writes them."""
    broken = [text.translate(None, b"\r\n") + b"\n" for text in raw]
    sound = [line(values(f"sound/{number}")) for number in range(len(broken))]
    if report:
        sound = [
            deliveries.csv_of(
                [["src", f"sound/{number}", "v1", "failed", "403", "X", "not\nallowed, no"]],
                csv.QUOTE_MINIMAL,
            )
            for number in range(len(broken))
        ]
    mixed = b"".join(one for pair in zip(broken, sound, strict=True) for one in pair)
    read = READERS[Evidence.BATCH_REPORT if report else Evidence.INVENTORY]
    found = [
        outcome(lambda record=record: read(record))  # type: ignore[misc]
        for record in csv_lines.lines(io.BytesIO(mixed), compressed=False)
    ]
    keys = {one.version.key for one in found if not isinstance(one, Rejected)}
    assert keys >= {f"sound/{number}" for number in range(len(sound))}


def test_a_line_of_any_length_comes_in_pieces() -> None:
    stored = io.BytesIO(gzip.compress(b"x" * (3 * csv_lines.LONGEST_LINE + 1)))
    assert [len(one) for one in csv_lines.lines(stored, compressed=True)] == [
        *[csv_lines.LONGEST_LINE] * 3,
        1,
    ]


def test_a_quote_that_nobody_closes_takes_bounded_memory_and_no_other_row() -> None:
    rows = [b"src,k,v1,failed,403,X,fine and long %d\n" % number for number in range(60_000)]
    cut = [b'src,k,v1,failed,403,X,"cut\n', *rows]
    assert list(csv_lines.lines(io.BytesIO(b"".join(cut)), compressed=False)) == cut


@given(st.lists(lines(), max_size=8), st.lists(st.integers(0, 8), max_size=3))
def test_no_row_costs_another_and_all_are_counted(raw: list[bytes], cuts: list[int]) -> None:
    """However the file is cut into batches."""
    whole = [one for text in raw for one in text.splitlines(keepends=True) or [b""]]
    sound = [line(values(f"sound/{number}")) for number in range(len(whole))]
    mixed = [one for pair in zip(whole, sound, strict=True) for one in pair]
    ledger = MemoryLedger()
    rows = Rows(
        read=READERS[Evidence.INVENTORY],
        row_claims=lambda _: RowClaims(INVENTORY, "run", history("src", rule("dst"))),
        ledger=ledger,
        objects=MemoryObjects(),
        histories={"src": history("src", rule("dst"))},
        now=lambda: INVENTORY.at,
    )
    bounds = sorted({0, len(mixed), *(cut for cut in cuts if cut < len(mixed))})
    total: Counter[str] = Counter()
    for start, end in pairwise(bounds):
        total.update(rows.write(mixed[start:end], start).counts)
    blank = sum(not one.strip() for one in mixed)
    assert total.total() == len(mixed) - blank
    for number in range(len(sound)):
        (record,) = [
            record
            for (version, _), record in ledger.records.items()
            if version.key == f"sound/{number}"
        ]
        assert record.state.status is Status.COMPLETED
    assert total[Outcome.COMPLETED] >= len(sound)

"""Splits a CSV data file into records, and a record into fields.

A record is one row: mostly one line, or several when a quoted field contains line breaks, as
messages of reports do. A quote that is never closed must not hide the rows after it: lines that
make no valid record together are taken one by one. Memory is bounded, however long a record is.
"""

import csv
import gzip
import io
from collections import deque
from collections.abc import Iterator, Sequence
from typing import BinaryIO, cast

from replication.aws.json_fields import quoted
from replication.errors import Reason, Rejected

LONGEST_LINE = 1 << 20
"""Bytes. A longer line is read in pieces, each a broken row; a record that is still open after so
many is no record. S3's longest field is an ACL."""
_BUFFER = 1 << 18


def lines(stored: BinaryIO, *, compressed: bool) -> Iterator[bytes]:
    """The records of a stored file, line ends included. Raises what gzip and zlib raise for bytes
    that are no gzip, and what reading `stored` raises."""
    plain = gzip.GzipFile(fileobj=stored, mode="rb") if compressed else stored
    # GzipFile is a raw stream in all but its type.
    buffered = io.BufferedReader(cast("io.RawIOBase", plain), _BUFFER) if compressed else stored
    return _records(iter(lambda: buffered.readline(LONGEST_LINE), b""))


def _records(physical: Iterator[bytes]) -> Iterator[bytes]:
    again: deque[bytes] = deque()
    while line := again.popleft() if again else next(physical, b""):
        if _is_whole(line):
            yield line
            continue
        taken: list[bytes] = []
        try:
            next(csv.reader(_taking(line, again, physical, taken), strict=True))
        except csv.Error:
            # The last line may be the first of a valid record: it is tried again.
            if len(taken) > 1:
                again.appendleft(taken.pop())
            yield from taken
        else:
            yield b"".join(taken)


def _taking(
    line: bytes, again: deque[bytes], physical: Iterator[bytes], taken: list[bytes]
) -> Iterator[str]:
    """Lines from `line` on for the CSV reader, up to the length of a record. Latin-1 will do:
    quotes, commas and line breaks are the same bytes in UTF-8."""
    size = 0
    while line and size < LONGEST_LINE:
        taken.append(line)
        size += len(line)
        yield line.decode("latin-1")
        line = again.popleft() if again else next(physical, b"")
    if line:
        again.appendleft(line)


def _is_whole(line: bytes) -> bool:
    """Whether the line is certainly a whole record: it has no quotes, or they only enclose fields.
    Otherwise the CSV reader decides."""
    quotes = line.count(b'"')
    if quotes == 0:
        return True
    within = line.rstrip(b"\r\n")
    return quotes == 2 * within.count(b'","') + 2 and within[:1] == within[-1:] == b'"'


def fields_of(record: bytes, columns: Sequence[str]) -> dict[str, str]:
    """The fields of a row by column. Rejected when there are more or fewer than columns."""
    try:
        text = record.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise Rejected(Reason.BAD_TEXT, "the row is no UTF-8") from None
    values = _split(text, len(columns))
    if len(values) != len(columns):
        raise Rejected(
            Reason.UNKNOWN_SHAPE,
            f"the row has {len(values)} fields, {len(columns)} are expected: {quoted(text)}",
        )
    return dict(zip(columns, values, strict=True))


def _split(text: str, count: int) -> list[str]:
    # S3 quotes every field of an inventory. When none contains a quote, this is twice as fast.
    if text.count('"') == 2 * count and text[0] == text[-1] == '"':
        values = text[1:-1].split('","')
        if len(values) == count:
            return values
    try:
        return next(csv.reader((text,), strict=True), [])
    except csv.Error as error:
        raise Rejected(Reason.UNKNOWN_SHAPE, f"not CSV ({error}): {quoted(text)}") from None

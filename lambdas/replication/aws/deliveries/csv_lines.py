"""Records of CSV out of a data file, and the fields of one record.

A record is a row. Mostly it is one line; a quoted field with a line break in it, as messages of
reports have, makes it several. A quote that nobody closes must not swallow the rows behind it: what
does not come together as CSV is taken line by line, so it costs no other row. A record of any
length takes bounded memory.
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
"""Bytes. A longer line comes in pieces, each a broken row. S3's longest field is an ACL. A record
that is still open after so many is no record."""
_BUFFER = 1 << 18


def lines(stored: BinaryIO, *, compressed: bool) -> Iterator[bytes]:
    """The records of a file as it is stored, with their ends: a line each, or all the lines that a
    quoted field goes over. Raises what gzip and zlib raise for bytes that are no gzip, and what
    reading `stored` raises."""
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
            # The last line may be what did not fit behind the others; it begins anew.
            if len(taken) > 1:
                again.appendleft(taken.pop())
            yield from taken
        else:
            yield b"".join(taken)


def _taking(
    line: bytes, again: deque[bytes], physical: Iterator[bytes], taken: list[bytes]
) -> Iterator[str]:
    """Lines from `line` on as the reader of CSV asks for them, as long as they are no more than a
    record may have. Quotes, commas and line breaks are the same bytes in UTF-8."""
    size = 0
    while line and size < LONGEST_LINE:
        taken.append(line)
        size += len(line)
        yield line.decode("latin-1")
        line = again.popleft() if again else next(physical, b"")
    if line:
        again.appendleft(line)


def _is_whole(line: bytes) -> bool:
    """Whether it is plain that no quoted field goes on behind the line: there is no quote in it, or
    all of them are around fields. Anything else the reader of CSV has to say."""
    quotes = line.count(b'"')
    if quotes == 0:
        return True
    within = line.rstrip(b"\r\n")
    return quotes == 2 * within.count(b'","') + 2 and within[:1] == within[-1:] == b'"'


def fields_of(record: bytes, columns: Sequence[str]) -> dict[str, str]:
    """The fields of a row by the name of their column. Rejected when there are more or fewer."""
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
    # How S3 writes an inventory, every field quoted and none with a quote in it: twice as fast.
    if text.count('"') == 2 * count and text[0] == text[-1] == '"':
        values = text[1:-1].split('","')
        if len(values) == count:
            return values
    try:
        return next(csv.reader((text,), strict=True), [])
    except csv.Error as error:
        raise Rejected(Reason.UNKNOWN_SHAPE, f"not CSV ({error}): {quoted(text)}") from None

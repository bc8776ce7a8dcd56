"""Lines of CSV out of a data file, and the fields of one line.

A line is a row. Keys in these files are URL-encoded, so no line break stands within a row of an
inventory; a message of a report that holds one leaves a row that is cut and one that is broken,
which costs no other row. A line of any length takes bounded memory.
"""

import csv
import gzip
import io
from collections.abc import Iterator, Sequence
from typing import BinaryIO, cast

from replication.adapters.fields import Reason, quoted
from replication.errors import Rejected

LONGEST_LINE = 1 << 20
"""Bytes. A longer line comes in pieces, each a broken row. S3's longest field is an ACL."""
_BUFFER = 1 << 18


def lines(stored: BinaryIO, *, compressed: bool) -> Iterator[bytes]:
    """The lines of a file as it is stored, with their ends. Raises what gzip and zlib raise for
    bytes that are no gzip, and what reading `stored` raises."""
    plain = gzip.GzipFile(fileobj=stored, mode="rb") if compressed else stored
    # GzipFile is a raw stream in all but its type.
    buffered = io.BufferedReader(cast("io.RawIOBase", plain), _BUFFER) if compressed else stored
    return iter(lambda: buffered.readline(LONGEST_LINE), b"")


def fields_of(line: bytes, columns: Sequence[str]) -> dict[str, str]:
    """The fields of a row by the name of their column. Rejected when there are more or fewer."""
    try:
        text = line.decode().rstrip("\r\n")
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

"""Cursors: the place where a list continues, as text that is valid for this list only.

A cursor is URL-safe base64 of an 8-byte digest and the position. The digest covers position and
filters, so a cursor that was changed, or is used with other filters, is recognized. It is no
secret: a forged cursor gives nothing that the filters would not give. Each list checks the position
itself (see `page.decode`).
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from hashlib import blake2b

_DIGEST_SIZE = 8

Scope = Mapping[str, object]
"""What a cursor is valid for: the route and its filters, as JSON values."""


class InvalidCursor(ValueError):
    """Not a cursor of this list."""


def encode(position: Sequence[str], scope: Scope) -> str:
    packed = json.dumps(list(position), separators=(",", ":")).encode()
    return urlsafe_b64encode(_digest(packed, scope) + packed).decode().rstrip("=")


def decode(cursor: str, scope: Scope) -> tuple[str, ...]:
    """The position, as text that may be part of any request. InvalidCursor when a byte was changed
    or the cursor belongs to another list."""
    try:
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError as error:
        raise InvalidCursor from error
    packed = raw[_DIGEST_SIZE:]
    # The decoder ignores other characters and unused bits: only what `encode` makes is a cursor.
    canonical = urlsafe_b64encode(raw).decode().rstrip("=")
    if canonical != cursor or raw[:_DIGEST_SIZE] != _digest(packed, scope):
        raise InvalidCursor
    try:
        position = json.loads(packed)
    except (ValueError, RecursionError) as error:
        raise InvalidCursor from error
    if not isinstance(position, list) or not all(map(_is_text, position)):
        raise InvalidCursor
    return tuple(position)


def _is_text(part: object) -> bool:
    """Half of a surrogate pair is text in JSON, but cannot be part of a request."""
    return isinstance(part, str) and not any("\ud800" <= one <= "\udfff" for one in part)


def _digest(packed: bytes, scope: Scope) -> bytes:
    described = json.dumps(scope, sort_keys=True).encode()
    return blake2b(described + b"\0" + packed, digest_size=_DIGEST_SIZE).digest()

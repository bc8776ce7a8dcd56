"""Cursors: where a list goes on, as text that only fits the list it came from.

URL-safe base64 of an 8-byte digest and the position. The digest covers the list's filters and the
position, so a cursor that was changed, or is used with other filters, is told from a good one. It
is no secret: whoever forges one gains nothing that the filters would not give. What a position may
be, its list checks (see `pages.decode`).
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from hashlib import blake2b

_DIGEST_SIZE = 8

Scope = Mapping[str, object]
"""What the cursor is bound to: the route and its filters, as JSON values."""


class InvalidCursor(ValueError):
    """Not a cursor of this list."""


def encode(position: Sequence[str], scope: Scope) -> str:
    packed = json.dumps(list(position), separators=(",", ":")).encode()
    return urlsafe_b64encode(_digest(packed, scope) + packed).decode().rstrip("=")


def decode(cursor: str, scope: Scope) -> tuple[str, ...]:
    """The position: text that may go into any request. InvalidCursor when a byte was changed or it
    belongs to another list."""
    try:
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError as error:
        raise InvalidCursor from error
    packed = raw[_DIGEST_SIZE:]
    # The decoder skips foreign characters and unused bits; only what `encode` makes is a cursor.
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
    """Half of a surrogate pair passes for text in JSON, but no request can carry it."""
    return isinstance(part, str) and not any("\ud800" <= one <= "\udfff" for one in part)


def _digest(packed: bytes, scope: Scope) -> bytes:
    described = json.dumps(scope, sort_keys=True).encode()
    return blake2b(described + b"\0" + packed, digest_size=_DIGEST_SIZE).digest()

"""Checks fields of JSON from outside before they become values of the ledger.

Most functions take a JSON object and the name of one field. They return a value within its bounds
or raise `Rejected`. A field that is absent, null or an empty string is unknown. The detail of a
rejection names the field and quotes at most a few dozen characters of it.

    rule id            255 characters   PutBucketReplication's limit
    failure code       128              S3's longest is 33
    event id           256              EventBridge sends a UUID
    etag               128              S3: 32 hexadecimal digits, `-` and a part count
    sequencer           64              S3: 16 to 18 hexadecimal digits
    any other name     128
    key              1,024 bytes        of UTF-8, S3's limit
    version id         900 bytes        S3 allows 1,024, but with a destination beside it the sort
                                        key of DynamoDB must stay within 1,024; S3's have 32
    size              2^53 bytes        what a JSON number holds exactly; S3's limit is far below
"""

import math
import re
from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import unquote_plus

from replication import times
from replication.errors import Reason, Rejected
from replication.times import Instant

Json = Mapping[str, object]

NAME_LIMIT = 128
RULE_ID_LIMIT = 255
FAILURE_CODE_LIMIT = 128
EVENT_ID_LIMIT = 256
ETAG_LIMIT = 128
SEQUENCER_LIMIT = 64
KEY_LIMIT_BYTES = 1024
VERSION_ID_LIMIT_BYTES = 900
SIZE_LIMIT = 2**53

NULL_VERSION = "null"
"""S3's version id of an object written without versioning."""

_DAY_SECONDS = 86_400
_QUOTED_CHARACTERS = 80
# Buckets made before 2018 may have capitals and underscores. Sixty-three is S3's limit today.
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,62}", re.ASCII)
# An id becomes part of an attribute's name and of a PartiQL statement: nothing that needs quoting.
_EVENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*", re.ASCII)


def quoted(value: str) -> str:
    """The beginning of a text, in a form that is safe in a log line or a message attribute."""
    shown = repr(value[: _QUOTED_CHARACTERS + 1])
    # An escape may take ten characters.
    return shown if len(shown) <= _QUOTED_CHARACTERS else shown[:_QUOTED_CHARACTERS] + "..."


def missing(name: str) -> Rejected:
    return Rejected(Reason.MISSING_FIELD, f"{name} is missing or empty")


def wrong_type(name: str, value: object, wanted: str) -> Rejected:
    return Rejected(Reason.WRONG_TYPE, f"{name} is of type {type(value).__name__}, not {wanted}")


def nested(parent: Json, name: str) -> Json:
    """A JSON object within another."""
    value = parent.get(name)
    if isinstance(value, dict):
        return value
    raise missing(name) if value is None else wrong_type(name, value, "an object")


def optional_nested(parent: Json, name: str) -> Json:
    """A JSON object within another, empty when it is not there."""
    return {} if parent.get(name) is None else nested(parent, name)


def text(parent: Json, name: str, limit: int = NAME_LIMIT) -> str | None:
    """Text of at most `limit` characters; None when it is not there."""
    value = parent.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise wrong_type(name, value, "text")
    if len(value) > limit:
        raise Rejected(Reason.TOO_LONG, f"{name} has {len(value)} characters, {limit} are allowed")
    _check_characters(name, value)
    return value


def required(parent: Json, name: str, limit: int = NAME_LIMIT) -> str:
    """Text that must be there."""
    value = text(parent, name, limit)
    if value is None:
        raise missing(name)
    return value


def event_id(parent: Json, name: str) -> str:
    """The sender's id of an event."""
    value = required(parent, name, EVENT_ID_LIMIT)
    if _EVENT_ID.fullmatch(value) is None:
        raise Rejected(Reason.BAD_EVENT_ID, f"{name} is {quoted(value)}, not an id like a UUID")
    return value


def made_id(word: str, *identity: str | None) -> str:
    """An id for an event that has none, such as `created-9f86d081884c7d65`. Equal identities have
    equal ids. No part of an identity contains a NUL (see `text`)."""
    joined = "\0".join([part or "" for part in identity])
    return f"{word}-{sha256(joined.encode()).hexdigest()[:16]}"


def bucket_name(parent: Json, name: str) -> str:
    return checked_bucket_name(name, required(parent, name))


def checked_bucket_name(name: str, value: str) -> str:
    if _BUCKET.fullmatch(value) is None:
        raise Rejected(Reason.BAD_BUCKET_NAME, f"{name} has {quoted(value)}, no bucket name")
    return value


def object_key(parent: Json, name: str, *, form_encoded: bool) -> str:
    """An object's key. Form-encoded: `+` is a blank and `%XX` a byte of UTF-8."""
    value = parent.get(name)
    if value is None or value == "":
        raise missing(name)
    if not isinstance(value, str):
        raise wrong_type(name, value, "text")
    if form_encoded and len(value) <= 3 * KEY_LIMIT_BYTES:
        value = _form_decoded(name, value)
    _check_characters(name, value)
    _check_bytes(name, value, KEY_LIMIT_BYTES, Reason.KEY_TOO_LONG)
    return value


def version_id(parent: Json, name: str) -> str:
    """A version id; `null` when S3 leaves it out, as it does for objects without versioning."""
    value = text(parent, name, KEY_LIMIT_BYTES)
    if value is None:
        return NULL_VERSION
    _check_bytes(name, value, VERSION_ID_LIMIT_BYTES, Reason.VERSION_ID_TOO_LONG)
    return value


def size(parent: Json, name: str) -> int | None:
    """A size in bytes."""
    value = parent.get(name)
    if value is None:
        return None
    # `type`, because True is an int to isinstance.
    if type(value) is int and 0 <= value <= SIZE_LIMIT:
        return value
    raise Rejected(Reason.BAD_SIZE, f"{name} is no whole number of bytes from 0 to 2^53")


def number(parent: Json, name: str) -> float | None:
    """A number, or text that reads as one. None for other text: nothing depends on the field."""
    value = parent.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise wrong_type(name, value, "a number")
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def instant(parent: Json, name: str, received: Instant) -> Instant:
    """A time that must be there, of S3's lifetime and at most a day after `received`."""
    value = required(parent, name)
    try:
        found = times.parse(value)
    except ValueError:
        problem = f"{name} is {quoted(value)}, not a time like 2026-11-22T09:15:02.120Z"
        raise Rejected(Reason.BAD_TIME, problem) from None
    of_s3(name, found)
    if found > received and times.seconds_between(received, found) > _DAY_SECONDS:
        problem = f"{name} is {found}, more than a day after the message of {received}"
        raise Rejected(Reason.ABSURD_TIME, problem)
    return found


def of_s3(name: str, at: Instant) -> Instant:
    """The time; Rejected when it is before S3 existed."""
    if at < times.EARLIEST:
        raise Rejected(Reason.ABSURD_TIME, f"{name} is {at}, before S3 existed")
    return at


def optional_instant(parent: Json, name: str, received: Instant) -> Instant | None:
    return None if parent.get(name) in (None, "") else instant(parent, name, received)


def check_version(parent: Json, name: str, major: str) -> None:
    """Rejects a schema of another major version: S3 raises it when a field changes its meaning."""
    value = required(parent, name)
    if value.partition(".")[0] != major:
        raise Rejected(Reason.UNKNOWN_VERSION, f"{name} is {quoted(value)}, not {major}.x")


def _form_decoded(name: str, value: str) -> str:
    try:
        return unquote_plus(value, errors="strict")
    except UnicodeDecodeError:
        pass
    raise Rejected(Reason.BAD_TEXT, f"{name} decodes to bytes that are no UTF-8")


def _check_characters(name: str, value: str) -> None:
    if "\0" in value:
        raise Rejected(Reason.BAD_TEXT, f"{name} has a NUL in it")
    if not value.isascii() and not _is_unicode(value):
        raise Rejected(Reason.BAD_TEXT, f"{name} has half of a surrogate pair in it")


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_bytes(name: str, value: str, limit: int, reason: Reason) -> None:
    length = len(value) if value.isascii() else len(value.encode())
    if length > limit:
        raise Rejected(reason, f"{name} has {length} bytes of UTF-8, {limit} are allowed")

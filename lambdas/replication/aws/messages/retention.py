"""The Object Lock retention in an event, as one text. S3 sends the event also when nothing changed;
then the texts are equal.

    mode    until    event hold    its duration       in notifications and, dashed, on EventBridge
    GOVERNANCE 2027-01-01T00:00:00.000Z
    COMPLIANCE 2027-01-01T00:00:00.000Z hold=ON duration=90-days
    none                                              the event has no data: it was cleared
"""

from collections.abc import Iterator
from typing import NamedTuple

from replication import times
from replication.aws import json_fields
from replication.aws.json_fields import Json
from replication.errors import Reason, Rejected

NONE = "none"
_UNITS = ("days", "years")


class Names(NamedTuple):
    """Names of the data and its fields; S3 notifications and EventBridge have other ones.

    data        the object that contains the rest, besides `mode`
    until       when the retention ends
    hold        whether an event hold is on
    duration    how long the retention lasts after the hold
    """

    data: str
    until: str
    hold: str
    duration: str


NOTIFIED = Names("objectRetentionEventData", "retainUntilDate", "eventHold", "eventHoldDuration")
ON_EVENTBRIDGE = Names(
    "object-retention-event-data", "retain-until-date", "event-hold", "event-hold-duration"
)


def retention_of(parent: Json, names: Names) -> str:
    """Rejected when a field has another type, or should be a time and is none."""
    data = json_fields.optional_nested(parent, names.data)
    return " ".join(_parts(data, names)) or NONE


def _parts(data: Json, names: Names) -> Iterator[str]:
    if mode := json_fields.text(data, "mode"):
        yield mode
    if until := json_fields.text(data, names.until):
        try:
            yield times.parse(until)
        except ValueError:
            problem = f"{names.until} is {json_fields.quoted(until)}, no time"
            raise Rejected(Reason.BAD_TIME, problem) from None
    if hold := json_fields.text(data, names.hold):
        yield f"hold={hold}"
    if data.get(names.duration) is not None:
        yield f"duration={_duration(data, names.duration)}"


def _duration(data: Json, name: str) -> str:
    """S3 sends `{"days": 90}` or `{"years": 2}`; a plain number or text is taken as it is."""
    value = data[name]
    if isinstance(value, dict):
        parts = [f"{_number(value[unit], name)}-{unit}" for unit in _UNITS if unit in value]
        if parts:
            return ",".join(parts)
    if isinstance(value, str):
        return json_fields.text(data, name) or NONE
    return _number(value, name)


def _number(value: object, name: str) -> str:
    # `type`, because True is an int to isinstance.
    if type(value) is int and 0 <= value <= json_fields.SIZE_LIMIT:
        return str(value)
    raise json_fields.wrong_type(name, value, "a number of days or years")

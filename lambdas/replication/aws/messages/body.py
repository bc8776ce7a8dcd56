"""Bodies of the ingest queue's messages as events.

    {"Records": [...]}                      S3 event notifications
    {"source": ..., "detail-type": ...}     an EventBridge envelope
    {"Event": "s3:TestEvent", ...}          sent by S3 when a notification is set up
    {"Type": "Notification", "Message": ...}    one of the above, sent through SNS

`events_of` never raises. A message, or one record of several, that cannot be understood becomes a
`Rejected` in the place of its event; the other records count. Facts are idempotent, so a repaired
message can be sent again.
"""

import json
from typing import NoReturn

from replication.aws import json_fields
from replication.aws.json_fields import Json
from replication.aws.messages import eventbridge, s3_notifications
from replication.errors import Reason, Rejected
from replication.s3.events import ConfigurationChanged, Event
from replication.times import Instant

Outcome = Event | Rejected
"""An event, or why there is none."""

TEST_EVENT = "s3:TestEvent"


def events_of(body: str, received: Instant) -> list[Outcome]:
    """An outcome for each record of a message, at least one. `received` is the SentTimestamp in
    SQS; no event can be much later."""
    try:
        return _outcomes(_object(body, "the body"), received)
    except Rejected as rejected:
        # A new one: the frames of the raised one would keep the whole message in memory.
        return [Rejected(rejected.reason, rejected.detail)]


def _outcomes(message: Json, received: Instant, *, by_sns: bool = False) -> list[Outcome]:
    if "Records" in message:
        return _records(message["Records"], received)
    if "detail-type" in message:
        return [eventbridge.event_of(message, received)]
    if message.get("Event") == TEST_EVENT:
        return [_test_event(message, received)]
    if "Type" in message:
        if by_sns:
            raise Rejected(Reason.NESTED_TOO_DEEPLY, "an SNS message within an SNS message")
        return _outcomes(_from_sns(message), received, by_sns=True)
    names = ", ".join(json_fields.quoted(name) for name in sorted(message)[:3])
    raise Rejected(Reason.UNKNOWN_SHAPE, f"no event is known by these fields: {names or 'none'}")


def _records(records: object, received: Instant) -> list[Outcome]:
    if not isinstance(records, list):
        raise json_fields.wrong_type("Records", records, "a list")
    if not records:
        raise json_fields.missing("Records")
    outcomes: list[Outcome] = []
    for number, record in enumerate(records, start=1):
        try:
            if not isinstance(record, dict):
                raise json_fields.wrong_type("record", record, "an object")
            outcomes.append(s3_notifications.event_of(record, received))
        except Rejected as rejected:
            where = f"record {number} of {len(records)}: " if len(records) > 1 else ""
            outcomes.append(Rejected(rejected.reason, where + rejected.detail))
    return outcomes


def _test_event(message: Json, received: Instant) -> ConfigurationChanged:
    """S3 sends it when a notification is set up on a bucket: a good moment to read the bucket's
    replication configuration."""
    bucket = json_fields.bucket_name(message, "Bucket")
    at = json_fields.instant(message, "Time", received)
    request_id = json_fields.text(message, "RequestId")
    return ConfigurationChanged(bucket, at, json_fields.made_id("test", bucket, at, request_id))


def _from_sns(message: Json) -> Json:
    """The message that was sent through SNS. Rejected when SNS asks to confirm a subscription."""
    kind = json_fields.required(message, "Type")
    if kind == "Notification":
        carried = message.get("Message")
        if not isinstance(carried, str):
            raise json_fields.wrong_type("Message", carried, "text")
        return _object(carried, "Message")
    if kind == "SubscriptionConfirmation":
        topic = json_fields.text(message, "TopicArn", json_fields.EVENT_ID_LIMIT) or "a topic"
        raise Rejected(
            Reason.UNCONFIRMED_SUBSCRIPTION,
            f"{json_fields.quoted(topic)} waits for this queue's subscription to be confirmed:"
            " open SubscribeURL once",
        )
    raise Rejected(Reason.UNKNOWN_SHAPE, f"Type is {json_fields.quoted(kind)}, not Notification")


def _object(text: str, what: str) -> Json:
    """A JSON object. A rejection gives the place of an error and never quotes the text."""
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        problem = f"{what} is no JSON: {error.msg} at character {error.pos}"
    except RecursionError:
        problem = f"{what} is nested too deeply"
    except ValueError:
        problem = f"{what} has a number that is none in JSON, or one of thousands of digits"
    else:
        if isinstance(value, dict):
            return value
        raise json_fields.wrong_type(what, value, "an object")
    raise Rejected(Reason.NOT_JSON, problem)


def _refuse(constant: str) -> NoReturn:
    """NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(constant)


_DECODER = json.JSONDecoder(parse_constant=_refuse)

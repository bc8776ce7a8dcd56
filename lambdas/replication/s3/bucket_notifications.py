"""A bucket's notification configuration: what of it is ours, and what others have put there. Pure.

A bucket has one such configuration, and S3 replaces it as a whole. It lets an event type go to one
target only (unless filters of keys keep the two apart, and ours has none), so somebody else's
entry with one of our event types excludes ours.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from replication.errors import TrackerError, Unavailable

Configuration = Mapping[str, Any]
"""As boto3 reads and writes it. Entries of others are passed on as they are, never built anew."""

QUEUES = "QueueConfigurations"
TOPICS = "TopicConfigurations"
FUNCTIONS = "LambdaFunctionConfigurations"
EVENT_BRIDGE = "EventBridgeConfiguration"
_TARGETS = {QUEUES: "QueueArn", TOPICS: "TopicArn", FUNCTIONS: "LambdaFunctionArn"}
REPLICATION = "s3:Replication:"
OBJECT_EVENTS = (
    "s3:ObjectCreated:*",
    "s3:ObjectRemoved:*",
    "s3:LifecycleExpiration:*",
    "s3:ObjectTagging:*",
    "s3:ObjectAcl:Put",
    "s3:ObjectRetention:Put",
)
"""What the tracker needs of every bucket where object events come as notifications."""
_FAILED = frozenset({"s3:Replication:*", "s3:Replication:OperationFailedReplication"})


class Gone(TrackerError):
    """There is no such bucket."""


class Unvalidated(Unavailable):
    """S3 could not send its test message to a target of the configuration: it does not exist, or
    its policy does not allow it (yet). `targets` are the ARNs S3 names; it may name none."""

    def __init__(self, reason: str, targets: Sequence[str]) -> None:
        super().__init__(reason)
        self.targets = tuple(targets)


@dataclass(frozen=True, slots=True)
class Ours:
    """The one entry of the tracker. `id` is the same for all deployments of a stage. `target` is
    the ARN of the ingest queue, or of a collector's topic. `events` are those it is to get: none
    for a bucket that sends to EventBridge alone. `eventbridge`:
    object events go there, so it has to be on.

    `stack` is the id of the CloudFormation stack: CDK's own handler, which earlier versions of the
    tracker used, named its entries after it.
    """

    id: str
    target: str
    events: tuple[str, ...]
    stack: str = ""
    eventbridge: bool = True

    @property
    def kind(self) -> str:
        return TOPICS if self.target.split(":")[2] == "sns" else QUEUES

    def owns(self, kind: str, entry: Mapping[str, Any]) -> bool:
        """By its id, whatever the target was then; or by where it goes, whoever has written it."""
        if kind == FUNCTIONS:
            return False
        name = str(entry.get("Id", ""))
        mine = name == self.id or bool(self.stack and name.startswith(f"{self.stack}-"))
        events = entry.get("Events", ())
        return mine or (
            entry.get(_TARGETS[kind]) == self.target
            and all(event.startswith(REPLICATION) or _wants(self.events, event) for event in events)
        )

    @property
    def entry(self) -> Mapping[str, Any]:
        return {"Id": self.id, _TARGETS[self.kind]: self.target, "Events": list(self.events)}


@dataclass(frozen=True, slots=True)
class Taken:
    """Somebody else's entry that gets some of our event types."""

    kind: str
    id: str
    target: str
    events: tuple[str, ...]


def wired(now: Configuration, ours: Ours) -> Configuration:
    """With our entry as it should be, and EventBridge on where object events go there: `now` itself
    when it is so already."""
    if (EVENT_BRIDGE in now or not ours.eventbridge) and _is_wired(now, ours):
        return now
    changed = {**unwired(now, ours)}
    if ours.eventbridge:
        changed.setdefault(EVENT_BRIDGE, {})
    if ours.events:
        changed[ours.kind] = [*changed.get(ours.kind, ()), dict(ours.entry)]
    return changed


def unwired(now: Configuration, ours: Ours) -> Configuration:
    """Without our entry: `now` itself when there is none. EventBridge stays as it is, because
    others may listen there."""
    if not any(ours.owns(kind, entry) for kind, entry in _entries(now)):
        return now
    kept: dict[str, Any] = {}
    for name, value in now.items():
        if name in _TARGETS:
            value = [entry for entry in value if not ours.owns(name, entry)]
            if not value:
                continue
        kept[name] = value
    return kept


def taken(now: Configuration, ours: Ours) -> list[Taken]:
    """What of others stands in the way of our entry."""
    found = []
    for kind, entry in _entries(now):
        events = tuple(one for one in entry.get("Events", ()) if _wants(ours.events, one))
        if events and not ours.owns(kind, entry):
            found.append(Taken(kind, str(entry.get("Id")), str(entry.get(_TARGETS[kind])), events))
    return found


def _wants(wanted: Sequence[str], event: str) -> bool:
    """Whether an event type, with or without a `*` at its end, has an event in common with ours."""
    return any(covers(one, event) or covers(event, one) for one in wanted)


def covers(event: str, other: str) -> bool:
    """Whether every event of the type `other` is one of the type `event`."""
    return event == other or (event.endswith("*") and other.startswith(event[:-1]))


def tells_topic(now: Configuration, topic: str) -> bool:
    """Whether the topic gets the events of failures."""
    return any(
        entry.get("TopicArn") == topic and _FAILED.intersection(entry.get("Events", ()))
        for entry in now.get(TOPICS, ())
    )


def targets_of_others(now: Configuration, ours: Ours) -> set[str]:
    return {
        str(entry.get(_TARGETS[kind]))
        for kind, entry in _entries(now)
        if not ours.owns(kind, entry)
    }


def _is_wired(now: Configuration, ours: Ours) -> bool:
    found = [entry for kind, entry in _entries(now) if ours.owns(kind, entry)]
    if not ours.events:
        return not found
    if len(found) != 1:
        return False
    (entry,) = found
    rules = entry.get("Filter", {}).get("Key", {}).get("FilterRules", ())
    return (
        entry.get("Id") == ours.id
        and entry.get(_TARGETS[ours.kind]) == ours.target
        and sorted(entry.get("Events", ())) == sorted(ours.events)
        and not rules
    )


def _entries(now: Configuration) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for kind in _TARGETS:
        for entry in now.get(kind, ()):
            yield kind, entry

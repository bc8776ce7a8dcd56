"""Incidents: many failures of one kind are one thing to know about and to mend. Pure.

A kind is a `Trouble`: source bucket, destination, rule and code. Its incident

    opens      with the first failure, at once
    grows      each time it has ten times as many failures
    resolves   when something of its rule arrived after the last failure and nothing of it is FAILED

and each of these is owed to the subscribers once. `after` says what an incident becomes, `owed`
what has to be told of it; whoever tells it notes that with `told`. A crash between the two has it
told again, under the same `message_id`.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

from replication.contributions import Benign, Seen, Trouble, trouble_of
from replication.failures import explain
from replication.status import Status
from replication.times import Instant

SAMPLES = 5
SUBJECT_LENGTH = 99
"""SNS: less than 100 characters, printable ASCII."""


class Event(StrEnum):
    """What a message says of an incident."""

    OPENED = "opened"
    GROWN = "grown"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Sample:
    """An object version that failed."""

    key: str
    version_id: str


@dataclass(frozen=True, slots=True)
class Incident:
    """`failures`: how often it happened since it opened; `failures_before`: of its kind until then.
    `failing` and `failing_bytes`: what is FAILED when it was last looked at. `recovered_at`: when
    something of the rule first arrived after the last failure. `level`: the power of ten that the
    subscribers know of, 0 for none."""

    id: str
    trouble: Trouble
    opened_at: Instant
    first_failed_at: Instant
    last_failed_at: Instant
    samples: tuple[Sample, ...] = ()
    failures: int = 0
    failures_before: int = 0
    failing: int = 0
    failing_bytes: int = 0
    recovered_at: Instant | None = None
    resolved_at: Instant | None = None
    level: int = 0

    @property
    def state(self) -> str:
        return "resolved" if self.resolved_at else "open"


@dataclass(frozen=True, slots=True)
class Heard:
    """What some records of the stream say of one trouble."""

    failures: int = 0
    first_failed_at: Instant | None = None
    last_failed_at: Instant | None = None
    completed_at: Instant | None = None
    samples: tuple[Sample, ...] = ()


@dataclass(slots=True)
class Hearing:
    """What a batch says: of each trouble it touched, and of each rule that completed something."""

    benign: Benign
    troubles: dict[Trouble, Heard] = field(default_factory=dict)
    completed: dict[tuple[str, str, str], Instant] = field(default_factory=dict)

    def hear(self, old: Seen | None, new: Seen | None) -> None:
        """One change of an item."""
        if old and old.listed and old.state.status is Status.FAILED:
            self.troubles.setdefault(trouble_of(old, self.benign), Heard())
        if new is None or not new.listed or new.state.since is None:
            return
        since, before = new.state.since, old.state.status if old else None
        if new.state.status is Status.FAILED:
            trouble = trouble_of(new, self.benign)
            known = self.troubles.setdefault(trouble, Heard())
            if before is not Status.FAILED:
                self.troubles[trouble] = _with_failure(known, new, since)
        elif new.state.status is Status.COMPLETED and before is not Status.COMPLETED:
            rule = (new.version.bucket, new.destination, new.state.rule_id or "")
            self.completed[rule] = max(since, self.completed.get(rule, since))

    def of(self, trouble: Trouble) -> Heard:
        rule = (trouble.bucket, trouble.destination, trouble.rule_id)
        heard = self.troubles.get(trouble, Heard())
        return replace(heard, completed_at=self.completed.get(rule))


def _with_failure(heard: Heard, seen: Seen, since: Instant) -> Heard:
    sample = Sample(seen.version.key, seen.version.version_id)
    return Heard(
        failures=heard.failures + 1,
        first_failed_at=min(since, heard.first_failed_at or since),
        last_failed_at=max(since, heard.last_failed_at or since),
        completed_at=heard.completed_at,
        samples=_samples((*heard.samples, sample)),
    )


def after(
    current: Incident | None,
    trouble: Trouble,
    counted: Mapping[str, int],
    heard: Heard,
    now: Instant,
    new_id: str,
) -> Incident | None:
    """What the incident of a trouble becomes; None: there is none. `counted` are the trouble's
    counters, with everything heard in them."""
    failing, failures = counted.get("failing", 0), counted.get("failures", 0)
    if current is None:
        if failing <= 0:
            return None
        began = heard.first_failed_at or now
        current = Incident(
            id=new_id,
            trouble=trouble,
            opened_at=now,
            first_failed_at=began,
            last_failed_at=heard.last_failed_at or began,
            # Nobody heard of the failures that a recount found.
            failures_before=max(0, failures - max(heard.failures, failing)),
        )
    elif current.resolved_at:
        return current
    recovered_at = current.recovered_at
    last = max(current.last_failed_at, heard.last_failed_at or current.last_failed_at)
    if recovered_at and recovered_at < last:
        recovered_at = None
    if recovered_at is None and heard.completed_at and heard.completed_at >= last:
        recovered_at = heard.completed_at
    return replace(
        current,
        first_failed_at=min(
            current.first_failed_at, heard.first_failed_at or current.first_failed_at
        ),
        last_failed_at=last,
        samples=_samples((*current.samples, *heard.samples)),
        failures=max(failures - current.failures_before, failing),
        failing=failing,
        failing_bytes=counted.get("failing_bytes", 0),
        recovered_at=recovered_at,
        resolved_at=now if failing <= 0 and recovered_at else None,
    )


def owed(incident: Incident) -> Event | None:
    """What the subscribers have to be told; None: they know everything."""
    if incident.resolved_at:
        return Event.RESOLVED
    if incident.level == 0:
        return Event.OPENED
    return Event.GROWN if level_of(incident) > incident.level else None


def told(incident: Incident) -> Incident:
    """The incident once they were told."""
    return replace(incident, level=max(incident.level, level_of(incident)))


def level_of(incident: Incident) -> int:
    """The greatest power of ten within the failures; at least 1."""
    return int(10 ** (len(str(max(1, incident.failures))) - 1))


@dataclass(frozen=True, slots=True)
class Notice:
    """One message of the incident topic."""

    subject: str
    body: Mapping[str, Any]
    attributes: Mapping[str, str]


def notice(incident: Incident, event: Event) -> Notice:
    """What is told. The body is the incident as the API shows it, and which event it was."""
    trouble = incident.trouble
    code = trouble.code or "reason unknown"
    text = (
        f"S3 replication incident {event}: {trouble.bucket} to {trouble.destination}, {code},"
        f" {incident.failures} failures"
    )
    attributes = {
        "event": event.value,
        "bucket": trouble.bucket,
        "destination": trouble.destination,
        "rule_id": trouble.rule_id,
        "failure_code": trouble.code,
    }
    return Notice(
        subject="".join(one if " " <= one <= "~" else "?" for one in text)[:SUBJECT_LENGTH],
        body={
            "event": event.value,
            "message_id": f"{incident.id}:{event}:{level_of(incident)}",
            **view(incident),
        },
        attributes={
            name: "".join(one if one.isprintable() else "?" for one in value)
            for name, value in attributes.items()
            if value
        },
    )


def view(incident: Incident) -> dict[str, Any]:
    """An incident as a JSON object."""
    trouble = incident.trouble
    filters = {
        "status": "FAILED",
        "destination": trouble.destination,
        "rule_id": trouble.rule_id,
        "reason": trouble.code,
    }
    query = urlencode({name: value for name, value in filters.items() if value})
    return {
        "id": incident.id,
        "state": incident.state,
        "benign": trouble.benign,
        "bucket": trouble.bucket,
        "destination": trouble.destination,
        "rule_id": trouble.rule_id or None,
        "failure": dict(explain(trouble.code).as_json()),
        "opened_at": incident.opened_at,
        "resolved_at": incident.resolved_at,
        "first_failed_at": incident.first_failed_at,
        "last_failed_at": incident.last_failed_at,
        "failures": incident.failures,
        "failing": incident.failing,
        "bytes_held_back": incident.failing_bytes,
        "samples": [{"key": one.key, "version_id": one.version_id} for one in incident.samples],
        "list_path": f"/v1/buckets/{trouble.bucket}/objects?{query}",
        "api_path": f"/v1/incidents/{incident.id}",
    }


def encode(incident: Incident) -> str:
    """As text for the table."""
    plain = {
        name: getattr(incident, name)
        for name in Incident.__dataclass_fields__
        if name not in ("trouble", "samples")
    }
    trouble = incident.trouble
    plain["trouble"] = [getattr(trouble, name) for name in Trouble.__dataclass_fields__]
    plain["samples"] = [[one.key, one.version_id] for one in incident.samples]
    return json.dumps(plain, separators=(",", ":"))


def decode(text: str) -> Incident:
    plain = json.loads(text)
    return Incident(
        **plain
        | {
            "trouble": Trouble(*plain["trouble"]),
            "samples": tuple(Sample(*one) for one in plain["samples"]),
        }
    )


def _samples(many: Iterable[Sample]) -> tuple[Sample, ...]:
    return tuple(dict.fromkeys(many))[:SAMPLES]

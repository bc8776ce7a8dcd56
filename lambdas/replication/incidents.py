"""Incidents: many failures of one kind are one thing to know about and to mend. Pure.

A kind is a `Trouble`: source bucket, destination, rule and code. Its incident

    opens      with the first failure, at once
    grows      each time it has ten times as many failures
    resolves   when nothing of it is FAILED or tried again after it failed, and something of its
               rule arrived since, or nothing failed for an hour (what failed is gone, then)

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

from replication.contributions import (
    Benign,
    Seen,
    Trouble,
    changed_edges,
    trouble_at,
    trouble_of,
)
from replication.edges import Word
from replication.failures import explain
from replication.times import Instant, seconds_between

SAMPLES = 5
GONE_SECONDS = 3_600.0
"""How long nothing may have failed before an incident whose objects are gone is over: a route whose
failed objects are short-lived would open and close one for each of them."""
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
    subscribers know of, 0 for none. `quiet`: it is of failures that an inventory listed, old news
    that nobody is told of."""

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
    quiet: bool = False

    @property
    def state(self) -> str:
        return "resolved" if self.resolved_at else "open"


@dataclass(frozen=True, slots=True)
class Heard:
    """What some records of the stream say of one trouble. `listed` are failures that an inventory
    told of."""

    failures: int = 0
    first_failed_at: Instant | None = None
    last_failed_at: Instant | None = None
    completed_at: Instant | None = None
    samples: tuple[Sample, ...] = ()
    listed: int = 0


@dataclass(slots=True)
class Hearing:
    """What a batch says: of each trouble it touched, and of each rule that completed something."""

    benign: Benign
    troubles: dict[Trouble, Heard] = field(default_factory=dict)
    completed: dict[tuple[str, str, str], Instant] = field(default_factory=dict)

    def hear(self, old: Seen | None, new: Seen | None) -> None:
        """One change of an item."""
        for seen in (old, new):
            if seen and seen.listed and seen.state.failed_at:
                self.troubles.setdefault(trouble_of(seen, self.benign), Heard())
        for sign, edge in changed_edges(old, new):
            if sign < 0 or new is None:
                continue
            if edge.word is Word.FAILED:
                trouble = trouble_at(new, edge, self.benign)
                known = self.troubles.get(trouble, Heard())
                self.troubles[trouble] = _with_failure(known, new, edge.at, quiet=edge.quiet)
            elif edge.word is Word.COMPLETED:
                rule = (new.version.bucket, new.destination, new.state.rule_id or "")
                self.completed[rule] = max(edge.at, self.completed.get(rule, edge.at))

    def of(self, trouble: Trouble) -> Heard:
        rule = (trouble.bucket, trouble.destination, trouble.rule_id)
        heard = self.troubles.get(trouble, Heard())
        return replace(heard, completed_at=self.completed.get(rule))


def _with_failure(heard: Heard, seen: Seen, since: Instant, *, quiet: bool) -> Heard:
    sample = Sample(seen.version.key, seen.version.version_id)
    return Heard(
        failures=heard.failures + (not quiet),
        first_failed_at=min(since, heard.first_failed_at or since),
        last_failed_at=max(since, heard.last_failed_at or since),
        completed_at=heard.completed_at,
        samples=_samples((*heard.samples, sample)),
        listed=heard.listed + quiet,
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
            quiet=heard.listed > 0 and heard.failures == 0,
        )
    elif current.resolved_at:
        return current
    unwell = max(0, failing) + max(0, counted.get("retrying", 0))
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
        resolved_at=now
        if not unwell and (recovered_at or seconds_between(last, now) >= GONE_SECONDS)
        else None,
        quiet=current.quiet and heard.failures == 0,
    )


def owed(incident: Incident) -> Event | None:
    """What the subscribers have to be told; None: they know everything."""
    if incident.quiet:
        return None
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

"""The findings of every tracked bucket."""

import logging
from collections.abc import Iterator
from itertools import chain

from query.wiring import Service
from replication.counters.silence import silent_routes
from replication.errors import Unavailable
from replication.published.automatic import is_stopped
from replication.published.row import Json
from replication.published.subscription import chat_findings, mail_findings
from replication.s3 import bucket_setup
from replication.s3.bucket_setup import Finding, Severity

log = logging.getLogger(__name__)


def findings(service: Service) -> Json:
    """All at once: there are a few per tracked bucket, and at most some hundred buckets."""
    histories, findings = service.histories(), service.findings
    routes = [
        (source, destination)
        for source, history in histories.items()
        for destination in (history.destinations if history else ())
        if destination in service.settings.tracked
    ]
    found = bucket_setup.findings(
        histories,
        service.settings.topology,
        findings.load(),
        findings.setups(),
        silent_routes(service.counters, routes, service.present().now, service.frontier()),
        tuple(_stopped(service)),
    )
    subscribers = _of_subscribers(service)
    return {
        "items": [finding.as_json() for finding in chain(subscribers or (), found)],
        "next_cursor": None,
        "complete": all(histories.values()) and subscribers is not None,
    }


def _of_subscribers(service: Service) -> list[Finding] | None:
    """None where SNS does not say."""
    settings, read = service.settings, service.subscriptions
    try:
        found = list(mail_findings(read(settings.incident_topic_arn), settings.notify_emails))
        if settings.chat_topic_arn:
            found += chat_findings(read(settings.chat_topic_arn))
    except Unavailable as error:
        log.warning("subscriptions could not be read: %s", error)
        return None
    return found


def _stopped(service: Service) -> Iterator[Finding]:
    """Rules of automatic redrives that stopped for an incident that is still open."""
    for note in service.redrives.notes():
        last = service.redrives.find(note.redrive_id)
        incident = service.incidents.find(note.incident_id)
        if last is None or incident is None or incident.resolved_at or not is_stopped(last):
            continue
        yield Finding(
            note.rule.bucket,
            "redrive",
            Severity.WARNING,
            f"Automatic redrives of {note.rule.text} stopped for incident {incident.id}: under half"
            f" of redrive {last.id} succeeded.",
            "Mend what its failures name, then plan a redrive of the incident yourself; the rule"
            " acts again for the next one.",
            last.ended_at,
        )

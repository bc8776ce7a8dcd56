"""The findings of every tracked bucket."""

from collections.abc import Iterator

from query.wiring import Service
from replication.counters.silence import silent_routes
from replication.published.automatic import is_stopped
from replication.published.row import Json
from replication.s3 import bucket_setup
from replication.s3.bucket_setup import Finding, Severity


def findings(service: Service) -> Json:
    """All at once: there are a few per tracked bucket, and of those at most 45 buckets."""
    histories, findings = service.histories(), service.findings
    routes = [
        (source, destination)
        for source, history in histories.items()
        for destination in (history.destinations if history else ())
        if destination in service.settings.tracked
    ]
    found = bucket_setup.findings(
        histories,
        service.settings.destination_buckets,
        findings.load(),
        findings.setups(),
        silent_routes(service.counters, routes, service.present().now, service.frontier()),
        tuple(_stopped(service)),
    )
    return {
        "items": [finding.as_json() for finding in found],
        "next_cursor": None,
        "complete": all(histories.values()),
    }


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

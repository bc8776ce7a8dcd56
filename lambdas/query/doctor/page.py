"""The findings of every tracked bucket."""

from query.wiring import Service
from replication.counters.silence import silent_routes
from replication.published.row import Json
from replication.s3 import bucket_setup


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
    )
    return {
        "items": [finding.as_json() for finding in found],
        "next_cursor": None,
        "complete": all(histories.values()),
    }

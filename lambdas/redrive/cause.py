"""Whether the cause of failures stands open, so that a job would only fail once more. Pure.

It stands open while an incident still grows, and while the doctor has an error about a bucket of
the route that keeps S3 from replicating. An incident grows when it had a failure lately and nothing
of its rule arrived since: one new object that replicates shows that the cause is mended.
"""

from collections.abc import Iterable, Iterator, Sequence

from replication.counters.incident import Incident
from replication.s3.bucket_setup import Finding, Severity
from replication.times import Instant, plus

GROWING_SECONDS = 15 * 60
"""How long after its last failure an incident without an arrival counts as growing."""
OF_THE_TRACKER = frozenset(
    {
        "access",
        "destination",
        "encryption",
        "event-rule",
        "eventbridge",
        "events",
        "metrics",
        "notifications",
        "object-events",
        "region",
    }
)
"""Findings that keep the tracker from knowing, but not S3 from replicating."""


def concerns(
    incidents: Iterable[Incident],
    findings: Sequence[Finding],
    routes: Sequence[tuple[str, str]],
    now: Instant,
) -> tuple[str, ...]:
    """What stands open, in words; empty when a job may help. `incidents` are those the redrive is
    about; `routes` are its pairs of source bucket and destination."""
    buckets = {name for route in routes for name in route}
    return (*_of_incidents(incidents, now), *_of_findings(findings, buckets))


def _of_incidents(incidents: Iterable[Incident], now: Instant) -> Iterator[str]:
    for one in incidents:
        arrived = one.recovered_at is not None and one.recovered_at >= one.last_failed_at
        lately = plus(one.last_failed_at, GROWING_SECONDS) > now
        if one.resolved_at is None and lately and not arrived:
            yield (
                f"Incident {one.id} still grows: its last failure was at {one.last_failed_at}, and"
                f" nothing of rule {one.kind.rule_id or '(unknown)'} has arrived in"
                f" {one.kind.destination} since. Mend the cause, then write one object that the"
                " rule takes: once it has arrived, plan again."
            )


def _of_findings(findings: Sequence[Finding], buckets: set[str]) -> Iterator[str]:
    for one in findings:
        stops_s3 = one.severity is Severity.ERROR and one.check not in OF_THE_TRACKER
        if stops_s3 and one.bucket in buckets:
            yield f"{one.bucket}: {one.finding} {one.fix}"

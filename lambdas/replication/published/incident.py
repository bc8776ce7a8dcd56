"""An incident as JSON, for the API and the incident topic."""

from typing import Any
from urllib.parse import urlencode

from replication.counters.incident import Incident
from replication.s3.failure_reasons import explain


def incident_json(incident: Incident) -> dict[str, Any]:
    """An incident as a JSON object; its schema is in `query/incidents/schemas.py`."""
    kind = incident.kind
    filters = {
        "status": "FAILED",
        "destination": kind.destination,
        "rule_id": kind.rule_id,
        "reason": kind.code,
    }
    query = urlencode({name: value for name, value in filters.items() if value})
    return {
        "id": incident.id,
        "state": incident.state,
        "benign": kind.benign,
        "bucket": kind.bucket,
        "destination": kind.destination,
        "rule_id": kind.rule_id or None,
        "failure": dict(explain(kind.code).as_json()),
        "opened_at": incident.opened_at,
        "resolved_at": incident.resolved_at,
        "first_failed_at": incident.first_failed_at,
        "last_failed_at": incident.last_failed_at,
        "failures": incident.failures,
        "failing": incident.failing,
        "bytes_held_back": incident.failing_bytes,
        "samples": [{"key": one.key, "version_id": one.version_id} for one in incident.samples],
        "list_path": f"/v1/buckets/{kind.bucket}/objects?{query}",
        "api_path": f"/v1/incidents/{incident.id}",
    }

"""Hostile and broken input at both doors: the ingest queue and the REST API."""

import json
from typing import Any
from uuid import uuid4

import pytest

from local import demo_buckets
from tests.e2e.conftest import Deployed

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

SOURCE = demo_buckets.SOURCE
OBJECT = f"/v1/buckets/{SOURCE}/object"
OBJECTS = f"/v1/buckets/{SOURCE}/objects"


def envelope(**changes: Any) -> dict[str, Any]:
    detail: dict[str, Any] = {
        "version": "0",
        "bucket": {"name": SOURCE},
        "object": {"key": "TaxDocs/x", "size": 1, "version-id": "v", "sequencer": "00A"},
        "reason": "PutObject",
    }
    whole = {
        "version": "0",
        "id": str(uuid4()),
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "111122223333",
        "time": "2026-11-22T10:00:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail": detail,
    }
    return whole | changes


def with_object(**changes: Any) -> dict[str, Any]:
    whole = envelope()
    whole["detail"]["object"] |= changes
    return whole


BODIES = {
    "not json": "not json {",
    "json of no shape": json.dumps({"hello": "world"}),
    "a list": "[1, 2]",
    "records of a wrong type": json.dumps({"Records": "none"}),
    "a key of a wrong type": json.dumps(with_object(key=7)),
    "a key of 1,025 bytes": json.dumps(with_object(key="k" * 1025)),
    "an absurd date": json.dumps(envelope(time="9999-12-31T23:59:59Z")),
    "no date at all": json.dumps(envelope(time="yesterday")),
    "a bucket that is not tracked": json.dumps(
        envelope(detail=envelope()["detail"] | {"bucket": {"name": "somebody-elses"}})
    ),
    "nearly 256 KB of nothing": json.dumps({"padding": "x" * 250_000}),
}


def test_every_body_nobody_can_understand_is_a_dead_letter_with_a_reason(
    deployed: Deployed,
) -> None:
    """At once (the queue's own eight attempts take most of an hour), and none stops the others."""
    key = f"TaxDocs/between-{uuid4().hex}.pdf"
    for body in list(BODIES.values())[:5]:
        deployed.send(body)
    version_id = deployed.put(key)
    for body in list(BODIES.values())[5:]:
        deployed.send(body)
    reasons = {}
    for name, body in BODIES.items():
        letter = deployed.dead_letter(lambda one, body=body: one["Body"] == body)  # type: ignore[misc]
        reasons[name] = letter["MessageAttributes"]["reason"]["StringValue"]
        assert letter["MessageAttributes"]["detail"]["StringValue"]
    assert reasons["not json"] == "not-json"
    assert reasons["a bucket that is not tracked"] == "bucket-not-tracked"
    assert len(set(reasons.values())) >= 6
    assert deployed.settled(key, version_id)["replication_status"] == "COMPLETED"


PROBLEMS: list[tuple[str, dict[str, Any], int, str | None]] = [
    (OBJECT, {}, 400, "key"),
    (OBJECT, {"key": ""}, 400, "key"),
    (OBJECT, {"key": "k" * 1025}, 400, "key"),
    (OBJECT, {"key": "TaxDocs/never-written"}, 404, "key"),
    (OBJECT, {"key": "100%/+ /never"}, 404, "key"),
    ("/v1/buckets/not-tracked/object", {"key": "k"}, 404, "bucket"),
    (OBJECTS, {"limit": 0}, 400, "limit"),
    (OBJECTS, {"limit": -1}, 400, "limit"),
    (OBJECTS, {"limit": 1001}, 400, "limit"),
    (OBJECTS, {"limit": "many"}, 400, "limit"),
    (OBJECTS, {"status": "REPLICA"}, 400, "status"),
    (OBJECTS, {"since": "yesterday"}, 400, "since"),
    (OBJECTS, {"cursor": "AAAA"}, 400, "cursor"),
    (OBJECTS, {"stauts": "FAILED"}, 400, "stauts"),
    ("/v1/nothing", {}, 404, None),
]


@pytest.mark.parametrize(("path", "parameters", "status", "parameter"), PROBLEMS)
def test_every_wrong_request_is_answered_with_a_problem(
    deployed: Deployed, path: str, parameters: dict[str, Any], status: int, parameter: str | None
) -> None:
    answer = deployed.api.send("GET", path, parameters)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    problem = answer.json()
    assert problem["status"] == status
    assert {"type", "title", "detail"} <= set(problem)
    assert problem.get("parameter") == parameter
    assert "Traceback" not in answer.text


def test_a_request_nobody_signed_is_refused_by_the_gateway_with_a_problem(
    deployed: Deployed,
) -> None:
    answer = deployed.api.http.get(deployed.outputs.api_url + "/v1/health")
    assert answer.status_code == 403
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["status"] == 403


def test_a_cursor_of_another_list_is_refused(deployed: Deployed) -> None:
    for number in range(3):
        key = f"logs/cursor/{number}"
        deployed.settled(key, deployed.put(key))
    page = deployed.api.get(OBJECTS, status="COMPLETED", prefix="logs/", limit=1)
    cursor = page["next_cursor"]
    assert cursor
    assert deployed.api.get(OBJECTS, status="COMPLETED", prefix="logs/", limit=1, cursor=cursor)
    for other in ({"status": "FAILED"}, {"status": "COMPLETED", "prefix": "TaxDocs/"}):
        answer = deployed.api.send("GET", OBJECTS, other | {"cursor": cursor})
        assert (answer.status_code, answer.json()["parameter"]) == (400, "cursor")


def test_health_and_the_openapi_document_are_served(deployed: Deployed) -> None:
    assert deployed.api.get("/v1/health")["status"] == "ok"
    document = deployed.api.get("/v1/openapi.json")
    assert f"{OBJECT}".replace(SOURCE, "{bucket}") in document["paths"]

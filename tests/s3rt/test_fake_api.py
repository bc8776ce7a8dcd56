"""The canned answers are answers the real API could give: they fit docs/openapi.json."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tests.s3rt.conftest import OLD_RELEASE
from tests.support.fake_api.server import POSTED as SENT
from tests.support.fake_api.server import ROUTES, FakeApi
from tests.support.fake_api.world import CHANGED, DUBLIN, LOGS, MEDIA, TAX, World

DOCUMENT: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "docs" / "openapi.json").read_text()
)
SIGNED = (
    "AWS4-HMAC-SHA256 Credential=test/20261122/eu-central-1/execute-api/aws4_request,"
    " SignedHeaders=host, Signature=0"
)
ASKED = {
    "/v1/buckets": ["/v1/buckets"],
    "/v1/buckets/{bucket}/object": [
        f"/v1/buckets/{TAX}/object?key={CHANGED}",
        f"/v1/buckets/{DUBLIN}/object?key={CHANGED}",
    ],
    "/v1/buckets/{bucket}/object/versions": [f"/v1/buckets/{TAX}/object/versions?key={CHANGED}"],
    "/v1/buckets/{bucket}/object/wait": [f"/v1/buckets/{TAX}/object/wait?key={CHANGED}"],
    "/v1/buckets/{bucket}/objects": [
        f"/v1/buckets/{TAX}/objects?limit=1000",
        f"/v1/buckets/{MEDIA}/objects?limit=1000&order=oldest",
    ],
    "/v1/buckets/{bucket}/arrival": [
        f"/v1/buckets/{MEDIA}/arrival?prefix=vault/",
        f"/v1/buckets/{TAX}/arrival?prefix=2026/form-",
    ],
    "/v1/buckets/{bucket}/summary": [f"/v1/buckets/{name}/summary" for name in (TAX, MEDIA, LOGS)],
    "/v1/buckets/{bucket}/timeline": [f"/v1/buckets/{MEDIA}/timeline?step=5m"],
    "/v1/incidents": ["/v1/incidents", "/v1/incidents?state=open"],
    "/v1/incidents/{incident_id}": ["/v1/incidents/incident-0"],
    "/v1/doctor": ["/v1/doctor"],
    "/v1/health": ["/v1/health"],
}
DOCUMENTED = DOCUMENT["paths"]


def test_every_canned_route_is_asked() -> None:
    assert set(ASKED) == set(ROUTES)


POSTED = b'{"objects": [{"key": "2026/11/new-0.mp4"}, {"key": "nothing"}]}'


@pytest.mark.parametrize(
    ("route", "method"),
    [
        *((route, "get") for route in sorted(set(ROUTES) & set(DOCUMENTED))),
        *((route, "post") for route in SENT),
    ],
)
def test_a_canned_answer_fits_the_published_schema(route: str, method: str) -> None:
    answer = DOCUMENTED[route][method]["responses"]["200"]["content"]["application/json"]
    validator = jsonschema_rs.Draft202012Validator(
        {**answer["schema"], "components": DOCUMENT["components"]}, validate_formats=True
    )
    api = FakeApi(World.made())
    for target in ASKED[route]:
        status, body = api.answer(target, SIGNED, POSTED if method == "post" else None)
        assert status == 200, body
        assert body.get("items") != []
        faults = [(one.instance_path, one.message) for one in validator.iter_errors(body)]
        assert faults == []


def test_a_canned_route_is_published_or_one_that_an_older_release_lacks() -> None:
    assert set(ROUTES) - set(DOCUMENTED) <= set(OLD_RELEASE)


@pytest.mark.parametrize("target", ["/v1/nothing", "/v1/buckets/nope/objects"])
def test_a_canned_problem_fits_the_published_schema(target: str) -> None:
    schema = {
        "$ref": "#/components/schemas/Problem",
        "components": DOCUMENT["components"],
    }
    status, body = FakeApi(World.made()).answer(target, SIGNED)
    assert status == 404
    jsonschema_rs.Draft202012Validator(schema).validate(body)


def test_what_is_not_signed_is_refused() -> None:
    assert FakeApi(World.made()).answer("/v1/health", "")[0] == 403

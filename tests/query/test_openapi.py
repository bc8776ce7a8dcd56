"""The OpenAPI document is the routes', is served, is committed, and holds for what is answered."""

import json
import tomllib
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from query import VERSION, openapi
from query.handler import app
from query.problems import URN
from tests.query.conftest import get, request
from tests.support.seeds import arrived, failed, requested, stored, version

ROOT = Path(__file__).parents[2]
MEND = "docs/openapi.json is not what the routes say: make openapi"


def test_the_committed_document_is_what_the_routes_say() -> None:
    assert (ROOT / "docs" / "openapi.json").read_text() == openapi.text(app), MEND


def test_the_served_document_is_the_committed_one() -> None:
    answer = get("/v1/openapi.json")
    assert answer.status == 200
    assert answer.json == json.loads((ROOT / "docs" / "openapi.json").read_text()), MEND


def test_the_version_is_the_project_s() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == VERSION


def test_errors_are_declared_as_problems_and_as_nothing_else() -> None:
    for operation in operations():
        for status, response in operation["responses"].items():
            kinds = set(response["content"])
            wanted = "application/json" if status < "300" else "application/problem+json"
            assert kinds == {wanted}
            assert status in {"200", "202", "400", "404", "409", "500", "503", "default"}
    schemas = openapi.document(app)["components"]["schemas"]
    assert "Problem" in schemas
    assert "HTTPValidationError" not in schemas
    assert URN in schemas["Problem"]["properties"]["type"]["description"]


def test_every_field_and_parameter_is_described() -> None:
    document = openapi.document(app)
    for name, schema in document["components"]["schemas"].items():
        assert schema.get("description"), name
        for field, described in schema.get("properties", {}).items():
            assert described.get("description"), f"{name}.{field}"
    for operation in operations():
        assert operation["summary"]
        for parameter in operation.get("parameters", []):
            assert parameter["description"], parameter["name"]


def operations() -> Iterator[dict[str, Any]]:
    for methods in openapi.document(app)["paths"].values():
        yield from methods.values()


UNSIGNED = "/unsigned.json"
"""The document without security: the gateway checks signatures before it calls the function."""


def gateway(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """WSGI to a Lambda event and back, as API Gateway would for a signed request."""
    if environ["PATH_INFO"] == UNSIGNED:
        document = openapi.document(app) | {"security": []}
        start_response("200 OK", [("content-type", "application/json")])
        return [json.dumps(document).encode()]
    parameters = parse_qs(environ["QUERY_STRING"], keep_blank_values=True)
    path = environ["PATH_INFO"].encode("latin-1").decode(errors="replace").removeprefix("/prod")
    size = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(size).decode(errors="replace") if size else None
    answer = request(path, environ["REQUEST_METHOD"], body, parameters)
    phrase = HTTPStatus(answer.status).phrase
    start_response(f"{answer.status} {phrase}", list(answer.headers.items()))
    return [answer.text.encode()]


schema = schemathesis.openapi.from_wsgi(UNSIGNED, gateway).include(method="GET")
"""Other methods are the function redrive's, see tests/redrive/test_api.py."""


@pytest.fixture
def stocked(seed: Any) -> None:
    seed(
        stored(requested(), arrived(3), of=version("0")),
        stored(requested(), failed(4), of=version("0"), destination="dst-b"),
    )


@schema.parametrize()
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)
@pytest.mark.usefixtures("stocked")
def test_what_is_answered_is_what_the_document_says(case: schemathesis.Case[Any]) -> None:
    if case.path.endswith("/wait"):
        case.query = {**(case.query or {}), "timeout": 0}
    if "bucket" in case.path_parameters and len(str(case.path_parameters["bucket"])) % 2:
        case.path_parameters["bucket"] = "src"
    # What no schema can say: which text is a cursor, that `until` lies after `since`, and how many
    # bytes a key has.
    case.call_and_validate(excluded_checks=[positive_data_acceptance])

"""The OpenAPI document: made from the routes, served by the API, kept in docs/openapi.json.

Powertools describes parameters and answers. Its own errors (422) are replaced by the problems that
the routes answer with.
"""

import json
import re
from functools import cache
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response

from query import VERSION
from query.parameters import only
from query.redrives import document as redrives
from query.schema import Problem

Document = dict[str, Any]

_DESCRIPTION = """\
Did Amazon S3 replicate an object version, to every destination, when, and if not, why and what is \
to be done? Every request is signed with SigV4 (IAM). Times are RFC 3339 in UTC with milliseconds; \
what is unknown is null. Parameters a route does not know, or that are given twice, are refused.\
"""
_POWERTOOLS_SCHEMAS = ("HTTPValidationError", "ValidationError", "ResponseValidationError")
_PROBLEMS = {
    "400": "A parameter is missing or not valid",
    "404": "The bucket or the object is not tracked, or there is no such incident",
    "500": "The tracker failed; `request_id` leads to its log",
    "503": "The ledger does not answer; ask again after `Retry-After` seconds",
    "default": "The gateway refused it (signature, permission, rate) or got no answer",
}
_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_SIGV4 = {
    "type": "apiKey",
    "name": "Authorization",
    "in": "header",
    "x-amazon-apigateway-authtype": "awsSigv4",
}


def install(app: APIGatewayRestResolver) -> None:
    """Adds the route that serves the document."""

    @app.get(
        "/v1/openapi.json",
        summary="This document",
        operation_id="get_openapi",
        tags=["service"],
        response_description="OpenAPI 3.1",
        middlewares=[only(frozenset())],
    )
    def get_openapi() -> Response[dict[str, Any]]:
        return Response(
            status_code=200,
            content_type="application/json",
            body=document(app),
        )


@cache
def document(app: APIGatewayRestResolver) -> Document:
    """The document as JSON; callers must not change it."""
    made: Document = json.loads(
        app.get_openapi_json_schema(
            title="S3 replication tracker", version=VERSION, description=_DESCRIPTION
        )
    )
    made["servers"] = [{"url": "/prod", "description": "The stage of the stack's ApiUrl"}]
    components = made["components"]
    components["securitySchemes"] = {"sigv4": _SIGV4}
    made["security"] = [{"sigv4": []}]
    for name in _POWERTOOLS_SCHEMAS:
        components["schemas"].pop(name, None)
    components["schemas"]["Problem"] = Problem.model_json_schema()
    redrives.add(made)
    for path, operations in made["paths"].items():
        for operation in operations.values():
            _declare_problems(path, operation)
            for parameter in operation.get("parameters", []):
                parameter["schema"] = _of_parameter(parameter["schema"])
    return made


def methods(app: APIGatewayRestResolver, path: str) -> list[str]:
    """The methods of the route that has this path, sorted; none: there is no such route."""
    return sorted(
        method.upper()
        for known, operations in document(app)["paths"].items()
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", known) + "/*", path)
        for method in operations
    )


def text(app: APIGatewayRestResolver) -> str:
    """The document as in docs/openapi.json."""
    return json.dumps(document(app), indent=2, sort_keys=True) + "\n"


def _declare_problems(path: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    responses.pop("422", None)
    absent = set() if "{" in path else {"404"}
    for status, description in _PROBLEMS.items():
        if status not in absent:
            responses[status] = {"description": description}
    for response in responses.values():
        response.setdefault("content", _PROBLEM)


def _of_parameter(schema: dict[str, Any]) -> dict[str, Any]:
    """Without title and description, which the parameter has, and without null."""
    kept = {name: value for name, value in schema.items() if name not in ("title", "description")}
    if not (variants := kept.pop("anyOf", None)):
        return kept
    variant: dict[str, Any] = next(one for one in variants if one != {"type": "null"})
    return kept | variant

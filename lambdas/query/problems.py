"""Every error as an RFC 9457 problem: `application/problem+json` without internals.

`parameter` names the parameter of the request that has to change. `request_id` is the gateway's;
logs can be searched for it.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.metrics import MetricUnit, single_metric

from replication.errors import Unavailable
from replication.published.problem import (
    BUCKET_NOT_TRACKED,
    CONTENT_TYPE,
    INTERNAL_ERROR,
    INVALID_PARAMETER,
    LEDGER_UNAVAILABLE,
    NO_SUCH_INCIDENT,
    NO_SUCH_REDRIVE,
    NOT_FOUND,
    URN,
    Kind,
    problem_json,
)

__all__ = [
    "BUCKET_NOT_TRACKED",
    "CONTENT_TYPE",
    "INTERNAL_ERROR",
    "INVALID_CURSOR",
    "INVALID_PARAMETER",
    "LEDGER_UNAVAILABLE",
    "NOT_FOUND",
    "NO_SUCH_INCIDENT",
    "NO_SUCH_REDRIVE",
    "OBJECT_NOT_TRACKED",
    "TOO_MANY_VERSIONS",
    "URN",
    "Kind",
    "Problem",
    "install",
]

RETRY_AFTER_SECONDS = 1

INVALID_CURSOR = Kind("invalid-cursor", 400, "The cursor does not belong to this list")
TOO_MANY_VERSIONS = Kind("too-many-versions", 400, "The key has too many versions")
OBJECT_NOT_TRACKED = Kind("object-not-tracked", 404, "The object is not tracked")
METHOD_NOT_ALLOWED = Kind("method-not-allowed", 405, "The route does not take this method")

# Errors of DynamoDB after which the same request may succeed in a moment.
_PASSING = frozenset(
    {
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingException",
    }
)


class Problem(Exception):
    """An answer that is no success. The client gets `detail`."""

    def __init__(self, kind: Kind, detail: str, parameter: str | None = None) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.parameter = parameter


def install(
    app: APIGatewayRestResolver, logger: Logger, methods: Callable[[str], Collection[str]]
) -> None:
    """Turns every error of a route into a problem. `methods`: those of the route that has this
    path; none: there is no such route."""

    def request_id() -> str | None:
        context: Mapping[str, Any] = app.current_event.get("requestContext") or {}
        return context.get("requestId")

    def unavailable(error: Exception) -> Response[str]:
        logger.warning("The ledger does not answer", exc_info=error)
        _count("LedgerUnavailable")
        return _response(
            LEDGER_UNAVAILABLE,
            "The ledger could not be read just now; ask again.",
            headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
            request_id=request_id(),
        )

    def on_problem(problem: Problem) -> Response[str]:
        if problem.kind is LEDGER_UNAVAILABLE:
            return unavailable(problem)
        return _response(problem.kind, problem.detail, problem.parameter)

    def on_invalid(error: RequestValidationError) -> Response[str]:
        return _response(INVALID_PARAMETER, *_first_fault(error.errors()))

    def on_unknown_route(_: NotFoundError) -> Response[str]:
        method, path = app.current_event.http_method, app.current_event.path
        if known := ", ".join(methods(path)):
            detail = f"{method} is not one of the methods of this route: {known}."
            return _response(METHOD_NOT_ALLOWED, detail, headers={"Allow": known})
        return _response(NOT_FOUND, "No route of this API has this path.")

    def on_unavailable(error: Unavailable) -> Response[str]:
        # The answer of DynamoDB, if there was one.
        answered = getattr(error.__cause__, "response", None)
        if answered is None or answered.get("Error", {}).get("Code") in _PASSING:
            return unavailable(error)
        return on_unexpected(error)

    def on_unexpected(error: Exception) -> Response[str]:
        logger.error("Unexpected error", exc_info=error)
        _count("UnexpectedErrors")
        return _response(
            INTERNAL_ERROR,
            "Something unexpected happened; the tracker's log has it under the request id.",
            request_id=request_id(),
        )

    # The most specific class decides, so the last one catches only the rest.
    for error, handler in (
        (Problem, on_problem),
        (RequestValidationError, on_invalid),
        (NotFoundError, on_unknown_route),
        (Unavailable, on_unavailable),
        (Exception, on_unexpected),
    ):
        app.exception_handler(error)(handler)


def _response(
    kind: Kind,
    detail: str,
    parameter: str | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    request_id: str | None = None,
) -> Response[str]:
    body = problem_json(kind, detail, parameter=parameter, request_id=request_id)
    return Response(
        status_code=kind.status,
        content_type=CONTENT_TYPE,
        body=json.dumps(body),
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def _first_fault(errors: Sequence[Mapping[str, Any]]) -> tuple[str, str | None]:
    """Detail and parameter of the first error of pydantic."""
    error = errors[0]
    parameter = str(error["loc"][-1])
    if error["type"] == "missing":
        return f"{parameter} is missing.", parameter
    if isinstance(error.get("input"), list):
        return f"{parameter} is given more than once.", parameter
    return f"{parameter}: {error['msg']}.", parameter


def _count(name: str) -> None:
    with single_metric(name=name, unit=MetricUnit.Count, value=1):
        pass

"""Errors that API Gateway answers itself, in the shape of those of the query function: RFC 9457
problems."""

from typing import NamedTuple

from aws_cdk import aws_apigateway as apigateway

PROBLEM_URN = "urn:problem:s3-replication-tracker:"

_Type = apigateway.ResponseType


class _Problem(NamedTuple):
    response: apigateway.ResponseType
    status: int
    name: str
    title: str


_PROBLEMS = (
    _Problem(_Type.BAD_REQUEST_BODY, 400, "invalid-body", "The body is not valid"),
    _Problem(_Type.BAD_REQUEST_PARAMETERS, 400, "invalid-parameter", "A parameter is not valid"),
    _Problem(_Type.UNAUTHORIZED, 401, "unauthenticated", "The request is not authenticated"),
    _Problem(_Type.ACCESS_DENIED, 403, "access-denied", "The caller may not do this"),
    _Problem(_Type.EXPIRED_TOKEN, 403, "expired-token", "The caller's credentials have expired"),
    _Problem(_Type.INVALID_SIGNATURE, 403, "invalid-signature", "The SigV4 signature is wrong"),
    _Problem(_Type.INVALID_API_KEY, 403, "access-denied", "The caller may not do this"),
    # The gateway gives one and the same answer to an unsigned request and to an unknown path.
    _Problem(
        _Type.MISSING_AUTHENTICATION_TOKEN,
        403,
        "unsigned-or-unknown-route",
        "The request is not signed, or there is no such route",
    ),
    _Problem(_Type.WAF_FILTERED, 403, "access-denied", "The caller may not do this"),
    _Problem(_Type.RESOURCE_NOT_FOUND, 404, "not-found", "There is no such route"),
    _Problem(_Type.REQUEST_TOO_LARGE, 413, "request-too-large", "The request is too large"),
    _Problem(
        _Type.UNSUPPORTED_MEDIA_TYPE, 415, "unsupported-media-type", "The body has a wrong type"
    ),
    _Problem(_Type.QUOTA_EXCEEDED, 429, "too-many-requests", "Too many requests"),
    _Problem(_Type.THROTTLED, 429, "too-many-requests", "Too many requests"),
    _Problem(_Type.API_CONFIGURATION_ERROR, 500, "internal-error", "The tracker failed"),
    _Problem(_Type.AUTHORIZER_CONFIGURATION_ERROR, 500, "internal-error", "The tracker failed"),
    _Problem(_Type.AUTHORIZER_FAILURE, 500, "internal-error", "The tracker failed"),
    _Problem(_Type.INTEGRATION_FAILURE, 504, "no-answer", "The tracker did not answer"),
    _Problem(_Type.INTEGRATION_TIMEOUT, 504, "timeout", "The tracker did not answer in time"),
    # All other types known today are listed above. These two cover types that the gateway may add,
    # with a fixed status code, so that `status` in the body always equals it.
    _Problem(_Type.DEFAULT_4_XX, 400, "bad-request", "The request was refused"),
    _Problem(_Type.DEFAULT_5_XX, 500, "internal-error", "The tracker failed"),
)


def add_problem_responses(rest: apigateway.RestApi) -> None:
    """Give every error of the gateway the body and content type of a problem."""
    for problem in _PROBLEMS:
        rest.add_gateway_response(
            problem.response.response_type,
            type=problem.response,
            status_code=str(problem.status),
            response_headers={"Content-Type": "'application/problem+json'"},
            templates={"application/json": _body(problem)},
        )


def _body(problem: _Problem) -> str:
    """A template, not JSON: `messageString` is replaced by a text with its quotes."""
    return (
        f'{{"type":"{PROBLEM_URN}{problem.name}","title":"{problem.title}",'
        f'"status":{problem.status},"detail":$context.error.messageString}}'
    )

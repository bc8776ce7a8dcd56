"""Errors of the API as RFC 9457 problems."""

from typing import Any, NamedTuple

URN = "urn:problem:s3-replication-tracker:"
CONTENT_TYPE = "application/problem+json"


class Kind(NamedTuple):
    """A kind of problem: the end of its URN, its HTTP status and its title."""

    name: str
    status: int
    title: str


def problem_json(kind: Kind, detail: str, **optional: str | None) -> dict[str, Any]:
    """The body of a problem; what is None is left out."""
    body = {"type": URN + kind.name, "title": kind.title, "status": kind.status, "detail": detail}
    return body | {name: value for name, value in optional.items() if value is not None}


INVALID_PARAMETER = Kind("invalid-parameter", 400, "A parameter is not valid")
NOT_FOUND = Kind("not-found", 404, "There is no such route")
BUCKET_NOT_TRACKED = Kind("bucket-not-tracked", 404, "The bucket is not tracked")
NO_SUCH_INCIDENT = Kind("no-such-incident", 404, "There is no such incident")
NO_SUCH_REDRIVE = Kind("no-such-redrive", 404, "There is no such redrive")
INTERNAL_ERROR = Kind("internal-error", 500, "The tracker failed")
LEDGER_UNAVAILABLE = Kind("ledger-unavailable", 503, "The ledger does not answer")

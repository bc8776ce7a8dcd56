"""How `s3rt` ends: one exit code and one line for each kind of trouble.

0  done; of an object: COMPLETED, or a replica; of a set: all of it has arrived
1  FAILED was found (`status`, `wait`, `history`, `failures`, `incidents` with an open one);
   `aws-check` could not remove what it made
2  the command was not understood
3  still pending, in doubt where it goes, or the time given to `wait` or `--wait` is over
4  the tracker does not track it, no replication rule takes it, or nothing certain will be known
5  the API or AWS could not be reached, refused the caller, or has no such route
6  `status --verify`: S3 says otherwise than the tracker; `aws-check`: AWS than the tracker expects;
   `discover --check`: the buckets than the file
"""

from enum import IntEnum
from typing import Any

import httpx
from botocore.exceptions import BotoCoreError, ClientError
from typer import Context, Exit
from typer.core import TyperGroup

from replication.errors import Rejected, TrackerError
from s3rt import text
from s3rt.api import ApiProblem
from s3rt.aws_errors import explained
from s3rt.outputs import NoStack

_NO_ROUTE = "urn:problem:s3-replication-tracker:not-found"
_HINTS = {
    "bucket-not-tracked": "`s3rt buckets` names the tracked ones.",
    "object-not-tracked": "Check the key and the bucket; what was written before the tracker came"
    " gets in by `s3rt backfill`.",
}


class ExitCode(IntEnum):
    OK = 0
    FAILED = 1
    USAGE = 2
    PENDING = 3
    NOT_TRACKED = 4
    UNREACHABLE = 5
    DIFFERS = 6


class Stop(Exception):
    """Ends the command; the message says what a person can do."""

    def __init__(self, message: str, code: ExitCode) -> None:
        super().__init__(message)
        self.code = code


class CommandGroup(TyperGroup):
    """Says what went wrong in one line on standard error, and never shows a stack trace for what
    a person can put right."""

    def invoke(self, context: Context) -> Any:  # type: ignore[override]
        try:
            return super().invoke(context)
        except BrokenPipeError:
            raise  # `s3rt ls | head`: typer ends quietly
        except _EXPECTED as error:
            message, code = message_and_code(error)
            text.errors().print(text.plain(f"s3rt: {message}", "red"))
            raise Exit(code) from error


_EXPECTED = (
    Stop,
    NoStack,
    ApiProblem,
    TrackerError,
    ClientError,
    BotoCoreError,
    httpx.TransportError,
    OSError,
    EOFError,
)


def message_and_code(error: Exception) -> tuple[str, ExitCode]:
    """The line for a person, and the exit code."""
    match error:
        case Stop():
            return str(error), error.code
        case ApiProblem():
            return _of_problem(error)
        # Some of botocore's errors are OSErrors as well.
        case ClientError() | BotoCoreError():
            return explained(error), ExitCode.UNREACHABLE
        case Rejected() | OSError() | EOFError():
            return str(error), ExitCode.USAGE
        case httpx.TransportError():
            reason = str(error) or type(error).__name__
            return (
                f"the API does not answer ({reason}); is the stack up, and is it the right one?"
                " `--outputs` and `--stage` say which",
                ExitCode.UNREACHABLE,
            )
        case _:
            return str(error), ExitCode.UNREACHABLE


def is_transient(error: Exception) -> bool:
    """Whether the same question may be answered in a moment."""
    if isinstance(error, ApiProblem):
        return error.status == 429 or error.status >= 500
    return isinstance(error, httpx.TransportError)


def _of_problem(error: ApiProblem) -> tuple[str, ExitCode]:
    detail = str(error.problem.get("detail") or error.problem.get("title") or "")
    if error.problem.get("type") == _NO_ROUTE:
        return (
            "the deployed API has no such route; deploy the present version",
            ExitCode.UNREACHABLE,
        )
    match error.status:
        case 404:
            name = str(error.problem.get("type", "")).rpartition(":")[2]
            return f"{detail} {_HINTS.get(name, '')}".rstrip(), ExitCode.NOT_TRACKED
        case 400:
            parameter = error.problem.get("parameter")
            named = f" ({parameter})" if parameter and str(parameter) not in detail else ""
            return f"{detail}{named}", ExitCode.USAGE
        case 401 | 403:
            return (
                f"the API refused the caller: {detail} Allow execute-api:Invoke on the API, use"
                " other credentials (AWS_PROFILE), or set the clock of this machine right",
                ExitCode.UNREACHABLE,
            )
        case _:
            told = error.problem.get("request_id")
            trace = f" (request id {told})" if told else ""
            return f"the API answers {error.status}: {detail}{trace}", ExitCode.UNREACHABLE

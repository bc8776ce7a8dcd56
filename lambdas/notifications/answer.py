"""Tells CloudFormation how a request went. Without an answer it would wait until its time is up."""

import json
import urllib.request
from collections.abc import Mapping
from typing import Any

LIMIT_BYTES = 4_096
"""CloudFormation takes no longer answer."""

_REASON_CHARACTERS = 3_000
_ATTEMPTS = 3
_SECONDS = 10


def answer(request: Mapping[str, Any], problem: str | None = None) -> bytes:
    """Of success, or of a failure with its reason, cut to what CloudFormation takes.

    A resource keeps its id for life. With another one CloudFormation would take an update for a
    replacement and have the "old" resource deleted, which would unwire the bucket again.
    """
    told = {
        "Status": "FAILED" if problem else "SUCCESS",
        "PhysicalResourceId": request.get("PhysicalResourceId") or request["LogicalResourceId"],
        **{name: request[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }
    if problem is None:
        return json.dumps(told).encode()
    reason = problem[:_REASON_CHARACTERS]
    while True:
        told["Reason"] = reason if reason == problem else f"{reason} ... (the log has all of it)"
        body = json.dumps(told).encode()
        if len(body) <= LIMIT_BYTES or not reason:
            return body
        reason = reason[: len(reason) * 9 // 10]


def send(url: str, body: bytes) -> None:
    """OSError when CloudFormation cannot be told, after three attempts."""
    # The URL is signed for a request without a content type.
    request = urllib.request.Request(url, body, {"Content-Type": ""}, method="PUT")  # noqa: S310
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS):  # noqa: S310
                return
        except OSError:
            if attempt == _ATTEMPTS:
                raise

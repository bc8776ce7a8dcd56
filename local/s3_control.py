"""A client of S3 Control for the emulator.

S3 Control puts the account's number in front of the endpoint's host, and below an address there
are no names; so the number is taken away again. (In the functions: `emulator/worker_site`.)
"""

from __future__ import annotations

import re
from typing import Any

from local.demo_buckets import client as plain_client
from local.places import HOME, Place

_ACCOUNT = re.compile(r"//\d{12}\.", re.ASCII)


def client(endpoint_url: str, place: Place = HOME) -> Any:
    """With the credentials of the place's account."""
    made = plain_client("s3control", endpoint_url, place)
    made.meta.events.register("before-sign.s3-control", _without_account)
    return made


def _without_account(request: Any, **_: Any) -> None:
    request.url = _ACCOUNT.sub("//", request.url, count=1)

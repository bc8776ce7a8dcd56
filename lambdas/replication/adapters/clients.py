"""AWS clients: made on first use, once per process, with one policy of retries and time-outs."""

from functools import cache
from typing import Any

import boto3
from botocore.config import Config

# `standard` retries throttling and server errors three times with jitter; what still fails goes
# back to the queue. The pool serves the recorder's concurrent writes.
_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 4},
    connect_timeout=3,
    read_timeout=10,
    max_pool_connections=32,
)


@cache
def client(service: str) -> Any:
    """The low-level client of `service`; the caller names its type."""
    return boto3.client(service, config=_CONFIG)  # type: ignore[call-overload]

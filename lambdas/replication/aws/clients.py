"""AWS clients: made on first use, once per process, with one policy of retries and time-outs."""

from functools import cache
from typing import Any

import boto3
from botocore.config import Config

# `standard` retries throttling and server errors with jitter; what still fails goes back to the
# queue. A request that hangs must end long before the function does: after at most three times five
# seconds here, four times three for the table. The pool is for the recorder's concurrent writes.
_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 3},
    connect_timeout=2,
    read_timeout=5,
    max_pool_connections=32,
)
# Checking the shape of parameters took two thirds of the recorder's CPU (bench/recorder.py).
# DynamoDB checks them as well.
_OF_THE_TABLE = _CONFIG.merge(
    Config(
        retries={"mode": "standard", "total_max_attempts": 4},
        connect_timeout=1,
        read_timeout=3,
        parameter_validation=False,
    )
)


@cache
def client(service: str) -> Any:
    """The low-level client of `service`; the caller names its type."""
    config = _OF_THE_TABLE if service == "dynamodb" else _CONFIG
    return boto3.client(service, config=config)  # type: ignore[call-overload]

"""AWS clients: made on first use, once per process, with one policy of retries and time-outs.

S3 is read with the client of the bucket's place. Elsewhere a role of that account is assumed;
botocore asks for new credentials before the old ones end.
"""

import threading
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    CredentialProvider,
    DeferredRefreshableCredentials,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_s3 import S3Client

    from replication.topology import Topology

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
SESSION_NAME = "s3-replication-tracker"
"""In the CloudTrail records of the accounts whose roles are assumed."""

_MAKING = threading.RLock()
"""boto3 makes clients in one thread at a time."""


@cache
def client(service: str) -> Any:
    """The low-level client of `service`; the caller names its type."""
    config = _OF_THE_TABLE if service == "dynamodb" else _CONFIG
    with _MAKING:
        return boto3.client(service, config=config)  # type: ignore[call-overload]


def s3_by_bucket(topology: "Topology") -> "Callable[[str], S3Client]":
    """Gives the client for a bucket: the functions' own at home, and one for each place elsewhere.
    A bucket that is not part of the deployment is read as if it were at home."""

    def of(bucket: str) -> "S3Client":
        place = topology.place(bucket)
        found: S3Client = client_with_role("s3", place.region, place.role_arn)
        return found

    return of


def client_with_role(service: str, region: str | None, role_arn: str | None) -> Any:
    """The client of a Region that takes the role; None: the functions' own client at home."""
    if role_arn is None:
        return client(service)
    with _MAKING:
        return _with_role(service, region, role_arn)


def forget_clients() -> None:
    """Has every client made anew, as a new process would."""
    client.cache_clear()
    _with_role.cache_clear()
    boto3.DEFAULT_SESSION = None  # it keeps the credentials that it found first


@cache
def _with_role(service: str, region: str | None, role_arn: str) -> Any:
    session = botocore.session.Session()
    session.get_component("credential_provider").insert_before("env", _AssumedRole(role_arn))
    made = boto3.Session(botocore_session=session, region_name=region)
    return made.client(service, config=_CONFIG)  # type: ignore[call-overload]


class _AssumedRole(CredentialProvider):
    """Credentials of a role, asked for with those of the function when they are first needed."""

    METHOD = CANONICAL_NAME = "tracker-assume-role"

    def __init__(self, role_arn: str) -> None:
        super().__init__()
        self._role_arn = role_arn

    def load(self) -> DeferredRefreshableCredentials:
        own = botocore.session.Session()

        def sts(service: str, **arguments: Any) -> Any:
            return own.create_client(service, **{**arguments, "config": _CONFIG})

        fetcher = AssumeRoleCredentialFetcher(
            client_creator=sts,
            source_credentials=own.get_credentials(),
            role_arn=self._role_arn,
            extra_args={"RoleSessionName": SESSION_NAME},
        )
        return DeferredRefreshableCredentials(
            refresh_using=fetcher.fetch_credentials, method=self.METHOD
        )

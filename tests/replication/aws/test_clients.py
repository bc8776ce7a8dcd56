"""A service that does not answer costs a function a bounded time."""

from collections.abc import Iterator

import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import ReadTimeoutError
from botocore.httpsession import URLLib3Session

from replication.aws import clients
from replication.aws.s3.objects import S3Objects
from replication.errors import Unavailable
from replication.s3.version import ObjectVersion

LONGEST_BACKOFF = 20
"""Seconds botocore waits at most before a retry; the n-th of them at most 2^n."""


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    clients.forget_clients()
    yield
    clients.forget_clients()


@pytest.mark.parametrize(
    ("service", "connect", "read", "attempts"), [("s3", 2, 5, 3), ("dynamodb", 1, 3, 4)]
)
def test_a_request_that_hangs_ends_long_before_the_function(
    service: str, connect: float, read: float, attempts: int
) -> None:
    config = clients.client(service).meta.config
    assert (config.connect_timeout, config.read_timeout) == (connect, read)
    assert config.retries == {"mode": "standard", "total_max_attempts": attempts}
    backoffs = sum(min(LONGEST_BACKOFF, 2**number) for number in range(attempts - 1))
    assert attempts * read + backoffs < 20
    assert attempts * connect + backoffs < 20


def test_an_endpoint_that_accepts_and_says_nothing_is_asked_three_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    waited: list[float] = []

    def hang(_: object, request: AWSPreparedRequest) -> None:
        asked.append(request.url)
        raise ReadTimeoutError(endpoint_url=request.url)

    monkeypatch.setattr(URLLib3Session, "send", hang)
    monkeypatch.setattr("time.sleep", waited.append)
    objects = S3Objects(lambda _: clients.client("s3"))
    with pytest.raises(Unavailable):
        objects.head(ObjectVersion("dst", "k", "v"))
    assert len(asked) == 3
    assert sum(waited) <= 1 + 2

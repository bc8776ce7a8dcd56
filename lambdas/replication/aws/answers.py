"""A failed AWS call as one of the tracker's own errors."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from replication.errors import Unavailable

FAILED_CALL = (ClientError, BotoCoreError)
"""The service answered with an error; the call did not reach it or got no answer."""


@contextmanager
def answering(who: str) -> Iterator[None]:
    """A call in the block that fails is Unavailable: "`who` does not answer", with the reason. The
    cause is botocore's own error."""
    try:
        yield
    except FAILED_CALL as error:
        raise Unavailable(f"{who} does not answer: {error}") from error

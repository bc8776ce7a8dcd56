"""What an AWS call that fails becomes: one of the package's own errors."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from replication.errors import Unavailable

FAILED_CALL = (ClientError, BotoCoreError)
"""An error that the service answered, and one of the way there."""


@contextmanager
def answering(who: str) -> Iterator[None]:
    """A call in the block that fails is Unavailable: "`who` does not answer", with the reason.
    `raise ... from` keeps botocore's own error for the log."""
    try:
        yield
    except FAILED_CALL as error:
        raise Unavailable(f"{who} does not answer: {error}") from error

"""The account that is observed, and what is deployed there."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import boto3
from botocore.config import Config

from s3rt.outputs import NoStack

T = TypeVar("T")
_READS = ("Describe", "Filter", "Get", "Head", "List")
_PAUSE_SECONDS = 1.0


class WouldChange(Exception):
    """An operation that is no read, in a session that may only read."""


def only_reads(session: boto3.Session) -> None:
    """From now on, clients of the session refuse every operation that is not known to be a read."""

    def refuse(model: Any, **_: Any) -> None:
        if not model.name.startswith(_READS):
            raise WouldChange(f"{model.name} is no read, and --yes was not given")

    session.events.register("before-parameter-build", refuse)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The account of a session.

    stack       outputs of the deployed stack, None without one; then `lacks` says why
    patience    seconds to wait for one thing, at most
    ends_at     when the whole check has to be over, by `seconds`
    """

    session: boto3.Session
    endpoint_url: str | None
    stack: Mapping[str, str] | None
    lacks: str = ""
    patience: float = 300.0
    ends_at: float
    seconds: Callable[[], float] = time.monotonic
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self.client_of(self.session, service)
        return self._clients[service]

    def client_of(self, session: boto3.Session, service: str, **more: Any) -> Any:
        """A client with other credentials, or a configuration of its own."""
        config = Config(connect_timeout=5, read_timeout=20, **more)
        return session.client(  # type: ignore[call-overload]
            service, endpoint_url=self.endpoint_url, config=config
        )

    @property
    def region(self) -> str:
        return str(self.session.region_name)

    @property
    def id(self) -> str:
        """The account's number."""
        return str(self.client("sts").get_caller_identity()["Account"])

    def output(self, name: str) -> str:
        """NoStack without a stack."""
        if self.stack is None or name not in self.stack:
            raise NoStack(self.lacks or f"the stack has no output {name}")
        return self.stack[name]

    def until(
        self, ask: Callable[[], T], seconds: float | None = None, pause: float = _PAUSE_SECONDS
    ) -> T:
        """The first truthy answer, or the last one when the time is over."""
        end = min(self.ends_at, self.seconds() + (self.patience if seconds is None else seconds))
        while not (answer := ask()) and self.seconds() < end:
            time.sleep(pause)
        return answer

"""Reads which buckets the tracker's own EventBridge rules are about."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from replication.aws.answers import answering

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

_NEEDED = "Object Created"
_GONE = "ResourceNotFoundException"


@dataclass(frozen=True, slots=True)
class EventRules:
    """Reads the rules that send object events to the ingest queue.

    client              makes the client when it is first needed
    names               names of the rules
    ingest_queue_arn    where they have to send events
    """

    client: "Callable[[], EventBridgeClient]"
    names: Sequence[str]
    ingest_queue_arn: str

    def __call__(self) -> frozenset[str] | None:
        """The buckets whose events are sent: their rule exists, is enabled, names them and has the
        queue as a target. None: no rule is to send any. Unavailable when EventBridge does not
        answer or denies the reads."""
        if not self.names:
            return None
        with answering("EventBridge"):
            return frozenset(bucket for name in self.names for bucket in self._buckets(name))

    def _buckets(self, name: str) -> Iterator[str]:
        try:
            rule = self.client().describe_rule(Name=name)
            targets = self.client().list_targets_by_rule(Rule=name)["Targets"]
        except ClientError as error:
            if error.response["Error"]["Code"] == _GONE:
                return
            raise
        pattern = json.loads(rule.get("EventPattern") or "{}")
        is_live = rule.get("State", "").startswith("ENABLED") and any(
            target["Arn"] == self.ingest_queue_arn for target in targets
        )
        if is_live and _NEEDED in pattern.get("detail-type", ()):
            names = pattern.get("detail", {}).get("bucket", {}).get("name", ())
            yield from (name for name in names if isinstance(name, str))

"""Archives of the raw events of tracked buckets, for a replay."""

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_events as events
from constructs import Construct


class Archives(Construct):
    """An EventBridge archive for each rule, of exactly the events that match the rule.

    A replay sends events to the bus they came from, where rules of others match them too. So
    `s3rt replay-archive` limits a replay to the rules of `rule_arns`.
    """

    def __init__(self, scope: Construct, construct_id: str, *, days: int) -> None:
        """Events are kept for `days`; with 0 there is no archive."""
        super().__init__(scope, construct_id)
        self._days = days
        self._bus = events.EventBus.from_event_bus_name(self, "Bus", "default")
        self._archives: list[events.Archive] = []
        self._rules: list[events.Rule] = []

    def add(self, rule: events.Rule, pattern: events.EventPattern) -> None:
        if not self._days:
            return
        self._rules.append(rule)
        self._archives.append(
            events.Archive(
                self,
                rule.node.id,
                source_event_bus=self._bus,
                event_pattern=pattern,
                retention=Duration.days(self._days),
                description="Raw events of tracked buckets; s3rt replay-archive plays them back",
            )
        )

    @property
    def archive_arns(self) -> Sequence[str]:
        return [archive.archive_arn for archive in self._archives]

    @property
    def rule_arns(self) -> Sequence[str]:
        """The rules that the archived events matched."""
        return [rule.rule_arn for rule in self._rules]

"""publish: changes of status become events on an event bus of the stack. Only where asked for."""

from collections.abc import Mapping
from typing import Self

from aws_cdk import Duration
from aws_cdk import aws_events as events
from constructs import Construct

from infra.config import Config
from infra.functions.tracker_function import Shared, TrackerFunction
from infra.grants import allow
from infra.queues import dead_letter_queue, queue_of_function

TIMEOUT = Duration.seconds(60)
CONCURRENCY = 10
"""Calls of ten events at once, well under PutEvents' quota of a small Region, 600 a second."""


class Publish(Construct):
    """The bus, the queue that `summarize` fills, and the function between them."""

    @classmethod
    def if_wanted(cls, scope: Construct, shared: Shared, config: Config, name: str) -> Self | None:
        """None without `event_statuses`: nothing is deployed then."""
        if not config.event_statuses:
            return None
        return cls(scope, "Publisher", shared, config=config, name=name)

    def __init__(
        self, scope: Construct, construct_id: str, shared: Shared, *, config: Config, name: str
    ) -> None:
        """`name`: of the bus."""
        super().__init__(scope, construct_id)
        self.bus = events.EventBus(
            self,
            "Bus",
            event_bus_name=name,
            description="Changes of the replication status of object versions",
        )
        self.dead_letters = dead_letter_queue(self)
        self.queue = queue_of_function(
            self, "Changes", timeout=TIMEOUT, dead_letters=self.dead_letters
        )
        built = TrackerFunction(
            self,
            shared,
            service="publish",
            description="Puts changes of the replication status on an event bus",
            memory_mib=256,  # waits for EventBridge, as announce does for SNS
            timeout=TIMEOUT,
            environment={"EVENT_BUS_NAME": self.bus.event_bus_name},
        )
        self.function = built.function
        built.consume_queue(
            self.queue, batch_size=100, max_concurrency=CONCURRENCY, window=Duration.seconds(1)
        )
        allow(built.role, ["events:PutEvents"], [self.bus.event_bus_arn])
        self._statuses, self._buckets = config.event_statuses, config.event_buckets

    @property
    def environment(self) -> Mapping[str, str]:
        """What the function that fills the queue has to know."""
        return {
            "EVENT_QUEUE_URL": self.queue.queue_url,
            "EVENT_STATUSES": ",".join(self._statuses),
            **({"EVENT_BUCKETS": ",".join(self._buckets)} if self._buckets else {}),
        }

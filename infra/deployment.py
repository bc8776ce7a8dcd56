"""All stacks of one deployment, and the order they are made in."""

from collections.abc import Sequence
from pathlib import Path

from aws_cdk import App, Stack

from infra.collector import CollectorStack
from infra.config import Config
from infra.stack import TrackerStack


class Deployment:
    """Collectors first, then the tracker, which subscribes to their topics; away again the other
    way around."""

    def __init__(self, app: App, *, config: Config, lambdas: Path) -> None:
        name = f"S3ReplicationTracker-{config.stage}"
        self.collectors = [
            CollectorStack(
                app,
                f"{name}-collector-{place.account}-{place.region}",
                config=config,
                place=place,
                lambdas=lambdas,
            )
            for place in config.foreign_places
        ]
        self.tracker = TrackerStack(app, name, config=config, lambdas=lambdas)
        for collector in self.collectors:
            self.tracker.add_stack_dependency(collector, "it subscribes to the collector's topic")

    @property
    def stacks(self) -> Sequence[Stack]:
        return [*self.collectors, self.tracker]

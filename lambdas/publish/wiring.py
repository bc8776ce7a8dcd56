"""The event bus, made once per process."""

import os
from functools import cache

from replication.aws.clients import client
from replication.aws.event_bus import EventBus
from replication.settings import event_bus_name


@cache
def service() -> EventBus:
    """MissingSettings when the environment is incomplete."""
    name = event_bus_name(os.environ)
    return EventBus(client("events"), name)

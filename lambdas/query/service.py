"""What the routes use: made at the first request, kept for the life of the process."""

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

from replication.adapters.clients import client
from replication.adapters.configuration_table import ConfigurationTable
from replication.adapters.counter_reads import CounterReads
from replication.adapters.dynamodb_reads import CachedHistories, LedgerReads
from replication.adapters.findings import FindingsTable
from replication.adapters.heard_reads import CachedFrontier, HeardReads
from replication.adapters.incident_reads import IncidentReads
from replication.adapters.outstanding import Outstanding
from replication.checks import Schedule
from replication.contributions import Totals
from replication.lookup import Lookup
from replication.settings import Settings, from_env
from replication.times import wall_clock
from replication.views import Present, certainty

FRESH_SECONDS = 60.0


class CountedDestinations:
    """Where versions of a source bucket were counted (an empty name: nobody knows), read at most
    once a minute. `seconds` is a monotonic clock."""

    def __init__(
        self, totals: Callable[[str], Iterable[Totals]], seconds: Callable[[], float]
    ) -> None:
        self._totals = totals
        self._seconds = seconds
        self._cache: dict[str, tuple[float, frozenset[str]]] = {}

    def __call__(self, bucket: str) -> frozenset[str]:
        moment = self._seconds()
        read_at, names = self._cache.get(bucket, (float("-inf"), frozenset()))
        if moment - read_at >= FRESH_SECONDS:
            names = frozenset(view.destination for view in self._totals(bucket))
            self._cache[bucket] = (moment, names)
        return names


@dataclass(frozen=True, slots=True)
class Service:
    """`frontier` is how far the ingest queue was heard to its end."""

    settings: Settings
    ledger: LedgerReads
    histories: CachedHistories
    lookup: Lookup
    findings: FindingsTable
    present: Callable[[], Present]
    counters: CounterReads
    outstanding: Outstanding
    incidents: IncidentReads
    counted: CountedDestinations
    frontier: CachedFrontier


@cache
def service() -> Service:
    settings = from_env(os.environ)
    dynamodb = client("dynamodb")
    ledger = LedgerReads(dynamodb, settings.table_name)
    configurations = ConfigurationTable(dynamodb, settings.table_name)
    histories = CachedHistories(configurations.load, settings.source_buckets, time.monotonic)
    stale_seconds = Schedule(settings.check_base_seconds).stale_seconds

    def present() -> Present:
        return Present(wall_clock(), stale_seconds, certainty(histories()))

    lookup = Lookup(ledger, histories, frozenset(settings.source_buckets), present)
    findings = FindingsTable(dynamodb, settings.table_name)
    counters = CounterReads(dynamodb, settings.table_name, settings.shards)
    return Service(
        settings,
        ledger,
        histories,
        lookup,
        findings,
        present,
        counters,
        Outstanding(dynamodb, settings.table_name, settings.shards),
        IncidentReads(dynamodb, settings.table_name),
        CountedDestinations(counters.totals, time.monotonic),
        CachedFrontier(HeardReads(dynamodb, settings.table_name).frontier, time.monotonic),
    )

"""What the routes use: made at the first request, kept for the life of the process."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from replication.adapters.clients import client
from replication.adapters.configurations import ConfigurationTable
from replication.adapters.counter_reads import CounterReads
from replication.adapters.dynamodb_reads import CachedHistories, LedgerReads
from replication.adapters.findings import FindingsTable
from replication.adapters.incident_reads import IncidentReads
from replication.adapters.outstanding import Outstanding
from replication.checks import Schedule
from replication.lookup import Lookup
from replication.settings import Settings, from_env
from replication.times import wall_clock
from replication.views import Present


@dataclass(frozen=True, slots=True)
class Service:
    settings: Settings
    ledger: LedgerReads
    histories: CachedHistories
    lookup: Lookup
    findings: FindingsTable
    present: Callable[[], Present]
    counters: CounterReads
    outstanding: Outstanding
    incidents: IncidentReads


@cache
def service() -> Service:
    settings = from_env(os.environ)
    dynamodb = client("dynamodb")
    ledger = LedgerReads(dynamodb, settings.table_name)
    configurations = ConfigurationTable(dynamodb, settings.table_name)
    histories = CachedHistories(configurations.load, settings.source_buckets, time.monotonic)
    stale_seconds = Schedule(settings.check_base_seconds).stale_seconds

    def present() -> Present:
        return Present(wall_clock(), stale_seconds)

    lookup = Lookup(ledger, histories, frozenset(settings.source_buckets), present)
    findings = FindingsTable(dynamodb, settings.table_name)
    return Service(
        settings,
        ledger,
        histories,
        lookup,
        findings,
        present,
        CounterReads(dynamodb, settings.table_name, settings.shards),
        Outstanding(dynamodb, settings.table_name, settings.shards),
        IncidentReads(dynamodb, settings.table_name),
    )

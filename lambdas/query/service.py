"""What the routes use: made at the first request, kept for the life of the process."""

import os
import time
from dataclasses import dataclass
from functools import cache

from replication.adapters.clients import client
from replication.adapters.configurations import ConfigurationTable
from replication.adapters.dynamodb_reads import CachedHistories, LedgerReads
from replication.lookup import Lookup
from replication.settings import Settings, from_env


@dataclass(frozen=True, slots=True)
class Service:
    settings: Settings
    ledger: LedgerReads
    histories: CachedHistories
    lookup: Lookup


@cache
def service() -> Service:
    settings = from_env(os.environ)
    dynamodb = client("dynamodb")
    ledger = LedgerReads(dynamodb, settings.table_name)
    configurations = ConfigurationTable(dynamodb, settings.table_name)
    histories = CachedHistories(configurations.load, settings.source_buckets, time.monotonic)
    lookup = Lookup(ledger, histories, frozenset(settings.source_buckets))
    return Service(settings, ledger, histories, lookup)

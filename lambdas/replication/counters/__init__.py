"""What the items of the ledger count as: totals, periods, latencies and incidents.
Imports `ledger` and `s3`, not `head`."""

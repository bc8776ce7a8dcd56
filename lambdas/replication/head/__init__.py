"""What HeadObject says of a version and its replicas, as facts for the ledger.
Imports `ledger` and `s3`, not `counters`."""

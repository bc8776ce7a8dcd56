"""JSON that the API, the SNS topics and the command share. Imports `counters`, `ledger`, `s3`."""

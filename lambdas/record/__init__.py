"""Messages of the ingest queue become facts in the ledger."""

"""Messages of the ingest queue as events."""

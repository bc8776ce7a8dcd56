"""The ledger's stream becomes counters and incidents; schedules add watermarks and recounts."""

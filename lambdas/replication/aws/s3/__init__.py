"""Reads of S3: object versions, replication rules and how buckets are set up."""

"""The tracked buckets."""

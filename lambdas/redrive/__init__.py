"""Redrives: FAILED versions are planned, replicated once more by S3, and followed to their end."""

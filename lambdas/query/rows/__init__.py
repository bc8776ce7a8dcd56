"""The list of versions by status."""

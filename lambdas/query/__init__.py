"""The REST API: a package for each resource, answered from the ledger."""

VERSION = "0.2.0"
"""The project's version, as pyproject.toml has it (the asset does not hold that file)."""

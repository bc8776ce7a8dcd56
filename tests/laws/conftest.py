"""The emulator's DynamoDB, for the laws over the real ledger."""

from tests.ledger.conftest import dynamodb, table

__all__ = ["dynamodb", "table"]

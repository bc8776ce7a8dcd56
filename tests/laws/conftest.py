"""The emulator's DynamoDB, for the laws over the real ledger."""

from tests.replication.aws.table.conftest import dynamodb, table

__all__ = ["dynamodb", "table"]

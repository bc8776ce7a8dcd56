"""The DynamoDB table: how items are laid out, and every read and write of them."""

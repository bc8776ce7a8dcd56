"""The stack of the S3 replication tracker: one construct per concern, composed in infra.stack."""

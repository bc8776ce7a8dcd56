"""S3's own terms, without a call to S3: versions, rules and their history, events, deliveries.
Imports the modules of `replication` alone."""

"""Facts about object versions, and the state they fold into, one item for each version and
destination. Imports `s3`."""

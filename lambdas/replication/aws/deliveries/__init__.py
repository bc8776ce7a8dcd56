"""What S3 delivers as files: inventories and reports of S3 Batch Operations."""

"""What two functions or the command share, in rooms. A room imports only what stands below it.

aws         the only room that imports boto3: messages, deliveries, the table, S3, SQS, SNS
published   JSON that the API, SNS and the command share: rows, incidents, backfill progress
counters    what an item counts as: totals, periods, latencies, incidents
head        what HEAD says of a version and its replicas, as facts
ledger      facts, the state they fold into, lists, the reconcile schedule, the watermark
s3          S3's own terms: versions, rules, events, statuses, failure reasons
(modules)   cache, message, settings, threads; then errors; then times
"""

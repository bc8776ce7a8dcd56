"""The whole stack on one machine: an AWS emulator, S3's replication service, the deployed tracker.

`python -m local up` starts it and `python -m local down` ends it.  Nothing here is deployed to AWS,
and nothing in `emulator/` and `s3_replication/` imports from `lambdas/`: they are the instrument
the tracker is checked with, so they must not share the tracker's idea of what S3 does.
"""

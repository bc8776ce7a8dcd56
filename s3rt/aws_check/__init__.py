"""`s3rt aws-check`: the observations of docs/aws-first-hour.md, made on the account of the caller.

A check is a function of one observation. Those that only read look at the deployed stack; the
others make buckets, roles, a queue and a table of their own, and `made.Made` removes them.
"""

"""The proof that the tracker converges to what S3 says: `python -m local.parity`.

A seeded random life of three source buckets on the local stack, with events lost, late and
duplicated, rules that change on the way, tags that come late, objects encrypted with a customer's
key, and destinations that refuse replicas or may not be read. Then the faults end, the tracker
reconciles and reads an S3 Inventory of every bucket, and every answer of its API is compared with
what S3 itself says of that version.

    rules          the buckets and their rules, and how the rules change
    customer_keys  which objects are encrypted with a customer's key
    barriers       bucket policies that come and go
    workload       what users do
    settling       when nothing is on its way any more
    truth          what S3 itself says
    verdict        what is compared, and with what
"""

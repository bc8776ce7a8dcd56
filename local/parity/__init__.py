"""The proof that the tracker converges to what S3 says: `python -m local.parity`.

A seeded random life of three source buckets on the local stack, with events lost, late and
duplicated and rules that change on the way. Then the faults end, the tracker reconciles and reads
an S3 Inventory of every bucket, and every answer of its API is compared with what S3 itself says of
that version.

    rules      the buckets and their rules, and how the rules change
    workload   what users do
    settling   when nothing is on its way any more
    verdict    what is compared, and with what
"""

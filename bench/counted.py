"""Counters under faults, with as many facts as you like (`tests/support/counted.py` has the proof).

python -m bench.counted [--facts 50000]
"""

import argparse

import boto3

from bench.recorder import tables
from tests.support.counted import prove


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--facts", type=int, default=50_000)
    given = arguments.parse_args()
    with tables(stream=True) as (client, table):
        streams = boto3.client("dynamodbstreams", endpoint_url=client.meta.endpoint_url)
        for named in (True, False):
            print(prove(client, streams, table(), given.facts, named=named, seed=7), flush=True)


if __name__ == "__main__":
    main()

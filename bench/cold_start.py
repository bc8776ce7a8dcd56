"""Import time of the recorder's handler, against boto3 and the two clients it needs.

    python -m bench.cold_start [--turns 9]

Every measurement is a fresh interpreter; they take turns and the medians are compared.
"""

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

LAMBDAS = Path(__file__).resolve().parent.parent / "lambdas"

_TIMED = "import time; start = time.perf_counter(); {}; print(time.perf_counter() - start)"
CLIENTS = "import boto3; boto3.client('dynamodb'); boto3.client('s3')"
HANDLER = "import record.handler"
READY = f"{HANDLER}; from replication.aws.clients import client as c; c('dynamodb'); c('s3')"


def seconds(statement: str) -> float:
    environment = os.environ | {
        "PYTHONPATH": str(LAMBDAS),
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "POWERTOOLS_SERVICE_NAME": "record",
        "POWERTOOLS_METRICS_NAMESPACE": "S3ReplicationTracker",
    }
    ended = subprocess.run(
        [sys.executable, "-c", _TIMED.format(statement)],
        env=environment,
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )
    return float(ended.stdout)


def measure(turns: int) -> dict[str, float]:
    """Median seconds of each statement."""
    statements = (CLIENTS, HANDLER, READY)
    for statement in statements:
        seconds(statement)  # byte code and disk caches
    rounds = [[seconds(statement) for statement in statements] for _ in range(turns)]
    columns = zip(statements, zip(*rounds, strict=True), strict=True)
    return {statement: statistics.median(column) for statement, column in columns}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--turns", type=int, default=9)
    medians = measure(arguments.parse_args().turns)
    base = medians[CLIENTS]
    print(f"boto3 and two clients            {base * 1e3:4.0f} ms")
    for name, statement in (("the handler", HANDLER), ("the handler and its two clients", READY)):
        median = medians[statement]
        print(f"{name:31}  {median * 1e3:4.0f} ms, ratio {median / base:.2f}")


if __name__ == "__main__":
    main()

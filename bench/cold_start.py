"""Import time of the recorder's handler, against boto3 and the two clients it needs.

    python -m bench.cold_start [--turns 9]

Every measurement is a fresh interpreter; the two take turns and the medians are compared.
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


def measure(turns: int) -> tuple[float, float]:
    """Median seconds: (import of the handler, boto3 with two clients)."""
    seconds(HANDLER), seconds(CLIENTS)  # byte code and disk caches
    pairs = [(seconds(HANDLER), seconds(CLIENTS)) for _ in range(turns)]
    return (
        statistics.median(handler for handler, _ in pairs),
        statistics.median(clients for _, clients in pairs),
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--turns", type=int, default=9)
    handler, clients = measure(arguments.parse_args().turns)
    print(
        f"import record.handler {handler * 1e3:.0f} ms, boto3 and two clients"
        f" {clients * 1e3:.0f} ms, ratio {handler / clients:.2f}"
    )


if __name__ == "__main__":
    main()

"""CPU time of importing the functions' bundle as it is shipped, with and without its bytecode.

    python -m bench.cold_start [--turns 9]

The bundle is made for this machine and this Python, from the locked packages. Nothing is
written while it is imported, as on Lambda, where a function's folder is read-only: what has no
bytecode is compiled every time. Every measurement is a fresh interpreter that sees nothing but the
bundle and the standard library. The two bundles take turns, and a ratio is the median of the turns'
ratios, so that a busy machine slows both sides of it. Reading from a cold disk is not measured.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from infra.functions.bytecode import compile_all
from infra.functions.contents import fill

LAMBDAS = Path(__file__).resolve().parent.parent / "lambdas"

_TIMED = (
    "import sys, time; sys.path.insert(0, {folder!r}); start = time.process_time(); {statement};"
    " print(time.process_time() - start)"
)
_CLIENT = "from replication.aws.clients import client as c"
CLIENTS = "boto3 and two clients"
STATEMENTS = {
    CLIENTS: "import boto3; boto3.client('dynamodb'); boto3.client('s3')",
    "record": "import record.handler",
    "record and its two clients": f"import record.handler; {_CLIENT}; c('dynamodb'); c('s3')",
    "query": "import query.handler",
    "query and its client": f"import query.handler; {_CLIENT}; c('dynamodb')",
}


def bundles(folder: Path) -> tuple[Path, Path]:
    """The bundle for this machine, without and with bytecode."""
    plain, compiled = folder / "plain", folder / "compiled"
    plain.mkdir()
    fill(plain, LAMBDAS)
    shutil.copytree(plain, compiled)
    compile_all(compiled, python=Path(sys.executable))
    return plain, compiled


def seconds(bundle: Path, statement: str) -> float:
    """CPU time of `statement` in a fresh interpreter."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "POWERTOOLS_SERVICE_NAME": "bench",
        "POWERTOOLS_METRICS_NAMESPACE": "S3ReplicationTracker",
    }
    code = _TIMED.format(folder=str(bundle), statement=statement)
    ended = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", code],
        env=environment,
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )
    return float(ended.stdout)


def measure(plain: Path, compiled: Path, turns: int) -> Mapping[str, list[tuple[float, float]]]:
    """For each statement the CPU seconds without and with bytecode, turn by turn."""
    measured: dict[str, list[tuple[float, float]]] = {name: [] for name in STATEMENTS}
    for turn in range(turns + 1):
        for name, statement in STATEMENTS.items():
            pair = seconds(plain, statement), seconds(compiled, statement)
            if turn:  # the first fills the disk's cache
                measured[name].append(pair)
    return measured


def main() -> None:
    description = __doc__.splitlines()[0] if __doc__ else None
    arguments = argparse.ArgumentParser(description=description)
    arguments.add_argument("--turns", type=int, default=9)
    turns = arguments.parse_args().turns
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(*bundles(Path(folder)), turns)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    print(f"CPU time of imports on Python {version}, medians of {turns} turns")
    print(f"{'':26}   without     with bytecode: ratio,   to {CLIENTS}")
    for name, pairs in measured.items():
        without, with_bytecode = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratio = statistics.median(later / earlier for earlier, later in pairs)
        to_clients = statistics.median(
            one / base for (_, one), (_, base) in zip(pairs, measured[CLIENTS], strict=True)
        )
        print(
            f"{name:26}  {without * 1e3:5.0f} ms   {with_bytecode * 1e3:5.0f} ms"
            f"        {ratio:6.2f}   {to_clients:6.2f}"
        )


if __name__ == "__main__":
    main()

"""`cdk bootstrap` and `cdk deploy` against the emulator, bounded in time.

Errors: `DeployError`, with the ends of the CLI's and of the emulator's log.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from types import MappingProxyType
from typing import TYPE_CHECKING

from local.demo_buckets import CREDENTIALS, client
from local.emulator.server import REGION, ROOT, tail
from local.places import HOME

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from local.emulator.server import Server
    from local.places import Place

ACCOUNT = HOME.account
CDK = ROOT / "node_modules" / ".bin" / "cdk"
STAGE = "local"
STACK_NAME = f"S3ReplicationTracker-{STAGE}"
_BOOTSTRAP_SECONDS = 90.0
_DEPLOY_SECONDS = 300.0
_EXECUTION = [
    "--cloudformation-execution-policies",
    "arn:aws:iam::aws:policy/AdministratorAccess",
]
_WORKER_FAILED = "Worker init failed"
_API_URL = re.compile(r"https://(?P<api>[^.]+)\.execute-api\.[^/]+/(?P<stage>[^/]+)/?")


class DeployError(RuntimeError):
    """The stack could not be deployed to the emulator."""


def bootstrap(server: Server, places: Iterable[Place] = ()) -> None:
    """Make what every CDK deployment expects to find in a place: at home and in these. Other
    accounts are deployed to from home, so they have to trust it."""
    regions: dict[str, list[str]] = {}
    for place in sorted({HOME, *places}):
        regions.setdefault(place.account, []).append(f"aws://{place}")
    for account, environments in regions.items():
        trust = [] if account == ACCOUNT else ["--trust", ACCOUNT, *_EXECUTION]
        key = {} if account == ACCOUNT else {"AWS_ACCESS_KEY_ID": account}
        arguments = ["bootstrap", *environments, *trust]
        _run(server, arguments, _BOOTSTRAP_SECONDS, server.state_dir, key)


def deploy(server: Server, context: Mapping[str, str]) -> dict[str, str]:
    """Deploy the app, and return the outputs of the tracker's stack by name.

    `ApiUrl` is rewritten: the gateway of the emulator is not at amazonaws.com.
    """
    values = {
        "stage": STAGE,
        "bundle_dependencies": "false",
        # Each is a process here, and a machine has few cores.
        "record_concurrency": "2",
        **context,
    }
    arguments = ["deploy", "--all", "--concurrency", "4", "--require-approval", "never"]
    arguments += ["--app", f"{shlex.quote(sys.executable)} app.py"]
    arguments += ["--output", str(server.state_dir / "cdk.out")]
    for name, value in values.items():
        arguments += ["--context", f"{name}={value}"]
    _run(server, arguments, _DEPLOY_SECONDS, ROOT)
    stacks = client("cloudformation", server.endpoint_url).describe_stacks(StackName=STACK_NAME)
    outputs = {
        output["OutputKey"]: output["OutputValue"]
        for output in stacks["Stacks"][0].get("Outputs", [])
    }
    if "ApiUrl" in outputs:
        outputs["ApiUrl"] = local_api_url(outputs["ApiUrl"], server.endpoint_url)
    return outputs


def local_api_url(url: str, endpoint_url: str) -> str:
    """Where the emulator serves that API stage; no slash at the end."""
    match = _API_URL.fullmatch(url)
    if match is None:
        raise DeployError(f"the stack's ApiUrl is no API Gateway URL: {url}")
    return f"{endpoint_url}/restapis/{match['api']}/{match['stage']}/_user_request_"


def _run(
    server: Server,
    arguments: list[str],
    seconds: float,
    directory: Path,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Run the CDK CLI in a process group of its own, and end the group when it takes too long.

    A function that cannot start makes a deployment wait for ever for its custom resource, so the
    emulator's log is watched for that, too.
    """
    if not CDK.exists():
        raise DeployError(f"{CDK} is missing; run `npm ci` in {ROOT}")
    log = server.state_dir / "cdk.log"
    seen = server.log.stat().st_size
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(CDK), *arguments, "--no-color", "--no-notices", "--progress", "events"],
            cwd=directory,
            env=_environment(server) | dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    problem = None
    deadline = time.monotonic() + seconds
    try:
        while process.poll() is None and problem is None:
            time.sleep(0.1)
            if time.monotonic() > deadline:
                problem = f"took longer than {seconds:.0f} s"
            elif _WORKER_FAILED in _since(server.log, seen):
                problem = "cannot go on, because a function does not start"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if problem is None and process.returncode != 0:
        problem = f"ended with status {process.returncode}"
    if problem is not None:
        raise DeployError(
            f"cdk {arguments[0]} {problem}.\n"
            f"The end of {log}:\n{tail(log)}\n\n"
            f"The end of {server.log}:\n{tail(server.log)}"
        )


def _since(log: Path, offset: int) -> str:
    with log.open("rb") as file:
        file.seek(offset)
        return file.read().decode(errors="replace")


def _environment(server: Server) -> dict[str, str]:
    """The caller's environment without its own AWS configuration."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {
        **CREDENTIALS,
        "AWS_ENDPOINT_URL": server.endpoint_url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "CDK_DISABLE_VERSION_CHECK": "1",
        "CDK_DISABLE_CLI_TELEMETRY": "1",
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "18,20",
    }

"""The whole local stack as one thing: `up` and `down`.

Errors: `ServerError` and `DeployError`; their messages say what to do.
"""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from local import demo_buckets, deploy, page_process
from local.emulator import server
from local.places import tracker_toml

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from local.places import Place

DEFAULT_PORT = 4566
ENFORCED: Mapping[str, str] = {"AUTH": "true"}
"""Settings that hold everybody to IAM's and the resources' policies, as AWS does. Without them any
credentials do, and a queue needs no policy to hear a topic or a rule. S3 looks at the policy of
what it is to notify in either case."""
_FILES = ("outputs.json", "cdk.log", "emulator.log", "tracker.toml")


@dataclass(frozen=True, slots=True)
class Outputs:
    """What `<state>/outputs.json` says of a running stack."""

    endpoint_url: str
    region: str
    stack: Mapping[str, str]
    """The CloudFormation outputs by name."""
    sources: tuple[str, ...]
    destinations: tuple[str, ...]

    @property
    def api_url(self) -> str:
        """No slash at the end: `api_url + "/v1/health"` works."""
        return self.stack["ApiUrl"]

    def to_json(self) -> dict[str, Any]:
        return {
            "endpoint_url": self.endpoint_url,
            "region": self.region,
            **self.stack,
            "buckets": {
                "source": self.sources[0],
                "sources": list(self.sources),
                "destinations": list(self.destinations),
            },
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Outputs:
        named = {"endpoint_url", "region", "buckets"}
        return cls(
            endpoint_url=values["endpoint_url"],
            region=values["region"],
            stack={name: value for name, value in values.items() if name not in named},
            sources=tuple(values["buckets"]["sources"]),
            destinations=tuple(values["buckets"]["destinations"]),
        )


def outputs_file(state_dir: Path) -> Path:
    return state_dir / "outputs.json"


def running(state_dir: Path) -> Outputs | None:
    """The outputs of the stack this state directory runs; None when it is not (wholly) up."""
    file = outputs_file(state_dir)
    if server.running(state_dir) is None or not file.exists():
        return None
    return Outputs.from_json(json.loads(file.read_text()))


def up(
    *,
    port: int = DEFAULT_PORT,
    state_dir: Path,
    replication: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    places: Mapping[str, Place] = MappingProxyType({}),
    undeclared: Collection[str] = (),
    settings: Mapping[str, str] | None = None,
    context: Mapping[str, str] | None = None,
    tied: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Outputs:
    """Start everything and deploy; a stack that runs already is left as it is.

    `replication` maps each source bucket to its rules (default: `demo_buckets.rules()`; take that
    and add to it), `places` those buckets that are not at home to where they are; destinations
    that are `undeclared` are no part of the deployment.  `settings` are the emulator's variables
    (`ENFORCED`, `LOCAL_S3_*`), `context` is more CDK context, `tied` ends the emulator with this
    process.  When something fails, nothing is left running.
    """
    there = running(state_dir)
    if there is not None:
        progress(f"already up on {there.endpoint_url}")
        return there
    wanted = demo_buckets.rules() if replication is None else replication
    down(state_dir)
    started = time.monotonic()
    emulator = server.start(port, state_dir, environment=settings, tied=tied)
    try:
        progress(f"emulator on {emulator.endpoint_url}")
        demo_buckets.create(emulator.endpoint_url, wanted, places)
        progress(f"buckets {', '.join([*wanted, *demo_buckets.destinations(wanted)])}")
        deploy.bootstrap(emulator, places.values())
        progress("account bootstrapped for the CDK")
        tracked = [one for one in demo_buckets.destinations(wanted) if one not in undeclared]
        outputs = _deploy(emulator, tuple(wanted), tuple(tracked), places, context or {})
        progress(f"{deploy.STACK_NAME} deployed, {time.monotonic() - started:.0f} s in all")
    except BaseException:
        server.stop(emulator.pid, emulator.state_dir)
        raise
    return outputs


def down(state_dir: Path) -> bool:
    """End the stack of this state directory; False when none was running."""
    page_process.stop(state_dir)
    emulator = server.running(state_dir)
    if emulator is not None:
        server.stop(emulator.pid, state_dir)
    for name in _FILES:
        (state_dir / name).unlink(missing_ok=True)
    shutil.rmtree(state_dir / "cdk.out", ignore_errors=True)
    return emulator is not None


def _deploy(
    emulator: server.Server,
    sources: tuple[str, ...],
    destinations: tuple[str, ...],
    places: Mapping[str, Place],
    context: Mapping[str, str],
) -> Outputs:
    buckets = {
        "source_buckets": ",".join(sources),
        "destination_buckets": ",".join(destinations),
        "topology": "",  # not the developer's own file
    }
    if places:
        file = emulator.state_dir / "tracker.toml"
        file.write_text(tracker_toml(sources, destinations, places))
        buckets = {"topology": str(file)}
    stack = deploy.deploy(
        emulator,
        {
            **buckets,
            # Whoever has the machine is the operator: demo, tests and s3rt send as the account.
            "operators": f"arn:aws:iam::{deploy.ACCOUNT}:root",
            # The emulator sends events from the first object on.
            "events_begin_seconds": "0",
            "redrive": "true",
            **context,
        },
    )
    outputs = Outputs(emulator.endpoint_url, server.REGION, stack, sources, destinations)
    file = outputs_file(emulator.state_dir)
    file.write_text(json.dumps(outputs.to_json(), indent=2) + "\n")
    return outputs

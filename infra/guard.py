"""Before a deployment: which buckets it would stop tracking, or reading inventories from.

    python -m infra.guard -c source_buckets=a -c stage=prod

A deployment without its context, or with a misspelt bucket name, would unwire what the deployed
stack tracks. This reads the template of the deployed stack and compares. Exit status 0 when nothing
is lost, or ALLOW_UNTRACK=1 says that it is meant; 1 otherwise, with the names.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from aws_cdk import App
from botocore.exceptions import BotoCoreError, ClientError

from infra.config import INVENTORY_BUCKETS, Config, ContextError
from infra.stack import TRACKED

_LISTS = ("SOURCE_BUCKETS", "DESTINATION_BUCKETS")
"""Environment variables of a deployment of an earlier version."""
ALLOW = "ALLOW_UNTRACK"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.guard", description=__doc__)
    parser.add_argument("-c", "--context", action="append", default=[], metavar="name=value")
    options, _ = parser.parse_known_args(arguments)
    try:
        config = Config.from_context(App(context=context_with(options.context)).node, Path())
        lost = deployed_buckets(f"S3ReplicationTracker-{config.stage}").without(config)
    except ContextError as error:
        return _refused(str(error))
    except (ClientError, BotoCoreError) as error:
        return _refused(f"The deployed stack cannot be read, so nothing was compared: {error}")
    if not config.source_buckets and not os.environ.get(ALLOW):
        return _refused(
            "No source bucket: nothing would be tracked. Name the buckets in tracker.toml, or:"
            " make deploy CDK='-c source_buckets=a,b -c destination_buckets=c'"
        )
    if lost and not os.environ.get(ALLOW):
        return _refused(
            f"This deployment would no longer have {', '.join(lost)}. If that is meant:"
            f" make deploy {ALLOW}=1 CDK='...'; otherwise correct tracker.toml or the lists."
        )
    return 0


@dataclass(frozen=True, slots=True)
class Deployed:
    """What a deployed stack tracks, and the buckets it reads inventories and reports from."""

    tracked: frozenset[str] = frozenset()
    inventories: frozenset[str] = frozenset()

    def without(self, config: Config) -> list[str]:
        """The buckets that the new stack would not have any more, each with what it is now."""
        tracked = self.tracked - set(config.tracked_buckets)
        inventories = self.inventories - set(config.inventory_buckets)
        return [
            *(f"{name} (tracked)" for name in sorted(tracked)),
            *(f"{name} (inventories)" for name in sorted(inventories)),
        ]


def deployed_buckets(stack: str) -> Deployed:
    """From the metadata of the deployed template, and in that of an earlier version from the
    functions' environment; none without a stack. botocore's errors when it cannot be read."""
    client = boto3.client("cloudformation")
    try:
        body: Any = client.get_template(StackName=stack)["TemplateBody"]
    except ClientError as error:
        if "does not exist" in str(error):
            return Deployed()
        raise
    # boto3 parses JSON templates already.
    template: Any = body if isinstance(body, Mapping) else json.loads(body)
    metadata: Mapping[str, list[str]] = template.get("Metadata", {})
    tracked = frozenset(metadata.get(TRACKED, [])) | frozenset(
        name
        for resource in template.get("Resources", {}).values()
        if resource["Type"] == "AWS::Lambda::Function"
        for variable, value in _environment(resource).items()
        if variable in _LISTS and isinstance(value, str)
        for name in value.split(",")
        if name
    )
    return Deployed(tracked, frozenset(template.get("Metadata", {}).get(INVENTORY_BUCKETS, ())))


def _environment(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = resource.get("Properties", {}).get("Environment", {})
    variables: Mapping[str, Any] = found.get("Variables", {})
    return variables


def context_with(pairs: Sequence[str]) -> dict[str, str]:
    """The context of cdk.json, and over it what the command line says."""
    known: dict[str, str] = json.loads(Path("cdk.json").read_text())["context"]
    return known | dict(pair.partition("=")[::2] for pair in pairs)


def _refused(why: str) -> int:
    print(why, file=sys.stderr)  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main())

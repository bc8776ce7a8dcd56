"""Where a deployed stack is: its outputs, from a file or from CloudFormation.

The file is JSON of the stack's outputs by name, with `region` and, for a local stack,
`endpoint_url` beside them: what `make up` writes to `.local/outputs.json`.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import ClientError

VARIABLE = "S3RT_OUTPUTS"
_LOCAL = ("127.0.0.1", "localhost", "::1")


class NoStack(Exception):
    """The stack cannot be found, or lacks an output; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """The outputs of one stack. `endpoint_url` is that of a local emulator, None on AWS."""

    values: Mapping[str, str]
    region: str | None
    endpoint_url: str | None

    def __getitem__(self, name: str) -> str:
        try:
            return self.values[name]
        except KeyError:
            raise NoStack(f"the stack has no output {name}; deploy the present version") from None

    @property
    def is_local(self) -> bool:
        """Whether it is an emulator on this machine."""
        return bool(self.endpoint_url) and urlsplit(self.endpoint_url).hostname in _LOCAL

    def session(self) -> boto3.Session:
        """The caller's own credentials; an emulator on this machine takes any, so none are asked
        for."""
        if self.is_local:
            return boto3.Session("test", "test", region_name=self.region)
        return aws_session(self.region)

    def client(self, service: str) -> Any:
        return self.session().client(  # type: ignore[call-overload]
            service, endpoint_url=self.endpoint_url
        )


def aws_session(region: str | None = None, profile: str | None = None) -> boto3.Session:
    """The caller's credentials, or those of a named profile. The Region is that given, or
    AWS_REGION, as every other SDK of AWS has it, or what boto3 finds."""
    return boto3.Session(region_name=region or os.environ.get("AWS_REGION"), profile_name=profile)


def find(file: Path | None = None, stage: str = "dev") -> Outputs:
    """The outputs in `file`, in the file the environment names, or of the stage's stack on AWS.
    NoStack when there is none; what else AWS says is botocore's own error."""
    named = file or (Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
    return _from_file(named) if named else _from_cloudformation(stage)


def _from_file(file: Path) -> Outputs:
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise NoStack(f"{file} has no stack outputs: {error}") from error
    if not isinstance(found, dict):
        raise NoStack(f"{file} has no stack outputs: no JSON object")
    values = {name: value for name, value in found.items() if isinstance(value, str)}
    return Outputs(values, values.get("region"), values.get("endpoint_url"))


def _from_cloudformation(stage: str) -> Outputs:
    name, session = f"S3ReplicationTracker-{stage}", aws_session()
    try:
        return Outputs(described(session, name), session.region_name, None)
    except NoStack as error:
        raise NoStack(
            f"{error}; give --stage, or another AWS_REGION or AWS_PROFILE, or --outputs FILE, or"
            f" set {VARIABLE}"
        ) from error


def described(
    session: boto3.Session, name: str, endpoint_url: str | None = None
) -> Mapping[str, str]:
    """The outputs of a stack, from CloudFormation. NoStack when there is none."""
    cloudformation = session.client("cloudformation", endpoint_url=endpoint_url)
    try:
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        # CloudFormation has no code of its own for a stack that is not there.
        if "does not exist" not in str(error):
            raise
        raise NoStack(f"no stack {name} in {session.region_name} of this account") from error
    return {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", ())}

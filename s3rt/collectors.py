"""The stacks of a deployment that are in other Regions and accounts, and how to get there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from s3rt.outputs import NoStack, Outputs, described


@dataclass(frozen=True, slots=True)
class Place:
    """A Region of an account."""

    account: str
    region: str

    def __str__(self) -> str:
        return f"{self.account}/{self.region}"


class Unreached(Exception):
    """Nothing could be asked there; the message says why and what to do."""


def places(outputs: Outputs) -> list[Place]:
    """Where the collectors are; none for a deployment in one place."""
    named = outputs.values.get("Collectors", "")
    return [Place(*one.split("/")) for one in named.split(",") if one]


def profiles(pairs: list[str]) -> Mapping[str, str]:
    """Names of AWS profiles by account, from `ACCOUNT=PROFILE`. ValueError for anything else."""
    found = {}
    for pair in pairs:
        account, separator, name = pair.partition("=")
        if not separator or not name or len(account) != 12 or not account.isdigit():
            raise ValueError(f"{pair!r} is no ACCOUNT=PROFILE, such as 222222222222=audit")
        found[account] = name
    return found


def reached(
    outputs: Outputs, named: Mapping[str, str]
) -> Iterator[tuple[Place, boto3.Session | None, Mapping[str, str] | Unreached]]:
    """Each collector with a session there and the outputs of its stack, or why there is none."""
    for place in places(outputs):
        try:
            yield place, *_reach(outputs, place, named)
        except Unreached as error:
            yield place, None, error


def at(
    outputs: Outputs, named: Mapping[str, str], wanted: str
) -> tuple[boto3.Session, Mapping[str, str]]:
    """The same for the collector at `account/region`. Unreached."""
    known = {str(place): place for place in places(outputs)}
    if wanted not in known:
        there = ", ".join(known) or "none"
        raise Unreached(f"no collector is at {wanted}; there are: {there}")
    return _reach(outputs, known[wanted], named)


def _reach(
    outputs: Outputs, place: Place, named: Mapping[str, str]
) -> tuple[boto3.Session, Mapping[str, str]]:
    try:
        session = _session(outputs, place, named)
        return session, described(session, outputs["CollectorStack"], outputs.endpoint_url)
    except (NoStack, ClientError, BotoCoreError) as error:
        raise Unreached(str(error)) from error


def _session(outputs: Outputs, place: Place, named: Mapping[str, str]) -> boto3.Session:
    """With the caller's own credentials in the account of the tracker, by a profile elsewhere."""
    if outputs.is_local:
        return boto3.Session(place.account, "test", region_name=place.region)
    if name := named.get(place.account):
        return boto3.Session(profile_name=name, region_name=place.region)
    if place.account != outputs["FailureTopicArn"].split(":")[4]:
        raise Unreached(f"another account; give --profile {place.account}=NAME")
    return boto3.Session(region_name=place.region)


def events(session: boto3.Session | None, outputs: Outputs) -> Any:
    """The client of EventBridge there."""
    return (session or outputs.session()).client("events", endpoint_url=outputs.endpoint_url)

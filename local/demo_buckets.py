"""The buckets `up` makes, and the replication rules between them."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from local.emulator.server import REGION
from local.places import HOME, Place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SOURCE = "tracker-demo-source"
REPLICA_1 = "tracker-demo-replica-1"
REPLICA_2 = "tracker-demo-replica-2"
ROLE = "tracker-demo-replication"
_REPLICATES = ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"]

PLACES = {REPLICA_2: Place(HOME.account, "eu-west-1")}
"""Of the demo's buckets that are not at home."""

Rules = dict[str, list[dict[str, Any]]]
"""Source bucket -> rules, in the shape PutBucketReplication takes."""

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
"""The emulator takes any."""


def rule(
    rule_id: str,
    destination: str,
    *,
    priority: int,
    prefix: str = "",
    tags: Mapping[str, str] | None = None,
    time_control: bool = False,
    delete_markers: bool = False,
) -> dict[str, Any]:
    """A V2 rule with metrics, which S3 wants for telling of failures."""
    minutes = {"Minutes": 15}
    target: dict[str, Any] = {
        "Bucket": f"arn:aws:s3:::{destination}",
        "Metrics": {"Status": "Enabled"},
    }
    if time_control:
        target["Metrics"]["EventThreshold"] = minutes
        target["ReplicationTime"] = {"Status": "Enabled", "Time": minutes}
    wanted = [{"Key": key, "Value": value} for key, value in (tags or {}).items()]
    return {
        "ID": rule_id,
        "Status": "Enabled",
        "Priority": priority,
        "Filter": {"And": {"Prefix": prefix, "Tags": wanted}} if wanted else {"Prefix": prefix},
        "DeleteMarkerReplication": {"Status": "Enabled" if delete_markers else "Disabled"},
        "Destination": target,
    }


def rules() -> Rules:
    """The demo: one prefix to two buckets, one with Replication Time Control, one by tag."""
    return {
        SOURCE: [
            rule("tax-1", REPLICA_1, priority=1, prefix="TaxDocs/"),
            rule("tax-2", REPLICA_2, priority=2, prefix="TaxDocs/"),
            rule(
                "logs",
                REPLICA_1,
                priority=3,
                prefix="logs/",
                time_control=True,
                delete_markers=True,
            ),
            rule("tagged", REPLICA_2, priority=4, prefix="tagged/", tags={"replicate": "yes"}),
        ]
    }


def destinations(replication: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    """The destination buckets of these rules, each once, in their order."""
    named = [
        str(each["Destination"]["Bucket"]).rpartition(":::")[2]
        for rules_of_bucket in replication.values()
        for each in rules_of_bucket
    ]
    return list(dict.fromkeys(named))


def client(service: str, endpoint_url: str, place: Place = HOME) -> Any:
    """A client of the emulator, whatever the caller's own AWS configuration is."""
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=endpoint_url,
        region_name=place.region,
        aws_access_key_id=place.credentials["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=place.credentials["AWS_SECRET_ACCESS_KEY"],
        config=Config(s3={"addressing_style": "path"}, proxies={}, read_timeout=30),
    )


def create(
    endpoint_url: str,
    replication: Mapping[str, Sequence[Mapping[str, Any]]],
    places: Mapping[str, Place] = MappingProxyType({}),
) -> None:
    """Make the versioned buckets, the replication roles and the rules. `places` are those of
    buckets that are not at home."""
    by_account: dict[Place, dict[str, list[Mapping[str, Any]]]] = {}
    for bucket in dict.fromkeys([*replication, *destinations(replication)]):
        place = places.get(bucket, HOME)
        s3 = client("s3", endpoint_url, place)
        where = {"LocationConstraint": place.region}
        s3.create_bucket(
            Bucket=bucket,
            **({} if place.region == REGION else {"CreateBucketConfiguration": where}),
        )
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        if bucket in replication:
            account = Place(place.account, REGION)
            by_account.setdefault(account, {})[bucket] = list(replication[bucket])
    for account, theirs in by_account.items():
        role_arn = _role(endpoint_url, theirs, account)
        for bucket, rules_of_bucket in theirs.items():
            if not rules_of_bucket:
                continue
            client("s3", endpoint_url, places.get(bucket, HOME)).put_bucket_replication(
                Bucket=bucket,
                ReplicationConfiguration={"Role": role_arn, "Rules": rules_of_bucket},
            )
    _let_others_replicate(endpoint_url, replication, places)


def role_arn(account: str) -> str:
    """Of the role that S3 replicates with in that account."""
    return f"arn:aws:iam::{account}:role/{ROLE}"


def _let_others_replicate(
    endpoint_url: str,
    replication: Mapping[str, Sequence[Mapping[str, Any]]],
    places: Mapping[str, Place],
) -> None:
    """A destination's policy lets the roles of other accounts in."""
    roles: dict[str, set[str]] = {}
    for source in replication:
        account = places.get(source, HOME).account
        for bucket in destinations({source: replication[source]}):
            if places.get(bucket, HOME).account != account:
                roles.setdefault(bucket, set()).add(role_arn(account))
    for bucket, allowed in roles.items():
        statement = _allow(_REPLICATES, [f"arn:aws:s3:::{bucket}/*"])
        statement["Principal"] = {"AWS": sorted(allowed)}
        client("s3", endpoint_url, places.get(bucket, HOME)).put_bucket_policy(
            Bucket=bucket, Policy=_policy(statement)
        )


def _role(
    endpoint_url: str, replication: Mapping[str, Sequence[Mapping[str, Any]]], account: Place
) -> str:
    """The role S3 replicates with, with the permissions its documentation lists."""
    iam = client("iam", endpoint_url, account)
    trust = _policy(
        {
            "Effect": "Allow",
            "Principal": {"Service": "s3.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    )
    made = iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=trust)
    iam.put_role_policy(
        RoleName=ROLE,
        PolicyName="replicate",
        PolicyDocument=_policy(
            _allow(
                ["s3:GetReplicationConfiguration", "s3:ListBucket"],
                [f"arn:aws:s3:::{bucket}" for bucket in replication],
            ),
            _allow(
                [
                    "s3:GetObjectVersionForReplication",
                    "s3:GetObjectVersionAcl",
                    "s3:GetObjectVersionTagging",
                ],
                [f"arn:aws:s3:::{bucket}/*" for bucket in replication],
            ),
            _allow(
                _REPLICATES,
                [f"arn:aws:s3:::{bucket}/*" for bucket in destinations(replication)],
            ),
        ),
    )
    return str(made["Role"]["Arn"])


def _allow(actions: list[str], resources: list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})

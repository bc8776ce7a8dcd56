"""What there is: the buckets of some accounts, their Regions, and where their rules replicate to.

Permissions: `s3:ListAllMyBuckets`, `s3:GetReplicationConfiguration` on the buckets, and
`sts:GetCallerIdentity`. What may not be read is noted and the rest goes on.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from threading import Lock
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from replication.s3.rules import Rule, parse_configuration
from replication.threads import concurrently

_CONFIG = Config(retries={"mode": "adaptive", "max_attempts": 8}, max_pool_connections=32)
_NO_RULES = "ReplicationConfigurationNotFoundError"
_GONE = ("404", "NoSuchBucket", "NotFound")
_ANYWHERE = "us-east-1"
"""Where a bucket is asked for whose Region is not known: S3 names the right one."""

Done = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket, as far as it could be read.

    `rules` are the enabled ones; `disabled` are the ids of the others. None: not read, and
    `problem` says why and what to do. `owners` are the accounts that rules name for destinations.
    `exists` is None where S3 does not say.
    """

    name: str
    account: str | None = None
    region: str | None = None
    rules: tuple[Rule, ...] | None = None
    disabled: tuple[str, ...] = ()
    owners: Mapping[str, str] = field(default_factory=dict)
    problem: str | None = None
    exists: bool | None = True
    listed: bool = False
    """Whether the account's own list has it, so that `account` is certain."""

    @property
    def destinations(self) -> frozenset[str]:
        return frozenset(rule.destination for rule in self.rules or ())


@dataclass(frozen=True, slots=True)
class Account:
    """An account, with credentials for it."""

    number: str
    session: boto3.Session
    label: str
    """How messages call it: its profile, or `the default credentials`."""


@dataclass(slots=True)
class World:
    """What was found, and what could not be listed. `accounts` are those that were."""

    buckets: dict[str, Bucket]
    accounts: frozenset[str]
    problems: list[str]

    @property
    def unread(self) -> list[str]:
        """Everything that is not known, each with what to do."""
        return self.problems + [one.problem for one in self.buckets.values() if one.problem]


def account_of(session: boto3.Session, label: str) -> Account:
    """botocore's errors when the credentials are not accepted."""
    sts = session.client("sts", region_name=session.region_name or _ANYWHERE, config=_CONFIG)
    return Account(sts.get_caller_identity()["Account"], session, label)


@dataclass(slots=True)
class Reader:
    """Reads buckets with the credentials of the accounts; a client for each account and Region."""

    accounts: tuple[Account, ...]
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict)
    _making: Lock = field(default_factory=Lock)

    def listed(self) -> World:
        """The buckets of all accounts, not read yet, and which accounts may not be listed."""
        world = World({}, frozenset(), [])
        for account in self.accounts:
            # S3 names Regions only where a page has a size.
            pages = self._s3(account, _ANYWHERE).get_paginator("list_buckets")
            try:
                world.buckets |= {
                    one["Name"]: Bucket(
                        one["Name"], account.number, one.get("BucketRegion"), listed=True
                    )
                    for page in pages.paginate(PaginationConfig={"PageSize": 1_000})
                    for one in page["Buckets"]
                }
                world.accounts |= {account.number}
            except ClientError as error:
                world.problems.append(
                    f"{account.label}: the buckets of account {account.number} cannot be listed"
                    f" ({_code(error)}); allow s3:ListAllMyBuckets"
                )
        return world

    def read(self, bucket: Bucket) -> Bucket:
        """The bucket with its Region and rules."""
        located = bucket if bucket.region else self.located(bucket)
        if located.exists is False:
            return located
        account = self._account(bucket)
        try:
            answer = self._s3(account, located.region or _ANYWHERE).get_bucket_replication(
                Bucket=bucket.name
            )
        except ClientError as error:
            if _code(error) == _NO_RULES:
                return replace(located, rules=())
            if _code(error) in _GONE:
                return replace(located, exists=False)
            return replace(
                located,
                problem=f"{bucket.name}: its replication rules cannot be read by {account.label}"
                f" ({_code(error)}); allow s3:GetReplicationConfiguration on it",
            )
        raw = answer["ReplicationConfiguration"]
        rules = parse_configuration(raw).rules
        return replace(
            located,
            rules=tuple(one for one in rules if one.enabled),
            disabled=tuple(one.id for one in rules if not one.enabled),
            owners=_owners(raw),
        )

    def located(self, bucket: Bucket) -> Bucket:
        """The bucket with its Region and whether it exists. S3 names the Region also to those who
        may not read the bucket."""
        s3 = self._s3(self._account(bucket), _ANYWHERE)
        try:
            answer: Mapping[str, Any] = s3.head_bucket(Bucket=bucket.name)
        except ClientError as error:
            answer = error.response
            if _code(error) in _GONE:
                return replace(bucket, exists=False)
        headers = answer["ResponseMetadata"]["HTTPHeaders"]
        region = headers.get("x-amz-bucket-region")
        return replace(bucket, region=region, exists=True if region else None)

    def _account(self, bucket: Bucket) -> Account:
        """Whose credentials are used: the owner's, or the first."""
        own = (one for one in self.accounts if one.number == bucket.account)
        return next(own, self.accounts[0])

    def _s3(self, account: Account, region: str) -> Any:
        key = (account.number, region)
        with self._making:  # a session must not make two clients at once
            if key not in self._clients:
                self._clients[key] = account.session.client(
                    "s3", region_name=region, config=_CONFIG
                )
        return self._clients[key]


def explore(
    accounts: tuple[Account, ...],
    *,
    only: Iterable[str] = (),
    sources: Iterable[Bucket] = (),
    others: Iterable[Bucket] = (),
    watched: Callable[[int], Done] = lambda _total: lambda _count: None,
) -> World:
    """Lists the buckets of the accounts, reads their rules, and follows these.

    `only` are patterns, with `*`, of names to begin with; destinations are followed whatever they
    are named. `sources` are read and `others` located besides, though no list has them. `watched`
    gets how many buckets are listed, and gives what to call after each.
    """
    reader = Reader(accounts)
    world = reader.listed()
    readable = {one.name: one for one in sources} | world.buckets
    patterns = tuple(only)
    wanted = {
        name
        for name in readable
        if not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)
    }
    done = watched(len(wanted))

    def read(bucket: Bucket) -> Bucket:
        found = reader.read(bucket)
        done(1)
        return found

    found: dict[str, Bucket] = {}
    while wanted:
        found |= {one.name: one for one in concurrently(read, [readable[one] for one in wanted])}
        wanted = {*destinations_of(found)} & readable.keys() - found.keys()
    owners = {name: number for one in found.values() for name, number in one.owners.items()}
    beside = {name: Bucket(name, owners.get(name)) for name in destinations_of(found)}
    beside |= {one.name: one for one in others if not patterns}
    elsewhere = [one for name, one in beside.items() if name not in found]
    found |= {one.name: one for one in concurrently(reader.located, elsewhere)}
    return World(found, world.accounts, world.problems)


def destinations_of(buckets: Mapping[str, Bucket]) -> frozenset[str]:
    """All destinations of the rules of these."""
    return frozenset(name for one in buckets.values() for name in one.destinations)


def _owners(raw: Mapping[str, Any]) -> dict[str, str]:
    """Accounts of destinations, where a rule names them (it does where it changes the owner)."""
    destinations = [rule["Destination"] for rule in raw["Rules"]]
    return {
        one["Bucket"].rpartition(":::")[2]: one["Account"]
        for one in destinations
        if one.get("Account")
    }


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))

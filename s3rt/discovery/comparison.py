"""Where a `tracker.toml` and what there is differ."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from s3rt.discovery.tracker_file import BOTH, DESTINATION, Declared, key, roles
from s3rt.discovery.world import Bucket, World


@dataclass(frozen=True, slots=True)
class Difference:
    """`kind` is not-declared, vanished, role, region or account."""

    bucket: str
    kind: str
    finding: str
    fix: str

    def as_json(self) -> dict[str, str]:
        return asdict(self)


def differences(
    world: World, declared: Mapping[str, Declared], *, whole: bool = True
) -> list[Difference]:
    """In the order of the buckets' names. What could not be read differs in nothing. `whole`:
    whether the world has all buckets that could be listed."""
    certain = whole and not world.unread
    real = roles(world)
    found = [_undeclared(world, name, role) for name, role in real.items() if name not in declared]
    for name, one in declared.items():
        bucket = world.buckets.get(name)
        if bucket is not None:
            found += _of(world, one, bucket, real.get(name), certain=certain)
    return sorted(found, key=lambda one: (one.bucket, one.kind))


def _undeclared(world: World, name: str, role: str) -> Difference:
    senders = sorted(one.name for one in world.buckets.values() if name in one.destinations)
    why = (
        f"rules of {', '.join(senders)} replicate to it"
        if role == DESTINATION
        else "it has replication rules"
    )
    return Difference(
        name,
        "not-declared",
        f"{why}, and the file does not have it",
        f'add [buckets.{key(name)}] with role = "{role}"',
    )


def _of(
    world: World, declared: Declared, bucket: Bucket, role: str | None, *, certain: bool
) -> Iterator[Difference]:
    """`certain`: no rule is unknown that may be what seems to be missing."""
    place = f"buckets.{key(declared.name)}"

    def differs(kind: str, finding: str, fix: str) -> Difference:
        return Difference(declared.name, kind, finding, fix)

    if bucket.exists is False:
        yield differs("vanished", "there is no such bucket", f"take [{place}] out")
        return
    if bucket.region and bucket.region != declared.region:
        yield differs(
            "region",
            f"it is in {bucket.region}, the file says {declared.region}",
            f'set {place}.region = "{bucket.region}"',
        )
    if bucket.listed and bucket.account != declared.account:
        yield differs(
            "account",
            f"it is in account {bucket.account}, the file says {declared.account}",
            f'set {place}.account = "{bucket.account}"',
        )
    if not bucket.listed and declared.account in world.accounts:
        yield differs(
            "account",
            f"the file says {declared.account}, and that account does not have it",
            f"set {place}.account to the account that has it",
        )
    if role == declared.role or (not certain and role != BOTH):
        return
    if role is None:
        yield differs(
            "role",
            f"the file says {declared.role}, and no enabled rule is of it or to it",
            f"take [{place}] out, or enable the rules",
        )
    else:
        yield differs(
            "role",
            f"it is {role}, the file says {declared.role}",
            f'set {place}.role = "{role}"',
        )

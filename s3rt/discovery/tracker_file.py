"""`tracker.toml`: written from what was discovered, and read to be compared with it.

`infra/topology.py` checks the file at a deployment; here it is read as far as it is compared.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from s3rt.discovery.world import Bucket, World
from s3rt.options import is_bucket_name

SOURCE, DESTINATION, BOTH = "source", "destination", "both"
_SHORT = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
_SHORT |= {'"': '\\"', "\\": "\\\\"}


@dataclass(frozen=True, slots=True)
class Home:
    """Where the tracker is: an account and a Region."""

    account: str
    region: str


@dataclass(frozen=True, slots=True)
class Declared:
    """A bucket as the file has it, with what it leaves to [home] filled in."""

    name: str
    role: str
    account: str
    region: str

    @property
    def bucket(self) -> Bucket:
        """To be read: its name, and whose credentials to use."""
        return Bucket(self.name, self.account)


class NotReadable(Exception):
    """The file cannot be compared; the message says why."""


def roles(world: World) -> dict[str, str]:
    """Buckets that take part in replication, with their roles, by name."""
    sources = {one.name for one in world.buckets.values() if one.rules}
    destinations = {name for one in world.buckets.values() for name in one.destinations}
    return {
        name: BOTH
        if name in sources and name in destinations
        else SOURCE
        if name in sources
        else DESTINATION
        for name in sorted(sources | destinations)
    }


def written(world: World, home: Home, stage: str) -> str:
    """The text of the file. What cannot be tracked as it is stands in it as comments, with why."""
    lines = [
        "# Written by `s3rt discover`. `s3rt discover --check` compares it with what there is.",
        f"stage = {quoted(stage)}",
        "",
        "[home]",
        f"account = {quoted(home.account)}",
        f"region = {quoted(home.region)}",
    ]
    for name, role in roles(world).items():
        lines += ["", *_bucket(world.buckets[name], role, home)]
    if world.unread:
        lines += ["", "# Not known, so there may be more:"]
        lines += [f"# - {_shown(one)}" for one in world.unread]
    return "\n".join(lines) + "\n"


def _bucket(bucket: Bucket, role: str, home: Home) -> Iterator[str]:
    obstacle = _obstacle(bucket)
    mark = "# " if obstacle else ""
    if obstacle:
        yield f"# Not tracked yet: {_shown(obstacle)}"
    for rule in bucket.rules or ():
        metrics = "" if rule.metrics else "; it has no metrics, so S3 reports no failures"
        yield f"# rule {_shown(rule.id)} to {_shown(rule.destination)}{metrics}"
    for rule_id in bucket.disabled:
        yield f"# rule {_shown(rule_id)} is disabled"
    yield f"{mark}[buckets.{key(bucket.name)}]"
    yield f"{mark}role = {quoted(role)}"
    if bucket.account != home.account:
        yield f"{mark}account = {quoted(bucket.account or '?')}"
    if bucket.region != home.region:
        yield f"{mark}region = {quoted(bucket.region or '?')}"


def _obstacle(bucket: Bucket) -> str | None:
    if not is_bucket_name(bucket.name):
        return "the tracker takes no bucket with such a name"
    if bucket.exists is False:
        return "a rule names this bucket, and it does not exist"
    unknown = [what for what in ("account", "region") if getattr(bucket, what) is None]
    if unknown:
        return (
            f"its {' and '.join(unknown)} could not be found out. Fill in what is missing, or run"
            " `s3rt discover` with a --profile of its account"
        )
    return None


def read(text: str, fallback: Home) -> tuple[Home, dict[str, Declared]]:
    """Home and the tracked buckets of a file. `fallback` is where a tracker without [home] is.

    Raises:
        NotReadable: it is no TOML, or not of the form that is needed to compare it.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise NotReadable(f"it is no TOML: {error}") from error
    given = _table(document.get("home", {}), "home")
    home = Home(
        _text(given.get("account", fallback.account), "home.account"),
        _text(given.get("region", fallback.region), "home.region"),
    )
    found = {}
    for name, raw in _table(document.get("buckets", {}), "buckets").items():
        body = _table(raw, f"buckets.{key(name)}")
        role = body.get("role")
        if role is None and body.get("inventory") is True:
            continue  # holds lists, and is not tracked
        if role not in (SOURCE, DESTINATION, BOTH):
            raise NotReadable(f"buckets.{key(name)}.role is none of source, destination and both")
        found[name] = Declared(
            name,
            role,
            _text(body.get("account", home.account), f"buckets.{key(name)}.account"),
            _text(body.get("region", home.region), f"buckets.{key(name)}.region"),
        )
    return home, found


def quoted(text: str) -> str:
    """A basic string of TOML, whatever the text is."""
    return '"' + "".join(_escaped(one) for one in text) + '"'


def key(name: str) -> str:
    """As it is where TOML takes it bare, otherwise in quotes."""
    bare = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return name if bare else quoted(name)


def _escaped(one: str) -> str:
    if one in _SHORT:
        return _SHORT[one]
    return one if one.isprintable() else f"\\U{ord(one):08X}"


def _shown(text: str) -> str:
    """For a comment, which ends with its line."""
    return "".join(one if one.isprintable() else "?" for one in text)


def _table(value: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise NotReadable(f"{place} is no table")
    return value


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise NotReadable(f"{place} is no text; put it in quotes")
    return value

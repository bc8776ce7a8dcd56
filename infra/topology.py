"""The file that describes what is tracked: `tracker.toml` (README.md has an example).

Reading it raises for nothing that it says: all problems are returned at once, each with its line,
its place (`buckets.orders.region`) and what to write instead.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, TypeGuard

from infra import options
from infra.places import OWN, Place
from infra.toml_lines import lines_of_keys, nearest_line

FILE = "tracker.toml"
"""At the top of the project; the context option `topology` names another."""

ROLES = ("source", "destination", "both")

COLLECTOR_OPTIONS: Mapping[str, options.Parse] = {"redrive": options.flag}
"""Options of one collector, in a table `[collectors."account/region"]`: whether S3 Batch Operations
may be asked there to replicate again what failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedBucket:
    """A bucket of the deployment.

    `source` and `destination` may both be true (two buckets that replicate into each other), or
    neither, where it only holds S3 Inventory deliveries and Batch Replication reports to read
    (`inventory`). `replication_topic` is the ARN of an SNS topic that gets its `s3:Replication:*`
    events already.
    """

    name: str
    source: bool = False
    destination: bool = False
    inventory: bool = False
    place: Place = OWN
    replication_topic: str | None = None

    @property
    def is_tracked(self) -> bool:
        return self.source or self.destination


@dataclass(slots=True)
class Topology:
    """What a file says, as keyword arguments of `Config`, and what is wrong with it."""

    values: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def read(text: str, name: str = FILE) -> Topology:
    """`name` is the file's, for the problems."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return Topology(problems=[f"{name} is no TOML: {error}"])
    reader = _Reader(name, lines_of_keys(text))
    values = reader.document(document)
    return Topology(values, [line for _, line in sorted(reader.found)])


@dataclass(slots=True)
class _Reader:
    """`found` are the problems, each after its line."""

    name: str
    lines: Mapping[tuple[str, ...], int]
    has_home: bool = False
    found: list[tuple[int, str]] = field(default_factory=list)

    def document(self, found: Mapping[str, Any]) -> dict[str, Any]:
        self.has_home = "home" in found
        known = {*options.OPTIONS, "home", "buckets", "collectors"}
        self._no_others((), found, known)
        for name in sorted(options.LISTS.keys() & found.keys()):
            self._wrong((name,), "is for the command line; here each bucket is a table [buckets.x]")
        values = self._options((), found, options.OPTIONS)
        home = self._home(found)
        buckets = [
            bucket
            for name, body in self._tables(found, "buckets").items()
            if (bucket := self._bucket(name, body, home))
        ]
        collectors = self._collectors(found, {one.place for one in buckets} - {home})
        return {
            **values,
            "home": home,
            "buckets": tuple(sorted(buckets, key=lambda one: one.name)),
            "collectors": collectors,
        }

    def _home(self, found: Mapping[str, Any]) -> Place:
        """OWN without one, or with one that is wrong."""
        if "home" not in found:
            return OWN
        if not self._is_table(body := found["home"], ("home",)):
            return OWN
        known = {"account": options.account, "region": options.region}
        self._no_others(("home",), body, known)
        values = self._options(("home",), body, known)
        for name in known.keys() - body.keys():
            self._wrong(("home", name), "is missing; give both account and region")
        return Place(**values) if len(values) == len(known) else OWN

    def _bucket(self, name: str, body: Any, home: Place) -> TrackedBucket | None:
        path = ("buckets", name)
        if not self._is_table(body, path):
            return None
        known = {
            "role": _role,
            "region": options.region,
            "account": options.account,
            "replication_topic": options.topic,
            "inventory": options.flag,
        }
        before = len(self.found)
        if any(isinstance(value, dict) for key, value in body.items() if key not in known):
            self._wrong(path, f'has tables; quote a name with periods: [buckets."{name}.…"]')
            return None
        if fault := options.bucket_fault(name):
            self._wrong(path, fault)
        self._no_others(path, body, known)
        values = self._options(path, body, known)
        role, inventory = values.pop("role", None), values.pop("inventory", False)
        if "role" not in body and not inventory:
            self._wrong((*path, "role"), f"is missing; give {_either(ROLES)}")
        place = Place(values.pop("account", home.account), values.pop("region", home.region))
        for key in ("account", "region"):
            if key in body and not self.has_home:
                self._wrong((*path, key), "needs [home] with account and region, to compare with")
        self._partition(path, place, home)
        topic = values.get("replication_topic")
        if topic and role not in ("source", "both"):
            self._wrong((*path, "replication_topic"), "is for sources; S3 sends these events there")
        if topic and place.region and topic.split(":")[3] != place.region:
            self._wrong(
                (*path, "replication_topic"),
                f"is a topic of another Region; S3 sends events within {place.region} only",
            )
        if len(self.found) > before:
            return None
        return TrackedBucket(
            name=name,
            source=role in ("source", "both"),
            destination=role in ("destination", "both"),
            inventory=inventory,
            place=place,
            **values,
        )

    def _partition(self, path: tuple[str, ...], place: Place, home: Place) -> None:
        if home.region and place.region and place.partition != home.partition:
            self._wrong(
                (*path, "region"),
                f"is in partition {place.partition}, home in {home.partition}; S3 replicates within"
                " one. Deploy a second tracker there",
            )

    def _collectors(
        self, found: Mapping[str, Any], places: set[Place]
    ) -> Mapping[Place, Mapping[str, Any]]:
        collectors = {}
        for name, body in self._tables(found, "collectors").items():
            path = ("collectors", name)
            place = next((one for one in places if str(one) == name), None)
            if place is None and self.found:
                continue  # its buckets may be the ones with problems
            if place is None:
                there = ", ".join(f'"{one}"' for one in sorted(places)) or "none"
                self._wrong(path, f"no bucket is there; collectors of this file: {there}")
            elif self._is_table(body, path):
                self._no_others(path, body, COLLECTOR_OPTIONS)
                collectors[place] = self._options(path, body, COLLECTOR_OPTIONS)
        return collectors

    def _tables(self, found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        tables = found.get(name, {})
        return tables if self._is_table(tables, (name,)) else {}

    def _is_table(self, found: Any, path: tuple[str, ...]) -> TypeGuard[dict[str, Any]]:
        if not isinstance(found, dict):
            self._wrong(path, "must be a table")
        return isinstance(found, dict)

    def _options(
        self, path: tuple[str, ...], found: Mapping[str, Any], known: Mapping[str, options.Parse]
    ) -> dict[str, Any]:
        values = {}
        for name, parse in known.items():
            if name not in found:
                continue
            try:
                values[name] = parse(found[name])
            except ValueError as error:
                self._wrong((*path, name), f"{error}, not {found[name]!r}")
        return values

    def _no_others(self, path: tuple[str, ...], found: Mapping[str, Any], known: Any) -> None:
        for name in found.keys() - {*known} - ({*options.LISTS} if not path else set()):
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}"
            self._wrong((*path, name), f"there is no such option; {hint}")

    def _wrong(self, path: Sequence[str], problem: str) -> None:
        line = nearest_line(self.lines, path) or 0
        where = f"{self.name}:{line}" if line else self.name
        self.found.append((line, f"{where}: {dotted(path)}: {problem}"))


def dotted(path: Sequence[str]) -> str:
    """A path as TOML writes it: names with other characters in quotes."""
    return ".".join(
        part if part.replace("_", "").replace("-", "").isalnum() else f'"{part}"' for part in path
    )


def _role(raw: Any) -> str:
    if raw not in ROLES:
        raise ValueError(f"give {_either(ROLES)}")
    return str(raw)


def _either(names: Sequence[str]) -> str:
    quoted = [f'"{name}"' for name in names]
    return f"{', '.join(quoted[:-1])} or {quoted[-1]}"

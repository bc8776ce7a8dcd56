"""Versions that are about to change, and rules that have changed."""

from replication.head.port import Head
from replication.s3.events import Operation
from replication.s3.rule_history import Revision, RuleHistory
from replication.s3.rules import Configuration, Rule
from replication.s3.status import Status
from replication.times import plus
from tests.laws.memory import FirstStays
from tests.record.world import (
    NOW,
    World,
    created,
    replicated,
    version,
)
from tests.support.fakes import history, rule

TAGGED = (("route", "yes"),)
TWO = ("dst", "other")


def reads(status: str | None) -> Head:
    return Head(status, delete_marker=False, last_modified=NOW)


def world_of(*rules: Rule) -> World:
    """One source bucket of these rules, and a ledger that keeps facts as DynamoDB does."""
    known = {"src": history("src", *(rules or (rule("dst"),)))}
    return World(known, tracked=frozenset({"src", *TWO}), ledger=FirstStays())


def now_of(world: World, *rules: Rule, seconds: float = 5) -> None:
    """The rules change after the version was written, and were read since."""
    since = plus(NOW, seconds)
    before = world.known["src"]
    after = Revision(since, Configuration(rules), not_before=since, told=True)
    world.known["src"] = RuleHistory("src", (*before.revisions, after), read_at=plus(NOW, 3600))


def completed(*rules: Rule, tags: dict[str, str] | None = None) -> World:
    world = world_of(*rules)
    world.objects.tagging = {version(): tags or {}}
    world.record(created())
    for name in sorted({one.destination for one in rules} or {"dst"}):
        world.record(created(name, seconds=1))
    world.objects.asked.clear()
    return world


def failed(*rules: Rule) -> World:
    world = world_of(*rules)
    world.record(created(), replicated(Operation.FAILED, failure_code="DstPutObjectNotPermitted"))
    return world


def statuses(world: World) -> dict[str, Status | None]:
    return {name: state.status for name, state in world.ledger.states(version()).items()}

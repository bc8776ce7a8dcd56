"""Walks by a seed, with the steps of a busy day more often than the others.

A state machine that draws its steps evenly seldom comes far: most lies need a write that is heard
of, replicated and looked at. A walk that fails is cut down to the steps that matter and printed as
a script.
"""

import logging
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.laws.machine import Machine
from tests.laws.s3_model import DESTINATIONS, SOURCE
from tests.laws.s3_reads import ACTIONS
from tests.laws.tracker import LONG_AGO
from tests.laws.walk import AN_HOUR, KEYS

Step = tuple[str, dict[str, Any]]
STEPS = 45
REDUCING_SECONDS = 40.0

PREFIXES = ("", "one/", "both/")
KINDS = ("object",) * 4 + ("marker", "hidden")
ENDS = ("arrive",) * 4 + ("late", "fail", "fail", "tagless", "miss", "untracked")
WAITS = (1, 400, 1_000, 61_000, 61_000, 150_000, AN_HOUR, AN_HOUR)
STALE = (0, 0, 20_000, 50_000)
THIRD = (None, None, 0, 1, 2)
SIMPLE: dict[str, tuple[Any, ...]] = {
    "pick": (0, 1),
    "stale": (0,),
    "second": (0,),
    "at_once": (True,),
    "denied": (frozenset(),),
    **dict.fromkeys(("late_tags", "tagged", "twice", "told", "foreign", "chain"), (False,)),
    **dict.fromkeys(("both_channels", "change_events", "change_failures"), (False,)),
}
"""What is tried for an argument when a walk is cut down."""


class Draws(random.Random):
    """A step: how often it comes, its name, and its arguments."""

    def pick(self) -> int:
        return self.randrange(1_000)

    def coin(self, share: float = 0.5) -> bool:
        return self.random() < share

    def begin(self) -> Step:
        names = ("at_once", "change_events", "change_failures", "markers_show", "both_channels")
        arguments: dict[str, Any] = {name: self.coin() for name in names}
        arguments |= {"chain": self.coin(0.25), "second": self.choice((0, 500, 999))}
        return "begin", arguments

    def step(self) -> Step:
        weights = [weight for weight, _, _ in TABLE]
        _, name, arguments = self.choices(TABLE, weights)[0]
        return name, arguments(self)

    def rule_change(self) -> dict[str, Any]:
        return {"told": self.coin(), "stale": self.choice(STALE)}

    def denied(self) -> frozenset[tuple[str, str]]:
        buckets = (SOURCE, *DESTINATIONS)
        count = self.randrange(3)
        return frozenset((self.choice(buckets), self.choice(ACTIONS)) for _ in range(count))


TABLE: list[tuple[float, str, Callable[[Draws], dict[str, Any]]]] = [
    (
        10,
        "put",
        lambda r: {
            "key": r.choice(KEYS),
            "tagged": r.coin(),
            "kind": r.choice(KINDS),
            "late_tags": r.coin(0.25),
        },
    ),
    (
        2,
        "put_elsewhere",
        lambda r: {
            "bucket": r.choice(DESTINATIONS),
            "key": r.choice(KEYS),
            "foreign": r.coin(),
        },
    ),
    (4, "change", lambda r: {"pick": r.pick(), "tagged": r.coin()}),
    (2, "retain", lambda r: {"pick": r.pick(), "until": r.choice(("2027", "2028"))}),
    (2, "delete", lambda r: {"pick": r.pick()}),
    (2, "delete_replica", lambda r: {"pick": r.pick()}),
    (
        2,
        "add_rule",
        lambda r: {
            "destination": r.choice(DESTINATIONS),
            "prefix": r.choice(PREFIXES),
            "tagged": r.coin(),
            "markers": r.coin(),
            **r.rule_change(),
        },
    ),
    (2, "take_rule_away", lambda r: {"pick": r.pick(), "remove": r.coin(), **r.rule_change()}),
    (14, "replicate", lambda r: {"pick": r.pick(), "end": r.choice(ENDS)}),
    (3, "run_a_job", lambda r: {"pick": r.pick()}),
    (10, "wait", lambda r: {"milliseconds": r.choice(WAITS)}),
    (2, "deny", lambda r: {"denied": r.denied()}),
    (1, "throttle", lambda r: {"busy": r.choice(THIRD), "throttled": r.choice(THIRD)}),
    (1.5, "kill", lambda r: {"calls": r.randrange(5)}),
    (1, "start_anew", lambda r: {"process": r.randrange(2)}),
    (
        8,
        "deliver",
        lambda r: {"numbers": [r.pick() for _ in range(r.randrange(1, 5))], "twice": r.coin(0.2)},
    ),
    (8, "deliver_all", lambda _: {}),
    (2, "deliver_again", lambda r: {"pick": r.pick()}),
    (1, "play_back", lambda _: {}),
    (2, "lose", lambda r: {"pick": r.pick()}),
    (0.7, "lose_all", lambda _: {}),
    (0.7, "send_a_bad_one", lambda r: {"pick": r.pick()}),
    (8, "look_again", lambda r: {"seconds": r.choice((300, 3_600, LONG_AGO))}),
    (1.2, "converge", lambda _: {}),
]


def walk_many(make: Callable[[], Machine], first: int, count: int) -> None:
    """Walks of so many seeds. AssertionError with the script of the first that shows a lie."""
    with _silence():
        for seed in range(first, first + count):
            draws = Draws(seed)
            steps = [draws.begin(), *(draws.step() for _ in range(STEPS)), ("converge", {})]
            found = _play(make, steps)
            if found is None:
                continue
            number, error = found
            steps = _reduced(make, steps[: number + 1], _kind(error))
            script = "\n".join(f"    {name}({_written(given)})" for name, given in steps)
            raise AssertionError(f"walk {seed}: {error}\n{script}") from error


def _play(make: Callable[[], Machine], steps: list[Step]) -> tuple[int, Exception] | None:
    """The step that shows a lie, and which."""
    machine = make()
    try:
        for number, (name, arguments) in enumerate(steps):
            if name == "deliver_again" and not machine.tracker.done:
                continue
            if name == "converge" and not machine.s3.written:
                continue
            try:
                getattr(machine, name)(**arguments)
                machine.nothing_is_untrue()
            except Exception as error:
                return number, error
    finally:
        machine.teardown()
    return None


def _reduced(make: Callable[[], Machine], steps: list[Step], kind: str) -> list[Step]:
    """Fewer steps, with simpler arguments, that show a lie of the same kind."""
    end = time.monotonic() + REDUCING_SECONDS

    def is_one(tried: list[Step]) -> bool:
        if time.monotonic() > end:
            return False
        found = _play(make, tried)
        return found is not None and _kind(found[1]) == kind

    size = len(steps) // 2
    while size:
        start = 1
        while start < len(steps):
            shorter = steps[:start] + steps[start + size :]
            if is_one(shorter):
                steps = shorter
            else:
                start += size
        size //= 2
    for number, (name, given) in enumerate(steps):
        for argument in given:
            for simple in SIMPLE.get(argument, ()):
                tried = [*steps]
                tried[number] = (name, {**steps[number][1], argument: simple})
                if given[argument] != simple and is_one(tried):
                    steps = tried
                    break
    return steps


def _kind(error: Exception) -> str:
    """What is said, whatever it is said of."""
    names = r"(one|both)/\S*( \+%)?|src|dst-[ab]|third|'[^']*'|\S*\d\S*"
    return re.sub(names, "#", f"{type(error).__name__} {error}")[:70]


def _written(arguments: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in arguments.items())


@contextmanager
def _silence() -> Iterator[None]:
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)

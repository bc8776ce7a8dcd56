"""Facts as claims, and how often a message may come back for one."""

from collections.abc import Iterable

from replication.ledger.fact import Fact
from replication.ledger.port import Claim

TRIES = 3
"""How often a message is received whose version cannot be placed, before it is of no concern."""


def if_known(facts: Iterable[Fact]) -> list[Claim]:
    """Claims that hold only where the version is known at its destination."""
    return [Claim(fact, must_exist=True) for fact in facts]


def certain(facts: Iterable[Fact]) -> list[Claim]:
    """Claims that hold whatever is known."""
    return [Claim(fact) for fact in facts]

"""The part of an X-Ray trace header by which Lambda sees that functions go round in circles.

A header reads `Root=1-…;Parent=…;Sampled=0;Lineage=a87bd80c:3|68fd508a:1`: of the events that led
here, three ran the one function and one the other. A function is named by a hash of its ARN.
"""

from __future__ import annotations

import secrets
import time
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LINEAGE = "Lineage"
_MOST = 0xFF
"""Where counting ends; the limit lies far below."""


@dataclass(frozen=True, slots=True)
class Chain:
    """The functions that ran on the way to an event, and how often each."""

    root: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def parse(cls, header: str | None) -> Chain:
        """What a trace header says; a chain that begins here when it says nothing.

        botocore sends the header percent-encoded.
        """
        text = unquote(header or "")
        parts = dict(part.strip().partition("=")[::2] for part in text.split(";"))
        counts: dict[str, int] = {}
        for each in parts.get(_LINEAGE, "").split("|"):
            name, _, count = each.rpartition(":")
            if name and count.isdecimal():
                counts[name] = int(count)
        return cls(parts.get("Root", ""), counts)

    @classmethod
    def merged(cls, chains: Iterable[Chain]) -> Chain:
        """One invocation for the events of several chains: it belongs to the longest of them."""
        root, counts = "", dict[str, int]()
        for chain in chains:
            root = root or chain.root
            for name, count in chain.counts.items():
                counts[name] = max(count, counts.get(name, 0))
        return cls(root, counts)

    def ran(self, function_arn: str) -> int:
        """How often the function ran so far."""
        return self.counts.get(_name(function_arn), 0)

    def then(self, function_arn: str) -> Chain:
        """The chain once the function runs again."""
        count = min(self.ran(function_arn) + 1, _MOST)
        root = self.root or f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
        return Chain(root, {**self.counts, _name(function_arn): count})

    def header(self, *, sampled: bool) -> str:
        counts = "|".join(f"{name}:{count}" for name, count in self.counts.items())
        parent = secrets.token_hex(8)
        return f"Root={self.root};Parent={parent};Sampled={sampled:d};{_LINEAGE}={counts}"


def _name(function_arn: str) -> str:
    """Of a version or an alias it is the function's."""
    return f"{zlib.crc32(':'.join(function_arn.split(':')[:7]).encode()):08x}"

"""Accounts and Regions of the emulator, and where the buckets are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.emulator.server import REGION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A Region of an account. The emulator takes an account's number for a key of its root."""

    account: str
    region: str

    def __str__(self) -> str:
        return f"{self.account}/{self.region}"

    @property
    def credentials(self) -> dict[str, str]:
        """As environment variables."""
        return {"AWS_ACCESS_KEY_ID": self.account, "AWS_SECRET_ACCESS_KEY": "test"}


HOME = Place("000000000000", REGION)
"""Where the tracker is, and every bucket that is nowhere else."""


def tracker_toml(
    sources: Sequence[str], destinations: Sequence[str], places: Mapping[str, Place]
) -> str:
    """The file that describes these buckets to the tracker, with redrives wherever a source is."""
    lines = ["[home]", f'account = "{HOME.account}"', f'region = "{HOME.region}"']
    for bucket in dict.fromkeys([*sources, *destinations]):
        role = "source" if bucket in sources else "destination"
        if bucket in sources and bucket in destinations:
            role = "both"
        lines += ["", f"[buckets.{bucket}]", f'role = "{role}"']
        if bucket in places:
            place = places[bucket]
            lines += [f'account = "{place.account}"', f'region = "{place.region}"']
    for place in sorted({places[one] for one in sources if one in places}):
        lines += ["", f'[collectors."{place}"]', "redrive = true"]
    return "\n".join([*lines, ""])

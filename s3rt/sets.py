"""Whether a set of objects has arrived, from the API's answers: of a prefix, and of a manifest.

A set is fixed when it is first asked about: what is requested from then on does not belong to it.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from s3rt.api import Api
from s3rt.manifest import Named
from s3rt.options import Place

MOST_OBJECTS = 1_000
"""The API takes no more at once."""
SHOWN = 5
MAY_PASS = frozenset({"not-heard-yet", "nothing-heard-yet", "rules-never-read", "more-to-read"})
"""Reasons for which it is worth asking again."""
_OPEN = frozenset({"pending", "in_doubt", "failed", *MAY_PASS})
"""States of an object that may still change for the better."""

Answer = dict[str, Any]


@dataclass(slots=True)
class PrefixSet:
    """What was requested under a prefix; None is any. `until` is fixed by the first answer."""

    where: Place
    destination: str | None
    since: str | None
    until: str | None
    cursor: str | None = None
    """Everything before has arrived; None: nothing is known."""

    def ask(self, api: Api) -> Answer:
        """How far it is: the API's own answer. One with a `next_cursor` did not read everything;
        the next question goes on there, also after one that failed."""
        found: Answer = api.get(
            _path(self.where),
            prefix=self.where.key or None,
            destination=self.destination,
            since=self.since,
            until=self.until,
            cursor=self.cursor,
        )
        self.until, self.cursor = found["until"], found["next_cursor"]
        return found


@dataclass(slots=True)
class ManifestSet:
    """Objects by name. Only those that have not arrived are asked about again."""

    where: Place
    destination: str | None
    until: str | None
    objects: list[Named]
    states: dict[Named, str] = field(default_factory=dict)

    def ask(self, api: Api) -> Answer:
        """How far it is, in the members of the API's answer; `unknown` names the first objects of
        which nothing certain is known."""
        wanted = [one for one in self.objects if self.states.get(one, "pending") in _OPEN]
        answers = []
        for start in range(0, len(wanted), MOST_OBJECTS):
            part = wanted[start : start + MOST_OBJECTS]
            found: Answer = api.post(
                _path(self.where),
                {"objects": [one.as_json() for one in part]},
                destination=self.destination,
                until=self.until,
            )
            self.until = found["until"]
            self.states.update(zip(part, found["objects"], strict=True))
            answers.append(found)
        return self._together(answers)

    def _together(self, answers: list[Answer]) -> Answer:
        """The parts as one answer."""
        counts = Counter(self.states.values())
        waiting = {name: counts[name] for name in ("pending", "failed", "in_doubt")}
        unknown = len(self.objects) - counts["arrived"] - sum(waiting.values())
        why = next((one for one in answers if one["reason"] in MAY_PASS), None)
        why = why or next((one for one in answers if one["reason"]), None)
        pending = [one["oldest_pending"] for one in answers if one["oldest_pending"]]
        nothing_certain = list(self._unknown())
        reason = why["reason"] if why else nothing_certain[0]["reason"] if nothing_certain else None
        return {
            "bucket": self.where.bucket,
            "destination": self.destination,
            "until": self.until,
            "heard_until": answers[-1]["heard_until"] if answers else None,
            "arrived": False if any(waiting.values()) else None if unknown else True,
            "seen": True if counts["arrived"] else None,
            "counts": {
                "total": len(self.objects),
                "arrived": counts["arrived"],
                **waiting,
                "unknown": unknown,
            },
            "oldest_pending": min(pending, key=lambda row: str(row["requested_at"]), default=None),
            "failures": [row for one in answers for row in one["failures"]][:SHOWN],
            "unknown": nothing_certain[:SHOWN],
            "complete": not unknown,
            "reason": reason,
            "reason_detail": why["reason_detail"] if why else None,
        }

    def _unknown(self) -> Iterator[Answer]:
        known = ("arrived", "pending", "failed", "in_doubt")
        yield from (
            {"key": one.key, "version_id": one.version_id, "reason": state}
            for one, state in self.states.items()
            if state not in known
        )


def may_arrive(found: Answer) -> bool:
    """Whether the set may still arrive without anybody doing anything."""
    waiting = found["arrived"] is False or found["reason"] in MAY_PASS
    return waiting and not found["failures"]


def _path(where: Place) -> str:
    return f"/v1/buckets/{where.bucket}/arrival"

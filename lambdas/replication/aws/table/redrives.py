"""Redrives, as the table has them.

    pk #redrives             sk <redrive id>   `redrive`: the redrive as JSON; `rev`: its writes
    pk #redrives#open        sk <redrive id>   a marker: the redrive may have something to do
    pk #redrives#progress    sk <redrive id>   how far its plan is, as JSON
    pk #redrives#buckets     sk <bucket>       `holder`: the redrive that has a job in the bucket
    pk #redrives#rules       sk <rule>         `redrive`, `incident`: what the rule did last
    pk #redrives#days        sk <day>          what automatic redrives started on that day

An id begins with a time, so redrives sort by age. A marker is written before its redrive is, and
removed after it ended: a crash leaves one too many, which the next reader removes.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from replication.aws.answers import answering
from replication.aws.table import keys
from replication.aws.table.expiry import DAY, expiry
from replication.aws.table.ledger_item import Item
from replication.aws.table.table import Table
from replication.published.automatic import AutoRule, RuleNote, Spent
from replication.published.redrive import Redrive, decode, encode
from replication.times import Instant

KEPT_SECONDS = 400 * DAY
"""As long as the versions that it may have replicated, once they are deleted."""
_ABSENT = "attribute_not_exists(pk)"


class RedriveReads(Table):
    """What the API shows of redrives."""

    def find(self, redrive_id: str) -> Redrive | None:
        """A redrive; None when there is none of this id."""
        found = self.found(redrive_id)
        return found[0] if found else None

    def found(self, redrive_id: str) -> tuple[Redrive, int] | None:
        """A redrive and the number of its writes."""
        if not self.is_id(redrive_id):
            return None
        item = self._item(_key(keys.REDRIVES, redrive_id))
        return (decode(item["redrive"]["S"]), int(item["rev"]["N"])) if item else None

    def is_id(self, text: str) -> bool:
        """Whether the text can be a sort key."""
        return 0 < len(text.encode()) <= keys.SORT_KEY_BYTES

    def notes(self) -> Iterator[RuleNote]:
        """What every rule of automatic redrives did last."""
        for item in self._items("pk = :pk", {"pk": keys.REDRIVES_RULES}):
            yield _note(AutoRule.parse(item["sk"]["S"]), item)

    def listed(self, behind: str | None, limit: int) -> Iterator[Redrive]:
        """Redrives, the newest first, after the one of this id."""
        condition, values = "pk = :pk", {"pk": keys.REDRIVES}
        if behind is not None:
            condition, values = f"{condition} AND sk < :behind", values | {"behind": behind}
        pages = {"MaxItems": limit, "PageSize": limit}
        for item in self._items(condition, values, ScanIndexForward=False, PaginationConfig=pages):
            yield decode(item["redrive"]["S"])


class RedriveTable(RedriveReads):
    """`redrive.port.Store`."""

    def save(self, redrive: Redrive, rev: int, now: Instant) -> bool:
        """Writes the redrive as write number `rev` + 1; False when somebody else wrote it since."""
        if redrive.state.is_open:
            self._put(_key(keys.REDRIVES_OPEN, redrive.id))
        item = _key(keys.REDRIVES, redrive.id) | {
            "redrive": {"S": encode(redrive)},
            "rev": {"N": str(rev + 1)},
            "expires_at": expiry(now, KEPT_SECONDS),
        }
        if not self._put(item, **_was(rev)):
            return False
        if not redrive.state.is_open:
            self.close(redrive)
        return True

    def close(self, redrive: Redrive) -> None:
        """Removes what only an open redrive has."""
        for job in redrive.jobs:
            self.release(job.bucket, redrive.id)
        self._delete(_key(keys.REDRIVES_PROGRESS, redrive.id))
        self._delete(_key(keys.REDRIVES_OPEN, redrive.id))

    def open_ids(self) -> list[str]:
        """Ids of the redrives that may have something to do, the oldest first."""
        found = self._items("pk = :pk", {"pk": keys.REDRIVES_OPEN})
        return [item["sk"]["S"] for item in found]

    def progress(self, redrive_id: str) -> tuple[str, int, Instant] | None:
        """What `save_progress` wrote last, the number of its writes, and when."""
        item = self._item(_key(keys.REDRIVES_PROGRESS, redrive_id))
        if item is None:
            return None
        return item["progress"]["S"], int(item["rev"]["N"]), Instant(item["saved_at"]["S"])

    def save_progress(self, redrive_id: str, text: str, rev: int, now: Instant) -> bool:
        """As `save`."""
        item = _key(keys.REDRIVES_PROGRESS, redrive_id) | {
            "progress": {"S": text},
            "rev": {"N": str(rev + 1)},
            "saved_at": {"S": now},
            "expires_at": expiry(now, 30 * DAY),
        }
        return self._put(item, **_was(rev))

    def note(self, rule: AutoRule) -> RuleNote | None:
        """What the rule did last."""
        item = self._item(_key(keys.REDRIVES_RULES, rule.text))
        return _note(rule, item) if item else None

    def save_note(self, note: RuleNote, now: Instant) -> None:
        self._put(
            _key(keys.REDRIVES_RULES, note.rule.text)
            | {
                "redrive": {"S": note.redrive_id},
                "incident": {"S": note.incident_id},
                "expires_at": expiry(now, KEPT_SECONDS),
            }
        )

    def spent(self, day: str) -> Spent:
        """What automatic redrives started on that day."""
        item = self._item(_key(keys.REDRIVES_DAYS, day))
        return Spent(day, **json.loads(item["spent"]["S"])) if item else Spent(day)

    def save_spent(self, spent: Spent, now: Instant) -> None:
        counts = {name: value for name, value in asdict(spent).items() if name != "day"}
        self._put(
            _key(keys.REDRIVES_DAYS, spent.day)
            | {"spent": {"S": json.dumps(counts)}, "expires_at": expiry(now, 30 * DAY)}
        )

    def claim(self, bucket: str, redrive_id: str, instead_of: str | None = None) -> str:
        """Gives the bucket to the redrive, if no other one but `instead_of` has it; the id of the
        redrive that has it now."""
        key = _key(keys.REDRIVES_BUCKETS, bucket)
        allowed = [redrive_id, *([instead_of] if instead_of else [])]
        names = {f":h{number}": {"S": name} for number, name in enumerate(allowed)}
        holders = " OR ".join(f"holder = {name}" for name in names)
        taken = self._put(
            key | {"holder": {"S": redrive_id}},
            ConditionExpression=f"{_ABSENT} OR {holders}",
            ExpressionAttributeValues=names,
        )
        if taken:
            return redrive_id
        item = self._item(key)
        return str(item["holder"]["S"]) if item else self.claim(bucket, redrive_id, instead_of)

    def release(self, bucket: str, redrive_id: str) -> None:
        """The redrive has no job in the bucket any more."""
        self._delete(
            _key(keys.REDRIVES_BUCKETS, bucket),
            ConditionExpression=f"{_ABSENT} OR holder = :holder",
            ExpressionAttributeValues={":holder": {"S": redrive_id}},
        )

    def _delete(self, key: Item, **condition: Any) -> None:
        """DeleteItem; nothing when its condition does not hold."""
        with answering(self.who), suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.delete_item(TableName=self._table_name, Key=key, **condition)


def _key(partition: str, name: str) -> Item:
    return {"pk": {"S": partition}, "sk": {"S": name}}


def _note(rule: AutoRule, item: Mapping[str, Any]) -> RuleNote:
    return RuleNote(rule, item["redrive"]["S"], item["incident"]["S"])


def _was(rev: int) -> dict[str, Any]:
    if rev == 0:
        return {"ConditionExpression": _ABSENT}
    return {
        "ConditionExpression": "rev = :rev",
        "ExpressionAttributeValues": {":rev": {"N": str(rev)}},
    }

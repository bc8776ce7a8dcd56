"""Progress of backfills, kept in the ledger's table.

    pk   #backfill#<run>          (no bucket name begins with `#`)
    sk   run                      the manifest
         file#<digest>            one data file; its bucket and key can be longer than a sort key

None of them has the attribute `status`, so the functions on the stream skip them. They are kept as
long as deleted versions, see `retention.KEPT_DAYS_AFTER_DELETION`.
"""

from collections.abc import Mapping
from dataclasses import fields
from hashlib import blake2b
from typing import Any

from replication.aws.answers import answering
from replication.aws.table import keys
from replication.aws.table.expiry import DAY, expiry
from replication.aws.table.ledger_item import AttributeValue, Item, value_of
from replication.aws.table.table import Table
from replication.ledger.retention import KEPT_DAYS_AFTER_DELETION
from replication.published.backfill import FileProgress, Progress, RunProgress
from replication.times import Instant

_RUN = "run"
_FILE = "file#"


class BackfillProgress(Table):
    """`backfill.run.ProgressTable`."""

    def load(self, run: str) -> Progress | None:
        """The progress of a run and its files; None when it was never started."""
        found = list(self._items("pk = :pk", {"pk": _partition(run)}))
        runs = [_run(run, item) for item in found if item["sk"]["S"] == _RUN]
        files = tuple(_file(item) for item in found if item["sk"]["S"].startswith(_FILE))
        return Progress(runs[0], files) if runs else None

    def file(self, run: str, bucket: str, key: str) -> FileProgress | None:
        item = self._item(_key(run, bucket, key))
        return _file(item) if item else None

    def save_run(self, run: RunProgress, now: Instant) -> None:
        """Writes the run; the time of its first start is kept."""
        values = _values(run, "id", "started_at") | {"expires_at": _expiry(now)}
        values["updated_at"] = value_of(now)
        removed = [name for name in ("trouble", "error") if name not in values]
        clauses = [
            "SET started_at = if_not_exists(started_at, :now), "
            + ", ".join(f"#{name} = :{name}" for name in values),
            *(["REMOVE " + ", ".join(f"#{name}" for name in removed)] if removed else []),
        ]
        with answering("the table"):
            self._client.update_item(
                TableName=self._table_name,
                Key={"pk": {"S": _partition(run.id)}, "sk": {"S": _RUN}},
                UpdateExpression=" ".join(clauses),
                ExpressionAttributeNames={f"#{name}": name for name in (*values, *removed)},
                ExpressionAttributeValues={f":{name}": value for name, value in values.items()}
                | {":now": {"S": now}},
            )

    def save_file(self, run: str, file: FileProgress, now: Instant) -> None:
        """Replaces the file's progress. A finished file stays so, whoever still reads it."""
        item = _key(run, file.bucket, file.key) | _values(file, "counts", "broken")
        item |= {
            "counts": {"M": {name: value_of(count) for name, count in file.counts.items()}},
            "broken": {"L": [value_of(text) for text in file.broken]},
            "expires_at": _expiry(now),
        }
        self._put(item, ConditionExpression="attribute_not_exists(finished_at)")


def _partition(run: str) -> str:
    return f"{keys.BACKFILL}{run}"


def _key(run: str, bucket: str, key: str) -> Item:
    digest = blake2b(f"{bucket}/{key}".encode(), digest_size=12).hexdigest()
    return {"pk": {"S": _partition(run)}, "sk": {"S": f"{_FILE}{digest}"}}


def _expiry(now: Instant) -> AttributeValue:
    return expiry(now, KEPT_DAYS_AFTER_DELETION * DAY)


def _values(progress: RunProgress | FileProgress, *left_out: str) -> Item:
    return {
        one.name: value_of(value)
        for one in fields(progress)
        if one.name not in left_out and (value := getattr(progress, one.name)) is not None
    }


def _run(run: str, item: Mapping[str, AttributeValue]) -> RunProgress:
    return RunProgress(id=run, **_read(item, RunProgress, "id"))


def _file(item: Mapping[str, AttributeValue]) -> FileProgress:
    return FileProgress(
        **_read(item, FileProgress, "counts", "broken"),
        counts={name: int(count["N"]) for name, count in item["counts"]["M"].items()},
        broken=tuple(text["S"] for text in item["broken"]["L"]),
    )


def _read(item: Mapping[str, AttributeValue], kind: type, *left_out: str) -> dict[str, Any]:
    return {
        one.name: int(item[one.name]["N"]) if "N" in item[one.name] else item[one.name]["S"]
        for one in fields(kind)
        if one.name in item and one.name not in left_out
    }

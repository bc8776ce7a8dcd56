"""Inventories of the model's buckets, read the way the backfill does."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from backfill.row_claims import RowClaims
from backfill.rows import Rows
from replication.ledger.port import Ledger
from replication.s3.deliveries import Delivery
from replication.s3.evidence import Evidence
from replication.s3.rule_history import RuleHistory
from tests.laws.s3_model import SOURCE, S3Model


def read_inventories(
    s3: S3Model,
    ledger: Ledger,
    histories: Mapping[str, RuleHistory | None],
    destinations: Sequence[str],
    note_destination: Callable[[str, str], None],
) -> Counter[str]:
    """One of every bucket, taken now; what became of the rows."""
    counts: Counter[str] = Counter()
    for bucket in (SOURCE, *destinations):
        attribution = RowClaims(
            Delivery(Evidence.INVENTORY, s3.now(), (), (), bucket),
            f"run-{s3.now()}",
            histories.get(bucket),
            is_destination=bucket in destinations,
        )
        listed = [
            (b"%d" % number, s3.listed(version))
            for number, version in enumerate(s3.held)
            if version.bucket == bucket
        ]
        rows = Rows(
            read=dict(listed).__getitem__,
            row_claims=lambda _, found=attribution: found,  # type: ignore[misc]
            ledger=ledger,
            objects=s3,
            histories={name: found for name, found in histories.items() if found},
            now=s3.now,
            note_destination=note_destination,
        )
        counts += rows.write([line for line, _ in listed], 0).counts
    return counts

"""A manifest.json, of an inventory or a batch report, as a `Delivery`; the reader of its rows."""

import json
from collections.abc import Callable
from dataclasses import replace

from replication.aws.deliveries import batch_report, inventory
from replication.errors import Reason, Rejected
from replication.s3.deliveries import Delivery, Row
from replication.s3.evidence import Evidence

_WHERE = "name the manifest.json of an S3 Inventory or of a Batch Operations report"


def delivery_of(body: bytes) -> Delivery:
    """Rejected when it is no manifest, or cannot be used."""
    try:
        manifest = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Rejected(Reason.NOT_JSON, f"{error}"[:200] + f"; {_WHERE}") from None
    if isinstance(manifest, dict):
        for name, parse in (
            ("fileSchema", inventory.delivery_of),
            ("ReportSchema", batch_report.delivery_of),
        ):
            if name in manifest:
                delivery = parse(manifest)
                return replace(delivery, files=tuple(dict.fromkeys(delivery.files)))
    raise Rejected(Reason.UNKNOWN_SHAPE, f"neither fileSchema nor ReportSchema is in it; {_WHERE}")


def reader(delivery: Delivery) -> Callable[[bytes], Row]:
    """A function that reads one record of the delivery's files; it raises only Rejected."""
    match delivery.evidence:
        case Evidence.INVENTORY:
            return inventory.reader(delivery)
        case Evidence.BATCH_REPORT:
            return batch_report.reader(delivery)
        case _:
            raise AssertionError(delivery.evidence)

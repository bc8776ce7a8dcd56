"""What an operator may have to fix. It expires two days after it was last seen.

pk #findings    sk <bucket>#<action>    S3 denies the action there
pk #setups      sk <bucket>             how the bucket is set up
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from replication.aws.table import keys
from replication.aws.table.expiry import DAY, expiry
from replication.aws.table.table import Table
from replication.errors import Denied
from replication.s3.bucket_setup import Setup, Setups
from replication.times import Instant

_KEPT_SECONDS = 2 * DAY


class FindingsTable(Table):
    """`reconcile.port.Findings`, `setup_inspection.Findings`, and the reads of both."""

    def note(self, denied: Denied, now: Instant) -> None:
        self._keep(keys.FINDINGS, f"{denied.bucket}#{denied.action}", now)

    def note_setup(self, bucket: str, setup: Setup, now: Instant) -> None:
        flags = {
            name: {"BOOL": value}
            for name in (
                "eventbridge",
                "replication_events",
                "kms",
                "routed",
                "object_notifications",
            )
            if (value := getattr(setup, name)) is not None
        }
        versioning = {"versioning": {"S": setup.versioning}} if setup.versioning else {}
        region = {"region": {"S": setup.region}} if setup.region else {}
        self._keep(keys.SETUPS, bucket, now, **flags, **versioning, **region)

    def load(self) -> Sequence[tuple[Denied, Instant]]:
        """Every refusal of S3 and when it last happened, by bucket."""
        found = []
        for item in self._all(keys.FINDINGS):
            bucket, _, action = item["sk"]["S"].partition("#")
            found.append((Denied(action, bucket), Instant(item["observed_at"]["S"])))
        return found

    def setups(self) -> Setups:
        """The set-up of each bucket where it could be read."""
        return {
            item["sk"]["S"]: (
                Setup(
                    versioning=item["versioning"]["S"] if "versioning" in item else None,
                    eventbridge=item["eventbridge"]["BOOL"],
                    replication_events=item["replication_events"]["BOOL"],
                    kms=item["kms"]["BOOL"],
                    region=item["region"]["S"] if "region" in item else None,
                    object_notifications=item.get("object_notifications", {}).get("BOOL"),
                    routed=item.get("routed", {}).get("BOOL"),
                ),
                Instant(item["observed_at"]["S"]),
            )
            for item in self._all(keys.SETUPS)
        }

    def _keep(self, partition: str, name: str, now: Instant, **more: Any) -> None:
        self._put(
            {
                "pk": {"S": partition},
                "sk": {"S": name},
                "observed_at": {"S": now},
                "expires_at": expiry(now, _KEPT_SECONDS),
                **more,
            }
        )

    def _all(self, partition: str) -> Iterator[Mapping[str, Any]]:
        return self._items("pk = :pk", {"pk": partition}, ConsistentRead=False)

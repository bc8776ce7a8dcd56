"""The shapes of answers about the tracker itself."""

from typing import Literal

from pydantic import Field

from query.schema import Listing, Schema, Time
from replication.s3.bucket_setup import Severity


class Finding(Schema):
    """Something to mend: it keeps the tracker from knowing, or people from being notified."""

    bucket: str | None = Field(description="The bucket it concerns; null: the tracker itself")
    check: str = Field(description="What was checked")
    severity: Severity = Field(
        description="`error`: something cannot be known; `warning`: it is known late"
    )
    finding: str = Field(description="What is wrong")
    fix: str = Field(description="What to do")
    observed_at: Time | None = Field(description="When it was last met; null when rules tell it")


class Findings(Listing[Finding]):
    """Findings by bucket; none is well."""


class Health(Schema):
    """The API answers and can read the ledger."""

    status: Literal["ok"] = Field(description="Anything else is a problem")
    version: str = Field(description="Version of the tracker")

r"""The completion report of an S3 Batch Operations job: its manifest, and the rows of its files.

Source: "S3 Batch Operations completion reports" in the S3 user guide. Published reports and the
guide's own examples differ from it:

    HTTPStatusCode comes before ErrorCode, whatever `ReportSchema` says, and is empty when there
    was no answer. A known code is taken from any field, ResultMessage included; an unknown one
    from the one of the two fields that is no HTTP status.
    TaskStatus is `succeeded` or `failed`, in upper or lower case; jobs that call a function write
    `PermanentFailure` for a failure.
    VersionId is `\N` when the job's manifest named no version; `null` is the null version.

Keys are those of the job's manifest, which has to be URL-encoded. Manifests that S3 makes are
form-encoded, as inventories are; see `inventory.py`.
"""

import re
from collections.abc import Callable

from replication import times
from replication.aws import json_fields
from replication.aws.deliveries.csv_lines import fields_of
from replication.aws.deliveries.inventory import columns_of, data_files
from replication.aws.json_fields import Json, quoted
from replication.errors import Reason, Rejected
from replication.s3 import failure_reasons
from replication.s3.deliveries import Delivery, Task
from replication.s3.evidence import Evidence
from replication.s3.version import ObjectVersion

FORMAT = "Report_CSV_20180820"
MESSAGE_CHARACTERS = 300
_NONE = ("", r"\N")
_SUCCEEDED = {"succeeded": True, "failed": False, "permanentfailure": False}
_HTTP_STATUS = re.compile(r"[1-5]\d\d", re.ASCII)
_NEEDED = dict.fromkeys(
    ("Bucket", "Key", "VersionId", "TaskStatus", "ErrorCode", "HTTPStatusCode", "ResultMessage"),
    "every report has it",
)


def delivery_of(manifest: Json) -> Delivery:
    """The delivery a report's manifest.json describes. Rejected when it is of another format."""
    report_format = json_fields.required(manifest, "Format")
    if report_format != FORMAT:
        raise Rejected(
            Reason.UNSUPPORTED_FORMAT, f"Format is {quoted(report_format)}, not {FORMAT}"
        )
    created = json_fields.required(manifest, "ReportCreationDate")
    try:
        at = times.parse(created)
    except ValueError:
        problem = f"ReportCreationDate is {quoted(created)}, not a time like 2026-11-22T09:15:02Z"
        raise Rejected(Reason.BAD_TIME, problem) from None
    return Delivery(
        evidence=Evidence.BATCH_REPORT,
        at=json_fields.of_s3("ReportCreationDate", at),
        columns=columns_of(json_fields.required(manifest, "ReportSchema", 4_096), _NEEDED),
        files=data_files(manifest, "Results", "Key", "MD5Checksum"),
    )


def reader(delivery: Delivery) -> Callable[[bytes], Task]:
    """A function that reads one record; Rejected when the row cannot be understood."""
    columns = delivery.columns

    def row(record: bytes) -> Task:
        found = fields_of(record, columns)
        status = found["TaskStatus"]
        succeeded = _SUCCEEDED.get(status.strip().lower())
        if succeeded is None:
            raise Rejected(Reason.BAD_STATUS, f"TaskStatus is {quoted(status)}")
        if found["VersionId"].strip() in _NONE:
            raise Rejected(Reason.MISSING_FIELD, "VersionId: the job's manifest named no version")
        return Task(
            ObjectVersion(
                json_fields.bucket_name(found, "Bucket"),
                json_fields.object_key(found, "Key", form_encoded=True),
                json_fields.version_id(found, "VersionId"),
            ),
            succeeded=succeeded,
            code=_code(found),
            message=found["ResultMessage"].replace("\0", "").strip()[:MESSAGE_CHARACTERS] or None,
        )

    return row


def _code(found: dict[str, str]) -> str | None:
    """The failure code, from whichever field has it; None when there is none."""
    named = [found[name].strip() for name in ("ErrorCode", "HTTPStatusCode")]
    codes = [one for one in named if one not in _NONE and not _HTTP_STATUS.fullmatch(one)]
    anywhere = (*codes, found["ResultMessage"].strip())
    code = next(filter(failure_reasons.is_known, anywhere), codes[0] if codes else None)
    return json_fields.text({"ErrorCode": code}, "ErrorCode", json_fields.FAILURE_CODE_LIMIT)

"""What the report of a Batch Replication job says."""

import csv
import io
from typing import Any

import pytest

from replication.aws.deliveries import batch_report, csv_lines
from replication.errors import Rejected
from replication.s3.deliveries import DataFile, Task
from replication.s3.evidence import Evidence
from replication.s3.version import ObjectVersion
from tests.support import deliveries
from tests.support.deliveries import csv_of, delivery

VERSION = ObjectVersion("src", "a/k", "v1")


def read(*fields: str, quoting: int = csv.QUOTE_MINIMAL) -> Task:
    return batch_report.reader(delivery(deliveries.report()))(csv_of([fields], quoting, "\r\n"))


def refusal(**manifest: Any) -> str:
    with pytest.raises(Rejected) as caught:
        delivery(deliveries.report(**manifest))
    return str(caught.value)


def test_a_manifest_names_its_files_and_where_each_is() -> None:
    found = delivery(deliveries.report(("job-1/results/a.csv", b"x")))
    assert (found.evidence, found.at, found.bucket) == (
        Evidence.BATCH_REPORT,
        deliveries.REPORTED,
        None,
    )
    assert found.files == (DataFile("inventories", "job-1/results/a.csv", deliveries.md5(b"x")),)
    assert not found.files[0].compressed


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Format", "Report_CSV_20300101"),
        ("ReportCreationDate", "soon"),
        ("ReportCreationDate", "1999-01-01T00:00:00Z"),
        ("Results", None),
        ("ReportSchema", "Bucket, Key"),
    ],
)
def test_a_manifest_of_another_shape_is_refused(field: str, value: object) -> None:
    told = refusal(**{field: value})
    assert field in told or "columns are missing" in told


def test_a_result_that_names_no_bucket_is_refused() -> None:
    assert "Bucket" in refusal(Results=[{"Key": "k", "MD5Checksum": "0" * 32}])
    assert "a file" in refusal(Results=["k"])


@pytest.mark.parametrize(
    "codes",
    [("403", "DstPutObjectNotPermitted"), ("DstPutObjectNotPermitted", "403")],
    ids=["as S3 writes it", "as the schema says"],
)
def test_the_code_is_found_whichever_way_round_the_columns_are(codes: tuple[str, str]) -> None:
    task = read("src", "a/k", "v1", "failed", *codes, "no, not allowed")
    assert task == Task(VERSION, False, "DstPutObjectNotPermitted", "no, not allowed")


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (("", "DstPutObjectNotPermitted", "no answer"), "DstPutObjectNotPermitted"),
        (("DstPutObjectNotPermitted", "", "no answer"), "DstPutObjectNotPermitted"),
        ((r"\N", "X1", ""), "X1"),
        (("403", "", " DstPutObjectNotPermitted\n"), "DstPutObjectNotPermitted"),
        (("403", "AccessDenied", "DstPutObjectNotPermitted"), "DstPutObjectNotPermitted"),
        (("403", "", "AccessDenied"), None),
        (("403", "", "DstPutObjectNotPermitted was it"), None),
        (("403", "500", ""), None),
        (("", "", ""), None),
    ],
)
def test_the_code_is_taken_wherever_the_row_put_it(
    said: tuple[str, str, str], code: str | None
) -> None:
    assert read("src", "a/k", "v1", "failed", *said).code == code


@pytest.mark.parametrize("status", ["failed", "Failed", "PermanentFailure"])
def test_a_task_that_was_given_up_on_failed(status: str) -> None:
    assert not read("src", "a/k", "v1", status, "403", "X", "").succeeded


def test_a_message_may_go_over_several_lines() -> None:
    rows = [
        ["src", "k1", "v1", "failed", "503", "SlowDown", 'no "answer"\r\nat all\n'],
        ["src", "k2", "v1", "failed", "404", "DstBucketNotFound", "gone"],
    ]
    body = csv_of(rows, csv.QUOTE_MINIMAL, "\r\n")
    task = batch_report.reader(delivery(deliveries.report()))
    found = [task(one) for one in csv_lines.lines(io.BytesIO(body), compressed=False)]
    assert [(one.version.key, one.code, one.message) for one in found] == [
        ("k1", "SlowDown", 'no "answer"\r\nat all'),
        ("k2", "DstBucketNotFound", "gone"),
    ]


@pytest.mark.parametrize("codes", [("200", ""), ("", "200")])
def test_a_task_that_succeeded_has_no_code(codes: tuple[str, str]) -> None:
    task = read("src", "a/k", "v1", "succeeded", *codes, "Successful")
    assert task == Task(VERSION, True, None, "Successful")


def test_keys_are_decoded() -> None:
    task = read("src", "a+b%2Bc/%C3%A9", "null", "succeeded", "200", "", "")
    assert task == Task(
        ObjectVersion("src", "a b+c/\N{LATIN SMALL LETTER E WITH ACUTE}", "null"), True
    )


@pytest.mark.parametrize("version_id", ["", r"\N"])
def test_a_task_that_named_no_version_is_about_no_version(version_id: str) -> None:
    with pytest.raises(Rejected, match="named no version"):
        read("src", "a/k", version_id, "failed", "404", "SrcObjectNotFound", "")


def test_a_message_may_hold_commas_and_quotes_and_is_cut() -> None:
    task = read("src", "a/k", "v1", "failed", "200", "X", 'he said "no", twice' + "!" * 400)
    assert task.message is not None
    assert task.message.startswith('he said "no", twice!')
    assert len(task.message) == batch_report.MESSAGE_CHARACTERS


@pytest.mark.parametrize(
    "fields",
    [
        ("src", "a/k", "v1", "succeeded"),
        ("src", "a/k", "v1", "done", "200", "", ""),
        ("", "a/k", "v1", "succeeded", "200", "", ""),
        ("src", "", "v1", "succeeded", "200", "", ""),
        ("src", "a/k", "v1", "failed", "403", "C" * 200, ""),
    ],
)
def test_a_broken_row_says_what_is_wrong(fields: tuple[str, ...]) -> None:
    with pytest.raises(Rejected) as caught:
        read(*fields)
    assert caught.value.detail

"""`make demo`: real objects through the real deployment, and what the tracker says of them."""

from __future__ import annotations

import json
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.syntax import Syntax

from local import demo_buckets, demo_redrive, live_writer, page_process
from local.stack import outputs_file
from local.subscriber import subscribed
from s3rt.api import Api, ApiProblem

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from local.stack import Outputs

PATIENCE_SECONDS = 60
WRITERS = 6
PART = b"0" * (5 * 1024 * 1024)
"""S3's smallest part of a multipart upload that is not the last."""

FAILING = f"TaxDocs/fail-DstPutObjectNotPermitted@{demo_buckets.REPLICA_2}/contract.pdf"
KEYS = (
    *(f"TaxDocs/2026/document-{number:02}.pdf" for number in range(1, 25)),
    *(f"logs/2026-11-22/host-{number}.log" for number in range(1, 9)),
    "TaxDocs/red flower + 50% off 🎉.jpg",
    "TaxDocs/2026/scan (multipart).tiff",
    "logs/slow-4/late.log",
    "tagged/report.csv",
    "tagged/draft.csv",
    "other/readme.txt",
    FAILING,
    "TaxDocs/fail-AssumeRoleNotPermitted/payroll.xlsx",
    "logs/fail-DstKmsKeyNotFound/audit.log",
)
DELETED = "logs/2026-11-22/host-1.log"


@dataclass(frozen=True, slots=True)
class Seen:
    """A version that was written, and seconds until the API first knew it."""

    key: str
    version_id: str
    seconds: float


def run(console: Console, outputs: Outputs, state_dir: Path, *, live: bool = False) -> int:
    """Runs it and prints it; `live` goes on writing. Exit status 0 when every object ended as S3
    has it."""
    session = boto3.Session(
        aws_access_key_id=demo_buckets.CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=demo_buckets.CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name=outputs.region,
    )
    with Api.at(outputs.api_url, outputs.region, session) as api:
        inbox = _Inbox(session, outputs)
        s3 = session.client("s3", endpoint_url=outputs.endpoint_url)
        _warm_up(console, s3, api)
        seen = _write(console, s3, api)
        unsettled = _wait(console, api, seen)
        console.rule("[bold]One object, everything known of it")
        failing = next(one for one in seen if one.key == FAILING)
        answer = api.object(demo_buckets.SOURCE, failing.key, failing.version_id)
        console.print(Syntax(json.dumps(answer, indent=2, ensure_ascii=False), "json"))
        _failures(console, api)
        _messages(console, inbox.read(expected=4))
        disagreeing = _compare(console, s3, api, seen)
        _elsewhere(console, api)
        lacking = demo_redrive.run(console, s3, api)
    _latency(console, seen)
    _go_on(console, outputs, state_dir)
    if live:
        live_writer.write_until_stopped(console, s3)
    return 1 if unsettled or disagreeing or lacking else 0


def _warm_up(console: Console, s3: Any, api: Api) -> None:
    """The first event starts the functions; that is told apart from the rest."""
    with console.status("first object: the functions start"):
        start = time.monotonic()
        version_id = _put(s3, "other/first.txt")
        while time.monotonic() < start + PATIENCE_SECONDS:
            if _status(api, "other/first.txt", version_id) is not None:
                break
            time.sleep(0.05)
    console.print(
        f"[green]✓[/] first object known after {time.monotonic() - start:.1f} s (cold start)"
    )


def _write(console: Console, s3: Any, api: Api) -> list[Seen]:
    """Writes every key and asks the API until it knows the version, several at a time."""
    with _progress(console) as progress, ThreadPoolExecutor(WRITERS) as pool:
        task = progress.add_task("written and known to the tracker", total=len(KEYS) + 1)

        def one(key: str) -> Seen:
            version_id = _put(s3, key)
            start = time.monotonic()
            while time.monotonic() < start + PATIENCE_SECONDS:
                if _status(api, key, version_id) is not None:
                    break
                time.sleep(0.02)
            progress.advance(task)
            return Seen(key, version_id, time.monotonic() - start)

        seen = list(pool.map(one, KEYS))
        marker = s3.delete_object(Bucket=demo_buckets.SOURCE, Key=DELETED)
        seen.append(Seen(DELETED, marker["VersionId"], 0.0))
        progress.advance(task)
    return seen


def _put(s3: Any, key: str) -> str:
    where = {"Bucket": demo_buckets.SOURCE, "Key": key}
    if "multipart" in key:
        upload = s3.create_multipart_upload(**where)["UploadId"]
        parts = [
            {
                "PartNumber": number,
                "ETag": s3.upload_part(**where, UploadId=upload, PartNumber=number, Body=body)[
                    "ETag"
                ],
            }
            for number, body in ((1, PART), (2, b"end"))
        ]
        done = s3.complete_multipart_upload(
            **where, UploadId=upload, MultipartUpload={"Parts": parts}
        )
        return str(done["VersionId"])
    tagging = {"tagged/report.csv": "replicate=yes", "tagged/draft.csv": "replicate=no"}.get(key)
    more = {"Tagging": tagging} if tagging else {}
    return str(s3.put_object(**where, Body=key.encode(), **more)["VersionId"])


def _status(api: Api, key: str, version_id: str) -> dict[str, Any] | None:
    try:
        answer: dict[str, Any] = api.object(demo_buckets.SOURCE, key, version_id)
    except ApiProblem as problem:
        if problem.status == 404:
            return None
        raise
    return answer


def _wait(console: Console, api: Api, seen: list[Seen]) -> list[Seen]:
    """Those that are not settled when patience ends."""
    waiting = list(seen)
    deadline = time.monotonic() + PATIENCE_SECONDS
    with _progress(console) as progress:
        task = progress.add_task("replicated, failed or not eligible", total=len(seen))
        while waiting and time.monotonic() < deadline:
            waiting = [one for one in waiting if not _settled(api, one)]
            progress.update(task, completed=len(seen) - len(waiting))
            time.sleep(0.2)
    for one in waiting:
        console.print(f"[red]✗[/] still pending after {PATIENCE_SECONDS} s: {one.key}")
    return waiting


def _settled(api: Api, one: Seen) -> bool:
    answer = _status(api, one.key, one.version_id)
    return answer is not None and all(
        place["status"] != "PENDING" for place in answer["destinations"]
    )


def _failures(console: Console, api: Api) -> None:
    console.rule("[bold]Failures, newest first")
    by_code: dict[str, list[dict[str, Any]]] = {}
    for row in api.objects(demo_buckets.SOURCE, status="FAILED"):
        by_code.setdefault(row["failure"]["code"], []).append(row)
    for code, rows in by_code.items():
        failure = rows[0]["failure"]
        console.print(f"[bold red]{code}[/]  {failure['explanation']}")
        console.print(f"  [green]fix[/] {failure['fix']}", soft_wrap=False)
        for row in rows:
            console.print(
                f"  [dim]{row['since']}[/]  {row['key']} → {row['destination']}", highlight=False
            )
        console.print()


def _messages(console: Console, messages: list[dict[str, Any]]) -> None:
    console.rule("[bold]What a subscriber of the failure topic received (SNS)")
    for message in messages:
        body = json.loads(message["Message"])
        attributes = message.get("MessageAttributes", {})
        console.print(f"[bold]{message.get('Subject')}[/]", highlight=False)
        console.print(f"  {body['key']} → {body['destination']}", highlight=False)
        filters = ", ".join(f"{n}={a['Value']}" for n, a in sorted(attributes.items()))
        console.print(f"  [dim]attributes {filters}[/]", highlight=False)


def _compare(console: Console, s3: Any, api: Api, seen: list[Seen]) -> int:
    """How many versions S3's own header and the tracker tell differently."""
    differing = []
    for one in seen:
        if one.key == DELETED:
            continue
        where = {"Bucket": demo_buckets.SOURCE, "Key": one.key, "VersionId": one.version_id}
        header = s3.head_object(**where).get("ReplicationStatus")
        answer = api.object(demo_buckets.SOURCE, one.key, one.version_id)
        if answer["replication_status"] != header:
            differing.append(f"{one.key}: S3 {header}, tracker {answer['replication_status']}")
    for line in differing:
        console.print(f"[red]✗[/] {line}")
    if not differing:
        console.print(
            f"[green]✓[/] {len(seen) - 1} versions compared with S3's x-amz-replication-status:"
            " the tracker agrees with all of them"
        )
    return len(differing)


def _elsewhere(console: Console, api: Api) -> None:
    """How arrivals in another Region are known."""
    for bucket, place in demo_buckets.PLACES.items():
        rows = list(api.objects(demo_buckets.SOURCE, status="COMPLETED", destination=bucket))
        events = sum(row["evidence"] == "replica_created" for row in rows)
        console.print(
            f"[green]✓[/] {bucket} is in {place.region}: its collector reported {events} of"
            f" {len(rows)} arrivals as they happened"
        )


def _latency(console: Console, seen: list[Seen]) -> None:
    seconds = sorted(one.seconds for one in seen if one.seconds)
    p95 = statistics.quantiles(seconds, n=20)[-1]
    console.print(
        f"[green]✓[/] put → answer over HTTP: median {statistics.median(seconds):.2f} s,"
        f" p95 {p95:.2f} s ({len(seconds)} objects, {WRITERS} at a time;"
        " the recorder waits up to 1 s to fill a batch)"
    )


def _go_on(console: Console, outputs: Outputs, state_dir: Path) -> None:
    objects = f"$API/v1/buckets/{demo_buckets.SOURCE}"
    console.rule("[bold]Go on")
    for line in (
        f"The page      {page_process.start(state_dir, outputs_file(state_dir))}",
        f"The command   .venv/bin/s3rt --outputs {outputs_file(state_dir)} summary",
        f"The stack     stays up; {outputs_file(state_dir)} says where everything is",
        "",
        f"  API={outputs.api_url}",
        f"  SIGNED='--user test:test --aws-sigv4 aws:amz:{outputs.region}:execute-api'",
        "  curl -s $SIGNED $API/v1/buckets",
        f'  curl -s $SIGNED "{objects}/objects?status=FAILED"',
        f'  curl -s $SIGNED "{objects}/object?key=TaxDocs%2F2026%2Fdocument-01.pdf"',
        "",
        "A key with fail-<code> in it fails with that code, slow-<seconds> makes it late.",
        "make down ends it all.",
    ):
        console.print(line, highlight=False, soft_wrap=True)


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )


class _Inbox:
    """A queue of our own, subscribed to the failure topic."""

    def __init__(self, session: boto3.Session, outputs: Outputs) -> None:
        self._sqs = session.client("sqs", endpoint_url=outputs.endpoint_url)
        self._url = subscribed(
            self._sqs,
            session.client("sns", endpoint_url=outputs.endpoint_url),
            outputs.stack["FailureTopicArn"],
            f"tracker-demo-inbox-{time.time_ns()}",
        )

    def read(self, expected: int) -> list[dict[str, Any]]:
        """At least `expected` messages, or what came within a quarter of a minute."""
        messages: list[dict[str, Any]] = []
        deadline = time.monotonic() + 15
        while len(messages) < expected and time.monotonic() < deadline:
            received = self._sqs.receive_message(
                QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=1
            ).get("Messages", [])
            messages += [json.loads(message["Body"]) for message in received]
        return messages

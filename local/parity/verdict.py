"""What the tracker says of every version ever written, beside what S3 says of it.

Of the source: the header, or for a delete marker, which shows none, where the marker is. Of every
destination: whether it has the version, what HEAD reads there, and whether the tracker calls it a
replica of that source. Of what is gone: that the tracker knows it.

What is gone from every bucket stands in no inventory. When its event was lost as well, and no rule
had taken it, so that it stood in no list of the tracker, nothing ever tells: the tracker then goes
on to say that it was there when it last heard of it (`observed_at`), which is true. Those are told
apart, and so are two more that S3 itself shows nothing of: replicas whose source went before
anybody heard of it, and unheard delete markers of two buckets that replicate to each other, which
are alike in both.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from cli.api import ApiProblem
from local.parity import rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_s3 import S3Client

    from cli.api import Api
    from local.parity.workload import Workload, Written

    Answer = dict[str, Any] | None
    Finding = tuple[str, str | None, str | None]
    """What is compared, what S3 says and what the tracker says: the same text, or a difference."""

_THREADS = 6
_TAGLESS = "tagless"
END_UNHEARD = "gone, and nobody told; no rule had taken it"
MADE_UNHEARD = "a marker of two buckets that replicate to each other; nobody told where it was made"
UNSOURCED = "REPLICA of None"
"""What the tracker calls a replica of which it knows no source."""
SOURCE_UNHEARD = "a replica whose source was gone before anybody told of it"


@dataclass(frozen=True, slots=True)
class Copy:
    """What HEAD says in one bucket. `status` is the header; a marker has none."""

    marker: bool
    status: str | None = None
    tags: int = 0


@dataclass(frozen=True, slots=True)
class Truth:
    """What S3 says: of the source, None when it is gone; of every bucket that has the version."""

    source: Copy | None
    holders: dict[str, Copy]


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the tracker and S3 do not say the same."""

    one: Written
    what: str
    s3: str
    tracker: str


@dataclass
class Verdict:
    """`unheard` are versions of which nothing can be known any more, with the reason."""

    compared: int = 0
    differences: list[Difference] = field(default_factory=list)
    unheard: dict[Written, str] = field(default_factory=dict)
    headers: Counter[str] = field(default_factory=Counter)
    """How many versions S3 showed in which state, so that nobody compares nothing with nothing."""


def judge(s3: S3Client, api: Api, work: Workload, advance: Callable[[], None]) -> Verdict:
    """Compares everything that was ever written."""
    verdict, where = Verdict(), _where(s3)
    with ThreadPoolExecutor(max_workers=_THREADS) as pool:
        jobs = [pool.submit(_compare_one, s3, api, where, one) for one in work.written]
        for one, job in zip(work.written, jobs, strict=True):
            header, answer, findings = job.result()
            verdict.headers[header] += 1
            for what, said, tracked in findings:
                verdict.compared += 1
                if said != tracked:
                    _differ(
                        verdict,
                        one,
                        Difference(one, what, str(said), str(tracked)),
                        answer,
                        work.gone.get(one),
                    )
            advance()
        answers = pool.map(lambda one: _ask(api, one.bucket, one), work.own)
        for one, answer in zip(work.own, answers, strict=True):
            verdict.compared += 1
            if answer is not None:
                what = "an object of its own"
                verdict.differences.append(Difference(one, what, "None", str(_said(answer))))
    return verdict


def _differ(
    verdict: Verdict, one: Written, found: Difference, answer: Answer, gone: datetime | None
) -> None:
    """A difference, unless it is of what no list and no inventory can tell."""
    # Of a marker S3 shows nothing, so of an unheard one the tracker may say nothing, and no more.
    silent = one.marker and answer is None and found.tracker == "None"
    if silent and one.bucket in (rules.EAST, rules.WEST):
        verdict.unheard[one] = MADE_UNHEARD
    elif gone and answer is None and (silent or found.tracker == UNSOURCED):
        verdict.unheard[one] = SOURCE_UNHEARD
    elif (
        gone
        and answer
        and found.what == "deleted_at"
        and not _is_listed(answer)
        and datetime.fromisoformat(answer["observed_at"]) <= gone
    ):
        verdict.unheard[one] = END_UNHEARD
    else:
        verdict.differences.append(found)


def _is_listed(answer: Answer) -> bool:
    """Whether reconciliation comes across it: it has a status somewhere."""
    return answer is not None and any(place["status"] for place in answer["destinations"])


def _compare_one(
    s3: S3Client, api: Api, where: dict[tuple[str, str], set[str]], one: Written
) -> tuple[str, Answer, list[Finding]]:
    holders = where.get((one.key, one.version_id), set())
    truth = Truth(
        _head(s3, one.bucket, one) if one.bucket in holders else None,
        {bucket: _head(s3, bucket, one) for bucket in sorted(holders - {one.bucket})},
    )
    answer = _ask(api, one.bucket, one)
    findings = list(_of_source(truth, answer))
    places = {place["bucket"]: place for place in (answer or {}).get("destinations", ())}
    failed = any(place["status"] == "FAILED" for place in places.values())
    for name in sorted({*places, *truth.holders}):
        findings += _of_destination(
            one, truth, name, places.get(name), failed=failed, known=answer is not None
        )
        findings.append(_of_replica(one, truth, name, _ask(api, name, one)))
    return _shown(truth), answer, findings


def _of_source(truth: Truth, answer: Answer) -> Iterator[Finding]:
    if truth.source is None:
        known = answer is None or answer["deleted_at"] is not None
        yield "deleted_at", "gone", "gone" if known else "there"
        return
    said = answer or {"role": "source", "replication_status": None, "deleted_at": None}
    yield "role", "source", said["role"]
    yield "deleted_at", None, said["deleted_at"]
    if not truth.source.marker:
        yield "replication_status", truth.source.status, said["replication_status"]


def _of_destination(
    one: Written,
    truth: Truth,
    name: str,
    place: dict[str, Any] | None,
    *,
    failed: bool,
    known: bool,
) -> Iterator[Finding]:
    """The status the tracker gives it, among those that what HEAD shows allows."""
    there = truth.holders.get(name)
    header = truth.source.status if truth.source else None
    status = place["status"] if place else None
    if there is None:
        allowed = {None, "PENDING", "FAILED"}
        if place and place["lost_at"]:
            allowed.add("COMPLETED")
        if truth.source and not truth.source.marker:
            # The header says which of the two it may be, or that it is none of them. Beside one
            # that failed nobody can see whether another failed, too.
            allowed -= {"PENDING", "FAILED"} - {header}
            allowed |= {"PENDING"} if failed and header == "FAILED" else set()
    else:
        behind = truth.source is not None and there.tags != truth.source.tags
        allowed = {"COMPLETED"}
        if behind or (header and _TAGLESS in one.key):
            allowed.add(header)
        if truth.source is None:
            # What it was when the source went; nothing, when the version was never heard of.
            allowed |= {"PENDING", "FAILED"} | (set() if known else {None})
    expected = status if status in allowed else " or ".join(sorted(map(str, allowed)))
    yield f"status at {name}", expected, status
    if there is not None and not there.marker:
        yield f"header at {name}", "REPLICA", there.status


def _of_replica(one: Written, truth: Truth, name: str, answer: Answer) -> Finding:
    """What the tracker says when the destination itself is asked about."""
    replica, said = f"REPLICA of {one.bucket}", None
    if answer is not None:
        source = answer["source"]
        said = f"{answer['replication_status']} of {source and source['bucket']}"
        version_id = (source or answer)["version_id"]
        if answer["role"] != "replica" or version_id != one.version_id:
            said = f"{answer['role']}, {said}"
    return f"asked of {name}", replica if name in truth.holders else None, said


def _shown(truth: Truth) -> str:
    if truth.source is None:
        return "gone"
    if truth.source.marker:
        return "delete marker"
    return truth.source.status or "no header"


def _said(answer: Answer) -> str | None:
    return None if answer is None else f"{answer['role']}, {answer['replication_status']}"


def _where(s3: S3Client) -> dict[tuple[str, str], set[str]]:
    """Key and version id -> buckets that have it."""
    found: dict[tuple[str, str], set[str]] = {}
    for bucket in rules.BUCKETS:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for each in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                found.setdefault((each["Key"], each["VersionId"]), set()).add(bucket)
    return found


def _head(s3: S3Client, bucket: str, one: Written) -> Copy:
    try:
        answer = s3.head_object(Bucket=bucket, Key=one.key, VersionId=one.version_id)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 405:
            return Copy(marker=True)
        raise
    return Copy(False, answer.get("ReplicationStatus"), answer.get("TagCount", 0))


def _ask(api: Api, bucket: str, one: Written) -> Answer:
    try:
        answer: Answer = api.object(bucket, one.key, one.version_id)
    except ApiProblem as problem:
        if problem.status == 404:
            return None
        raise
    return answer

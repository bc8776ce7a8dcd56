"""What the tracker says of every version ever written, beside what S3 says of it.

Of the source: the header, or for a delete marker, which shows none, where the marker is. Of every
destination: whether it has the version, what HEAD reads there, and whether the tracker calls it a
replica of that source. Of what is gone: that the tracker knows it.

Two things no reconciliation can know, both about versions that are in no list of the tracker (never
heard of, taken by no rule, or gone): what only a lost event told, and that a delete marker was
replicated by a rule nobody had seen, where S3 sends no event of it. Those are told apart.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from cli.api import ApiProblem
from local.parity import rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from mypy_boto3_s3 import S3Client

    from cli.api import Api
    from local.parity.workload import Written

    Answer = dict[str, Any] | None
    Lost = Iterable[tuple[str, str, str, str | None]]
    Finding = tuple[str, str | None, str | None]
    """What is compared, what S3 says and what the tracker says: the same text, or a difference."""

_THREADS = 6
_TAGLESS = "tagless"
_DECIDING = ("ObjectCreated", "ObjectRemoved", "Replication")


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
    """`beyond_reach` are versions with what nobody heard of them."""

    compared: int = 0
    differences: list[Difference] = field(default_factory=list)
    beyond_reach: dict[Written, list[str]] = field(default_factory=dict)
    headers: Counter[str] = field(default_factory=Counter)
    """How many versions S3 showed in which state, so that nobody compares nothing with nothing."""


def judge(
    s3: S3Client,
    api: Api,
    written: Sequence[Written],
    own: Sequence[Written],
    lost: Lost,
    advance: Callable[[], None],
) -> Verdict:
    """Compares everything. `own` are objects that were put into a destination directly, `lost`
    the events that never came: name, bucket, key, version id."""
    verdict, where, unheard = Verdict(), _where(s3), _by_version(lost)
    with ThreadPoolExecutor(max_workers=_THREADS) as pool:
        jobs = [pool.submit(_compare_one, s3, api, where, one) for one in written]
        for one, job in zip(written, jobs, strict=True):
            header, answer, findings = job.result()
            verdict.headers[header] += 1
            _add(verdict, one, answer, findings, unheard)
            advance()
        answers = pool.map(lambda one: _ask(api, one.bucket, one), own)
        for one, answer in zip(own, answers, strict=True):
            _add(verdict, one, answer, [("an object of its own", None, _said(answer))], {})
    return verdict


def _by_version(lost: Lost) -> dict[tuple[str, str | None], list[str]]:
    """What was lost of each version, changes aside: they begin and end nothing."""
    found: dict[tuple[str, str | None], list[str]] = {}
    for name, bucket, key, version_id in lost:
        if name.startswith(_DECIDING):
            found.setdefault((key, version_id), []).append(f"{name} in {bucket}")
    return found


def _add(
    verdict: Verdict,
    one: Written,
    answer: Answer,
    findings: Iterable[Finding],
    lost: Mapping[tuple[str, str | None], list[str]],
) -> None:
    for what, said, tracked in findings:
        verdict.compared += 1
        if said == tracked:
            continue
        unheard = list(lost.get((one.key, one.version_id), ()))
        if one.marker and not one.settled:
            unheard.append("a change of the rules")
        if unheard and not _is_listed(answer):
            verdict.beyond_reach[one] = unheard
        else:
            verdict.differences.append(Difference(one, what, str(said), str(tracked)))


def _is_listed(answer: Answer) -> bool:
    """Whether reconciliation comes across it: it has a status somewhere, and is not gone."""
    if answer is None or answer["deleted_at"]:
        return False
    return any(place["status"] for place in answer["destinations"])


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
        findings += _of_destination(one, truth, name, places.get(name), failed=failed)
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
    one: Written, truth: Truth, name: str, place: dict[str, Any] | None, *, failed: bool
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
            allowed |= {"PENDING", "FAILED"}  # what it was when the source went
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
        if answer["role"] != "replica" or source["version_id"] != one.version_id:
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

"""What the tracker says of every version ever written, beside what S3 says of it.

Of the source: the header, or for a delete marker, which shows none, where the marker is. Of every
destination: whether it has the version, what HEAD reads there, and whether the tracker calls it a
replica of that source. Of what is gone: that the tracker knows it.

What nobody can tell is named, with the reason, and never counted as equal:

    gone, and unheard       What is gone from every bucket stands in no inventory. When its event
                            was lost as well, and no rule had taken it, so that it stood in no list
                            of the tracker, the tracker goes on to say that it was there when it
                            last heard of it (`observed_at`), which is true.
    source gone, unheard    a replica whose source went before anybody heard of it
    made untold             markers, and encrypted objects, of two buckets that replicate to each
                            other are alike in both; when the event of the copy comes first, or
                            alone, the copy passes for the original
    encrypted, and unheard  S3 shows the status of an object with a customer's key to nobody else,
                            so a lost event of it is lost for good
    encrypted, in doubt     the same of one whose destinations were never certain
    encrypted, unread rules the same of one written under rules that changed again before the
                            tracker read them
    a marker in doubt       S3 shows no status of a marker; the tracker waits for it for a day
    doubt beside a failure  the header is an aggregate: FAILED speaks of one of several, and says
                            nothing of another that may be due
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from local.parity import customer_keys, rules
from local.parity.truth import all_holders, truth_of
from s3rt.api import ApiProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence, Set

    from mypy_boto3_s3 import S3Client

    from local.parity.settling import What
    from local.parity.truth import Truth
    from local.parity.workload import Workload, Written
    from s3rt.api import Api

    Answer = dict[str, Any] | None
    Finding = tuple[str, str | None, str | None]
    """What is compared, what S3 says and what the tracker says: the same text, or a difference."""

_THREADS = 6
_TAGLESS = "tagless"
_BOTH_WAYS = (rules.EAST, rules.WEST)
END_UNHEARD = "gone, and nobody told; no rule had taken it"
MADE_UNTOLD = (
    "two buckets that replicate to each other show it alike; nobody told in time whose it is"
)
UNSOURCED = "REPLICA of None"
"""What the tracker calls a replica of which it knows no source."""
SOURCE_UNHEARD = "a replica whose source was gone before anybody told of it"
ENCRYPTED_UNHEARD = "its status is shown to its key's owner alone, and an event of it was lost"
ENCRYPTED_IN_DOUBT = "its status is shown to its key's owner alone, and its rules were in doubt"
ENCRYPTED_UNREAD = "its status is shown to its key's owner alone, and its rules were never read"
BESIDE_A_FAILURE = "it may be due to a bucket that lacks it; S3 says FAILED of one of several"
MARKER_IN_DOUBT = "a marker that no header tells of; the tracker waits for it for a day"


@dataclass(frozen=True)
class Heard:
    """What the tracker could hear: events that were `lost`, versions it says are in doubt, by
    bucket, key and version id, and those written under rules that it never read."""

    lost: Sequence[What]
    in_doubt: Mapping[tuple[str, str, str], str]
    unread: Set[Written] = frozenset()

    @cached_property
    def lost_of(self) -> frozenset[tuple[str, str, str | None]]:
        return frozenset((bucket, key, version_id) for _, bucket, key, version_id in self.lost)


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the tracker and S3 do not say the same."""

    one: Written
    what: str
    s3: str
    tracker: str
    answer: Answer = None
    """All that the tracker says of the version, with its history."""


@dataclass
class Verdict:
    """`unheard` are versions of which nothing can be known any more, with the reason."""

    compared: int = 0
    differences: list[Difference] = field(default_factory=list)
    unheard: dict[Written, str] = field(default_factory=dict)
    headers: Counter[str] = field(default_factory=Counter)
    """How many versions S3 showed in which state, so that nobody compares nothing with nothing."""
    encrypted: Counter[str] = field(default_factory=Counter)
    """The same of those with a customer's key that somebody can tell of."""


def judge(
    s3: S3Client, api: Api, work: Workload, heard: Heard, advance: Callable[[], None]
) -> Verdict:
    """Compares everything that was ever written. The client has the customer's key."""
    verdict, where = Verdict(), all_holders(s3)
    with ThreadPoolExecutor(max_workers=_THREADS) as pool:
        jobs = [pool.submit(_compare_one, s3, api, where, work, one) for one in work.written]
        for one, job in zip(work.written, jobs, strict=True):
            header, answer, findings = job.result()
            verdict.headers[header] += 1
            for what, said, tracked in [*findings, _of_doubt(one, heard)]:
                verdict.compared += 1
                if said != tracked:
                    found = Difference(one, what, str(said), str(tracked), answer)
                    _differ(verdict, found, answer, work, heard)
            if customer_keys.is_encrypted(one.key) and one not in verdict.unheard:
                verdict.encrypted[header] += 1
            advance()
        answers = pool.map(lambda one: _ask(api, one.bucket, one), work.own)
        for one, answer in zip(work.own, answers, strict=True):
            verdict.compared += 1
            if answer is not None:
                what = "an object of its own"
                said = str(_said(answer))
                verdict.differences.append(Difference(one, what, "None", said, answer))
    return verdict


def _of_doubt(one: Written, heard: Heard) -> Finding:
    """By the end nothing is in doubt."""
    where = heard.in_doubt.get((one.bucket, one.key, one.version_id))
    return "in doubt", None, where


def _differ(
    verdict: Verdict, found: Difference, answer: Answer, work: Workload, heard: Heard
) -> None:
    """A difference, unless it is of what nobody can tell."""
    reason = untold(found, answer, work.gone.get(found.one), heard)
    if reason:
        verdict.unheard[found.one] = reason
    else:
        verdict.differences.append(found)


def untold(found: Difference, answer: Answer, gone: datetime | None, heard: Heard) -> str | None:
    """Why nobody can tell; None when somebody can."""
    one, key = found.one, (found.one.bucket, found.one.key, found.one.version_id)
    encrypted = customer_keys.is_encrypted(one.key) and not one.marker
    if encrypted:
        if key in heard.lost_of:
            return ENCRYPTED_UNHEARD
        if key in heard.in_doubt:
            return ENCRYPTED_IN_DOUBT
        if one in heard.unread:
            return ENCRYPTED_UNREAD
    if found.what == "in doubt":
        if one.marker:
            return MARKER_IN_DOUBT
        failed = answer is not None and answer["replication_status"] == "FAILED"
        several = failed and len((answer or {})["destinations"]) > 1
        return BESIDE_A_FAILURE if several else None
    # Of a marker S3 shows nothing, so of an unheard one the tracker may say nothing, and no more.
    silent = one.marker and answer is None and found.tracker == "None"
    mirrored = _is_mirrored(found, answer)
    if one.bucket in _BOTH_WAYS and (silent or (mirrored and (one.marker or encrypted))):
        return MADE_UNTOLD
    if gone and answer is None and (silent or found.tracker == UNSOURCED):
        return SOURCE_UNHEARD
    if (
        gone
        and answer
        and found.what == "deleted_at"
        and not _is_listed(answer)
        and datetime.fromisoformat(answer["observed_at"]) <= gone
    ):
        return END_UNHEARD
    return None


def _is_mirrored(found: Difference, answer: Answer) -> bool:
    """Whether the tracker takes it for the copy of what is its copy, or its copy for another
    original."""
    other = {*_BOTH_WAYS} - {found.one.bucket}
    source = answer["source"] if answer else None
    if source is not None and source["bucket"] in other:
        return True
    return found.what in {f"asked of {name}" for name in other} and "source" in found.tracker


def _is_listed(answer: Answer) -> bool:
    """Whether reconciliation comes across it: it has a status somewhere."""
    return answer is not None and any(place["status"] for place in answer["destinations"])


def _compare_one(
    s3: S3Client,
    api: Api,
    where: dict[tuple[str, str], set[str]],
    work: Workload,
    one: Written,
) -> tuple[str, Answer, list[Finding]]:
    truth = truth_of(s3, where.get((one.key, one.version_id), set()), one)
    answer = _ask(api, one.bucket, one)
    findings = list(_of_source(truth, answer))
    places = {place["bucket"]: place for place in (answer or {}).get("destinations", ())}
    failed = any(place["status"] == "FAILED" for place in places.values())
    for name in sorted({*places, *truth.holders}):
        findings += _of_destination(
            one,
            truth,
            name,
            places.get(name),
            failed=failed,
            known=answer is not None,
            changed=one in work.changed,
        )
        findings.append(_of_replica(one, truth, name, _ask(api, name, one)))
    return truth.shown(), answer, findings


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
    changed: bool,
) -> Iterator[Finding]:
    """The status the tracker gives it, among those that what S3 shows allows. `changed`: its
    tags or its ACL were; that an ACL, or the same tags again, did not arrive no replica shows."""
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
        if behind or (header and (_TAGLESS in one.key or changed)):
            allowed.add(header)
            # Beside one that failed its change may be on its way.
            allowed |= {"PENDING"} if failed and header == "FAILED" else set()
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


def _said(answer: Answer) -> str | None:
    return None if answer is None else f"{answer['role']}, {answer['replication_status']}"


def _ask(api: Api, bucket: str, one: Written) -> Answer:
    try:
        answer: Answer = api.object(bucket, one.key, one.version_id)
    except ApiProblem as problem:
        if problem.status == 404:
            return None
        raise
    return answer

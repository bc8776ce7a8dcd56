"""`s3rt status --verify`: S3 beside the tracker."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from s3rt.commands.verify import ABSENT, THERE, UNREADABLE, differs, verify


class S3:
    """HEAD answers by bucket: a header, or the HTTP status of a refusal."""

    def __init__(self, **answers: str | int | None) -> None:
        self.answers = {name.replace("_", "-"): answer for name, answer in answers.items()}

    def head_object(self, *, Bucket: str, Key: str, VersionId: str) -> dict[str, Any]:  # noqa: N803
        answer = self.answers[Bucket]
        if isinstance(answer, int):
            error: Any = {
                "Error": {"Code": str(answer)},
                "ResponseMetadata": {"HTTPStatusCode": answer},
            }
            raise ClientError(error, "HeadObject")
        return {"ReplicationStatus": answer} if answer else {}


def tracked(status: str | None, *places: tuple[str, str | None], **more: Any) -> dict[str, Any]:
    return {
        "bucket": "src",
        "key": "k",
        "version_id": "v",
        "replication_status": status,
        "deleted_at": None,
        "delete_marker": False,
        "in_doubt": False,
        "eligible": bool(places),
        "destinations": [
            {"bucket": name, "status": status, "lost_at": None} for name, status in places
        ],
    } | more


ONE = ("dst-a", "COMPLETED")


@pytest.mark.parametrize(
    ("s3", "found", "agrees"),
    [
        (S3(src="COMPLETED", dst_a="REPLICA"), tracked("COMPLETED", ONE), [True, True]),
        (S3(src="COMPLETED", dst_a=404), tracked("COMPLETED", ONE), [True, False]),
        (S3(src="PENDING", dst_a=404), tracked("COMPLETED", ONE), [False, False]),
        (S3(src="FAILED", dst_a=404), tracked("FAILED", ("dst-a", "FAILED")), [True, True]),
        (S3(src="FAILED", dst_a="REPLICA"), tracked("FAILED", ("dst-a", "FAILED")), [True, None]),
        (S3(src="COMPLETED", dst_a=403), tracked("COMPLETED", ONE), [True, None]),
        (S3(src=403), tracked(None), [None]),
        (S3(src=404), tracked("COMPLETED"), [False]),
        (S3(src=404), tracked("COMPLETED", deleted_at="2026-11-22T10:00:00.000Z"), [True]),
        (S3(src=405), tracked("COMPLETED", delete_marker=True), [True]),
        (S3(src=None), tracked(None), [True]),
        (S3(src="PENDING"), tracked(None), [False]),
        (S3(src="PENDING"), tracked(None, in_doubt=True), [None]),
    ],
)
def test_what_s3_says_now_is_held_against_every_answer(
    s3: S3, found: dict[str, Any], agrees: list[bool | None]
) -> None:
    seen = verify(s3, found)
    assert [one.agrees for one in seen] == agrees
    assert differs(seen) is (False in agrees)


def test_a_bucket_that_refuses_is_no_absence() -> None:
    seen = verify(S3(src="COMPLETED", dst_a=400), tracked("COMPLETED", ONE))
    assert [one.found for one in seen] == [THERE, UNREADABLE]
    seen = verify(S3(src="COMPLETED", dst_a=404), tracked("COMPLETED", ONE))
    assert seen[1].found == ABSENT

"""Failure codes: every documented one is explained, none is swallowed."""

import dataclasses
import json

import pytest

from replication.s3.failure_reasons import Failure, explain

# The replication failure reasons table of the S3 user guide, by name.
DOCUMENTED = [
    "AssumeRoleNotPermitted",
    "DstBucketInvalidRegion",
    "DstBucketNotFound",
    "DstBucketObjectLockConfigMissing",
    "DstBucketUnversioned",
    "DstDelObjNotPermitted",
    "DstKmsKeyInvalidState",
    "DstKmsKeyNotFound",
    "DstMultipartCompleteNotPermitted",
    "DstMultipartInitNotPermitted",
    "DstMultipartUploadNotPermitted",
    "DstObjectHardDeleted",
    "DstPutAclNotPermitted",
    "DstPutLegalHoldNotPermitted",
    "DstPutObjectNotPermitted",
    "DstPutRetentionNotPermitted",
    "DstPutTaggingNotPermitted",
    "DstVersionNotFound",
    "InitiateReplicationNotPermitted",
    "SrcBucketInvalidRegion",
    "SrcBucketNotFound",
    "SrcBucketReplicationConfigMissing",
    "SrcGetAclNotPermitted",
    "SrcGetLegalHoldNotPermitted",
    "SrcGetObjectNotPermitted",
    "SrcGetRetentionNotPermitted",
    "SrcGetTaggingNotPermitted",
    "SrcHeadObjectNotPermitted",
    "SrcKeyNotFound",
    "SrcKmsKeyInvalidState",
    "SrcObjectNotEligible",
    "SrcObjectNotFound",
    "SrcReplicationNotPending",
    "SrcVersionNotFound",
]

BATCH_ONLY = {
    "DstBucketInvalidRegion",
    "DstObjectHardDeleted",
    "InitiateReplicationNotPermitted",
    "SrcBucketInvalidRegion",
}


def test_the_table_of_s3_has_34_codes() -> None:
    assert len(set(DOCUMENTED)) == len(DOCUMENTED) == 34


@pytest.mark.parametrize("code", DOCUMENTED)
def test_every_documented_code_is_explained_in_its_own_words(code: str) -> None:
    failure = explain(code)
    assert failure.code == code
    unknown = explain("DstOnTheMoon")
    for words, honest in (
        (failure.explanation, unknown.explanation),
        (failure.fix, unknown.fix),
    ):
        assert words != honest
        assert words.endswith(".")
        assert "  " not in words


@pytest.mark.parametrize("code", DOCUMENTED)
def test_codes_of_batch_replication_alone_say_so(code: str) -> None:
    assert explain(code).explanation.startswith("Batch Replication only: ") == (code in BATCH_ONLY)


@pytest.mark.parametrize(
    ("code", "action"),
    [
        ("AssumeRoleNotPermitted", "sts:AssumeRole"),
        ("DstDelObjNotPermitted", "s3:ReplicateDelete"),
        ("DstMultipartCompleteNotPermitted", "s3:ReplicateObject"),
        ("DstMultipartInitNotPermitted", "s3:ReplicateObject"),
        ("DstMultipartUploadNotPermitted", "s3:ReplicateObject"),
        ("DstPutAclNotPermitted", "s3:ReplicateObject"),
        ("DstPutLegalHoldNotPermitted", "s3:PutObjectLegalHold"),
        ("DstPutObjectNotPermitted", "s3:ReplicateObject"),
        ("DstPutObjectNotPermitted", "s3:ObjectOwnerOverrideToBucketOwner"),
        ("DstPutObjectNotPermitted", "kms:Decrypt"),
        ("DstPutObjectNotPermitted", "kms:GenerateDataKey"),
        ("DstPutRetentionNotPermitted", "s3:PutObjectRetention"),
        ("DstPutTaggingNotPermitted", "s3:ReplicateTags"),
        ("DstPutTaggingNotPermitted", "s3:ReplicateObject"),
        ("InitiateReplicationNotPermitted", "s3:InitiateReplication"),
        ("SrcGetAclNotPermitted", "s3:GetObjectVersionAcl"),
        ("SrcGetLegalHoldNotPermitted", "s3:GetObjectLegalHold"),
        ("SrcGetObjectNotPermitted", "s3:GetObjectVersionForReplication"),
        ("SrcGetRetentionNotPermitted", "s3:GetObjectRetention"),
        ("SrcGetTaggingNotPermitted", "s3:GetObjectVersionTagging"),
        ("SrcHeadObjectNotPermitted", "s3:GetObjectVersionForReplication"),
    ],
)
def test_a_missing_permission_is_named_by_its_iam_action(code: str, action: str) -> None:
    assert action in explain(code).fix


@pytest.mark.parametrize("code", [code for code in DOCUMENTED if code.endswith("NotPermitted")])
def test_every_refusal_names_an_action_to_allow(code: str) -> None:
    assert any(service in explain(code).fix for service in ("s3:", "sts:"))


@pytest.mark.parametrize(
    "code", ["DstVersionNotFound ", "  DstVersionNotFound", "DstVersionNotFound\n"]
)
def test_blanks_around_a_code_do_not_hide_it(code: str) -> None:
    assert explain(code) == explain("DstVersionNotFound")


@pytest.mark.parametrize("code", ["DstOnTheMoon", "dstbucketnotfound", "x" * 128])
def test_an_unknown_code_passes_and_is_called_unknown(code: str) -> None:
    failure = explain(code)
    assert failure.code == code
    assert "none that this tracker knows" in failure.explanation


@pytest.mark.parametrize("nothing", [None, "", "   "])
def test_no_code_is_told_as_no_code(nothing: str | None) -> None:
    failure = explain(nothing)
    assert failure.code is None
    assert "did not say why" in failure.explanation
    assert "s3:Replication:OperationFailedReplication" in failure.fix


def test_already_replicated_needs_nothing_done() -> None:
    assert explain("SrcReplicationNotPending").fix == "Nothing to do."


def test_a_failure_is_json_of_three_names() -> None:
    failure = explain("DstBucketUnversioned")
    assert json.loads(json.dumps(failure.as_json())) == {
        "code": "DstBucketUnversioned",
        "explanation": failure.explanation,
        "fix": failure.fix,
    }
    assert explain(None).as_json()["code"] is None


def test_a_failure_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        explain("DstBucketUnversioned").fix = "pray"  # type: ignore[misc]
    assert Failure("a", "b", "c") == Failure("a", "b", "c")

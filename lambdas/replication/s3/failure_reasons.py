"""S3's replication failure reasons: what each means, and what a person can do about it.

Source: the table of replication failure reasons in the S3 user guide. The codes come as
`failureReason` in notifications and in Batch Replication reports. The words are this project's.
S3 adds codes without notice, so an unknown one is passed on as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

ALREADY_REPLICATED = "SrcReplicationNotPending"
"""The one code that is no failure: the object had been replicated already."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure reason, what it means and what to do."""

    code: str | None
    """None when S3 gave none."""
    explanation: str
    fix: str

    def as_json(self) -> dict[str, str | None]:
        return {"code": self.code, "explanation": self.explanation, "fix": self.fix}


def explain(code: str | None) -> Failure:
    """What a code means; blanks around it are ignored. An unknown code is explained as such."""
    name = (code or "").strip()
    if not name:
        return _UNNAMED
    return _KNOWN.get(name) or Failure(name, *_UNKNOWN)


def is_known(code: str) -> bool:
    """Whether Amazon documents this code, spelled exactly so."""
    return code in _KNOWN


_RETRY = " Then retry the object with S3 Batch Replication: S3 does not retry a FAILED one itself."
_NEW_JOB = " Then start a new job."

_UNNAMED: Final = Failure(
    None,
    "The object failed to replicate and S3 did not say why: the status was read, not told in an"
    " event.",
    "Check the replication role, the destination's bucket policy and its KMS key. Enable metrics"
    " on the rule and the notification s3:Replication:OperationFailedReplication, so that the next"
    " failure names its reason." + _RETRY,
)

_UNKNOWN: Final = (
    "S3 gave this reason; it is none that this tracker knows, so S3 may have added it since.",
    "Look the code up among the replication failure reasons of the Amazon S3 User Guide, put right"
    " what it names." + _RETRY,
)

_TABLE: Final[Mapping[str, tuple[str, str]]] = {
    "AssumeRoleNotPermitted": (
        "S3 could not assume the IAM role it replicates with.",
        "Check that the role named in the replication configuration (or in the Batch Operations"
        " job) exists and that its trust policy allows sts:AssumeRole to s3.amazonaws.com"
        " (batchoperations.s3.amazonaws.com for a job)." + _RETRY,
    ),
    "DstBucketInvalidRegion": (
        "Batch Replication only: the destination bucket is in another Region than the job says.",
        "Correct the Region, or the destination bucket in the replication rule." + _NEW_JOB,
    ),
    "DstBucketNotFound": (
        "The destination bucket named in the replication rule does not exist.",
        "Create the bucket again with versioning enabled, or point the rule at the right bucket and"
        " account." + _RETRY,
    ),
    "DstBucketObjectLockConfigMissing": (
        "The source bucket has Object Lock and the destination bucket seems to have none, so locked"
        " objects cannot be kept there as they must.",
        "Enable Object Lock on the destination bucket (PutObjectLockConfiguration)." + _RETRY,
    ),
    "DstBucketUnversioned": (
        "Versioning is off or suspended on the destination bucket.",
        "Set versioning of the destination bucket to Enabled (PutBucketVersioning)." + _RETRY,
    ),
    "DstDelObjNotPermitted": (
        "S3 may not write delete markers to the destination bucket.",
        "Allow the replication role s3:ReplicateDelete on the destination's objects; if the bucket"
        " belongs to another account, its bucket policy must allow it too." + _RETRY,
    ),
    "DstKmsKeyInvalidState": (
        "The KMS key that encrypts at the destination is disabled, pending deletion or otherwise"
        " unusable.",
        "Enable the key or cancel its deletion in KMS, or name another key in the rule"
        " (ReplicaKmsKeyID)." + _RETRY,
    ),
    "DstKmsKeyNotFound": (
        "The KMS key the rule names for the destination does not exist.",
        "Name an existing key of the destination bucket's Region as ReplicaKmsKeyID in the rule's"
        " EncryptionConfiguration." + _RETRY,
    ),
    "DstMultipartCompleteNotPermitted": (
        "S3 may not complete a multipart upload in the destination bucket.",
        "Allow the replication role s3:ReplicateObject on the destination's objects, and look for a"
        " Deny in the destination's bucket policy." + _RETRY,
    ),
    "DstMultipartInitNotPermitted": (
        "S3 may not begin a multipart upload in the destination bucket.",
        "Allow the replication role s3:ReplicateObject on the destination's objects, and look for a"
        " Deny in the destination's bucket policy." + _RETRY,
    ),
    "DstMultipartUploadNotPermitted": (
        "S3 may not upload parts to the destination bucket.",
        "Allow the replication role s3:ReplicateObject on the destination's objects, and look for a"
        " Deny in the destination's bucket policy." + _RETRY,
    ),
    "DstObjectHardDeleted": (
        "Batch Replication only: the replica was deleted at the destination by its version id, and"
        " S3 does not replicate that version there again.",
        "If the replica is wanted back, copy the object onto itself at the source: the new version"
        " replicates. Otherwise there is nothing to do.",
    ),
    "DstPutAclNotPermitted": (
        "S3 may not write the object's ACL at the destination.",
        "Allow the replication role s3:ReplicateObject on the destination's objects; if the bucket"
        " belongs to another account, its bucket policy must allow it too." + _RETRY,
    ),
    "DstPutLegalHoldNotPermitted": (
        "S3 may not put the object's Object Lock legal hold at the destination.",
        "Allow the replication role s3:PutObjectLegalHold on the destination's objects." + _RETRY,
    ),
    "DstPutObjectNotPermitted": (
        "S3 may not write the object to the destination bucket.",
        "Allow the replication role s3:ReplicateObject on the destination's objects, and"
        " s3:ObjectOwnerOverrideToBucketOwner if the rule changes the owner; if the bucket belongs"
        " to another account, its bucket policy must allow them too. For objects encrypted with"
        " KMS, allow the role kms:Decrypt with the source key, and kms:Encrypt and"
        " kms:GenerateDataKey* with the destination key, in the keys' policies as well." + _RETRY,
    ),
    "DstPutRetentionNotPermitted": (
        "S3 may not put the object's Object Lock retention at the destination.",
        "Allow the replication role s3:PutObjectRetention on the destination's objects." + _RETRY,
    ),
    "DstPutTaggingNotPermitted": (
        "S3 may not write the object's tags at the destination; a replica without them may be"
        " there.",
        "Allow the replication role s3:ReplicateTags and s3:ReplicateObject on the destination's"
        " objects; if the bucket belongs to another account, its bucket policy must allow them"
        " too." + _RETRY,
    ),
    "DstVersionNotFound": (
        "A change of the object's tags, ACL or other metadata should have been replicated, but the"
        " destination does not have that version.",
        "If the replica was deleted there on purpose, there is nothing to do. Otherwise replicate"
        " the version itself with S3 Batch Replication; the change goes with it.",
    ),
    "InitiateReplicationNotPermitted": (
        "Batch Replication only: the job's role may not start the replication of the object.",
        "Allow the job's role s3:InitiateReplication on the source bucket's objects." + _NEW_JOB,
    ),
    "SrcBucketInvalidRegion": (
        "Batch Replication only: the source bucket is in another Region than the job.",
        "Create the job in the Region of the source bucket.",
    ),
    "SrcBucketNotFound": (
        "S3 could not find the source bucket.",
        "Check that the bucket still exists and that the job or manifest spells its name right. If"
        " it was deleted, there is nothing left to replicate.",
    ),
    "SrcBucketReplicationConfigMissing": (
        "The source bucket has no replication configuration any more.",
        "Put the replication configuration back on the source bucket (PutBucketReplication)."
        + _RETRY,
    ),
    "SrcGetAclNotPermitted": (
        "S3 may not read the object's ACL at the source.",
        "Allow the replication role s3:GetObjectVersionAcl on the source's objects; if another"
        " account wrote the object, its owner must grant the bucket's owner access, or set Object"
        " Ownership of the bucket to bucket owner enforced." + _RETRY,
    ),
    "SrcGetLegalHoldNotPermitted": (
        "S3 may not read the object's Object Lock legal hold at the source.",
        "Allow the replication role s3:GetObjectLegalHold on the source's objects." + _RETRY,
    ),
    "SrcGetObjectNotPermitted": (
        "S3 may not read the object at the source.",
        "Allow the replication role s3:GetObjectVersionForReplication on the source's objects, and"
        " kms:Decrypt with the source key for objects encrypted with KMS; look for a Deny in the"
        " source's bucket policy." + _RETRY,
    ),
    "SrcGetRetentionNotPermitted": (
        "S3 may not read the object's Object Lock retention at the source.",
        "Allow the replication role s3:GetObjectRetention on the source's objects." + _RETRY,
    ),
    "SrcGetTaggingNotPermitted": (
        "S3 may not read the object's tags at the source; a replica without them may be at the"
        " destination.",
        "Allow the replication role s3:GetObjectVersionTagging on the source's objects." + _RETRY,
    ),
    "SrcHeadObjectNotPermitted": (
        "S3 may not read the object's metadata at the source.",
        "Allow the replication role s3:GetObjectVersionForReplication on the source's objects, and"
        " kms:Decrypt with the source key for objects encrypted with KMS." + _RETRY,
    ),
    "SrcKeyNotFound": (
        "The source bucket has no object of this key; it may have been deleted before it was"
        " replicated.",
        "If it was deleted on purpose, there is nothing to do. Otherwise write the object again;"
        " the new version replicates.",
    ),
    "SrcKmsKeyInvalidState": (
        "The KMS key the source object is encrypted with is disabled, pending deletion or otherwise"
        " unusable.",
        "Enable the key or cancel its deletion in KMS." + _RETRY,
    ),
    "SrcObjectNotEligible": (
        "The object may not be replicated: its storage class is an archive (S3 Glacier Flexible"
        " Retrieval or Deep Archive), or its tags do not match the rule.",
        "Archived: restore the object and copy it onto itself; the new version replicates."
        " Otherwise correct the rule's filter, or write the object again with the tags it asks"
        " for." + _RETRY,
    ),
    "SrcObjectNotFound": (
        "The object does not exist at the source.",
        "If it was deleted on purpose, there is nothing to do. Otherwise write the object again;"
        " the new version replicates.",
    ),
    "SrcReplicationNotPending": (
        "The object was replicated already and was no longer waiting for it.",
        "Nothing to do.",
    ),
    "SrcVersionNotFound": (
        "The source bucket does not have this version; it may have been deleted before it was"
        " replicated.",
        "If it was deleted on purpose, there is nothing to do. Otherwise write the object again;"
        " the new version replicates.",
    ),
}

_KNOWN: Final = {code: Failure(code, *words) for code, words in _TABLE.items()}

"""Objects encrypted with a key of the customer's own (SSE-C): those with a certain word in their
key. A client that was told how sends the key along; nobody tells the tracker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

WORD = "customer-key"
_KEY = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b"k" * 32}
_CALLS = ("PutObject", "HeadObject")


def is_encrypted(key: str) -> bool:
    """Whether objects of that key are encrypted so."""
    return WORD in key


def send_along(s3: S3Client) -> None:
    """From now on the client sends the customer's key where S3 wants it."""
    hand_over: Any = _with_key  # the stubs know no handler that answers
    for call in _CALLS:
        s3.meta.events.register(f"provide-client-params.s3.{call}", hand_over)


def block(s3: S3Client, bucket: str) -> None:
    """The bucket takes no such objects any more, and no replicas of them."""
    rule: Any = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
        "BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]},
    }
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})


def _with_key(params: dict[str, Any], **_: Any) -> dict[str, Any]:
    return params | _KEY if is_encrypted(str(params.get("Key", ""))) else params

"""Who may read what: bucket policies, customers' keys, and the count of tags.

AWS: an explicit Deny of the bucket policy holds for everybody, the account's root included; HEAD
and GET say how many tags there are (`TagCount`) to whom may read the tags, and answer all the same
to others; GetObjectAttributes of an SSE-C object asks for its key; a bucket can block SSE-C; a
version id that S3 never made is a bad request.
MiniStack 1.5.33: looks at no bucket policy unless IAM is enforced, and then not for root; HEAD
never counts the tags and GET always does; GetObjectAttributes asks for no key; nothing is blocked;
such an id is a version that is not there.
"""

from __future__ import annotations

import contextvars
import re
from typing import TYPE_CHECKING, Any

from local.emulator.patches.hidden_versions import named
from local.emulator.patches.wrap import require, wrap
from local.s3_replication import policies
from local.s3_replication.buckets import blocks_customer_keys, has_customer_key

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable
    from types import ModuleType

    Query = dict[str, Any]
    Headers = dict[str, str]

_COUNT = "x-amz-tagging-count"
_CUSTOMER = "x-amz-server-side-encryption-customer-"
_NEVER_DENIED_TO_ROOT = frozenset(
    {"s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"}
)
_caller: contextvars.ContextVar[str] = contextvars.ContextVar("local_s3_caller", default="")
"""The account that asks; MiniStack goes on in the name of the bucket's owner."""


def apply(s3: ModuleType, heads: Counter[str]) -> None:
    """`heads` counts HEAD requests for objects, by bucket."""
    for name in ("_bucket_policies", "_bucket_encryption", "_bucket_owner_account", "_in_account"):
        require(s3, name)
    require(s3, "_check_sse_c_against", "stored_md5", "c_alg", "c_key", "c_md5")
    require(s3, "_object_tagging_count_header", "bucket_name", "key", "version_id")
    access = _Access(s3, heads)
    request = ("method", "bucket", "key", "headers")
    wrap(s3, "_apply_bucket_scope", *request, by=access.scope)
    wrap(s3, "_dispatch", *request, by=access.dispatch)
    attributes = ("bucket_name", "key", "headers", "query_params")
    wrap(s3, "_get_object_attributes", *attributes, by=access.attributes)


class _Access:
    def __init__(self, s3: Any, heads: Counter[str]) -> None:
        self._s3 = s3
        self._heads = heads

    def scope(self, inner: Callable[..., Any]) -> Callable[..., Any]:
        def run(
            method: str,
            bucket: str,
            key: str,
            headers: Headers,
            query_params: Query,
            body: bytes = b"",
            internal: bool = False,
        ) -> Any:
            from ministack.core.responses import get_account_id

            _caller.set(get_account_id())
            denied = inner(method, bucket, key, headers, query_params, body, internal)
            if denied is not None or internal or not bucket:
                return denied
            if self._denied(method, bucket, key, headers, query_params):
                return self._s3._error("AccessDenied", "Access Denied", 403, f"/{bucket}/{key}")
            return None

        return run

    def dispatch(self, inner: Callable[..., Any]) -> Callable[..., Any]:
        def run(
            method: str, bucket: str, key: str, headers: Headers, body: bytes, query_params: Query
        ) -> Any:
            if key and method == "HEAD":
                self._heads[bucket] += 1
            if self._is_blocked(method, bucket, headers):
                return self._s3._error("AccessDenied", "Access Denied", 403, f"/{bucket}/{key}")
            if key and method in {"GET", "HEAD"} and not _is_made(query_params):
                return self._s3._error("InvalidArgument", "Invalid version id specified", 400)
            response = inner(method, bucket, key, headers, body, query_params)
            plain = method in {"GET", "HEAD"} and not query_params.keys() & _SUBRESOURCES
            if key and plain and response[0] in {200, 206}:
                self._count_tags(bucket, key, headers, query_params, response[1])
            return response

        return run

    def attributes(self, inner: Callable[..., Any]) -> Callable[..., Any]:
        def run(bucket_name: str, key: str, headers: Headers, query_params: Query) -> Any:
            refused = self._key_missing(bucket_name, key, headers, query_params)
            return refused or inner(bucket_name, key, headers, query_params)

        return run

    def _denied(
        self, method: str, bucket: str, key: str, headers: Headers, query_params: Query
    ) -> bool:
        """By an explicit Deny of the bucket policy.  A delete marker says what it is to all."""
        from ministack.core import iam_actions

        path = f"/{bucket}/{key}" if key else f"/{bucket}"
        action = f"s3:{iam_actions._s3_action(method, path, query_params)}"
        if action in _NEVER_DENIED_TO_ROOT:
            return False
        with self._of_owner(bucket):
            if not self._s3._bucket_policies.get(bucket):
                return False
            version = named(self._s3, bucket, key, query_params) if key else None
            if version is not None and version.get("is_delete_marker"):
                return False
            context = iam_actions.s3_service_context(action, query_params, path, headers)
        return self._decision(action, bucket, key, headers, query_params, context) == "Deny"

    def _of_owner(self, bucket: str) -> Any:
        return self._s3._in_account(self._s3._bucket_owner_account(bucket) or _caller.get())

    def _decision(
        self,
        action: str,
        bucket: str,
        key: str,
        headers: Headers,
        query_params: Query,
        context: dict[str, Any] | None = None,
    ) -> str:
        from ministack.core.iam_evaluator import request_caller_arn

        with self._of_owner(bucket):
            policy = self._s3._bucket_policies.get(bucket)
        if not policy:
            return "ImplicitDeny"
        caller = _caller.get()
        with self._s3._in_account(caller):
            principal = request_caller_arn(headers, query_params)
        resource = f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}"
        return policies.decision(
            policy, action, resource, principal=principal, account=caller, context=context
        )

    def _count_tags(
        self, bucket: str, key: str, headers: Headers, query_params: Query, answer: Headers
    ) -> None:
        answer.pop(_COUNT, None)
        version_id = answer.get("x-amz-version-id")
        stored = None if version_id == "null" else version_id
        count = self._s3._object_tagging_count_header(bucket, key, stored)
        if count and self._may_read_tags(bucket, key, headers, query_params):
            answer.update(count)

    def _may_read_tags(self, bucket: str, key: str, headers: Headers, query_params: Query) -> bool:
        from ministack import app
        from ministack.core.iam_evaluator import enforce
        from ministack.core.responses import get_region
        from ministack.core.router import extract_access_key_id

        action = "s3:GetObjectTagging"
        if query_params.get("versionId"):
            action = "s3:GetObjectVersionTagging"
        found = self._decision(action, bucket, key, headers, query_params)
        if found == "Deny" or not app.AUTH:
            return found != "Deny"
        caller = _caller.get()
        with self._s3._in_account(caller):
            refusal = enforce(
                extract_access_key_id(headers, query_params),
                action,
                "s3",
                get_region(),
                resource_arn=f"arn:aws:s3:::{bucket}/{key}",
            )
        foreign = self._s3._bucket_owner_account(bucket) != caller
        return refusal is None and (not foreign or found == "Allow")

    def _key_missing(self, bucket: str, key: str, headers: Headers, query_params: Query) -> Any:
        """The refusal of a read that lacks the customer's key, or None."""
        objects = self._s3._buckets.get(bucket, {}).get("objects", {})
        record = named(self._s3, bucket, key, query_params) or objects.get(key) or {}
        if not has_customer_key(record):
            return None
        given = (headers.get(_CUSTOMER + name, "") for name in ("algorithm", "key", "key-md5"))
        return self._s3._check_sse_c_against(
            record["preserved_headers"][_CUSTOMER + "key-md5"], *given
        )

    def _is_blocked(self, method: str, bucket: str, headers: Headers) -> bool:
        """A write with a customer's key into a bucket that blocks such."""
        if method not in {"PUT", "POST"} or _CUSTOMER + "algorithm" not in headers:
            return False
        return blocks_customer_keys(self._s3._bucket_encryption.get(bucket))


def _is_made(query_params: Query) -> bool:
    """Whether the version id, if there is one, looks like one of this emulator."""
    value = (query_params.get("versionId") or [""])[0]
    return value in {"", "null"} or _VERSION_ID.fullmatch(value) is not None


_VERSION_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SUBRESOURCES = frozenset(
    {"acl", "annotation", "attributes", "legal-hold", "retention", "tagging", "torrent", "uploadId"}
)

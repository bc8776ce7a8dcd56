"""What S3 says of one version: absence is 404, or 400 InvalidArgument from GetObjectTagging."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from replication.aws.s3.objects import S3Objects
from replication.errors import Denied, Unavailable
from replication.head.port import Head
from replication.head.reader import VersionReader
from replication.ledger.state import State
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import Instant

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

V = ObjectVersion("src", "a/k", "v1")
ASKED = {"Bucket": "src", "Key": "a/k", "VersionId": "v1"}
WRITTEN = datetime(2026, 11, 22, 10, tzinfo=UTC)
NOW = Instant("2026-11-22T10:00:00.000Z")


class S3:
    """Answers in the order they are to be given, to exactly these questions."""

    def __init__(self) -> None:
        self.client: S3Client = boto3.client(
            "s3",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}),
        )
        self.stub = Stubber(self.client)
        self.objects = S3Objects(lambda _: self.client)

    def head(self, **answer: Any) -> None:
        self.stub.add_response("head_object", {"LastModified": WRITTEN} | answer, ASKED)

    def refuses_head(self, status: int, **headers: str) -> None:
        """HEAD has no body: botocore's code is the status."""
        self.stub.add_client_error(
            "head_object", str(status), "", status, expected_params=ASKED,
            response_meta={"HTTPHeaders": headers},
        )  # fmt: skip

    def tags(self, **tags: str) -> None:
        answer = {"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}
        self.stub.add_response("get_object_tagging", answer, ASKED)

    def refuses_tags(self, status: int, code: str) -> None:
        self.stub.add_client_error("get_object_tagging", code, "", status, expected_params=ASKED)


@pytest.fixture
def s3() -> Iterator[S3]:
    world = S3()
    with world.stub:
        yield world
        world.stub.assert_no_pending_responses()


class TestAHead:
    @pytest.mark.parametrize(
        ("told", "status"),
        [
            ("PENDING", "PENDING"),
            ("FAILED", "FAILED"),
            ("REPLICA", "REPLICA"),
            ("COMPLETED", "COMPLETED"),
            ("COMPLETE", "COMPLETED"),
        ],
    )
    def test_shows_the_status_in_one_spelling(self, s3: S3, told: str, status: str) -> None:
        s3.head(ReplicationStatus=told, TagCount=2)
        assert s3.objects.head(V) == Head(status, False, NOW, tag_count=2)

    def test_shows_none_of_a_version_no_rule_took(self, s3: S3) -> None:
        s3.head()
        seen = s3.objects.head(V)
        assert seen is not None
        assert seen.replication_status is None

    def test_without_a_count_of_tags_does_not_say_that_there_are_none(self, s3: S3) -> None:
        """It is left out, too, where tags may not be read."""
        s3.head(ReplicationStatus="REPLICA")
        seen = s3.objects.head(V)
        assert seen is not None
        assert seen.tag_count is None

    def test_of_a_marker_answers_405_which_proves_that_it_is_there(self, s3: S3) -> None:
        s3.refuses_head(405, **{"last-modified": "Sun, 22 Nov 2026 10:00:00 GMT"})
        assert s3.objects.head(V) == Head(None, True, NOW)
        s3.refuses_head(405)
        assert s3.objects.head(V) == Head(None, True, None)

    def test_of_a_version_that_is_not_there_answers_404(self, s3: S3) -> None:
        s3.refuses_head(404)
        assert s3.objects.head(V) is None

    def test_that_is_refused_is_denied(self, s3: S3) -> None:
        s3.refuses_head(403)
        with pytest.raises(Denied) as caught:
            s3.objects.head(V)
        assert (caught.value.action, caught.value.bucket) == ("s3:GetObjectVersion", "src")

    @pytest.mark.parametrize("status", [301, 409, 429, 500, 503])
    def test_of_any_other_trouble_proves_nothing(self, s3: S3, status: int) -> None:
        s3.refuses_head(status)
        with pytest.raises(Unavailable, match=str(status)) as caught:
            s3.objects.head(V)
        assert not isinstance(caught.value, Denied)


class TestA400ToAHead:
    """An object of SSE-C without its key, an expired token, or an id that S3 never made: only
    GetObjectTagging has a body that says which."""

    def test_is_an_object_nobody_can_read_when_its_tags_can_be(self, s3: S3) -> None:
        s3.refuses_head(400)
        s3.tags(k="v")
        assert s3.objects.head(V) == Head(None, False, None, tag_count=1, unreadable=True)

    @pytest.mark.parametrize(
        ("status", "code"),
        [(404, "NoSuchVersion"), (404, "NoSuchKey"), (400, "InvalidArgument")],
    )
    def test_is_no_version_when_that_says_so(self, s3: S3, status: int, code: str) -> None:
        s3.refuses_head(400)
        s3.refuses_tags(status, code)
        assert s3.objects.head(V) is None

    def test_may_be_a_marker(self, s3: S3) -> None:
        """405 says that a marker is there."""
        s3.refuses_head(400)
        s3.refuses_tags(405, "MethodNotAllowed")
        with pytest.raises(Unavailable):
            s3.objects.head(V)

    @pytest.mark.parametrize(
        "code", ["ExpiredToken", "InvalidToken", "InvalidRequest", "AuthorizationHeaderMalformed"]
    )
    def test_is_nobodys_absence_when_the_caller_is_at_fault(self, s3: S3, code: str) -> None:
        s3.refuses_head(400)
        s3.refuses_tags(400, code)
        with pytest.raises(Unavailable, match=code):
            s3.objects.head(V)

    def test_is_denied_when_tags_are(self, s3: S3) -> None:
        s3.refuses_head(400)
        s3.refuses_tags(403, "AccessDenied")
        with pytest.raises(Denied) as caught:
            s3.objects.head(V)
        assert caught.value.action == "s3:GetObjectVersionTagging"

    def test_leaves_a_pending_version_pending(self, s3: S3) -> None:
        s3.refuses_head(400)
        s3.tags()
        s3.stub.add_client_error(
            "head_object", "404", "", 404, expected_params=ASKED | {"Bucket": "dst"}
        )
        pending = State(Status.PENDING, NOW, Evidence.OBJECT_CREATED)
        assert VersionReader(s3.objects).read(V, {"dst": pending}, NOW) == []


class TestTags:
    def test_are_told(self, s3: S3) -> None:
        s3.tags(k="v", l="w")
        assert s3.objects.tags(V) == {"k": "v", "l": "w"}

    @pytest.mark.parametrize("code", ["NoSuchVersion", "NoSuchKey", "InvalidArgument"])
    def test_of_a_version_that_is_not_there_are_none(self, s3: S3, code: str) -> None:
        s3.refuses_tags(400 if code == "InvalidArgument" else 404, code)
        assert s3.objects.tags(V) is None

    def test_that_are_refused_are_denied(self, s3: S3) -> None:
        s3.refuses_tags(403, "AccessDenied")
        with pytest.raises(Denied):
            s3.objects.tags(V)

    @pytest.mark.parametrize("code", ["ExpiredToken", "SlowDown", "InternalError"])
    def test_of_any_other_trouble_prove_nothing(self, s3: S3, code: str) -> None:
        s3.refuses_tags(400, code)
        with pytest.raises(Unavailable):
            s3.objects.tags(V)


@pytest.mark.parametrize("call", ["head", "tags"])
def test_a_connection_that_fails_proves_nothing(call: str) -> None:
    class Down:
        def head_object(self, **_: str) -> None:
            raise EndpointConnectionError(endpoint_url="https://s3")

        get_object_tagging = head_object

    objects = S3Objects(lambda _: Down())  # type: ignore[arg-type,return-value]
    with pytest.raises(Unavailable, match="could not be asked"):
        getattr(objects, call)(V)

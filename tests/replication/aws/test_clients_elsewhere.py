"""Each bucket is read where it is, with the role of its place."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.httpsession import URLLib3Session

from replication.aws import clients
from replication.aws.s3.objects import S3Objects
from replication.errors import ASSUME_ROLE, Denied
from replication.s3.version import ObjectVersion
from replication.topology import Place, Topology

ROLE = "arn:aws:iam::222222222222:role/look"
HOME = Place("111111111111", "eu-central-1")
TOPOLOGY = Topology(
    ("orders",),
    ("near", "far"),
    {"orders": HOME, "near": HOME, "far": Place("222222222222", "eu-west-1", ROLE)},
)
ASSUMED = """<AssumeRoleResponse><AssumeRoleResult><Credentials>
<AccessKeyId>assumed{number}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>
<SessionToken>t</SessionToken><Expiration>{until}</Expiration>
</Credentials><AssumedRoleUser><Arn>arn:aws:sts::222222222222:assumed-role/look/x</Arn>
<AssumedRoleId>id:x</AssumedRoleId></AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>"""
REFUSED = """<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>
<Message>not authorized</Message></Error></ErrorResponse>"""


class Wire:
    """Answers instead of AWS, and keeps (host, access key) of every request."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str]] = []
        self.credentials_last = timedelta(hours=1)
        self.refuses_role = False

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        host = re.sub(r"https://([^/]*).*", r"\1", request.url)
        key = re.search(r"Credential=([^/]*)/", str(request.headers["Authorization"]))
        assert key
        self.requests.append((host, key[1]))
        if not host.startswith("sts."):
            return answer(request, 404)
        if self.refuses_role:
            return answer(request, 403, REFUSED)
        until = datetime.now(UTC) + self.credentials_last
        number = len([one for one, _ in self.requests if one == host])
        return answer(request, 200, ASSUMED.format(number=number, until=until.isoformat()))


def answer(request: AWSPreparedRequest, status: int, body: str = "") -> AWSResponse:
    found = AWSResponse(request.url, status, HTTPHeaders(), None)
    vars(found)["_content"] = body.encode()
    return found


@pytest.fixture(autouse=True)
def no_client_of_another_test() -> Iterator[None]:
    clients.forget_clients()
    yield
    clients.forget_clients()


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "own",
        "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    wire = Wire()
    monkeypatch.setattr(URLLib3Session, "send", lambda _, request: wire.send(request))
    clients.forget_clients()
    yield wire
    clients.forget_clients()


def head(bucket: str) -> None:
    S3Objects(clients.s3_by_bucket(TOPOLOGY)).head(ObjectVersion(bucket, "k", "v"))


@pytest.mark.parametrize("bucket", ["orders", "near", "not-of-this-deployment"])
def test_buckets_at_home_are_read_with_the_functions_own_role(wire: Wire, bucket: str) -> None:
    head(bucket)
    assert wire.requests == [(f"{bucket}.s3.eu-central-1.amazonaws.com", "own")]


def test_a_bucket_elsewhere_is_read_in_its_region_with_the_role_of_its_place(wire: Wire) -> None:
    head("far")
    head("far")
    assert wire.requests == [
        ("sts.eu-central-1.amazonaws.com", "own"),
        *2 * [("far.s3.eu-west-1.amazonaws.com", "assumed1")],
    ]


def test_credentials_that_end_soon_are_renewed(wire: Wire) -> None:
    wire.credentials_last = timedelta(minutes=5)
    head("far")
    head("far")
    assert [key for host, key in wire.requests if "s3" in host] == ["assumed1", "assumed2"]


def test_a_role_that_cannot_be_assumed_is_named_as_what_is_denied(wire: Wire) -> None:
    wire.refuses_role = True
    with pytest.raises(Denied) as caught:
        head("far")
    assert (caught.value.action, caught.value.bucket) == (ASSUME_ROLE, "far")

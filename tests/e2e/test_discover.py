"""`s3rt discover` on an account with the demo's buckets, a second Region and a second account."""

import json
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from typer.testing import CliRunner

from infra import topology
from local import demo_buckets, deploy
from local.emulator import server
from local.stack import ENFORCED
from s3rt.exit_codes import ExitCode
from s3rt.main import app
from tests.s3rt.conftest import Ended

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

OTHER = "222222222222"
FAR, FOREIGN, NAMED = "tracker-far", "tracker-foreign", "tracker-foreign-named"
ELSEWHERE = "eu-west-1"
Run = Callable[..., Ended]


def client(endpoint_url: str, service: str, account: str, region: str) -> Any:
    """The emulator takes a 12-digit access key for the root of that account."""
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=endpoint_url,
        region_name=region,
        aws_access_key_id=account,
        aws_secret_access_key="test",
        config=Config(s3={"addressing_style": "path"}),
    )


def make(s3: Any, bucket: str, *rules: dict[str, Any]) -> None:
    region = s3.meta.region_name
    where = {} if region == "us-east-1" else {"LocationConstraint": region}
    s3.create_bucket(Bucket=bucket, **({"CreateBucketConfiguration": where} if where else {}))
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    if rules:
        s3.put_bucket_replication(
            Bucket=bucket,
            ReplicationConfiguration={
                "Role": f"arn:aws:iam::{deploy.ACCOUNT}:role/{demo_buckets.ROLE}",
                "Rules": list(rules),
            },
        )


@pytest.fixture(scope="module")
def endpoint_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    state = tmp_path_factory.mktemp("emulator")
    emulator = server.start(server.free_port(), state, environment=ENFORCED, tied=True)
    try:
        url = emulator.endpoint_url
        demo_buckets.create(url, demo_buckets.rules())
        make(client(url, "s3", deploy.ACCOUNT, ELSEWHERE), FAR)
        for name in (FOREIGN, NAMED):
            make(client(url, "s3", OTHER, ELSEWHERE), name)
        owned = demo_buckets.rule("owned", NAMED, priority=3)
        owned["Destination"] |= {
            "Account": OTHER,
            "AccessControlTranslation": {"Owner": "Destination"},
        }
        home = client(url, "s3", deploy.ACCOUNT, server.REGION)
        make(home, "tracker-alone")
        make(
            home,
            "tracker-orders",
            demo_buckets.rule("far", FAR, priority=1),
            demo_buckets.rule("foreign", FOREIGN, priority=2),
            owned,
        )
        yield url
    finally:
        server.stop(emulator.pid, state)


@pytest.fixture
def discover(endpoint_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """`s3rt discover` in an empty folder, with a profile for each account."""
    iam = client(endpoint_url, "iam", deploy.ACCOUNT, server.REGION)
    iam.create_user(UserName="guest")
    allowed = ["s3:ListAllMyBuckets", "s3:GetReplicationConfiguration", "s3:ListBucket"]
    denied = {
        "Effect": "Deny",
        "Action": "s3:GetReplicationConfiguration",
        "Resource": "arn:aws:s3:::tracker-orders",
    }
    statements = [{"Effect": "Allow", "Action": allowed, "Resource": "*"}, denied]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_user_policy(UserName="guest", PolicyName="look", PolicyDocument=policy)
    key = iam.create_access_key(UserName="guest")["AccessKey"]
    profiles = {
        "home": (deploy.ACCOUNT, "test"),
        "other": (OTHER, "test"),
        "guest": (key["AccessKeyId"], key["SecretAccessKey"]),
    }
    config = tmp_path / "config"
    config.write_text(
        "".join(
            f"[profile {name}]\nregion = {server.REGION}\naws_access_key_id = {one}\n"
            f"aws_secret_access_key = {secret}\n"
            for name, (one, secret) in profiles.items()
        )
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint_url)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Ended:
        found = CliRunner().invoke(app, ["discover", *arguments])
        assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
        return Ended(found.exit_code, found.stdout, found.stderr)

    try:
        yield run
    finally:
        iam.delete_access_key(UserName="guest", AccessKeyId=key["AccessKeyId"])
        iam.delete_user_policy(UserName="guest", PolicyName="look")
        iam.delete_user(UserName="guest")


def buckets(text: str) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(text)["buckets"]
    return found


def test_all_accounts_and_regions_stand_in_one_file_that_a_deployment_takes(discover: Run) -> None:
    assert discover("--profile", "home", "--profile", "other", "--stage", "prod").code == 0
    text = Path("tracker.toml").read_text()
    assert topology.read(text).problems == []
    assert tomllib.loads(text)["home"] == {"account": deploy.ACCOUNT, "region": server.REGION}
    assert buckets(text) == {
        demo_buckets.SOURCE: {"role": "source"},
        demo_buckets.REPLICA_1: {"role": "destination"},
        demo_buckets.REPLICA_2: {"role": "destination"},
        "tracker-orders": {"role": "source"},
        FAR: {"role": "destination", "region": ELSEWHERE},
        FOREIGN: {"role": "destination", "region": ELSEWHERE, "account": OTHER},
        NAMED: {"role": "destination", "region": ELSEWHERE, "account": OTHER},
    }
    # And it agrees with what it was made of.
    agrees = discover("--profile", "home", "--profile", "other", "--check", "tracker.toml")
    assert (agrees.code, agrees.err) == (0, "")


def test_a_file_is_not_overwritten(discover: Run) -> None:
    Path("tracker.toml").write_text("mine")
    refused = discover("--profile", "home")
    assert refused.code == ExitCode.USAGE
    assert "--force" in refused.err
    assert Path("tracker.toml").read_text() == "mine"
    assert discover("--profile", "home", "--force").code == 0
    assert "[home]" in Path("tracker.toml").read_text()


def test_an_account_without_a_profile_is_not_guessed(discover: Run) -> None:
    ended = discover("--profile", "home", "--output", "-")
    assert FOREIGN not in buckets(ended.out)
    assert f"# [buckets.{FOREIGN}]" in ended.out
    assert f'# region = "{ELSEWHERE}"' in ended.out
    assert "its account could not be found out" in ended.out
    # Unless a rule names it.
    assert buckets(ended.out)[NAMED]["account"] == OTHER


def test_only_some_sources_and_wherever_they_lead(discover: Run) -> None:
    ended = discover("--profile", "home", "--only", "*-demo-*", "--output", "-")
    assert {*buckets(ended.out)} == {
        *demo_buckets.rules(),
        *(demo_buckets.destinations(demo_buckets.rules())),
    }


def test_what_may_not_be_read_is_said_with_the_action(discover: Run) -> None:
    ended = discover("--profile", "guest", "--output", "guest.toml")
    assert ended.code == 0
    said = "tracker-orders: its replication rules cannot be read by profile guest"
    for place in (ended.err, Path("guest.toml").read_text()):
        assert said in place
        assert "s3:GetReplicationConfiguration" in place
    assert {*buckets(Path("guest.toml").read_text())} == {
        *(demo_buckets.SOURCE, demo_buckets.REPLICA_1, demo_buckets.REPLICA_2)
    }
    unsure = discover("--profile", "guest", "--check", "guest.toml")
    assert unsure.code == ExitCode.UNREACHABLE
    assert "As far as it could be read" in unsure.out


def test_each_difference_is_named_and_exits_with_6(discover: Run, endpoint_url: str) -> None:
    assert discover("--profile", "home", "--profile", "other").code == 0
    s3 = client(endpoint_url, "s3", deploy.ACCOUNT, server.REGION)
    file = Path("tracker.toml")
    file.write_text(
        file.read_text().replace(f'region = "{ELSEWHERE}"', 'region = "eu-west-2"', 1)
        + '\n[buckets.never-was]\nrole = "destination"\n'
    )
    s3.create_bucket(Bucket="tracker-new")
    s3.put_bucket_versioning(Bucket="tracker-new", VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_replication(
        Bucket=demo_buckets.REPLICA_1,
        ReplicationConfiguration={
            "Role": f"arn:aws:iam::{deploy.ACCOUNT}:role/{demo_buckets.ROLE}",
            "Rules": [demo_buckets.rule("chain", "tracker-new", priority=1)],
        },
    )
    try:
        arguments = ("--profile", "home", "--profile", "other", "--check", "tracker.toml")
        ended = discover(*arguments, "--json")
        assert ended.code == ExitCode.DIFFERS
        assert {(one["bucket"], one["kind"]) for one in ended.json["differences"]} == {
            (FAR, "region"),
            ("never-was", "vanished"),
            ("tracker-new", "not-declared"),
            (demo_buckets.REPLICA_1, "role"),
        }
        assert ended.json["not_read"] == []
        assert f'set buckets.{FAR}.region = "{ELSEWHERE}"' in discover(*arguments).out
    finally:
        s3.delete_bucket_replication(Bucket=demo_buckets.REPLICA_1)
        s3.delete_bucket(Bucket="tracker-new")


def test_no_credentials_and_no_profile_are_said_in_one_line(
    discover: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert discover().code == ExitCode.UNREACHABLE
    ended = discover("--profile", "missing")
    assert ended.code == ExitCode.UNREACHABLE
    assert "missing" in ended.err
    assert discover("--profile", "home", "--home", "here").code == ExitCode.USAGE

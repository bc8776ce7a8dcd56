"""`make package` makes files that CloudFormation alone deploys: no CDK, no bootstrap."""

import json
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from infra.deployer_actions import TYPES
from infra.package import main as package
from local import demo_buckets, deploy, subscriber
from local.emulator import server
from local.stack import ENFORCED
from s3rt.api import Api, ApiProblem
from s3rt.main import app
from tests.e2e.conftest import eventually
from tests.summarize.test_incident_words import assert_custom_notification

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

STACK = "S3ReplicationTracker-packaged"
POLICY = server.ROOT / "docs" / "deployer-policy.json"
ASSETS = "somebodys-files"
PREFIX = "tracker/"
LEAN = {"bundle_dependencies": "false", "record_concurrency": "2"}
"""As the emulator has it: the packages are there, and each instance is a process."""
ADDRESS = "oncall@example.com"
PEOPLE = {"notify_emails": ADDRESS, "chat": "true"}
CONTEXT = {
    **LEAN,
    "topology": "",
    "stage": "packaged",
    "source_buckets": demo_buckets.SOURCE,
    "destination_buckets": f"{demo_buckets.REPLICA_1},{demo_buckets.REPLICA_2}",
}


@dataclass
class Account:
    """An account that no CDK has ever seen, with the demo's buckets."""

    endpoint_url: str

    deployer: boto3.Session

    def client(self, service: str) -> Any:
        return demo_buckets.client(service, self.endpoint_url)

    def put(self, key: str) -> str:
        """The version id of a new object."""
        made = self.client("s3").put_object(Bucket=demo_buckets.SOURCE, Key=key, Body=b"one")
        return str(made["VersionId"])

    def mailboxes(self, values: dict[str, Any] | None = None) -> Any:
        """What the emulator's mail says, or changes."""
        request = urllib.request.Request(  # noqa: S310
            f"{self.endpoint_url}/_local/mail",
            data=None if values is None else json.dumps(values).encode(),
            method="GET" if values is None else "PATCH",
        )
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return json.load(answer)

    def as_deployer(self, service: str) -> Any:
        """A client of the one who has docs/deployer-policy.json and nothing else."""
        return self.deployer.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.endpoint_url,
            config=Config(s3={"addressing_style": "path"}),
        )

    def deploy(self, folder: Path, name: str = STACK) -> dict[str, str]:
        """What the package's how-to says, by single calls. Gives the outputs."""
        s3, cloudformation = self.as_deployer("s3"), self.as_deployer("cloudformation")
        for file in folder.iterdir():
            s3.upload_file(str(file), ASSETS, f"{PREFIX}{file.name}")
        cloudformation.create_change_set(
            StackName=name,
            ChangeSetName="first",
            ChangeSetType="CREATE",
            TemplateURL=f"{self.endpoint_url}/{ASSETS}/{PREFIX}{STACK}.template.json",
            Parameters=[
                {"ParameterKey": "AssetsBucket", "ParameterValue": ASSETS},
                {"ParameterKey": "AssetsPrefix", "ParameterValue": PREFIX},
            ],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        eventually(
            lambda: (
                cloudformation.describe_change_set(StackName=name, ChangeSetName="first")["Status"]
                == "CREATE_COMPLETE"
            )
        )
        cloudformation.execute_change_set(StackName=name, ChangeSetName="first")
        return self.outputs()

    def outputs(self) -> dict[str, str]:
        def settled() -> Any:
            found = self.as_deployer("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
            return None if found["StackStatus"].endswith("IN_PROGRESS") else found

        stack = eventually(settled, 90)
        assert stack["StackStatus"] == "CREATE_COMPLETE", self.failures()
        return {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}

    def failures(self) -> list[str]:
        events = self.as_deployer("cloudformation").describe_stack_events(StackName=STACK)
        return [
            f"{one['LogicalResourceId']}: {one.get('ResourceStatusReason')}"
            for one in events["StackEvents"]
            if "FAILED" in one["ResourceStatus"]
        ]


def deployer(endpoint_url: str) -> boto3.Session:
    """A user of the account with the policy of the docs alone."""
    iam = demo_buckets.client("iam", endpoint_url)
    made = iam.create_policy(
        PolicyName="deployer",
        PolicyDocument=POLICY.read_text().replace("ASSETS-BUCKET", ASSETS),
    )
    iam.create_user(UserName="deployer")
    iam.attach_user_policy(UserName="deployer", PolicyArn=made["Policy"]["Arn"])
    key = iam.create_access_key(UserName="deployer")["AccessKey"]
    return boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=server.REGION)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    state = tmp_path_factory.mktemp("emulator")
    emulator = server.start(server.free_port(), state, environment=ENFORCED, tied=True)
    try:
        demo_buckets.create(emulator.endpoint_url, demo_buckets.rules())
        demo_buckets.client("s3", emulator.endpoint_url).create_bucket(Bucket=ASSETS)
        yield Account(emulator.endpoint_url, deployer(emulator.endpoint_url))
    finally:
        server.stop(emulator.pid, state)


@pytest.fixture(scope="module")
def outputs(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Of the stack that was packaged from what was discovered, and deployed from the package. In
    the end it is deleted, and has to leave nothing on the buckets."""
    folder = tmp_path_factory.mktemp("discovered")
    file = folder / "tracker.toml"
    discovered(account.endpoint_url, file)
    found = options({**LEAN, **PEOPLE, "topology": str(file)})
    assert package([*found, "--output", str(folder / "package")]) == 0
    yield account.deploy(folder / "package")
    account.as_deployer("cloudformation").delete_stack(StackName=STACK)
    eventually(
        lambda: (
            not account.client("s3")
            .get_bucket_notification_configuration(Bucket=demo_buckets.SOURCE)
            .get("QueueConfigurations")
        ),
        60,
    )


@pytest.fixture(scope="module")
def api(account: Account, outputs: dict[str, str]) -> Iterator[Api]:
    url = deploy.local_api_url(outputs["ApiUrl"], account.endpoint_url)
    session = boto3.Session("test", "test", region_name=server.REGION)
    with Api.at(url, server.REGION, session) as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("package") / "made"
    assert package([*options(CONTEXT), "--output", str(made)]) == 0
    return made


def options(context: Mapping[str, str]) -> list[str]:
    return [part for pair in context.items() for part in ("-c", "=".join(pair))]


def discovered(endpoint_url: str, file: Path) -> None:
    """Writes tracker.toml from the buckets of the account, with the command."""
    arguments = ["discover", "--stage", "packaged", "--output", str(file)]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in demo_buckets.CREDENTIALS.items():
            patch.setenv(name, value)
        patch.setenv("AWS_REGION", server.REGION)
        patch.setenv("AWS_ENDPOINT_URL", endpoint_url)
        ended = CliRunner().invoke(app, arguments)
    assert ended.exit_code == 0, ended.output


def test_what_is_discovered_is_packaged_deployed_and_tracks_an_object_to_completed(
    account: Account, outputs: dict[str, str], api: Api
) -> None:
    assert outputs["TableName"]
    # The custom resources have run: S3 sends failures to the tracker.
    notifications = account.client("s3").get_bucket_notification_configuration(
        Bucket=demo_buckets.SOURCE
    )
    assert [one["Id"] for one in notifications["QueueConfigurations"]] == [STACK]
    version = account.put("logs/one")

    def completed() -> Any:
        try:
            found = api.object(demo_buckets.SOURCE, "logs/one", version)
        except ApiProblem:
            return None
        return found if found["replication_status"] == "COMPLETED" else None

    assert eventually(completed, 60)["destinations"][0]["bucket"] == demo_buckets.REPLICA_1


def test_people_are_asked_for_and_then_read_what_failed(
    account: Account, outputs: dict[str, str], api: Api
) -> None:
    def findings() -> list[str]:
        found = api.get("/v1/doctor")["items"]
        return [one["finding"] for one in found if one["bucket"] is None]

    pending, silent = findings()
    assert pending.startswith(f"{ADDRESS} has not confirmed")
    assert silent.startswith("No chat channel is connected")
    account.mailboxes({"confirm": ADDRESS})
    sqs, sns = account.client("sqs"), account.client("sns")
    chat = subscriber.subscribed(sqs, sns, outputs["ChatTopicArn"], "chat")
    programs = subscriber.subscribed(sqs, sns, outputs["IncidentTopicArn"], "programs")
    assert findings() == []

    code = "DstPutTaggingNotPermitted"
    key = f"TaxDocs/fail-{code}@{demo_buckets.REPLICA_2}/contract.pdf"
    account.put(key)
    mail: Any = eventually(lambda: next(iter(account.mailboxes()["mails"]), None), 90)
    assert mail["to"] == ADDRESS
    assert mail["subject"].startswith("S3 replication incident opened")
    assert f"S3 replication is failing: {demo_buckets.SOURCE} to " in mail["text"]
    command = (
        f"AWS_REGION={server.REGION} s3rt --stage packaged failures {demo_buckets.SOURCE}"
        f" --destination {demo_buckets.REPLICA_2} --rule tax-2 --reason {code}"
    )
    assert command in mail["text"]
    assert f"#dashboards/dashboard/{STACK}-{server.REGION}" in mail["text"]

    def received(queue: str) -> Any:
        answer = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages")
        return json.loads(json.loads(answer[0]["Body"])["Message"]) if answer else None

    # A program reads the incident as the API shows it, a chat its own kind of notification.
    incident = eventually(lambda: received(programs))
    assert incident.pop("event") == "opened"
    assert incident.pop("message_id").startswith(incident["id"])
    assert incident["samples"][0]["key"] == key
    assert {*incident} == {*api.get(incident["api_path"])}
    found = eventually(lambda: received(chat))
    assert_custom_notification(found)
    assert found["metadata"]["threadId"] == incident["id"]


def denied(account: Account) -> dict[str, list[str]]:
    """Of each deployed resource the actions that its type needs and the deployer lacks.

    The emulator's CloudFormation does not ask for these; so its IAM is asked here, with the names
    the resources really got. Left out are keys, which have no name (their condition is a tag), and
    log groups, which the emulator names otherwise than AWS (`/aws/cloudformation/...`).
    """
    arns = {
        "AWS::Lambda::Function": "arn:aws:lambda:us-east-1:000000000000:function:{}",
        "AWS::SNS::Topic": "{}",
        "AWS::Events::Rule": "arn:aws:events:us-east-1:000000000000:rule/{}",
        "AWS::Events::Archive": "arn:aws:events:us-east-1:000000000000:archive/{}",
        "AWS::IAM::Role": "arn:aws:iam::000000000000:role/{}",
        "AWS::CloudWatch::Alarm": "arn:aws:cloudwatch:us-east-1:000000000000:alarm:{}",
        "AWS::CloudWatch::Dashboard": "arn:aws:cloudwatch::000000000000:dashboard/{}",
        "AWS::DynamoDB::Table": "arn:aws:dynamodb:us-east-1:000000000000:table/{}",
        "AWS::ApiGateway::RestApi": "arn:aws:apigateway:us-east-1::/restapis/{}",
        "AWS::SQS::Queue": "arn:aws:sqs:us-east-1:000000000000:{}",
    }
    cloudformation, iam = account.as_deployer("cloudformation"), account.client("iam")
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=STACK)
    resources = [one for page in pages for one in page["StackResourceSummaries"]]
    assert {one["ResourceType"] for one in resources} >= {*arns}
    found = {}
    for one in resources:
        kind = one["ResourceType"]
        if kind not in arns:
            continue
        name = one["PhysicalResourceId"].rpartition("/")[2].rpartition("|")[2]
        needs = TYPES[kind]
        wanted = " ".join([needs.actions, *needs.more.values()]).split()
        answers = iam.simulate_principal_policy(
            PolicySourceArn="arn:aws:iam::000000000000:user/deployer",
            ActionNames=[
                f"{needs.service}:{action}" for action in wanted if action != "AttachRolePolicy"
            ],
            ResourceArns=[arns[kind].format(name)],
        )["EvaluationResults"]
        if refused := [
            one["EvalActionName"] for one in answers if one["EvalDecision"] != "allowed"
        ]:
            found[arns[kind].format(name)] = refused
    return found


def test_the_policy_names_what_the_deployed_resources_are_named(
    account: Account, outputs: dict[str, str]
) -> None:
    assert outputs
    assert not denied(account)


def test_the_deployer_deploys_nothing_else(account: Account, folder: Path) -> None:
    with pytest.raises(ClientError, match="not authorized"):
        account.deploy(folder, "somebodys-stack")
    with pytest.raises(ClientError, match="not authorized"):
        account.as_deployer("sqs").create_queue(QueueName="somebodys-queue")
    with pytest.raises(ClientError, match=r"Denied|not authorized"):
        account.as_deployer("s3").get_object(Bucket=demo_buckets.SOURCE, Key="logs/one")


def test_nothing_of_the_package_asks_for_a_bootstrap(folder: Path) -> None:
    (template,) = folder.glob("*.template.json")
    text = template.read_text()
    assert "cdk-hnb659fds" not in text
    assert "bootstrap" not in text.lower()
    found = json.loads(text)
    zips = {file.name for file in folder.glob("*.zip")}
    for resource in found["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Function":
            code = resource["Properties"]["Code"]
            assert code["S3Bucket"] == {"Ref": "AssetsBucket"}
            assert code["S3Key"]["Fn::Sub"].removeprefix("${AssetsPrefix}") in zips
    assert f"--stack-name {STACK}" in (folder / "README.md").read_text()


def test_the_same_sources_make_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    assert package([*options(CONTEXT), "--output", str(tmp_path / "again")]) == 0
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {
        file.name: file.read_bytes() for file in (tmp_path / "again").iterdir()
    }


def test_a_wrong_option_makes_no_package(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert package(["-c", "stage=No!", "--output", str(tmp_path / "none")]) == 1
    assert "stage='No!'" in capfd.readouterr().err
    assert not (tmp_path / "none").exists()

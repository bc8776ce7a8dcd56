"""The deployed stack on an emulator of its own, once for all end-to-end tests."""

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import boto3
import pytest
from botocore.config import Config

from local import demo_buckets, stack, subscriber
from local.emulator import server
from s3rt.api import Api, ApiProblem
from tests.s3rt.conftest import Command

T = TypeVar("T")

BOTH_WAYS = ("tracker-e2e-east", "tracker-e2e-west")
"""Two buckets that replicate to each other."""

COUNTED = ("tracker-e2e-counted", "tracker-e2e-counted-replica")
"""A source and its replica that one test has to itself, so that it can count what happens there."""

LONG = ("tracker-e2e-long", "tracker-e2e-long-replica")
"""The same for long work, of which no object exists."""

REDRIVEN = ("tracker-e2e-redriven", "tracker-e2e-redriven-replica")
"""A source and its replica that only the tests of redrives break and mend."""

RESOLVED = ("tracker-e2e-resolved", "tracker-e2e-resolved-replica")
"""The same for the one test that follows an incident to its end."""

HEALED = ("tracker-e2e-healed", "tracker-e2e-healed-replica")
NEVER_HEALED = ("tracker-e2e-never", "tracker-e2e-never-replica")
"""Routes with a rule that redrives by itself what S3 was denied."""

INVENTORIES = "tracker-e2e-inventories"


def eventually(ask: Callable[[], T], seconds: float = 30) -> T:
    """The first truthy answer; fails with the last one when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        if time.monotonic() > deadline:
            pytest.fail(f"still {answer!r} after {seconds} s")
        time.sleep(0.1)
    return answer


@dataclass
class Deployed:
    """The stack as its users meet it: S3, the REST API, SNS and the queues."""

    outputs: stack.Outputs
    api: Api
    session: boto3.Session
    clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        if service not in self.clients:
            self.clients[service] = self.session.client(  # type: ignore[call-overload]
                service,
                endpoint_url=self.outputs.endpoint_url,
                config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 2}),
            )
        return self.clients[service]

    def put(self, key: str, bucket: str = demo_buckets.SOURCE, **more: Any) -> str:
        """The version id of a new object."""
        wanted = {"Body": key.encode()} | more
        answer = self.client("s3").put_object(Bucket=bucket, Key=key, **wanted)
        return str(answer["VersionId"])

    def header(self, bucket: str, key: str, version_id: str) -> str | None:
        """What S3 says: `x-amz-replication-status`."""
        head = self.client("s3").head_object(Bucket=bucket, Key=key, VersionId=version_id)
        status: str | None = head.get("ReplicationStatus")
        return status

    def known(self, bucket: str, key: str, version_id: str | None = None) -> Any:
        """The tracker's answer, None while it does not track the object."""
        try:
            return self.api.object(bucket, key, version_id)
        except ApiProblem as problem:
            if problem.status == 404:
                return None
            raise

    def settled(self, key: str, version_id: str, bucket: str = demo_buckets.SOURCE) -> Any:
        """The tracker's answer once no destination is pending any more."""

        def ask() -> Any:
            answer = self.known(bucket, key, version_id)
            pending = answer is None or any(
                place["status"] == "PENDING" for place in answer["destinations"]
            )
            return None if pending else answer

        return eventually(ask)

    def subscribed(self, topic: str, name: str) -> str:
        """The URL of a new queue that hears the topic of that output."""
        sqs, sns = self.client("sqs"), self.client("sns")
        return subscriber.subscribed(sqs, sns, self.outputs.stack[topic], name)

    def adjust(self, **settings: Any) -> None:
        """Changes settings of the local S3."""
        request = urllib.request.Request(  # noqa: S310
            f"{self.outputs.endpoint_url}/_local/s3",
            data=json.dumps(settings).encode(),
            method="PATCH",
        )
        urllib.request.urlopen(request, timeout=5).close()  # noqa: S310

    def send(self, body: str) -> None:
        """A message straight into the ingest queue."""
        self.client("sqs").send_message(
            QueueUrl=self.outputs.stack["IngestQueueUrl"], MessageBody=body
        )

    def dead_letter(self, wanted: Callable[[dict[str, Any]], bool], seconds: float = 60) -> Any:
        """The first dead letter that is wanted; it is taken out of the queue."""
        url = self.outputs.stack["IngestDeadLetterQueueUrl"]

        def ask() -> Any:
            received = self.client("sqs").receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=10,
                MessageAttributeNames=["All"],
                VisibilityTimeout=1,
                WaitTimeSeconds=1,
            )
            for message in received.get("Messages", []):
                if wanted(message):
                    self.client("sqs").delete_message(
                        QueueUrl=url, ReceiptHandle=message["ReceiptHandle"]
                    )
                    return message
            return None

        return eventually(ask, seconds)


@dataclass
class Inbox:
    """A queue subscribed to the failure topic. `read` keeps what it has seen."""

    deployed: Deployed
    url: str
    messages: list[dict[str, Any]] = field(default_factory=list)

    def read(self) -> list[dict[str, Any]]:
        received = self.deployed.client("sqs").receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=1
        )
        for message in received.get("Messages", []):
            self.deployed.client("sqs").delete_message(
                QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"]
            )
            self.messages.append(json.loads(message["Body"]))
        return self.messages

    def about(self, key: str) -> list[dict[str, Any]]:
        return [one for one in self.read() if json.loads(one["Message"])["key"] == key]


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    state = tmp_path_factory.mktemp("stack")
    east, west = BOTH_WAYS
    replication = {
        **demo_buckets.rules(),
        east: [demo_buckets.rule("to-west", west, priority=1)],
        west: [demo_buckets.rule("to-east", east, priority=1)],
        REDRIVEN[0]: [demo_buckets.rule("all", REDRIVEN[1], priority=1)],
        RESOLVED[0]: [demo_buckets.rule("all", RESOLVED[1], priority=1)],
        HEALED[0]: [demo_buckets.rule("all", HEALED[1], priority=1)],
        NEVER_HEALED[0]: [demo_buckets.rule("all", NEVER_HEALED[1], priority=1)],
        COUNTED[0]: [demo_buckets.rule("all", COUNTED[1], priority=1)],
        LONG[0]: [demo_buckets.rule("all", LONG[1], priority=1)],
    }
    session = boto3.Session(
        aws_access_key_id="test", aws_secret_access_key="test", region_name=server.REGION
    )
    outputs = stack.up(
        port=server.free_port(),
        state_dir=state,
        replication=replication,
        settings=stack.ENFORCED,
        context={
            "inventory_buckets": INVENTORIES,
            "event_statuses": "COMPLETED,FAILED",
            "redrive_rules": ",".join(
                f"{source}>{replica}:DstPutObjectNotPermitted"
                for source, replica in (HEALED, NEVER_HEALED)
            ),
        },
        tied=True,
    )
    try:
        with Api.at(outputs.api_url, outputs.region, session) as api:
            yield Deployed(outputs, api, session)
    finally:
        stack.down(state)


@pytest.fixture(scope="session")
def inbox(deployed: Deployed) -> Inbox:
    return Inbox(deployed, deployed.subscribed("FailureTopicArn", "e2e-inbox"))


@pytest.fixture(scope="session")
def s3rt(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The command, told where the deployed stack is."""
    file = tmp_path_factory.mktemp("cli") / "outputs.json"
    file.write_text(json.dumps(deployed.outputs.to_json()))
    return Command(file)

"""An account on the local emulator with the tracked buckets, to deploy synthesized stacks to.

CloudFormation, the custom resources and S3 are the emulator's; no CDK command line.
"""

import hashlib
import io
import json
import time
import zipfile
from collections.abc import Mapping
from typing import Any

import pytest

from infra.buckets import REPLICATION_EVENTS
from infra.functions.topology_file import NAME
from local.demo_buckets import client
from local.emulator.server import REGION, Server
from tests.infra.conftest import DESTINATIONS, SOURCES
from tests.infra.synthesized import LAMBDAS, Synthesized

ACCOUNT = "000000000000"
STACK = "S3ReplicationTracker-dev"
ASSETS = f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"
THEIRS = {
    "Id": "theirs",
    "Events": ["s3:ObjectCreated:*"],
    "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "in/"}]}},
}


class Emulator:
    """An account with the tracked buckets, one of which notifies another program of new objects."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._s3 = self.client("s3")
        for bucket in {ASSETS, *SOURCES, *DESTINATIONS}:
            self._s3.create_bucket(Bucket=bucket)
        self.client("ssm").put_parameter(
            Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String"
        )
        sqs = self.client("sqs")
        queue = sqs.create_queue(QueueName="theirs")["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        self.their_queue = attributes["Attributes"]["QueueArn"]
        allowed = {
            "Effect": "Allow",
            "Principal": {"Service": "s3.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": self.their_queue,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
        self._s3.put_bucket_notification_configuration(
            Bucket=SOURCES[0],
            NotificationConfiguration={
                "QueueConfigurations": [{**THEIRS, "QueueArn": self.their_queue}]
            },
        )

    def client(self, service: str) -> Any:
        return client(service, self._server.endpoint_url)

    def notifications(self, bucket: str) -> dict[str, Any]:
        found = self._s3.get_bucket_notification_configuration(Bucket=bucket)
        del found["ResponseMetadata"]
        return dict(found)

    def theirs(self, bucket: str) -> list[dict[str, Any]]:
        queues = self.notifications(bucket).get("QueueConfigurations", [])
        return [one for one in queues if one["QueueArn"] == self.their_queue]

    def change(self, bucket: str, **entries: list[dict[str, Any]]) -> None:
        """Somebody else changes their notifications of a bucket."""
        self._s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration=entries
        )

    def ours(self, bucket: str) -> set[str]:
        queues = self.notifications(bucket).get("QueueConfigurations", [])
        others = [one for one in queues if one["QueueArn"] != self.their_queue]
        return {event for one in others for event in one["Events"]}

    def wire_as_earlier(self, bucket: str) -> None:
        """What an earlier version of the function put there."""
        queue = self._output("IngestQueueUrl")
        arn = self.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        ours = {
            "Id": STACK,
            "QueueArn": arn["Attributes"]["QueueArn"],
            "Events": list(REPLICATION_EVENTS),
        }
        now = self.notifications(bucket)
        queues = [*now.get("QueueConfigurations", []), ours]
        self.change(bucket, **{**now, "QueueConfigurations": queues})

    def _output(self, name: str) -> str:
        (stack,) = self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
        outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
        return str(outputs[name])

    def deploy(self, stack: Synthesized, *, update: bool = False) -> None:
        code = f"{hashlib.sha256(stack.topology_file.encode()).hexdigest()}.zip"
        self._s3.put_object(Bucket=ASSETS, Key=code, Body=_code(stack.topology_file))
        template = _with_code(stack.template, code)
        self._s3.put_object(Bucket=ASSETS, Key="stack.json", Body=template)
        url = self._s3.generate_presigned_url(
            "get_object", Params={"Bucket": ASSETS, "Key": "stack.json"}
        )
        cloudformation = self.client("cloudformation")
        change = cloudformation.update_stack if update else cloudformation.create_stack
        change(StackName=STACK, TemplateURL=url.partition("?")[0], Capabilities=["CAPABILITY_IAM"])
        self._wait_for({"CREATE_COMPLETE", "UPDATE_COMPLETE"})

    def refusal(self, stack: Synthesized) -> str:
        """Why the stack cannot be created. What had been made of it is taken back."""
        with pytest.raises(AssertionError):
            self.deploy(stack)
        self._wait_for({"ROLLBACK_COMPLETE"})
        failures = self._failures()
        self.destroy()
        return "\n".join(failures)

    def destroy(self) -> None:
        self.client("cloudformation").delete_stack(StackName=STACK)
        self._wait_for({"DELETE_COMPLETE"})

    def _failures(self) -> list[str]:
        """The failures that CloudFormation reports."""
        pages = self.client("cloudformation").get_paginator("describe_stack_events")
        return [
            f"{one['LogicalResourceId']}: {one.get('ResourceStatusReason')}"
            for page in pages.paginate(StackName=STACK)
            for one in page["StackEvents"]
            if one["ResourceStatus"].endswith("FAILED")
        ]

    def _wait_for(self, wanted: set[str]) -> None:
        cloudformation = self.client("cloudformation")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found = {
                one["StackStatus"]
                for one in cloudformation.list_stacks()["StackSummaries"]
                if one["StackName"] == STACK
            }
            # Stacks that were deleted stay in the list.
            status = min(found, key=lambda one: one == "DELETE_COMPLETE")
            if status in wanted:
                return
            assert not status.endswith(("FAILED", "ROLLBACK_COMPLETE")), self._failures()
            time.sleep(0.1)
        raise AssertionError(f"still {status} after a minute")


def _code(topology: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for file in sorted(LAMBDAS.rglob("*.py")):
            archive.write(file, file.relative_to(LAMBDAS))
        archive.writestr(NAME, topology)
    return content.getvalue()


def _with_code(template: Mapping[str, Any], key: str) -> str:
    """The template with the one uploaded asset in place of CDK's."""
    changed = json.loads(json.dumps(template))
    for resource in changed["Resources"].values():
        code = resource.get("Properties", {}).get("Code", {})
        if "S3Key" in code:
            resource["Properties"]["Code"] = {"S3Bucket": ASSETS, "S3Key": key}
    return json.dumps(changed)

"""The whole stack: started, deployed, asked, ended, and started again."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local import __main__ as command
from local import demo_buckets, deploy, stack
from local.emulator import server
from tests.local.conftest import Emulator, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket, pytest.mark.timeout(420)]

OUTPUTS = {
    "ApiUrl",
    "IngestQueueUrl",
    "IngestDeadLetterQueueUrl",
    "TableName",
    "FailureTopicArn",
    "IncidentTopicArn",
    "DashboardUrl",
}


class Up:
    def __init__(self, state_dir: Path, outputs: stack.Outputs) -> None:
        self.state_dir = state_dir
        self.outputs = outputs

    def get(self, path: str) -> dict[str, Any]:
        request = AWSRequest("GET", self.outputs.api_url + path)
        SigV4Auth(Credentials("test", "test"), "execute-api", server.REGION).add_auth(request)
        signed = urllib.request.Request(  # noqa: S310
            self.outputs.api_url + path, headers=dict(request.headers.items())
        )
        with urllib.request.urlopen(signed, timeout=30) as answer:  # noqa: S310
            found: dict[str, Any] = json.load(answer)
        return found


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """The demo and one more source bucket with one more rule."""
    state_dir = tmp_path_factory.mktemp("stack")
    replication = demo_buckets.rules()
    replication["more-source"] = [demo_buckets.rule("more", "more-replica", priority=1)]
    outputs = stack.up(
        port=server.free_port(), state_dir=state_dir, replication=replication, tied=True
    )
    try:
        yield Up(state_dir, outputs)
    finally:
        stack.down(state_dir)


def test_the_api_answers_at_the_url_of_the_outputs(up: Up) -> None:
    assert not up.outputs.api_url.endswith("/")
    assert up.get("/v1/health")["status"] == "ok"


def test_every_output_of_the_stack_is_written_down(up: Up) -> None:
    written = json.loads(stack.outputs_file(up.state_dir).read_text())
    assert set(written) >= OUTPUTS | {"endpoint_url", "region"}
    assert written["buckets"]["source"] == demo_buckets.SOURCE
    assert written["buckets"]["sources"] == [demo_buckets.SOURCE, "more-source"]
    assert written["buckets"]["destinations"] == [
        demo_buckets.REPLICA_1,
        demo_buckets.REPLICA_2,
        "more-replica",
    ]
    assert stack.running(up.state_dir) == up.outputs


def test_the_demo_rules_are_on_the_source(up: Up) -> None:
    s3 = demo_buckets.client("s3", up.outputs.endpoint_url)
    configuration = s3.get_bucket_replication(Bucket=demo_buckets.SOURCE)[
        "ReplicationConfiguration"
    ]
    assert [rule["ID"] for rule in configuration["Rules"]] == ["tax-1", "tax-2", "logs", "tagged"]
    assert configuration["Rules"] == demo_buckets.rules()[demo_buckets.SOURCE]
    assert len({rule["Priority"] for rule in configuration["Rules"]}) == 4


@pytest.mark.parametrize(
    ("source", "key", "destinations"),
    [(demo_buckets.SOURCE, "TaxDocs/1.pdf", 2), ("more-source", "anything", 1)],
)
def test_a_write_is_tracked_to_every_destination(
    up: Up, source: str, key: str, destinations: int
) -> None:
    s3 = demo_buckets.client("s3", up.outputs.endpoint_url)
    s3.put_object(Bucket=source, Key=key, Body=b"x")
    found = wait_for(lambda: completed(up, source, key), 30)
    assert len(found["destinations"]) == destinations


def completed(up: Up, source: str, key: str) -> dict[str, Any]:
    """What the API says of the object once it is replicated."""
    try:
        found = up.get(f"/v1/buckets/{source}/object?key={key}")
    except urllib.error.HTTPError:
        return {}
    return found if found["replication_status"] == "COMPLETED" else {}


def test_throttled_statements_are_written_without_another_receive(up: Up) -> None:
    """A message that had to wait for its next receive would come back minutes later."""
    running = server.running(up.state_dir)
    assert running is not None
    emulator = Emulator(running)
    s3 = demo_buckets.client("s3", up.outputs.endpoint_url)
    keys = [f"throttled-{number}" for number in range(20)]
    with emulator.settings("dynamodb", statement_throttle_rate=0.5):
        for key in keys:
            s3.put_object(Bucket="more-source", Key=key, Body=b"x")
        for key in keys:
            wait_for(partial(completed, up, "more-source", key), 30)
        assert emulator.admin(of="dynamodb")["stats"]["throttled"] > 10


def test_up_on_a_running_stack_says_so(up: Up, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["up", "--state", str(up.state_dir)]) == 0
    assert "already up on" in capsys.readouterr().out
    assert stack.running(up.state_dir) == up.outputs


def test_a_failed_deployment_shows_the_logs_and_leaves_nothing_running(tmp_path: Path) -> None:
    with pytest.raises(deploy.DeployError, match=r"(?s)cdk deploy ended.*Wrong configuration"):
        stack.up(
            port=server.free_port(),
            state_dir=tmp_path,
            context={"shards": "none"},
            tied=True,
        )
    assert server.running(tmp_path) is None


def test_a_taken_port_is_a_friendly_error(
    up: Up, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = up.outputs.endpoint_url.rpartition(":")[2]
    assert command.main(["up", "--port", port, "--state", str(tmp_path)]) == 1
    assert "choose another --port" in capsys.readouterr().out


def test_down_ends_what_up_started_and_only_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    running = server.start(server.free_port(), tmp_path, tied=True)
    assert command.main(["down", "--state", str(tmp_path)]) == 0
    assert not server.healthy(running.endpoint_url)
    assert list(tmp_path.iterdir()) == []
    assert command.main(["down", "--state", str(tmp_path)]) == 0
    assert "nothing was running" in capsys.readouterr().out


def test_only_an_api_gateway_url_is_rewritten() -> None:
    url = "https://abc123.execute-api.us-east-1.amazonaws.com/prod/"
    assert (
        deploy.local_api_url(url, "http://127.0.0.1:1")
        == "http://127.0.0.1:1/restapis/abc123/prod/_user_request_"
    )
    with pytest.raises(deploy.DeployError):
        deploy.local_api_url("https://example.com/prod", "http://127.0.0.1:1")

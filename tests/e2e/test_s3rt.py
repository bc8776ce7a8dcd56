"""`s3rt` against the deployed stack."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from local import demo_buckets
from s3rt.outputs import find
from s3rt.page_server import Site, serving_page
from tests.e2e.conftest import Deployed, eventually
from tests.s3rt.conftest import Command

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

FAILING = f"TaxDocs/cli/fail-DstPutObjectNotPermitted@{demo_buckets.REPLICA_2}/one.pdf"


def test_a_script_can_wait_for_its_object(s3rt: Command, deployed: Deployed) -> None:
    key = "TaxDocs/cli/red flower + 50% 🎉.pdf"
    version_id = deployed.put(key)
    where = f"s3://{demo_buckets.SOURCE}/{key}"
    ended = s3rt("status", where, "--version-id", version_id, "--wait", "--timeout", "60s")
    assert ended.code == 0, ended
    assert "COMPLETED" in ended.out
    ended = s3rt("history", where, "--json")
    assert {one["to"] for one in ended.json["transitions"]} >= {"COMPLETED"}
    assert s3rt("versions", where, "--json").json["items"][0]["version_id"] == version_id


def test_a_failure_ends_the_wait_with_the_reason(s3rt: Command, deployed: Deployed) -> None:
    version_id = deployed.put(FAILING)
    deployed.settled(FAILING, version_id)
    where = f"s3://{demo_buckets.SOURCE}/{FAILING}"
    ended = s3rt("status", where, "--wait", "--timeout", "60s")
    assert ended.code == 1, ended
    assert "s3:ReplicateObject" in ended.out
    rows = s3rt(
        "ls", f"s3://{demo_buckets.SOURCE}/TaxDocs/cli/", "--status", "FAILED", "--json"
    ).json
    assert [(row["key"], row["destination"]) for row in rows["items"]] == [
        (FAILING, demo_buckets.REPLICA_2)
    ]
    assert s3rt("failures", demo_buckets.SOURCE, "--since", "1h").code == 1


def test_a_script_can_wait_for_a_set(s3rt: Command, deployed: Deployed, tmp_path: Path) -> None:
    keys = [f"TaxDocs/set/part-{number:02} ü.csv" for number in range(30)]
    versions = {key: deployed.put(key) for key in keys}
    file = tmp_path / "manifest"
    file.write_text("".join(f"{key}\t{version}\n" for key, version in versions.items()))
    where = f"s3://{demo_buckets.SOURCE}/TaxDocs/set/"
    for destination in (demo_buckets.REPLICA_1, demo_buckets.REPLICA_2):
        ended = s3rt(
            *("wait", where, "--manifest", str(file), "--destination", destination),
            *("--timeout", "90s", "--json"),
        )
        assert ended.code == 0, ended
        assert ended.json["counts"]["total"] == ended.json["counts"]["arrived"] == 30
    ended = s3rt("wait", where, "--timeout", "0", "--json")
    assert ended.code == 3, "what was written a moment ago is not certain yet"
    assert ended.json["reason"] in ("not-heard-yet", "nothing-heard-yet")
    assert ended.json["counts"]["pending"] == 0


def test_a_set_in_which_something_fails_ends_the_wait_with_the_reason(
    s3rt: Command, deployed: Deployed
) -> None:
    key = f"TaxDocs/broken/fail-DstPutObjectNotPermitted@{demo_buckets.REPLICA_2}/one.pdf"
    deployed.settled(key, deployed.put(key))
    ended = s3rt("wait", f"s3://{demo_buckets.SOURCE}/TaxDocs/broken/", "--timeout", "60s")
    assert ended.code == 1, ended
    assert "s3:ReplicateObject" in ended.out


def test_every_route_of_the_stack_is_in_the_summary(s3rt: Command) -> None:
    items = s3rt("summary", demo_buckets.SOURCE, "--json").json["items"]
    routes = {(one["source"], one["destination"]): one["in_doubt"] for one in items}
    doubtful = routes.pop((demo_buckets.SOURCE, None), 1)
    assert set(routes) == {
        (demo_buckets.SOURCE, demo_buckets.REPLICA_1),
        (demo_buckets.SOURCE, demo_buckets.REPLICA_2),
    }
    assert doubtful, "a row without a destination is of what is in doubt"
    assert s3rt("buckets").code == 0
    assert s3rt("watermark").code == 0


def test_an_export_has_the_rows_of_the_list(
    s3rt: Command, deployed: Deployed, tmp_path: Path
) -> None:
    deployed.settled("logs/cli/exported.log", deployed.put("logs/cli/exported.log"))
    file = tmp_path / "rows.jsonl"
    prefix = f"s3://{demo_buckets.SOURCE}/logs/cli/exported"
    listed = s3rt("ls", prefix, "--limit", "5000", "--json").json["items"]
    s3rt("export", prefix, "--format", "jsonl", "-o", str(file))
    exported = [json.loads(line) for line in file.read_text().splitlines()]

    def named(rows: list[Any]) -> set[tuple[str, ...]]:
        return {(row["key"], row["version_id"], row["destination"]) for row in rows}

    assert named(exported) == named(listed) != set()


def test_a_dead_letter_is_listed_put_back_and_rejected_once_more(
    s3rt: Command, deployed: Deployed
) -> None:
    body = "this is no event at all"
    deployed.send(body)

    def letter() -> Any:
        found = s3rt("dead-letters", "list", "--json").json["items"]
        return next((one for one in found if one["body_head"] == body), None)

    before = eventually(letter, 60)
    assert before["reason"] == "not-json"
    ended = s3rt("dead-letters", "redrive", "--reason", "not-json", "--json").json
    assert ended["sent"] == ended["deleted"] >= 1
    after = eventually(letter, 60)
    assert after["message_id"] != before["message_id"]


def test_replaying_known_events_changes_nothing(
    s3rt: Command, deployed: Deployed, tmp_path: Path
) -> None:
    key = "logs/cli/replayed.log"
    version_id = deployed.put(key)
    before = deployed.settled(key, version_id)
    envelope = {
        "version": "0",
        "id": "00000000-0000-0000-0000-00000000cafe",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "000000000000",
        "time": before["created_at"][:19] + "Z",
        "region": "us-east-1",
        "resources": [f"arn:aws:s3:::{demo_buckets.SOURCE}"],
        "detail": {
            "version": "0",
            "bucket": {"name": demo_buckets.SOURCE},
            "object": {
                "key": key,
                "size": len(key),
                "etag": before["etag"],
                "version-id": version_id,
                "sequencer": "00",
            },
            "request-id": "R",
            "requester": "000000000000",
            "reason": "PutObject",
        },
    }
    file = tmp_path / "events.jsonl"
    file.write_text(json.dumps(envelope) + "\n" + json.dumps(envelope) + "\n")
    ended = s3rt("replay", str(file), "--json")
    assert (ended.code, ended.json["sent"]) == (0, 2)
    other = deployed.put("logs/cli/behind.log")
    deployed.settled("logs/cli/behind.log", other)
    after = deployed.known(demo_buckets.SOURCE, key, version_id)
    assert after["replication_status"] == before["replication_status"] == "COMPLETED"


@pytest.fixture
def site(s3rt: Command, deployed: Deployed) -> Iterator[Site]:
    assert find(s3rt.outputs)["ApiUrl"] == deployed.outputs.api_url
    with serving_page(deployed.api) as found:
        yield found


def test_the_page_reaches_the_deployed_api(site: Site) -> None:
    with httpx.Client(base_url=site.url) as http:
        assert "S3 replication" in http.get("").text
        answer = http.get("v1/buckets", params={"limit": 1})
        assert answer.status_code == 200
        assert len(answer.json()["items"]) == 1
        assert http.get("v1/buckets/nope/object", params={"key": "k"}).status_code == 404

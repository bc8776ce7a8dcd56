"""`s3rt dead-letters` and `replay`: nothing is lost, nothing goes round for ever."""

import gzip
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from s3rt import collectors, sqs
from s3rt.commands.dead_letters import Queues, put_back
from tests.s3rt.conftest import Command

REGION = "eu-central-1"


class Account:
    """An ingest queue, its dead-letter queue and a bucket in moto."""

    def __init__(self) -> None:
        self.sqs: Any = boto3.client("sqs", region_name=REGION)
        self.s3: Any = boto3.client("s3", region_name=REGION)
        self.ingest = self.sqs.create_queue(QueueName="ingest")["QueueUrl"]
        self.dead = self.sqs.create_queue(QueueName="dead")["QueueUrl"]

    def bury(self, body: str, **attributes: str) -> None:
        told = {
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
        }
        self.sqs.send_message(QueueUrl=self.dead, MessageBody=body, MessageAttributes=told)

    def bodies(self, url: str) -> list[str]:
        """Everything in a queue, which is empty then."""
        found: list[str] = []
        while messages := sqs.receive(self.sqs, url, 30):
            found += [one["Body"] for one in messages]
        return sorted(found)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        yield Account()


@pytest.fixture
def s3rt(account: Account, tmp_path: Path) -> Command:
    file = tmp_path / "outputs.json"
    outputs = {
        "region": REGION,
        "IngestQueueUrl": account.ingest,
        "IngestDeadLetterQueueUrl": account.dead,
    }
    file.write_text(json.dumps(outputs))
    return Command(file)


def test_a_dead_letter_is_shown_with_its_reason_and_stays(s3rt: Command, account: Account) -> None:
    account.bury("{\x1b[2J", reason="not-json", detail="no JSON at all", message_id="m-1")
    account.bury("moved by SQS " * 50)
    account.bury("{}", ERROR_CODE="NO_PERMISSIONS", ERROR_MESSAGE="the rule may not send")
    ended = s3rt("dead-letters", "list", "--json").json
    found = {one["reason"]: one for one in ended["items"]}
    assert set(found) == {"not-json", None, "NO_PERMISSIONS"}
    assert found["not-json"]["detail"] == "no JSON at all"
    assert found["not-json"]["first_message_id"] == "m-1"
    assert found[None]["body_bytes"] == 650
    assert found[None]["body_head"] == ("moved by SQS " * 50)[:120]
    shown = s3rt("dead-letters", "list").out
    assert "tried to the last, never recorded" in shown
    assert "\x1b" not in shown
    assert len(account.bodies(account.dead)) == 3


def test_what_a_collector_could_not_send_home_is_shown_and_sent(
    s3rt: Command, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    there: Any = boto3.client("sqs", region_name="eu-west-1")
    dead = there.create_queue(QueueName="theirs")["QueueUrl"]
    there.send_message(QueueUrl=dead, MessageBody="an event")
    place = "123456789012/eu-west-1"
    outputs = json.loads(s3rt.outputs.read_text()) | {
        "Collectors": place,
        "CollectorStack": "collector",
        "FailureTopicArn": f"arn:aws:sns:{REGION}:123456789012:failures",
    }
    s3rt.outputs.write_text(json.dumps(outputs))
    monkeypatch.setattr(collectors, "described", lambda *_: {"DeadLetterQueueUrl": dead})
    account.bury("at home")
    (shown,) = s3rt("dead-letters", "list", "--place", place, "--json").json["items"]
    assert shown["body_head"] == "an event"
    assert s3rt("dead-letters", "redrive", "--place", place, "--json").json["deleted"] == 1
    assert account.bodies(account.ingest) == ["an event"]
    assert account.bodies(account.dead) == ["at home"]

    missing = s3rt("dead-letters", "list", "--place", "222222222222/eu-west-1")
    assert missing.code == 5
    assert f"no collector is at 222222222222/eu-west-1; there are: {place}" in missing.err
    assert s3rt("dead-letters", "list", "--place", place, "--profile", "theirs").code == 2


def test_only_the_reason_asked_for_is_put_back(s3rt: Command, account: Account) -> None:
    for number in range(23):
        account.bury(f"a{number:02}", reason="not-json")
    for number in range(4):
        account.bury(f"b{number}", reason="too-large")
    ended = s3rt("dead-letters", "redrive", "--reason", "not-json", "--json").json
    assert (ended["seen"], ended["sent"], ended["deleted"], ended["left"]) == (27, 23, 23, 4)
    assert account.bodies(account.ingest) == [f"a{number:02}" for number in range(23)]
    assert account.bodies(account.dead) == [f"b{number}" for number in range(4)]


def test_a_dry_run_changes_nothing(s3rt: Command, account: Account) -> None:
    account.bury("one", reason="not-json")
    assert "1 of 1 would be put back" in s3rt("dead-letters", "redrive", "--dry-run").out
    assert account.bodies(account.ingest) == []
    assert account.bodies(account.dead) == ["one"]


def test_a_limit_bounds_the_redrive(s3rt: Command, account: Account) -> None:
    for number in range(15):
        account.bury(str(number))
    assert s3rt("dead-letters", "redrive", "--limit", "12", "--json").json["sent"] == 12
    assert len(account.bodies(account.dead)) == 3


class ShakySqs:
    """Two queues whose calls fail as a coin falls: wholly, or for some messages."""

    def __init__(self, count: int, chance: Random, trouble: float) -> None:
        self.dead = {f"m{number}": f"body {number}" for number in range(count)}
        self.hidden: set[str] = set()
        self.ingest: list[str] = []
        self.chance, self.trouble = chance, trouble
        self.ids = itertools.count()

    def _shaken(self) -> bool:
        return self.chance.random() < self.trouble

    def _call(self) -> None:
        if self._shaken():
            raise EndpointConnectionError(endpoint_url="sqs")

    def receive_message(self, MaxNumberOfMessages: int, **_: Any) -> Any:  # noqa: N803
        if self._shaken():
            return {}
        names = [one for one in self.dead if one not in self.hidden][:MaxNumberOfMessages]
        self.hidden |= set(names)
        return {
            "Messages": [
                {
                    "MessageId": one,
                    "ReceiptHandle": one,
                    "Body": self.dead[one],
                    "Attributes": {"SentTimestamp": "1795338902120"},
                }
                for one in names
            ]
        }

    def _each(self, entries: list[Any], act: Any) -> Any:
        self._call()
        done: Any = {"Successful": [], "Failed": []}
        for one in entries:
            if self._shaken():
                refusal = {"Id": one["Id"], "Code": "InternalError", "SenderFault": False}
                done["Failed"].append(refusal)
            else:
                done["Successful"].append({"Id": one["Id"], "MessageId": act(one)})
        return done

    def send_message_batch(self, Entries: list[Any], **_: Any) -> Any:  # noqa: N803
        def arrive(one: Any) -> str:
            self.ingest.append(one["MessageBody"])
            return f"sent-{next(self.ids)}"

        return self._each(Entries, arrive)

    def delete_message_batch(self, Entries: list[Any], **_: Any) -> Any:  # noqa: N803
        return self._each(Entries, lambda one: self.dead.pop(one["ReceiptHandle"]))

    def change_message_visibility_batch(self, Entries: list[Any], **_: Any) -> Any:  # noqa: N803
        return self._each(Entries, lambda one: self.hidden.discard(one["ReceiptHandle"]))


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("s3rt.sqs.time.sleep", lambda seconds: None)
    monkeypatch.setattr("s3rt.sqs.WAIT_SECONDS", 0)


@given(st.integers(0, 60), st.integers(0, 10_000), st.sampled_from([0.0, 0.1, 0.5]))
def test_whatever_sqs_does_every_message_is_in_one_of_the_queues(
    count: int, seed: int, trouble: float
) -> None:
    sqs = ShakySqs(count, Random(seed), trouble)
    for _ in range(3):
        try:
            done = put_back(
                Queues(sqs, "dead", sqs, "ingest"), reason=None, dry_run=False, limit=1_000
            )
        except EndpointConnectionError:
            continue
        assert done.seen == done.sent + done.left + done.came_back
    every = {f"body {number}" for number in range(count)}
    assert set(sqs.ingest) | set(sqs.dead.values()) == every
    if not trouble:
        assert sorted(sqs.ingest) == sorted(every)


def test_a_message_that_comes_back_at_once_is_left_where_it_is() -> None:
    """A recorder that rejects everything as fast as it is sent must not keep a redrive going."""
    sqs = ShakySqs(3, Random(0), 0)
    send = sqs.send_message_batch

    def rejecting(**call: Any) -> Any:
        answer = send(**call)
        for one, entry in zip(answer["Successful"], call["Entries"], strict=True):
            sqs.dead[one["MessageId"]] = entry["MessageBody"]
        return answer

    sqs.send_message_batch = rejecting  # type: ignore[method-assign,assignment]
    done = put_back(Queues(sqs, "dead", sqs, "ingest"), reason=None, dry_run=False, limit=1_000)
    assert (done.sent, done.came_back) == (3, 3)
    assert len(sqs.dead) == 3
    assert sqs.hidden <= {"m0", "m1", "m2"}


def test_a_batch_never_grows_beyond_what_sqs_takes() -> None:
    bodies = [
        "x" * 100_000,
        "y" * 100_000,
        "z" * 100_000,
        *("ü" * 30_000 for _ in range(12)),
        "big",
    ]
    made = list(sqs.batches(bodies))
    assert [one for batch in made for one in batch] == bodies
    assert all(sum(len(one.encode()) for one in batch) <= sqs.BATCH_BYTES for batch in made)
    assert max(map(len, made)) <= sqs.BATCH_ENTRIES
    assert list(sqs.batches(["a", "b" * 300_000, "c"])) == [["a"], ["b" * 300_000], ["c"]]


LINES = [json.dumps({"Records": [], "number": number, "key": "ü 🎉"}) for number in range(25)]


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_is_replayed_line_by_line(
    s3rt: Command, account: Account, tmp_path: Path, packed: bool
) -> None:
    data = ("\n".join(LINES) + "\n\n").encode()
    file = tmp_path / "events"
    file.write_bytes(gzip.compress(data) if packed else data)
    ended = s3rt("replay", str(file), "--json")
    assert (ended.code, ended.json["sent"], ended.json["rejected"]) == (0, 25, 0)
    assert account.bodies(account.ingest) == sorted(LINES)


def test_standard_input_is_replayed(s3rt: Command, account: Account) -> None:
    assert s3rt("replay", "-", input="\n".join(LINES).encode()).code == 0
    assert account.bodies(account.ingest) == sorted(LINES)


def test_the_objects_under_a_prefix_are_replayed(s3rt: Command, account: Account) -> None:
    where = {"LocationConstraint": REGION}
    account.s3.create_bucket(Bucket="archive", CreateBucketConfiguration=where)
    half = "\n".join(LINES[:10]).encode()
    account.s3.put_object(Bucket="archive", Key="2026/a", Body=half)
    rest = gzip.compress("\n".join(LINES[10:]).encode())
    account.s3.put_object(Bucket="archive", Key="2026/b.gz", Body=rest)
    account.s3.put_object(Bucket="archive", Key="2025/other", Body=b"no")
    assert s3rt("replay", "s3://archive/2026/", "--json").json["sent"] == 25
    assert account.bodies(account.ingest) == sorted(LINES)
    ended = s3rt("replay", "s3://archive/1999/")
    assert ended.code == 2
    assert "no object under s3://archive/1999/" in ended.err


def test_what_is_no_event_is_named_and_not_sent(
    s3rt: Command, account: Account, tmp_path: Path
) -> None:
    file = tmp_path / "events"
    file.write_bytes(b'{"Records": []}\nnot json\n[1]\n"\xff"\n')
    ended = s3rt("replay", str(file))
    assert ended.code == 2
    assert "1 of 4 events sent" in ended.out
    assert all(f"{file}:{number} is no JSON object" in ended.out for number in (2, 3, 4))
    assert account.bodies(account.ingest) == ['{"Records": []}']


def test_a_dry_run_of_a_replay_sends_nothing(
    s3rt: Command, account: Account, tmp_path: Path
) -> None:
    file = tmp_path / "events"
    file.write_text("\n".join(LINES))
    assert "25 of 25 events would be sent" in s3rt("replay", str(file), "--dry-run").out
    assert account.bodies(account.ingest) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "No such file"), (gzip.compress(b"{}")[:-9], "end-of-stream")],
    ids=["no file", "half a file"],
)
def test_a_file_that_cannot_be_read_is_told_in_one_line(
    s3rt: Command, tmp_path: Path, content: bytes | None, said: str
) -> None:
    file = tmp_path / "events"
    if content is not None:
        file.write_bytes(content)
    ended = s3rt("replay", str(file))
    assert ended.code == 2
    assert said in ended.err
    assert len(ended.err.splitlines()) == 1

"""Functions that go round in circles are stopped, by way of a queue and by their chain alone."""

from __future__ import annotations

import io
import itertools
import json
import time
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from local.emulator.lineage import Chain
from tests.local.conftest import wait_for

if TYPE_CHECKING:
    from tests.local.conftest import Buckets, Queue

end_to_end = [pytest.mark.e2e, pytest.mark.enable_socket]
ARN = "arn:aws:lambda:us-east-1:000000000000:function:one"
ROLE = "arn:aws:iam::000000000000:role/function"
LIMIT = 16
_numbers = itertools.count(1)


def test_a_chain_counts_each_function_and_keeps_its_root() -> None:
    first = Chain().then(ARN)
    header = first.then(ARN).then(f"{ARN}-other").header(sampled=False)
    read = Chain.parse(header)
    assert (read.ran(ARN), read.ran(f"{ARN}-other"), read.ran(f"{ARN}-third")) == (2, 1, 0)
    assert read.ran(f"{ARN}:live") == 2
    assert read.root == first.root
    assert Chain.parse(header.replace("|", "%7C")) == read


@pytest.mark.parametrize("header", [None, "", "Root=1-2-3", "Lineage=", "Lineage=x", "Lineage=x:y"])
def test_a_header_without_a_lineage_begins_a_chain(header: str | None) -> None:
    assert Chain.parse(header).counts == {}


def test_an_invocation_for_several_chains_belongs_to_the_longest() -> None:
    long, short = Chain().then(ARN).then(ARN), Chain().then(ARN).then(f"{ARN}-other")
    merged = Chain.merged([short, long])
    assert (merged.ran(ARN), merged.ran(f"{ARN}-other")) == (2, 1)


# --- on the emulator -----------------------------------------------------------------------------

CODE = """
import json, os
import boto3

sqs, functions = boto3.client("sqs"), boto3.client("lambda")

def handler(event, context):
    for record in event.get("Records") or [{"body": json.dumps(event)}]:
        asked = json.loads(record["body"])
        sqs.send_message(QueueUrl=os.environ["SEEN"], MessageBody=json.dumps(asked))
        if asked["n"] == asked["last"]:
            continue
        body = json.dumps(asked | {"n": asked["n"] + 1})
        if asked["way"] == "both" and asked["n"] % 2:
            functions.invoke(
                FunctionName=context.function_name, InvocationType="Event", Payload=body.encode()
            )
        elif asked["way"] == "batch":
            entry = {"Id": "1", "MessageBody": body}
            sqs.send_message_batch(QueueUrl=os.environ["NEXT"], Entries=[entry])
        else:
            sqs.send_message(QueueUrl=os.environ["NEXT"], MessageBody=body)
"""


def package() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("looper.py", CODE)
    return archive.getvalue()


class Looper:
    """A function that reads a queue, tells what it got and sends the next number on."""

    def __init__(self, buckets: Buckets, *, dead_letters: bool = True) -> None:
        self.name = f"looper-{next(_numbers)}"
        self.functions = buckets.emulator.client("lambda")
        self.sqs = buckets.emulator.client("sqs")
        self.queue, self.seen, self.dead = buckets.queue(), buckets.queue(), buckets.queue()
        attributes = {"VisibilityTimeout": "600"}
        if dead_letters:
            redrive = {"deadLetterTargetArn": self.dead.arn, "maxReceiveCount": 50}
            attributes["RedrivePolicy"] = json.dumps(redrive)
        self.sqs.set_queue_attributes(QueueUrl=self.queue.url, Attributes=attributes)
        self.functions.create_function(
            FunctionName=self.name,
            Runtime="python3.11",
            Role=ROLE,
            Handler="looper.handler",
            Timeout=20,
            Code={"ZipFile": package()},
        )
        self.sends_to(self)
        self.functions.create_event_source_mapping(
            FunctionName=self.name, EventSourceArn=self.queue.arn
        )

    def sends_to(self, other: Looper) -> None:
        variables = {"SEEN": self.seen.url, "NEXT": other.queue.url}
        self.functions.update_function_configuration(
            FunctionName=self.name, Environment={"Variables": variables}
        )

    def allow(self) -> None:
        self.functions.put_function_recursion_config(FunctionName=self.name, RecursiveLoop="Allow")

    def start(self, last: int, way: str = "send") -> None:
        body = json.dumps({"n": 1, "last": last, "way": way})
        self.sqs.send_message(QueueUrl=self.queue.url, MessageBody=body)

    def ran(self) -> list[int]:
        return _numbers_in(self.seen)

    def waiting(self) -> int:
        name = "ApproximateNumberOfMessagesNotVisible"
        got = self.sqs.get_queue_attributes(QueueUrl=self.queue.url, AttributeNames=[name])
        return int(got["Attributes"][name])


def _numbers_in(queue: Queue) -> list[int]:
    got = queue.sqs.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=10)
    for message in got.get("Messages", []):
        queue.seen.append(json.loads(message["Body"]))
        queue.sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"])
    return sorted(each["n"] for each in queue.seen)


class TestOnTheEmulator:
    pytestmark = end_to_end

    @pytest.mark.parametrize("way", ["send", "batch"])
    def test_the_seventeenth_invocation_of_a_chain_is_a_dead_letter(
        self, buckets: Buckets, way: str
    ) -> None:
        looper = Looper(buckets)
        looper.start(20, way)
        assert wait_for(lambda: _numbers_in(looper.dead), 20) == [LIMIT + 1]
        wait_for(lambda: looper.ran() == [*range(1, LIMIT + 1)])
        looper.start(LIMIT)  # one that ends in time is not stopped
        wait_for(lambda: len(looper.ran()) == 2 * LIMIT, 20)
        assert _numbers_in(looper.dead) == [LIMIT + 1]

    def test_a_function_that_may_go_round_goes_on(self, buckets: Buckets) -> None:
        looper = Looper(buckets)
        looper.allow()
        looper.start(20)
        wait_for(lambda: looper.ran() == [*range(1, 21)], 20)
        assert _numbers_in(looper.dead) == []

    def test_without_a_dead_letter_queue_the_message_waits_in_vain(self, buckets: Buckets) -> None:
        looper = Looper(buckets, dead_letters=False)
        looper.start(40)
        wait_for(lambda: len(looper.ran()) >= LIMIT, 20)
        time.sleep(1)  # twenty more would have run by now
        assert looper.ran() == [*range(1, LIMIT + 1)]
        assert looper.waiting() == 1

    def test_two_functions_that_pass_it_on_are_counted_each(self, buckets: Buckets) -> None:
        one, other = Looper(buckets), Looper(buckets)
        one.sends_to(other)
        other.sends_to(one)
        one.start(40)
        assert wait_for(lambda: _numbers_in(one.dead), 30) == [2 * LIMIT + 1]
        wait_for(lambda: len(one.ran()) == len(other.ran()) == LIMIT)

    def test_direct_invocations_and_messages_are_counted_together(self, buckets: Buckets) -> None:
        looper = Looper(buckets)
        looper.start(40, "both")
        assert wait_for(lambda: _numbers_in(looper.dead), 20) == [LIMIT + 1]
        wait_for(lambda: looper.ran() == [*range(1, LIMIT + 1)])

    def test_a_stack_sets_it_and_takes_it_back(self, buckets: Buckets) -> None:
        cloudformation = buckets.emulator.client("cloudformation")
        functions = buckets.emulator.client("lambda")
        name = f"looper-{next(_numbers)}"

        def template(**properties: Any) -> str:
            function = {
                "FunctionName": name,
                "Runtime": "python3.11",
                "Handler": "index.handler",
                "Role": ROLE,
                "Code": {"ZipFile": "def handler(event, context): pass"},
                **properties,
            }
            resource = {"Type": "AWS::Lambda::Function", "Properties": function}
            return json.dumps({"Resources": {"Looper": resource}})

        def reads(wanted: str) -> None:
            def is_complete() -> bool:
                stacks = cloudformation.describe_stacks(StackName=name)["Stacks"]
                return str(stacks[0]["StackStatus"]).endswith("_COMPLETE")

            wait_for(is_complete, 20)
            ask = functions.get_function_recursion_config
            wait_for(lambda: ask(FunctionName=name)["RecursiveLoop"] == wanted)

        cloudformation.create_stack(StackName=name, TemplateBody=template(RecursiveLoop="Allow"))
        reads("Allow")
        cloudformation.update_stack(StackName=name, TemplateBody=template(Description="again"))
        reads("Terminate")

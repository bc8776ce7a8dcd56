"""Tables, their streams and the functions that read them, on the patched emulator."""

from __future__ import annotations

import io
import itertools
import json
import textwrap
import time
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from tests.local.conftest import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.local.conftest import Buckets, Emulator

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]

_numbers = itertools.count(1)
ROLE = "arn:aws:iam::000000000000:role/function"


class Table:
    """A table with a stream, and the records of that stream."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.name = f"table-{next(_numbers)}"
        self.dynamodb = emulator.client("dynamodb")
        made = self.dynamodb.create_table(
            TableName=self.name,
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        self.stream: str = made["TableDescription"]["LatestStreamArn"]

    def run(self, statement: str, *parameters: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.dynamodb.execute_statement(
            Statement=statement.replace("TABLE", f'"{self.name}"'),
            Parameters=[{"S": value} for value in parameters],
        )
        return answer

    def put(self, number: int) -> None:
        item = {"pk": {"S": "p"}, "sk": {"S": f"{number:04d}"}}
        self.dynamodb.put_item(TableName=self.name, Item=item)

    def records(self) -> list[dict[str, Any]]:
        streams = self.emulator.client("dynamodbstreams")
        shards = streams.describe_stream(StreamArn=self.stream)["StreamDescription"]["Shards"]
        found: list[dict[str, Any]] = []
        for shard in shards:
            iterator = streams.get_shard_iterator(
                StreamArn=self.stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            found += streams.get_records(ShardIterator=iterator)["Records"]
        return found


@pytest.fixture
def table(emulator: Emulator) -> Table:
    return Table(emulator)


INSERT = "INSERT INTO TABLE VALUE {'pk': ?, 'sk': ?, 'a': ?}"
UPDATE = "UPDATE TABLE SET a=? WHERE pk=? AND sk=?"
DELETE = "DELETE FROM TABLE WHERE pk=? AND sk=?"


def images(record: dict[str, Any]) -> tuple[str, dict[str, Any], str | None, str | None]:
    change = record["dynamodb"]
    old, new = (change.get(name, {}).get("a", {}).get("S") for name in ("OldImage", "NewImage"))
    return record["eventName"], change["Keys"], old, new


def test_partiql_writes_go_to_the_stream_with_keys_and_both_images(table: Table) -> None:
    table.run(INSERT, "p", "s", "one")
    table.run(UPDATE, "two", "p", "s")
    table.run(DELETE, "p", "s")
    keys = {"pk": {"S": "p"}, "sk": {"S": "s"}}
    assert [images(record) for record in table.records()] == [
        ("INSERT", keys, None, "one"),
        ("MODIFY", keys, "one", "two"),
        ("REMOVE", keys, "two", None),
    ]


def test_a_partiql_write_that_changes_nothing_puts_nothing_on_the_stream(table: Table) -> None:
    table.run(INSERT, "p", "s", "one")
    table.run(UPDATE, "one", "p", "s")
    table.run(DELETE, "p", "other")
    for statement, parameters in ((INSERT, ("p", "s", "x")), (UPDATE, ("x", "p", "none"))):
        with pytest.raises(Exception, match=r"Duplicate|Conditional"):
            table.run(statement, *parameters)
    assert len(table.records()) == 1


def test_a_partiql_batch_puts_each_statement_on_the_stream_once(table: Table) -> None:
    statements = [
        {
            "Statement": INSERT.replace("TABLE", f'"{table.name}"'),
            "Parameters": [{"S": "p"}, {"S": str(number)}, {"S": "one"}],
        }
        for number in (1, 2, 2)
    ]
    answer = table.dynamodb.batch_execute_statement(Statements=statements)
    assert [each.get("Error", {}).get("Code") for each in answer["Responses"]] == [
        None,
        None,
        "DuplicateItem",
    ]
    assert [record["dynamodb"]["Keys"]["sk"]["S"] for record in table.records()] == ["1", "2"]


def test_a_transaction_reaches_the_stream_whole_or_not_at_all(table: Table) -> None:
    def transact(*keys: str) -> None:
        table.dynamodb.execute_transaction(
            TransactStatements=[
                {
                    "Statement": INSERT.replace("TABLE", f'"{table.name}"'),
                    "Parameters": [{"S": "p"}, {"S": key}, {"S": "one"}],
                }
                for key in keys
            ]
        )

    transact("1", "2")
    with pytest.raises(Exception, match="TransactionCanceled"):
        transact("3", "1")
    assert [record["dynamodb"]["Keys"]["sk"]["S"] for record in table.records()] == ["1", "2"]


def test_update_item_still_counts_once(table: Table) -> None:
    for value in ("one", "two"):
        table.dynamodb.update_item(
            TableName=table.name,
            Key={"pk": {"S": "p"}, "sk": {"S": "s"}},
            UpdateExpression="SET a = :a",
            ExpressionAttributeValues={":a": {"S": value}},
        )
    assert [record["eventName"] for record in table.records()] == ["INSERT", "MODIFY"]


# --- functions that read streams ---------------------------------------------------------------

PRELUDE = """
import json, os, time
import boto3

def records(event):
    for record in event["Records"]:
        yield record["dynamodb"]["SequenceNumber"], int(record["dynamodb"]["Keys"]["sk"]["S"])

def tell(what):
    boto3.client("sqs").send_message(QueueUrl=os.environ["SEEN"], MessageBody=json.dumps(what))
"""


class Reader:
    """A function that reads a table's stream and tells a queue what it saw."""

    def __init__(self, table: Table, buckets: Buckets, code: str, **mapping: Any) -> None:
        self.emulator = table.emulator
        self.seen = buckets.queue()
        self.given_up = buckets.queue()
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as zipped:
            zipped.writestr("reader.py", PRELUDE + textwrap.dedent(code))
        functions = self.emulator.client("lambda")
        name = f"reader-{next(_numbers)}"
        functions.create_function(
            FunctionName=name,
            Runtime="python3.11",
            Role=ROLE,
            Handler="reader.handler",
            Timeout=20,
            Code={"ZipFile": archive.getvalue()},
            Environment={"Variables": {"SEEN": self.seen.url}},
        )
        functions.create_event_source_mapping(
            FunctionName=name,
            EventSourceArn=table.stream,
            StartingPosition="TRIM_HORIZON",
            DestinationConfig={"OnFailure": {"Destination": self.given_up.arn}},
            **mapping,
        )

    def told(self) -> list[Any]:
        return [json.loads(body) for body in self._bodies(self.seen)]

    def gave_up(self) -> list[Any]:
        return [json.loads(body) for body in self._bodies(self.given_up)]

    def _bodies(self, queue: Any) -> list[str]:
        got = queue.sqs.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=10)
        for message in got.get("Messages", []):
            queue.seen.append(message["Body"])
            queue.sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"])
        return list(queue.seen)


def until_told(reader: Reader, number: int) -> list[Any]:
    """What the function told, once it told of this record number."""

    def found() -> list[Any]:
        told = reader.told()
        return told if any(number in each for each in told) else []

    return wait_for(found, 20)


def test_a_failed_batch_is_retried_until_it_works(
    table: Table, buckets: Buckets, tmp_path: Path
) -> None:
    # The emulator starts a new process after an error, so tries are counted outside of it.
    code = f"""
    def handler(event, context):
        with open({str(tmp_path / "tries")!r}, "a+") as tries:
            tries.write("x")
            tries.seek(0)
            if len(tries.read()) < 3:
                raise RuntimeError("not yet")
        tell([number for _, number in records(event)])
    """
    reader = Reader(table, buckets, code)
    table.put(1)
    assert until_told(reader, 1) == [[1]]
    assert reader.gave_up() == []


def test_a_retry_starts_at_the_first_reported_failure(table: Table, buckets: Buckets) -> None:
    code = """
    tries = 0
    def handler(event, context):
        global tries
        batch = list(records(event))
        tell([number for _, number in batch])
        tries += 1
        if tries == 1 and len(batch) == 4:
            failed = [{"itemIdentifier": batch[3][0]}, {"itemIdentifier": batch[2][0]}]
            return {"batchItemFailures": failed}
        return {"batchItemFailures": []}
    """
    for number in range(4):
        table.put(number)
    reader = Reader(table, buckets, code, FunctionResponseTypes=["ReportBatchItemFailures"])
    wait_for(lambda: len(reader.told()) >= 2, 20)
    assert reader.told() == [[0, 1, 2, 3], [2, 3]]


def test_retries_end_and_the_failure_is_described(table: Table, buckets: Buckets) -> None:
    code = """
    def handler(event, context):
        batch = [number for _, number in records(event)]
        tell(batch)
        if 1 in batch:
            raise RuntimeError("poison")
    """
    reader = Reader(table, buckets, code, MaximumRetryAttempts=2, BatchSize=1)
    for number in (1, 2):
        table.put(number)
    assert until_told(reader, 2) == [[1], [1], [1], [2]]
    (described,) = wait_for(reader.gave_up)
    assert described["requestContext"]["condition"] == "RetryAttemptsExhausted"
    batch = described["DDBStreamBatchInfo"]
    assert (batch["batchSize"], batch["streamArn"]) == (1, table.stream)
    number = table.records()[0]["dynamodb"]["SequenceNumber"]
    assert batch["startSequenceNumber"] == batch["endSequenceNumber"] == number


def test_bisecting_gives_up_the_poison_alone(table: Table, buckets: Buckets) -> None:
    code = """
    def handler(event, context):
        batch = [number for _, number in records(event)]
        if 5 in batch:
            raise RuntimeError("poison")
        tell(batch)
    """
    for number in range(8):
        table.put(number)
    reader = Reader(table, buckets, code, MaximumRetryAttempts=1, BisectBatchOnFunctionError=True)
    told = until_told(reader, 7)
    assert sorted(itertools.chain.from_iterable(told)) == [0, 1, 2, 3, 4, 6, 7]
    (described,) = wait_for(reader.gave_up)
    assert described["DDBStreamBatchInfo"]["batchSize"] == 1


def test_a_stalled_mapping_does_not_hold_up_another(table: Table, buckets: Buckets) -> None:
    stalled = """
    def handler(event, context):
        tell([0])
        time.sleep(15)
    """
    quick = """
    def handler(event, context):
        tell([number for _, number in records(event)])
    """
    slow, fast = Reader(table, buckets, stalled), Reader(table, buckets, quick)
    table.put(0)
    until_told(slow, 0)
    begun = time.monotonic()
    table.put(7)
    until_told(fast, 7)
    assert time.monotonic() - begun < 5


def test_a_filter_passes_over_what_it_does_not_match(table: Table, buckets: Buckets) -> None:
    code = """
    def handler(event, context):
        tell([number for _, number in records(event)])
    """
    pattern = {"dynamodb": {"Keys": {"sk": {"S": ["0002"]}}}}
    filters = {"Filters": [{"Pattern": json.dumps(pattern)}]}
    reader = Reader(table, buckets, code, FilterCriteria=filters)
    for number in (1, 2, 3):
        table.put(number)
    assert until_told(reader, 2) == [[2]]


def test_functions_run_in_parallel_and_reach_the_emulator(table: Table, buckets: Buckets) -> None:
    code = """
    def handler(event, context):
        time.sleep(1.5)
        tell([number for _, number in records(event)])
    """
    readers = [Reader(table, buckets, code) for _ in range(3)]
    table.put(1)
    for reader in readers:
        until_told(reader, 1)
    begun = time.monotonic()
    table.put(2)
    for reader in readers:
        until_told(reader, 2)
    assert time.monotonic() - begun < 2 * 1.5


@pytest.mark.timeout(180)
def test_an_item_whose_time_is_over_is_removed_in_the_name_of_dynamodb(emulator: Emulator) -> None:
    table = Table(emulator)
    table.dynamodb.update_time_to_live(
        TableName=table.name,
        TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"},
    )
    table.put(1)
    over = {"pk": {"S": "p"}, "sk": {"S": "over"}, "expires_at": {"N": "1"}}
    table.dynamodb.put_item(TableName=table.name, Item=over)
    table.dynamodb.delete_item(TableName=table.name, Key={"pk": {"S": "p"}, "sk": {"S": "0001"}})

    def removals() -> list[dict[str, Any]]:
        found = [one for one in table.records() if one["eventName"] == "REMOVE"]
        return found if len(found) == 2 else []

    by_hand, by_time = wait_for(removals, 90)
    assert "userIdentity" not in by_hand
    # It has the members as Lambda names them; boto3 knows them by other names.
    assert "userIdentity" in by_time
    assert by_time["dynamodb"]["OldImage"] == over

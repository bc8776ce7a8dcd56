"""Which notification configurations a bucket takes, and which it refuses as S3 does."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from local.emulator.patches.notification_rules import overlap

if TYPE_CHECKING:
    from tests.local.conftest import Buckets

end_to_end = [pytest.mark.e2e, pytest.mark.enable_socket]
OVERLAP = "cannot share a common event type"
AMBIGUOUS = "Cannot have overlapping suffixes"
UNREACHABLE = "Unable to validate the following destination configurations"


def read(events: str, prefix: str | None = None, suffix: str | None = None) -> dict[str, Any]:
    """A configuration as MiniStack reads it."""
    return {"events": events.split(), "filter_prefix": prefix, "filter_suffix": suffix}


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        (read("s3:ObjectCreated:*"), read("s3:ObjectRemoved:*"), None),
        (read("s3:ObjectCreated:*"), read("s3:ObjectCreated:*"), OVERLAP),
        (read("s3:ObjectCreated:*"), read("s3:ObjectCreated:Put"), OVERLAP),
        (read("s3:ObjectCreated:Put"), read("s3:ObjectCreated:Copy"), None),
        (read("s3:ObjectRemoved:* s3:Replication:*"), read("s3:Replication:*"), OVERLAP),
        (read("s3:Replication:*", "a/"), read("s3:Replication:*", "b/"), None),
        (read("s3:Replication:*", "a/"), read("s3:Replication:*", "a/b/"), AMBIGUOUS),
        (read("s3:Replication:*", "a/"), read("s3:Replication:*"), AMBIGUOUS),
        (read("s3:Replication:*", "a/", ".jpg"), read("s3:Replication:*", "a/", ".png"), None),
        (read("s3:Replication:*", "a/", "jpg"), read("s3:Replication:*", "a", "pg"), AMBIGUOUS),
        (read("s3:Replication:*", "a/", "jpg"), read("s3:Replication:*", "b/", "jpg"), None),
        (read("s3:Replication:*", None, "jpg"), read("s3:Replication:*", "b/"), AMBIGUOUS),
    ],
)
def test_what_overlaps(one: dict[str, Any], other: dict[str, Any], said: str | None) -> None:
    for pair in ([one, other], [other, one]):
        found = overlap(pair)
        assert found is None if said is None else said in (found or "")


def queue(arn: str, *events: str, prefix: str = "") -> dict[str, Any]:
    configuration: dict[str, Any] = {"QueueArn": arn, "Events": list(events)}
    if prefix:
        rules = [{"Name": "prefix", "Value": prefix}]
        configuration["Filter"] = {"Key": {"FilterRules": rules}}
    return configuration


def put(buckets: Buckets, *, skip: bool = False, **configurations: Any) -> None:
    buckets.s3.put_bucket_notification_configuration(
        Bucket=buckets.source,
        NotificationConfiguration=configurations,
        SkipDestinationValidation=skip,
    )


def refused(buckets: Buckets, **configurations: Any) -> str:
    """What S3 says to it, after a look that nothing changed."""
    before = buckets.s3.get_bucket_notification_configuration(Bucket=buckets.source)
    with pytest.raises(ClientError) as caught:
        put(buckets, **configurations)
    after = buckets.s3.get_bucket_notification_configuration(Bucket=buckets.source)
    for answer in (before, after):
        del answer["ResponseMetadata"]
    assert before == after
    assert caught.value.response["Error"]["Code"] == "InvalidArgument"
    return str(caught.value.response["Error"]["Message"])


class TestOnTheEmulator:
    pytestmark = end_to_end

    def test_queue_and_topic_may_not_share_an_event(self, buckets: Buckets) -> None:
        first, second = buckets.queue(), buckets.queue()
        topic = buckets.emulator.client("sns").create_topic(Name=f"t-{buckets.source}")["TopicArn"]
        ours = queue(first.arn, "s3:Replication:*")
        theirs = {"TopicArn": topic, "Events": ["s3:Replication:OperationFailedReplication"]}
        put(buckets, QueueConfigurations=[ours])
        said = refused(buckets, QueueConfigurations=[ours], TopicConfigurations=[theirs])
        assert OVERLAP in said
        with pytest.raises(ClientError, match=OVERLAP):  # validation or not
            put(buckets, skip=True, QueueConfigurations=[ours], TopicConfigurations=[theirs])
        apart = [
            queue(arn, "s3:ObjectCreated:*", prefix=prefix)
            for arn, prefix in ((first.arn, "a/"), (second.arn, "b/"))
        ]
        put(buckets, QueueConfigurations=apart)

    def test_a_queue_that_lets_nobody_in_is_refused(self, buckets: Buckets) -> None:
        """Enforced or not, and beside one that is fine."""
        closed = buckets.queue()
        sqs = buckets.emulator.client("sqs")
        sqs.set_queue_attributes(QueueUrl=closed.url, Attributes={"Policy": ""})
        configurations = [
            queue(buckets.queue().arn, "s3:ObjectCreated:*"),
            queue(closed.arn, "s3:Replication:*"),
        ]
        said = refused(buckets, QueueConfigurations=configurations)
        assert said == f"{UNREACHABLE}: {closed.arn}"
        put(buckets, skip=True, QueueConfigurations=configurations)

    def test_a_policy_that_lets_another_bucket_in_does_not_let_this_one(
        self, buckets: Buckets
    ) -> None:
        target, sqs = buckets.queue(), buckets.emulator.client("sqs")

        def allow(bucket: str) -> None:
            statement = {
                "Effect": "Allow",
                "Principal": {"Service": "s3.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": target.arn,
                "Condition": {
                    "ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"},
                    "StringEquals": {"aws:SourceAccount": "000000000000"},
                },
            }
            policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            sqs.set_queue_attributes(QueueUrl=target.url, Attributes={"Policy": policy})

        wanted = queue(target.arn, "s3:Replication:*")
        allow(buckets.first)
        assert UNREACHABLE in refused(buckets, QueueConfigurations=[wanted])
        allow(buckets.source)
        put(buckets, QueueConfigurations=[wanted])

    def test_a_queue_or_topic_that_is_gone_is_refused(self, buckets: Buckets) -> None:
        gone = buckets.queue()
        buckets.emulator.client("sqs").delete_queue(QueueUrl=gone.url)
        wanted = queue(gone.arn, "s3:Replication:*")
        assert gone.arn in refused(buckets, QueueConfigurations=[wanted])
        topic = {"TopicArn": gone.arn.replace("sqs", "sns"), "Events": ["s3:Replication:*"]}
        assert UNREACHABLE in refused(buckets, TopicConfigurations=[topic])

    def test_a_topic_with_the_policy_it_was_made_with_is_refused(self, buckets: Buckets) -> None:
        topic = buckets.emulator.client("sns").create_topic(Name=f"d-{buckets.source}")["TopicArn"]
        wanted = {"TopicArn": topic, "Events": ["s3:Replication:*"]}
        assert UNREACHABLE in refused(buckets, TopicConfigurations=[wanted])

    def test_a_function_has_to_be_there_and_to_let_s3_in(self, buckets: Buckets) -> None:
        functions = buckets.emulator.client("lambda")
        name = f"notified-{buckets.source}"
        arn = f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
        wanted = {"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}
        assert UNREACHABLE in refused(buckets, LambdaFunctionConfigurations=[wanted])
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as zipped:
            zipped.writestr("notified.py", "def handler(event, context): pass")
        functions.create_function(
            FunctionName=name,
            Runtime="python3.11",
            Role="arn:aws:iam::000000000000:role/function",
            Handler="notified.handler",
            Code={"ZipFile": archive.getvalue()},
        )
        assert UNREACHABLE in refused(buckets, LambdaFunctionConfigurations=[wanted])
        functions.add_permission(
            FunctionName=name,
            StatementId="s3",
            Action="lambda:InvokeFunction",
            Principal="s3.amazonaws.com",
            SourceArn=f"arn:aws:s3:::{buckets.source}",
            SourceAccount="000000000000",
        )
        put(buckets, LambdaFunctionConfigurations=[wanted])

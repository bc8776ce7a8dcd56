"""Which values the CDK context may have, and the messages when one is wrong."""

from typing import Any

import pytest
from aws_cdk import App

from infra.config import MAX_BUCKETS, Config, ContextError
from infra.topology import TrackedBucket


def read(**context: Any) -> Config:
    return Config.from_context(App(context=context).node)


def problems(**context: Any) -> str:
    with pytest.raises(ContextError) as caught:
        read(**context)
    return str(caught.value)


def test_an_empty_context_gives_the_defaults() -> None:
    assert read() == Config(
        stage="dev",
        buckets=(),
        shards=4,
        record_ineligible=True,
        bundle_dependencies=True,
    )


def test_values_of_the_command_line_are_text() -> None:
    assert read(
        stage="prod",
        source_buckets="a-bucket, b.bucket",
        destination_buckets="c-bucket",
        shards="8",
        record_ineligible="false",
        bundle_dependencies="False",
    ) == Config(
        stage="prod",
        buckets=(
            TrackedBucket(name="a-bucket", source=True),
            TrackedBucket(name="b.bucket", source=True),
            TrackedBucket(name="c-bucket", destination=True),
        ),
        shards=8,
        record_ineligible=False,
        bundle_dependencies=False,
    )


def test_values_of_cdk_json_may_be_typed() -> None:
    config = read(source_buckets=["a-bucket", "b-bucket"], shards=2, record_ineligible=False)
    assert config.source_buckets == ("a-bucket", "b-bucket")
    assert config.shards == 2
    assert config.record_ineligible is False


def test_a_bucket_may_be_source_and_destination() -> None:
    config = read(source_buckets="a-bucket,b-bucket", destination_buckets="b-bucket,a-bucket")
    assert config.tracked_buckets == ("a-bucket", "b-bucket")


def test_an_empty_list_of_buckets_is_no_bucket() -> None:
    assert read(source_buckets="  ").source_buckets == ()


def test_all_wrong_values_are_named_at_once() -> None:
    said = problems(
        stage="Prod!",
        source_buckets="Upper,ok-bucket",
        destination_buckets="a..b",
        shards="0",
        record_ineligible="yes",
        bundle_dependencies="1",
    )
    for name in (
        "stage",
        "source_buckets",
        "destination_buckets",
        "shards",
        "record_ineligible",
        "bundle_dependencies",
    ):
        assert f"- {name}=" in said
    assert "'ok-bucket' " not in said


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("ab", "3 to 63"),
        ("a" * 64, "3 to 63"),
        ("Photos", "lower-case"),
        ("under_score", "lower-case"),
        ("-starts-with-a-hyphen", "first and last"),
        ("ends-with-a-period.", "first and last"),
        ("two..periods", "two periods"),
        ("192.168.5.4", "IP address"),
        ("xn--bucket", "keeps for itself"),
        ("sthree-bucket", "keeps for itself"),
        ("amzn-s3-demo-bucket", "keeps for itself"),
        ("point-s3alias", "keeps for itself"),
        ("point--ol-s3", "keeps for itself"),
        ("directory--use1-az4--x-s3", "keeps for itself"),
        ("table--table-s3", "keeps for itself"),
        ("region.mrap", "keeps for itself"),
        ("arn:aws:s3:::bucket", "not an ARN"),
        ("s3://bucket", "not an ARN"),
        ("", "3 to 63"),
    ],
)
def test_a_name_s3_would_refuse_is_refused_with_the_reason(name: str, hint: str) -> None:
    assert hint in problems(source_buckets=f"fine-bucket,{name}")


@pytest.mark.parametrize("name", ["abc", "a" * 63, "1-digit.first", "xn-bucket", "1.2.3.4.5"])
def test_a_name_s3_would_take_is_taken(name: str) -> None:
    assert read(source_buckets=name).source_buckets == (name,)


def test_a_bucket_named_twice_is_a_slip() -> None:
    assert "named twice" in problems(source_buckets="a-bucket,b-bucket,a-bucket")


@pytest.mark.parametrize("stage", ["", "-dev", "dev-", "DEV", "a" * 21, "dev_1", "1st", 5])
def test_a_stage_that_cannot_stand_in_names_is_refused(stage: object) -> None:
    assert "stage=" in problems(stage=stage)


@pytest.mark.parametrize("stage", ["d", "dev", "pr-1234", "a" * 20])
def test_a_stage_that_can_is_taken(stage: str) -> None:
    assert read(stage=stage).stage == stage


@pytest.mark.parametrize("shards", ["0", "65", "-1", "4.0", "four", "", True, "1000"])
def test_shards_outside_their_range_are_refused(shards: object) -> None:
    assert "1 to 64" in problems(shards=shards)


@pytest.mark.parametrize("raw", [5, {"name": "bucket"}, [1, 2]])
def test_buckets_of_another_type_are_refused(raw: object) -> None:
    assert "separated by commas" in problems(source_buckets=raw)


def test_more_buckets_than_one_tracker_takes_are_refused() -> None:
    names = ",".join(f"bucket-{number}" for number in range(MAX_BUCKETS + 1))
    assert f"takes {MAX_BUCKETS}" in problems(source_buckets=names)


def test_benign_keys_are_patterns_and_the_objective_a_number_of_minutes() -> None:
    config = read(benign_keys="*.tflock, tmp/*", objective_minutes="15")
    assert config.benign_keys == ("*.tflock", "tmp/*")
    assert config.objective_minutes == 15
    assert "objective_minutes" in problems(objective_minutes="soon")
    assert "benign_keys" in problems(benign_keys="x" * 401)


def test_a_table_is_as_warm_as_dynamodb_makes_it_or_warmer() -> None:
    assert read(warm_write_units="0").warm_write_units == 0
    assert read(warm_write_units="40000").warm_write_units == 40_000
    for wrong in ("3999", "-1", "many", "1000000", True):
        assert "give 0, or a whole number from 4000" in problems(warm_write_units=wrong)


def test_events_are_kept_for_days_as_long_as_the_ledger_keeps_what_is_gone() -> None:
    assert read(archive_days="0").archive_days == 0
    assert read(archive_days="400").archive_days == 400
    for wrong in ("401", "-1", "a week", "1.5", True):
        assert "0 to 400" in problems(archive_days=wrong)


TOPIC = "arn:aws-us-gov:sns:us-gov-west-1:111122223333:their_topic"


@pytest.mark.parametrize(
    "raw", [f"a-bucket={TOPIC}, b-bucket={TOPIC}", {"a-bucket": TOPIC, "b-bucket": TOPIC}]
)
def test_topics_are_named_by_bucket(raw: object) -> None:
    config = read(source_buckets="a-bucket,b-bucket", replication_topics=raw)
    assert config.replication_topics == {"a-bucket": TOPIC, "b-bucket": TOPIC}
    assert read(replication_topics=" ").replication_topics == {}


@pytest.mark.parametrize(
    ("raw", "hint"),
    [
        ("a-bucket", "standard SNS topic"),
        ("a-bucket=their_topic", "standard SNS topic"),
        (f"a-bucket={TOPIC}.fifo", "standard SNS topic"),
        (f"a-bucket={TOPIC.replace(':sns:', ':sqs:')}", "standard SNS topic"),
        ({"a-bucket": 5}, "standard SNS topic"),
        (f"a-bucket={TOPIC},a-bucket={TOPIC}-2", "named twice"),
        (f"b-bucket={TOPIC}", "not in source_buckets"),
        ([TOPIC], "bucket=ARN"),
    ],
)
def test_topics_that_cannot_be_are_refused_with_the_reason(raw: object, hint: str) -> None:
    assert hint in problems(source_buckets="a-bucket", replication_topics=raw)


def test_more_topics_than_the_queues_policy_holds_are_refused() -> None:
    names = [f"bucket-{number:02d}" for number in range(20)]
    few = ",".join(f"{name}={TOPIC}" for name in names)
    assert read(source_buckets=",".join(names), replication_topics=few)
    many = ",".join(f"{name}={TOPIC}-{name}" for name in names)
    said = problems(source_buckets=",".join(names), replication_topics=many)
    assert "bytes of different topics" in said


def test_addresses_are_checked_and_counted() -> None:
    assert read(notify_emails="a@example.com, b.c+d@mail.example.co").notify_emails == (
        "a@example.com",
        "b.c+d@mail.example.co",
    )
    assert read(notify_emails=["a@example.com"], chat="true").chat is True
    for raw, hint in (
        ("a@example", "no e-mail address"),
        ("a b@example.com", "no e-mail address"),
        ("a@example.com,A@Example.com", "named twice"),
        ("mailto:a@example.com<x>", "no e-mail address"),
        ([1], "no e-mail address"),
        (",".join(f"a{n}@example.com" for n in range(21)), "at most 20"),
        (",".join(f"{'a' * 60}{n}@example.com" for n in range(15)), "1000 bytes"),
    ):
        with pytest.raises(ContextError, match=hint):
            read(notify_emails=raw)


def test_the_levers_of_cost_have_their_values_and_no_others() -> None:
    config = read(object_events="s3", forget_completed_days="30", counter_seconds="60")
    assert (config.by_eventbridge, config.kept_archive_days) == (False, 0)
    assert (config.forget_completed_days, config.counter_seconds) == (30, 60)
    default = read()
    assert (default.by_eventbridge, default.kept_archive_days) == (True, 14)
    assert (default.forget_completed_days, default.counter_seconds) == (0, 5)
    for wrong in ("S3", "sqs", "", 3):
        assert "give eventbridge or s3" in problems(object_events=wrong)
    for wrong in ("29", "-1", "a month", "30.5", True, "10000"):
        assert "give 0, or a whole number from 30" in problems(forget_completed_days=wrong)
    for wrong in ("0", "61", "soon", True):
        assert "1 to 60" in problems(counter_seconds=wrong)


def test_no_version_is_forgotten_before_its_events_are() -> None:
    said = problems(forget_completed_days="30", archive_days="31")
    assert "a replay of the archive would bring forgotten versions back" in said
    assert read(forget_completed_days="31", archive_days="31")
    assert read(forget_completed_days="30", archive_days="31", object_events="s3")


RULES = "orders>orders-replica:DstKmsKeyNotFound,orders>other:AssumeRoleNotPermitted"
OPERATOR = "arn:aws:iam::123456789012:role/operator"


def test_rules_of_automatic_redrives() -> None:
    found = read(source_buckets="orders", redrive="true", operators=OPERATOR, redrive_rules=RULES)
    assert found.redrive_rules == tuple(RULES.split(","))
    assert read().redrive_rules == (), "off by default"


@pytest.mark.parametrize(
    "wrong", ["orders", "orders>b:c d", "orders>x:Code", "orders-replica:Code"]
)
def test_a_rule_that_is_none_is_refused(wrong: str) -> None:
    assert "bucket>destination:code" in problems(redrive_rules=wrong)


def test_rules_need_redrives_and_a_source_bucket() -> None:
    found = problems(source_buckets="other-bucket", redrive_rules=RULES)
    assert "redrive_rules need redrive=true" in found
    assert "no source where redrive is true" in found

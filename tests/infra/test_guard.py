"""A deployment that would unwire buckets is refused."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra import guard
from tests.infra.conftest import DESTINATIONS, SOURCES
from tests.infra.synthesized import Synthesized

BOTH = ("-c", "source_buckets=orders", "-c", "destination_buckets=orders-replica")


def answer_with(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    """What GetTemplate answers: a template, or an error."""

    class CloudFormation:
        def get_template(self, **_: str) -> Any:
            if isinstance(answer, Exception):
                raise answer
            return {"TemplateBody": answer}

    monkeypatch.setattr("infra.guard.boto3.client", lambda _: CloudFormation())


def refusal(message: str) -> ClientError:
    return ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "GetTemplate")


def test_the_buckets_of_a_deployed_stack_are_read_from_its_template(
    monkeypatch: pytest.MonkeyPatch, lists: Synthesized
) -> None:
    answer_with(monkeypatch, lists.template)
    found = guard.deployed_buckets("S3ReplicationTracker-dev")
    assert found.tracked == {*SOURCES, *DESTINATIONS}
    assert found.inventories == {"lists"}


def test_the_buckets_of_an_earlier_version_are_those_of_its_functions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lists = {"SOURCE_BUCKETS": "orders,invoices", "DESTINATION_BUCKETS": "orders-replica"}
    function = {
        "Type": "AWS::Lambda::Function",
        "Properties": {"Environment": {"Variables": lists}},
    }
    answer_with(monkeypatch, {"Resources": {"Record": function}})
    assert guard.deployed_buckets("S3ReplicationTracker-dev").tracked == {
        *("orders", "invoices", "orders-replica")
    }


def test_what_would_not_be_tracked_any_more_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, lists: Synthesized, capsys: pytest.CaptureFixture[str]
) -> None:
    answer_with(monkeypatch, lists.template)
    assert guard.main(["-c", "source_buckets=another"]) == 1
    said = capsys.readouterr().err
    found = guard.deployed_buckets("S3ReplicationTracker-dev")
    for name in found.tracked:
        assert f"{name} (tracked)" in said
    assert "lists (inventories)" in said
    assert "ALLOW_UNTRACK=1" in said
    monkeypatch.setenv("ALLOW_UNTRACK", "1")
    assert guard.main(["-c", "source_buckets=another"]) == 0


def test_the_same_buckets_and_more_go_on(
    monkeypatch: pytest.MonkeyPatch, lists: Synthesized, capsys: pytest.CaptureFixture[str]
) -> None:
    answer_with(monkeypatch, lists.template)
    sources, destinations = ",".join(SOURCES), ",".join(DESTINATIONS)
    same = ["-c", f"source_buckets={sources},more", "-c", f"destination_buckets={destinations}"]
    assert guard.main([*same, "-c", "inventory_buckets=lists,more"]) == 0
    assert guard.main(same) == 1
    assert "would no longer have lists (inventories)." in capsys.readouterr().err


def test_a_stack_of_an_older_release_names_no_inventory_buckets(
    monkeypatch: pytest.MonkeyPatch, dev: Synthesized
) -> None:
    answer_with(monkeypatch, {**dev.template, "Metadata": {}})
    assert guard.deployed_buckets("S3ReplicationTracker-dev").inventories == frozenset()


def test_the_first_deployment_goes_on_and_one_of_nothing_does_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer_with(monkeypatch, refusal("Stack with id S3ReplicationTracker-dev does not exist"))
    assert guard.main([*BOTH]) == 0
    assert guard.main([]) == 1
    assert "source_buckets=a,b" in capsys.readouterr().err


def test_a_stack_that_cannot_be_read_is_no_stack_without_buckets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer_with(monkeypatch, refusal("not authorized"))
    assert guard.main([*BOTH]) == 1
    assert "nothing was compared" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "meant"), [("source_bucket", "source_buckets"), ("archive_day", "archive_days")]
)
def test_a_misspelt_option_is_refused_with_the_right_one(
    capsys: pytest.CaptureFixture[str], name: str, meant: str
) -> None:
    assert guard.main([*BOTH, "-c", f"{name}=x"]) == 1
    assert f"did you mean {meant}?" in capsys.readouterr().err

"""What people read of an incident: a mail, and a notification in a chat."""

import json
import shlex
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replication.counters.counter import FailureKind
from replication.counters.incident import Incident, Sample
from replication.times import Instant
from summarize.incident_life import IncidentEvent
from summarize.incident_message import incident_message
from summarize.incident_words import Tracker

TRACKER = Tracker("prod", "eu-central-1", "https://console.example.com/dashboard")
INCIDENT = Incident(
    id="i-1",
    kind=FailureKind("orders", "orders-replica", "all", "DstPutObjectNotPermitted", benign=False),
    opened_at=Instant("2026-11-22T10:00:05.000Z"),
    first_failed_at=Instant("2026-11-22T10:00:00.000Z"),
    last_failed_at=Instant("2026-11-22T10:00:04.000Z"),
    samples=(Sample("2026/11/7731.json", "v1"),),
    failures=12,
    failing=11,
    failing_bytes=2_048,
)
OVER = replace(INCIDENT, failing=0, resolved_at=Instant("2026-11-22T11:00:00.000Z"))
hostile = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


def mail(incident: Incident = INCIDENT, event: IncidentEvent = IncidentEvent.OPENED) -> str:
    return incident_message(incident, event, TRACKER).mail


def chat(incident: Incident = INCIDENT, event: IncidentEvent = IncidentEvent.OPENED) -> Any:
    return incident_message(incident, event, TRACKER).chat


def test_a_mail_says_what_failed_since_when_why_the_fix_and_how_to_look() -> None:
    lines = mail().splitlines()
    assert lines[0] == "S3 replication is failing: orders to orders-replica."
    said = {name: rest.strip() for name, _, rest in (one.partition(":") for one in lines[2:7])}
    assert said["What"] == (
        "12 object versions failed to replicate from orders to orders-replica"
        " (rule all, DstPutObjectNotPermitted)."
    )
    assert said["Since"].startswith("2026-11-22T10:00:00.000Z")
    assert said["Now"] == "11 object versions FAILED, 2,048 bytes in all."
    assert said["Why"] == "S3 may not write the object to the destination bucket."
    assert said["Fix"].startswith("Allow the replication role s3:ReplicateObject")
    assert "  2026/11/7731.json (version v1)" in lines
    command = (
        "  AWS_REGION=eu-central-1 s3rt --stage prod failures orders --destination orders-replica"
        " --rule all --reason DstPutObjectNotPermitted   # the failed versions"
    )
    assert command in lines
    assert f"  {TRACKER.dashboard_url}" in lines


def test_a_mail_about_the_end_names_no_cause_any_more() -> None:
    text = mail(OVER, IncidentEvent.RESOLVED)
    assert text.startswith("S3 replication incident is over: orders to orders-replica.")
    assert "Over since 2026-11-22T11:00:00.000Z" in text
    assert "Fix:" not in text


@given(key=hostile, version_id=hostile, code=hostile, rule=hostile)
def test_no_name_that_others_chose_gets_out_of_its_line_or_its_command(
    key: str, version_id: str, code: str, rule: str
) -> None:
    kind = replace(INCIDENT.kind, code=code, rule_id=rule)
    odd = replace(INCIDENT, kind=kind, samples=(Sample(key, version_id),))
    text = mail(odd)
    assert len(text.splitlines()) == len(mail().splitlines())
    assert all(one.isprintable() for one in text.splitlines())
    (command,) = (one for one in text.splitlines() if "# the failed versions" in one)
    words = shlex.split(command.rpartition("   #")[0])
    assert words[:6] == ["AWS_REGION=eu-central-1", "s3rt", "--stage", "prod", "failures", "orders"]
    assert len(words) == 8 + 2 * bool(code) + 2 * bool(rule)


def assert_custom_notification(found: Any) -> None:
    """The schema of custom notifications, as the administrator guide of the chat service has it."""
    assert {*found} == {"version", "source", "id", "content", "metadata"}
    assert (found["version"], found["source"]) == ("1.0", "custom")
    content, metadata = found["content"], found["metadata"]
    assert {*content} <= {"textType", "title", "description", "nextSteps", "keywords"}
    assert content["textType"] == "client-markdown"
    assert 1 <= len(content["description"]) <= 2_000
    assert len(content["title"]) <= 250
    assert {*metadata} <= {
        *("threadId", "summary", "eventType", "relatedResources", "additionalContext"),
    }
    texts = [found["id"], *content["nextSteps"], *content["keywords"]]
    texts += [metadata["threadId"], metadata["summary"], metadata["eventType"]]
    texts += metadata["relatedResources"]
    texts += [part for pair in metadata["additionalContext"].items() for part in pair]
    assert all(isinstance(one, str) and one for one in texts)
    assert all(len(one) <= 350 for one in content["nextSteps"])


@pytest.mark.parametrize("event", list(IncidentEvent))
def test_a_chat_gets_the_schema_of_custom_notifications(event: IncidentEvent) -> None:
    found = chat(OVER if event is IncidentEvent.RESOLVED else INCIDENT, event)
    assert_custom_notification(found)
    assert found["metadata"]["threadId"] == "i-1"
    assert found["metadata"]["eventType"] == f"incident-{event}"
    assert "orders to orders-replica" in found["content"]["title"]


@given(key=hostile, code=hostile, rule=hostile)
def test_names_neither_call_a_channel_nor_format_a_message(key: str, code: str, rule: str) -> None:
    kind = replace(INCIDENT.kind, code=code, rule_id=rule)
    found = chat(replace(INCIDENT, kind=kind, samples=(Sample(key, "<!channel> *v*"),)))
    assert_custom_notification(found)
    for text in (found["content"]["description"], *found["content"]["nextSteps"]):
        assert "<" not in text
        assert ">" not in text


def test_programs_get_the_same_body_with_and_without_a_tracker_to_name() -> None:
    named = incident_message(INCIDENT, IncidentEvent.OPENED, TRACKER)
    unnamed = incident_message(INCIDENT, IncidentEvent.OPENED)
    assert json.dumps(named.body) == json.dumps(unnamed.body)
    assert (named.subject, named.attributes) == (unnamed.subject, unnamed.attributes)
    assert "AWS_REGION" not in unnamed.mail
    assert "  s3rt incidents   # all incidents" in unnamed.mail

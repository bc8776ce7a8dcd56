"""An incident in words for people: what failed, since when, why, the fix, and how to look. Pure."""

import shlex
from dataclasses import dataclass

from replication.counters.incident import Incident
from replication.s3.failure_reasons import explain
from summarize.incident_life import IncidentEvent

_TITLES = {
    IncidentEvent.OPENED: "S3 replication is failing",
    IncidentEvent.GROWN: "S3 replication keeps failing",
    IncidentEvent.RESOLVED: "S3 replication incident is over",
}


@dataclass(frozen=True, slots=True)
class Tracker:
    """Which tracker it is, for the commands; what is empty is left out of them."""

    stage: str = ""
    region: str = ""
    dashboard_url: str = ""

    def command(self, *words: str) -> str:
        """A line for a shell. Names of rules and codes of S3 come from others, so all is quoted."""
        region = (f"AWS_REGION={shlex.quote(self.region)}",) if self.region else ()
        stage = ("--stage", self.stage) if self.stage else ()
        return " ".join((*region, shlex.join(("s3rt", *stage, *map(printable, words)))))


UNNAMED = Tracker()


def title(incident: Incident, event: IncidentEvent) -> str:
    kind = incident.kind
    return printable(f"{_TITLES[event]}: {kind.bucket} to {kind.destination}")


def facts(incident: Incident, event: IncidentEvent) -> dict[str, str]:
    """What there is to say, by its heading; in this order."""
    kind, failure = incident.kind, explain(incident.kind.code)
    rule = f"rule {kind.rule_id}" if kind.rule_id else "rule not known"
    found = {
        "What": f"{_versions(incident.failures)} failed to replicate from {kind.bucket} to"
        f" {kind.destination} ({rule}, {kind.code or 'reason not known'}).",
        "Since": f"{incident.first_failed_at}, the latest at {incident.last_failed_at}.",
    }
    if event is IncidentEvent.RESOLVED:
        found["Now"] = f"Over since {incident.resolved_at}: none of them is FAILED any more."
    else:
        found["Now"] = (
            f"{_versions(incident.failing)} FAILED, {incident.failing_bytes:,} bytes in all."
        )
        found["Why"] = failure.explanation
        found["Fix"] = failure.fix
    return {name: printable(text) for name, text in found.items()}


def commands(incident: Incident, tracker: Tracker) -> dict[str, str]:
    """How to look, by what it shows."""
    kind = incident.kind
    options = [("--rule", kind.rule_id), ("--reason", kind.code)]
    narrower = [part for name, value in options if value for part in (name, value)]
    return {
        "the failed versions": tracker.command(
            "failures", kind.bucket, "--destination", kind.destination, *narrower
        ),
        "all incidents": tracker.command("incidents"),
        "the page": tracker.command("open"),
    }


def samples(incident: Incident) -> list[str]:
    """Some of the versions that failed. Keys are written by strangers."""
    return [printable(f"{one.key} (version {one.version_id})") for one in incident.samples]


def printable(text: str) -> str:
    """On one line, without what could steer a terminal or a mail program."""
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )


def _versions(count: int) -> str:
    return f"{count:,} object version{'' if count == 1 else 's'}"

"""An incident as a custom notification of Amazon Q Developer in chat applications. Pure.

Schema: "Custom notifications" in the administrator guide: `version` 1.0 and `source` custom are
fixed, `content.description` is required, `threadId` groups messages in a thread. The lengths here
are shorter than what the guide allows.
"""

from typing import Any

from replication.counters.incident import Incident
from summarize.incident_life import IncidentEvent, level_of
from summarize.incident_words import Tracker, commands, facts, samples, title

TITLE, DESCRIPTION, STEP = 250, 2_000, 350
"""Most characters of each."""
_SIGNS = {
    IncidentEvent.OPENED: ":red_circle:",
    IncidentEvent.GROWN: ":red_circle:",
    IncidentEvent.RESOLVED: ":white_check_mark:",
}
# Slack reads these three in texts of programs; a zero-width space ends a run of marks.
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MARKS = "*_~`"


def chat_notification(incident: Incident, event: IncidentEvent, tracker: Tracker) -> dict[str, Any]:
    kind = incident.kind
    said = facts(incident, event)
    fix = said.pop("Fix", None)
    lines = [f"*{name}* {_escaped(text)}" for name, text in said.items()]
    if found := samples(incident):
        lines.append(f"*Such as* {_escaped(found[0])}")
    steps = [_escaped(fix)] if fix else []
    steps += [f"{what}: `{_code(line)}`" for what, line in commands(incident, tracker).items()]
    if tracker.dashboard_url:
        steps.append(tracker.dashboard_url)
    return {
        "version": "1.0",
        "source": "custom",
        "id": f"{incident.id}:{event}:{level_of(incident)}",
        "content": {
            "textType": "client-markdown",
            "title": _cut(f"{_SIGNS[event]} {_escaped(title(incident, event))}", TITLE),
            "description": _cut("\n".join(lines), DESCRIPTION),
            "nextSteps": [_cut(one, STEP) for one in steps],
            "keywords": ["s3-replication", *([tracker.stage] if tracker.stage else [])],
        },
        "metadata": {
            "threadId": incident.id,
            "summary": _cut(title(incident, event), TITLE),
            "eventType": f"incident-{event}",
            "relatedResources": [f"s3://{kind.bucket}", f"s3://{kind.destination}"],
            "additionalContext": {
                "bucket": kind.bucket,
                "destination": kind.destination,
                "failure_code": kind.code or "unknown",
                "api_path": f"/v1/incidents/{incident.id}",
            },
        },
    }


def _escaped(text: str) -> str:
    """Text that a chat shows as it is. Keys are written by strangers, and one with `<!channel>`
    would call everybody."""
    text = "".join(_ESCAPES.get(one, one) for one in text)
    return "".join(f"\u200b{one}\u200b" if one in _MARKS else one for one in text)


def _code(line: str) -> str:
    """Between backticks."""
    return "".join(_ESCAPES.get(one, one) for one in line.replace("`", "'"))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"

"""What an e-mail subscriber of the incident topic reads. Pure."""

from replication.counters.incident import Incident
from summarize.incident_life import IncidentEvent
from summarize.incident_words import Tracker, commands, facts, samples, title

_WHEN = (
    "One mail comes when an incident begins, one each time it has grown tenfold, and one when it is"
    " over. SNS adds below how to unsubscribe."
)


def mail(incident: Incident, event: IncidentEvent, tracker: Tracker) -> str:
    lines = [f"{title(incident, event)}.", ""]
    lines += [f"{name + ':':<7}{text}" for name, text in facts(incident, event).items()]
    if found := samples(incident):
        lines += ["", "Some of them:", *(f"  {one}" for one in found)]
    lines += ["", "How to look:"]
    lines += [f"  {line}   # {what}" for what, line in commands(incident, tracker).items()]
    if tracker.dashboard_url:
        lines.append(f"  {tracker.dashboard_url}")
    return "\n".join([*lines, "", f"Incident {incident.id}. {_WHEN}", ""])

"""The message of the incident topic. Pure."""

from replication.counters.incident import Incident
from replication.published.incident import incident_json
from replication.published.sns_message import SnsMessage, sns_message
from summarize.incident_chat import chat_notification
from summarize.incident_life import IncidentEvent, level_of
from summarize.incident_mail import mail
from summarize.incident_words import UNNAMED, Tracker


def incident_message(
    incident: Incident, event: IncidentEvent, tracker: Tracker = UNNAMED
) -> SnsMessage:
    """The body is the incident as the API shows it, and the event. People read the mail, or the
    notification in a chat."""
    kind = incident.kind
    code = kind.code or "reason unknown"
    text = (
        f"S3 replication incident {event}: {kind.bucket} to {kind.destination}, {code},"
        f" {incident.failures} failures"
    )
    attributes = {
        "event": event.value,
        "bucket": kind.bucket,
        "destination": kind.destination,
        "rule_id": kind.rule_id,
        "failure_code": kind.code,
    }
    return sns_message(
        subject=text,
        body={
            "event": event.value,
            "message_id": f"{incident.id}:{event}:{level_of(incident)}",
            **incident_json(incident),
        },
        attributes=attributes,
        mail=mail(incident, event, tracker),
        chat=chat_notification(incident, event, tracker),
    )

"""A message for an SNS topic, in a form that SNS accepts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SUBJECT_LENGTH = 99
"""SNS accepts fewer than 100 characters of printable ASCII."""


@dataclass(frozen=True, slots=True)
class SnsMessage:
    """A message for an SNS topic."""

    subject: str
    body: Mapping[str, Any]
    """Sent as JSON."""
    attributes: Mapping[str, str]
    """Message attributes, for filter policies of subscriptions; none is empty."""
    mail: str = ""
    """What e-mail subscribers read; empty: they get the body as well."""
    chat: Mapping[str, Any] | None = None
    """The custom notification for the chat topic, if there is one."""


def sns_message(
    subject: str,
    body: Mapping[str, Any],
    attributes: Mapping[str, str | None],
    *,
    mail: str = "",
    chat: Mapping[str, Any] | None = None,
) -> SnsMessage:
    """A message with its subject cut, and without empty attributes. SNS rejects a message with a
    control character in an attribute, so those become `?`."""
    text = "".join(one if " " <= one <= "~" else "?" for one in subject)
    return SnsMessage(
        subject=text if len(text) <= SUBJECT_LENGTH else f"{text[: SUBJECT_LENGTH - 3]}...",
        body=body,
        attributes={
            name: "".join(one if one.isprintable() else "?" for one in value)
            for name, value in attributes.items()
            if value
        },
        mail=mail,
        chat=chat,
    )

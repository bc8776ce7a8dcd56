"""One message of an SNS topic, in the form that SNS takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SUBJECT_LENGTH = 99
"""SNS takes less than 100 characters, printable ASCII."""


@dataclass(frozen=True, slots=True)
class SnsMessage:
    """`body` becomes JSON. Subscriptions filter by `attributes`; none of them is empty."""

    subject: str
    body: Mapping[str, Any]
    attributes: Mapping[str, str]


def sns_message(
    subject: str, body: Mapping[str, Any], attributes: Mapping[str, str | None]
) -> SnsMessage:
    """Cuts the subject to what SNS takes, and leaves out attributes without a value. SNS refuses
    a whole message for one control character in an attribute, so those become `?`."""
    text = "".join(one if " " <= one <= "~" else "?" for one in subject)
    return SnsMessage(
        subject=text if len(text) <= SUBJECT_LENGTH else f"{text[: SUBJECT_LENGTH - 3]}...",
        body=body,
        attributes={
            name: "".join(one if one.isprintable() else "?" for one in value)
            for name, value in attributes.items()
            if value
        },
    )

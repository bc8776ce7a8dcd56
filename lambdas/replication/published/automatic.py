"""Rules of automatic redrives, and what is kept of them. The doctor shows those that stopped."""

from dataclasses import dataclass

from replication.published.redrive import Redrive

MOST_ATTEMPTS = 3
"""How often a version may have been in a job before, by the reports in the ledger."""


@dataclass(frozen=True, slots=True)
class AutoRule:
    """FAILED with `code` on a route."""

    bucket: str
    destination: str
    code: str

    @property
    def text(self) -> str:
        """As the configuration has it."""
        return f"{self.bucket}>{self.destination}:{self.code}"

    @classmethod
    def parse(cls, text: str) -> "AutoRule":
        """ValueError when it is none."""
        bucket, _, rest = text.partition(">")
        destination, _, code = rest.partition(":")
        if not (bucket and destination and code):
            raise ValueError(f"{text!r} is no bucket>destination:code")
        return cls(bucket, destination, code)


@dataclass(frozen=True, slots=True)
class RuleNote:
    """The last redrive of a rule, and the incident that it was for."""

    rule: AutoRule
    redrive_id: str
    incident_id: str


@dataclass(frozen=True, slots=True)
class Spent:
    """What automatic redrives started on a day (UTC)."""

    day: str
    jobs: int = 0
    versions: int = 0
    dollars: float = 0.0

    def plus(self, jobs: int, versions: int, dollars: float) -> "Spent":
        return Spent(
            self.day, self.jobs + jobs, self.versions + versions, round(self.dollars + dollars, 6)
        )


def is_stopped(redrive: Redrive) -> bool:
    """Whether under half of what it tried succeeded, so that its rule stops for the incident."""
    if redrive.started_at is None or redrive.ended_at is None:
        return False
    return 2 * sum(one.succeeded or 0 for one in redrive.jobs) < redrive.versions

"""How buckets are set up is asked once an hour, and a refusal is a finding."""

from dataclasses import dataclass, field, replace

from reconcile.setup_inspection import SetupInspection
from replication.errors import Denied, Unavailable
from replication.s3.bucket_setup import Setup, Setups
from replication.times import Instant, plus

NOW = Instant("2026-11-22T10:00:00.000Z")
WELL = Setup(versioning="Enabled", eventbridge=True, replication_events=True, kms=False)


@dataclass
class MemoryFindings:
    denied: list[tuple[str, str]] = field(default_factory=list)
    known: dict[str, tuple[Setup, Instant]] = field(default_factory=dict)

    def note(self, denied: Denied, now: Instant) -> None:
        self.denied.append((denied.bucket, denied.action))

    def note_setup(self, bucket: str, setup: Setup, now: Instant) -> None:
        self.known[bucket] = (setup, now)

    def setups(self) -> Setups:
        return dict(self.known)


def test_every_bucket_is_looked_at_once_an_hour() -> None:
    findings, asked = MemoryFindings(), list[str]()

    def setup_of(bucket: str) -> Setup:
        asked.append(bucket)
        return WELL

    missed: dict[str, Instant] = {}
    inspection = SetupInspection(
        setup_of, lambda: ["a"], findings, ["a", "b"], missed.__setitem__, 600
    )
    looked = [inspection.inspect(plus(NOW, minutes * 60)) for minutes in (0, 5, 59, 60)]
    assert looked == [2, 0, 0, 2]
    assert sorted(asked) == ["a", "a", "b", "b"]
    assert findings.known == {
        name: (replace(WELL, routed=routed), plus(NOW, 3_600))
        for name, routed in (("a", True), ("b", False))
    }
    again = plus(NOW, 3_600 + 3_600 + 600)
    assert missed == {"b": again}, "until the next inspection, and S3 takes some time to begin"


def test_a_refusal_is_a_finding_and_a_pause_of_s3_is_none() -> None:
    def setup_of(bucket: str) -> Setup:
        if bucket == "denied":
            raise Denied("s3:GetBucketVersioning", bucket)
        if bucket == "slow":
            raise Unavailable("SlowDown")
        return WELL

    def routed() -> list[str]:
        raise Unavailable("ThrottlingException")

    findings = MemoryFindings()
    missed: dict[str, Instant] = {}
    buckets = ["denied", "slow", "well"]
    SetupInspection(setup_of, routed, findings, buckets, missed.__setitem__).inspect(NOW)
    assert missed == {}
    assert findings.denied == [("denied", "s3:GetBucketVersioning")]
    assert findings.known == {"well": (WELL, NOW)}, "of rules that were not read nothing is said"

"""The knobs: all of them have a name, wrong ones are all named, and a seed repeats itself."""

from __future__ import annotations

import random

import pytest

from local.adjustable import SettingsError
from local.s3_replication.faults import deliveries
from local.s3_replication.settings import Settings


def test_settings_come_from_the_environment_and_leave_the_rest_alone() -> None:
    settings = Settings.from_env(
        {
            "LOCAL_S3_REPLICATION_DELAY_SECONDS": "1.5",
            "LOCAL_S3_DESTINATION_TAG_EVENTS": "false",
            "LOCAL_S3_SEED": "7",
            "PATH": "/bin",
        }
    )
    assert settings == Settings(replication_delay_seconds=1.5, destination_tag_events=False, seed=7)


def test_every_wrong_setting_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({"LOCAL_S3_SEED": "x", "LOCAL_S3_TYPO": "1", "LOCAL_S3_MAX_JOBS": "many"})
    for name in ("LOCAL_S3_SEED", "LOCAL_S3_TYPO", "LOCAL_S3_MAX_JOBS"):
        assert name in str(caught.value)


@pytest.mark.parametrize(
    "values",
    [{"event_drop_rate": 1.1}, {"threshold_seconds": -1}, {"max_jobs": 0}, {"seed": True}],
)
def test_an_impossible_value_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        Settings().changed(values)


def schedule(settings: Settings, seed: int = 1, count: int = 400) -> list[tuple[float, ...]]:
    rng = random.Random(seed)
    return [deliveries(settings, rng) for _ in range(count)]


def test_without_faults_every_event_is_delivered_once_and_at_once() -> None:
    assert set(schedule(Settings())) == {(0.0,)}


def test_one_seed_gives_one_sequence_of_faults() -> None:
    settings = Settings(event_drop_rate=0.3, event_duplicate_rate=0.3, event_delay_rate=0.3)
    assert schedule(settings) == schedule(settings)
    assert schedule(settings, seed=1) != schedule(settings, seed=2)


def test_faults_come_about_as_often_as_asked() -> None:
    settings = Settings(event_drop_rate=0.5, event_duplicate_rate=0.5, event_delay_seconds=2)
    times = [len(times) for times in schedule(settings)]
    assert 0.4 < times.count(0) / 400 < 0.6
    assert 0.15 < times.count(2) / 400 < 0.35


def test_a_late_event_is_late_by_no_more_than_asked() -> None:
    delays = [d for (d,) in schedule(Settings(event_delay_rate=1, event_delay_seconds=2))]
    assert 0 <= min(delays) < max(delays) <= 2
    assert len(set(delays)) > 300


def test_drops_win_over_duplicates() -> None:
    assert set(schedule(Settings(event_drop_rate=1, event_duplicate_rate=1))) == {()}

"""`s3rt exporter`: what is exported, what is not known, how often the API is asked."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from s3rt.api import Api
from s3rt.exporter import PREFIX, Reading, RouteCollector, read
from s3rt.route_summaries import RouteSummary
from tests.s3rt.conftest import Command
from tests.support.fake_api.server import FakeApi
from tests.support.fake_api.world import DUBLIN, FRANKFURT, LOGS, MEDIA, OREGON, TAX

ROOT = Path(__file__).parents[3]
DASHBOARD = ROOT / "docs" / "grafana-dashboard.json"

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Scraped:
    """A collector over an API, as Prometheus sees it."""

    def __init__(self, reading: Any, interval: float = 30) -> None:
        self.clock = Clock()
        self.failures: list[Exception] = []
        self.registry = CollectorRegistry()
        self.registry.register(RouteCollector(reading, interval, self.clock, self.failures.append))

    def __call__(self) -> Samples:
        found = generate_latest(self.registry).decode()
        return {
            (sample.name.removeprefix(PREFIX), tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(found)
            for sample in family.samples
        }


def labels(source: str, destination: str, **more: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted({"source": source, "destination": destination, **more}.items()))


@pytest.fixture
def client(api: FakeApi) -> Iterator[Api]:
    session = boto3.Session("test", "test", region_name="eu-central-1")
    with Api.at(api.url, "eu-central-1", session) as found:
        yield found


def test_every_route_has_its_numbers(client: Api) -> None:
    found = Scraped(lambda: read(client))()
    assert found["up", ()] == 1
    assert found["versions", labels(MEDIA, OREGON, status="FAILED")] == 9
    assert found["versions", labels(MEDIA, FRANKFURT, status="PENDING")] == 5
    assert found["bytes", labels(MEDIA, OREGON, status="FAILED")] > 9_000
    assert 2_800 < found["oldest_pending_seconds", labels(MEDIA, OREGON)] < 3_000
    assert found["oldest_pending_seconds", labels(TAX, DUBLIN)] == 0, "nothing is PENDING"
    assert found["watermark_lag_seconds", labels(MEDIA, OREGON)] > 1_500
    assert found["watermark_timestamp_seconds", labels(MEDIA, OREGON)] < time.time() - 1_500
    assert found["heard_until_timestamp_seconds", labels(MEDIA, OREGON)] < time.time()
    assert found["complete", labels(MEDIA, OREGON)] == 1
    quantiles = [
        found["latency_seconds", labels(MEDIA, OREGON, window="1d", quantile=name)]
        for name in ("0.5", "0.9", "0.99")
    ]
    assert quantiles == sorted(quantiles)
    assert found["open_incidents", labels(TAX, DUBLIN)] >= 1
    assert found["open_incidents", labels(MEDIA, FRANKFURT)] == 0


def test_what_is_not_known_has_no_sample(client: Api) -> None:
    found = Scraped(lambda: read(client))()
    unread = [(name, of) for name, of in found if ("source", LOGS) in of]
    assert {name for name, _ in unread} == {"complete", "open_incidents"}
    assert found["complete", labels(LOGS, "")] == 0


def test_scrapes_of_one_interval_share_one_round(client: Api, api: FakeApi) -> None:
    scraped = Scraped(lambda: read(client))
    scraped()
    asked = len(api.seen)
    assert asked <= 2 + 2 * 3, "the buckets, the incidents, and two of each source at most"
    scraped.clock.now = 29.9
    scraped()
    assert len(api.seen) == asked
    scraped.clock.now = 30
    scraped()
    assert len(api.seen) == 2 * asked


def test_after_a_failed_round_nothing_old_is_exported(client: Api, api: FakeApi) -> None:
    scraped = Scraped(lambda: read(client))
    assert len(scraped()) > 20
    api.down = True
    scraped.clock.now = 60
    assert scraped() == {("up", ()): 0}
    asked = len(api.seen)
    scraped.clock.now = 80
    assert scraped() == {("up", ()): 0}
    assert len(api.seen) == asked, "a failure is remembered for the interval as well"
    assert len(scraped.failures) == 1
    api.down = False
    scraped.clock.now = 90
    assert scraped()["up", ()] == 1


def test_the_dashboard_and_the_exporter_have_the_same_metrics(client: Api) -> None:
    exported = {PREFIX + name for name, _ in Scraped(lambda: read(client))()}
    dashboard = json.loads(DASHBOARD.read_text())
    shown = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked = [one["query"]["query"] for one in dashboard["templating"]["list"][1:]]
    assert set(re.findall(rf"\b{PREFIX}\w+", " ".join(shown))) == exported
    assert set(re.findall(rf"\b{PREFIX}\w+", " ".join(asked))) <= exported


def test_the_dashboard_names_only_labels_and_values_that_there_are(client: Api) -> None:
    found = Scraped(lambda: read(client))()
    known: dict[str, set[str]] = {}
    for _, of in found:
        for name, value in of:
            known.setdefault(name, set()).add(value)
    text = DASHBOARD.read_text().replace('\\"', '"')
    for name, value in re.findall(r'(\w+)!?="([^"$]*)"', text):
        assert value in known[name]
    assert set(re.findall(r"\{\{(\w+)\}\}", text)) <= set(known)


def test_a_hostile_name_stays_a_label() -> None:
    name = 'a"} 1\nevil{x="'
    scraped = Scraped(lambda: Reading([RouteSummary(name, "d", complete=True)], {}))
    assert scraped()["complete", labels(name, "d")] == 1


@pytest.mark.parametrize(
    "arguments",
    [("--listen", "9464"), ("--listen", "127.0.0.1:99999"), ("--interval", "1s")],
)
def test_a_wrong_option_is_said(s3rt: Command, arguments: tuple[str, ...]) -> None:
    assert s3rt("exporter", *arguments).code == 2


def test_an_address_in_use_is_said(s3rt: Command) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = s3rt("exporter", "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    assert ended.code == 2
    assert "in use" in ended.err


def test_it_is_served_on_loopback_until_it_is_interrupted(s3rt: Command) -> None:
    environment = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "PYTHONPATH": f"{ROOT}/lambdas:{ROOT}",
    }
    command = [sys.executable, "-m", "s3rt.main", "--outputs", str(s3rt.outputs), "exporter"]
    with subprocess.Popen(
        [*command, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            assert url.startswith("http://127.0.0.1:")
            assert f"{PREFIX}up 1.0" in httpx.get(url).text
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0

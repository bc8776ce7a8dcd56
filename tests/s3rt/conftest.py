"""`s3rt` against canned answers on loopback."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from s3rt.main import app
from tests.support.fake_api.server import FakeApi, serving
from tests.support.loopback import pytest_runtest_setup

__all__ = ["pytest_runtest_setup"]


@dataclass(frozen=True)
class Ended:
    """How a command ended: exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Command:
    """`s3rt` with the outputs of a stack."""

    outputs: Path

    def __call__(self, *arguments: str, input: bytes | None = None) -> Ended:
        found = CliRunner().invoke(
            app, ["--outputs", str(self.outputs), *arguments], input=input, env={"COLUMNS": "200"}
        )
        assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
        return Ended(found.exit_code, found.stdout, found.stderr)


@pytest.fixture(scope="module")
def serving_api() -> Iterator[FakeApi]:
    with serving() as found:
        yield found


@pytest.fixture
def api(serving_api: FakeApi) -> FakeApi:
    """The API as it is when nothing is wrong with it."""
    serving_api.absent.clear()
    serving_api.seen.clear()
    serving_api.changes.clear()
    serving_api.redrives = None
    serving_api.down = False
    return serving_api


@pytest.fixture
def s3rt(api: FakeApi, tmp_path: Path) -> Command:
    file = tmp_path / "outputs.json"
    outputs = {"ApiUrl": api.url, "region": "eu-central-1", "endpoint_url": api.url}
    file.write_text(json.dumps(outputs))
    return Command(file)


OLD_RELEASE: Sequence[str] = (
    "/v1/buckets/{bucket}/summary",
    "/v1/buckets/{bucket}/timeline",
    "/v1/incidents",
    "/v1/incidents/{incident_id}",
)
"""The routes that came later."""

"""Running the CDK CLI: bounded, ended as a group, and explained when it fails."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from local import deploy
from local.emulator.server import Server
from local.places import Place
from tests.local.conftest import wait_for

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def emulator(tmp_path: Path) -> Server:
    """A server that is not there: only its log is looked at."""
    running = Server(pid=0, port=1, state_dir=tmp_path)
    running.log.write_text("an old Worker init failed\n")
    return running


def cdk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str) -> None:
    """Put a shell script where the CLI is."""
    file = tmp_path / "cdk"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    monkeypatch.setattr(deploy, "CDK", file)


def gone(pid_file: Path) -> bool:
    try:
        os.kill(int(pid_file.read_text()), 0)
    except ProcessLookupError:
        return True
    return False


def test_a_deployment_that_hangs_is_ended_with_its_children(
    emulator: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cdk(monkeypatch, tmp_path, f"sleep 60 & echo $! > {tmp_path}/child; echo working; wait")
    monkeypatch.setattr(deploy, "_BOOTSTRAP_SECONDS", 1.0)
    begun = time.monotonic()
    with pytest.raises(deploy.DeployError, match=r"(?s)took longer than 1 s.*working"):
        deploy.bootstrap(emulator)
    assert time.monotonic() - begun < 10
    wait_for(lambda: gone(tmp_path / "child"))


def test_a_function_that_does_not_start_ends_the_wait_at_once(
    emulator: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cdk(monkeypatch, tmp_path, f"echo 'Worker init failed: no boto3' >> {emulator.log}; sleep 60")
    begun = time.monotonic()
    with pytest.raises(deploy.DeployError, match=r"(?s)does not start.*no boto3"):
        deploy.bootstrap(emulator)
    assert time.monotonic() - begun < 10


def test_a_failing_cli_shows_what_it_said(
    emulator: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cdk(monkeypatch, tmp_path, "echo no such stack >&2; exit 3")
    with pytest.raises(deploy.DeployError, match=r"(?s)ended with status 3.*no such stack"):
        deploy.bootstrap(emulator)


def test_a_missing_cli_names_the_fix(
    emulator: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(deploy, "CDK", tmp_path / "nothing")
    with pytest.raises(deploy.DeployError, match="npm ci"):
        deploy.bootstrap(emulator)


def test_the_cli_sees_the_emulator_and_none_of_the_callers_aws_account(
    emulator: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "secret")
    cdk(monkeypatch, tmp_path, "env")
    deploy.bootstrap(emulator)
    seen = (tmp_path / "cdk.log").read_text()
    assert "AWS_ENDPOINT_URL=http://127.0.0.1:1\n" in seen
    assert "AWS_PROFILE" not in seen
    assert "AWS_SESSION_TOKEN" not in seen


def test_other_accounts_are_bootstrapped_by_their_own_key_and_trust_home(
    emulator: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cdk(monkeypatch, tmp_path, 'echo "$AWS_ACCESS_KEY_ID: $@"')
    there = Place("222222222222", "eu-west-1")
    deploy.bootstrap(emulator, [there, Place("222222222222", "us-east-1"), there])
    ours, theirs = (tmp_path / "cdk.log").read_text().splitlines()
    assert ours.startswith("test: bootstrap aws://000000000000/us-east-1 --no")
    assert "--trust" not in ours
    both = "aws://222222222222/eu-west-1 aws://222222222222/us-east-1"
    assert theirs.startswith(f"222222222222: bootstrap {both} --trust 000000000000 ")

"""Which browser drives the page, and what is said where there is none."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local import chromium


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without a browser, in a checkout that nothing was installed into."""
    monkeypatch.setattr(chromium, "_OF_THE_MACHINE", ())
    monkeypatch.setattr(chromium, "_PACKAGE", tmp_path)


@pytest.mark.usefixtures("bare")
def test_where_a_browser_is_shipped_its_absence_names_what_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chromium, "shipped", lambda: True)
    assert "run `npm ci`" in (chromium.missing() or "")


@pytest.mark.usefixtures("bare")
def test_elsewhere_a_browser_of_the_machine_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chromium, "shipped", lambda: False)
    told = chromium.missing() or ""
    assert "none is shipped for this kind of machine" in told
    assert "apt-get install chromium" in told


def test_a_browser_of_the_machine_comes_first(tmp_path: Path) -> None:
    """One that does not start is named, with what to do; it is not passed over in silence."""
    (tmp_path / "chromium").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "chromium").chmod(0o755)
    done = screenshots(tmp_path)
    assert done.returncode == 1
    assert f"{tmp_path / 'chromium'} does not start; install Chromium" in done.stderr


@pytest.mark.browser
@pytest.mark.skipif(not chromium.shipped(), reason="no browser is shipped for this machine")
def test_the_shipped_browser_takes_the_pictures(tmp_path: Path) -> None:
    done = screenshots(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "page-light.png").read_bytes().startswith(b"\x89PNG")


def screenshots(folder: Path) -> "subprocess.CompletedProcess[str]":
    """Pictures in `folder`, by a process that finds programs in there alone."""
    for name in ("node", "tar"):
        (folder / name).symlink_to(shutil.which(name) or name)
    return subprocess.run(
        [sys.executable, "-m", "tests.support.fake_api.screenshots", "--images", str(folder)],
        env={**os.environ, "PATH": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )

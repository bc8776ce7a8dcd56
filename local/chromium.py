"""A headless Chromium of its own, for the browser tests and for the pictures in docs/images.

A browser of the machine comes first. On Linux with an x64 processor there is always one: the npm
package `@sparticuz/chromium`, which package.json pins, holds a Chromium, packed.
"""

import fcntl
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

_OF_THE_MACHINE = (
    "chromium",
    "google-chrome",
    "google-chrome-stable",
    "chromium-browser",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
_PACKAGE = Path(__file__).parents[1] / "node_modules" / "@sparticuz" / "chromium"
# Inside the package's own folder, so that npm takes it away together with the version it is of.
_UNPACKED = _PACKAGE / "unpacked"
_INFLATE = "process.stdin.pipe(require('zlib').createBrotliDecompress()).pipe(process.stdout)"
_INSTALL = "install Chromium or Google Chrome (on Debian: apt-get install chromium)"


def shipped() -> bool:
    """Whether the project brings a browser for this kind of machine."""
    return sys.platform == "linux" and platform.machine() == "x86_64"


def missing() -> str | None:
    """What there is to do before a browser can start; None when nothing is."""
    if find_spec("playwright") is None:
        return "Playwright is not installed: run `make .venv/.ready`"
    if _of_the_machine():
        return None
    if not shipped():
        return f"no browser: none is shipped for this kind of machine, {_INSTALL}"
    if not (_PACKAGE / "bin").is_dir():
        return f"no browser: run `npm ci`, which brings one, or {_INSTALL}"
    return None


@contextmanager
def browser(width: int = 1_280, height: int = 900) -> Iterator["Page"]:
    """A tab of a fresh browser with a profile of its own; all of it is gone at the end."""
    if node := shutil.which("node"):
        # Playwright's own Node.js needs libraries that a bare machine has not.
        os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", node)
    from playwright.sync_api import Error, sync_playwright

    binary, environment = _of_the_machine(), dict(os.environ)
    if not binary:
        binary, more = _unpacked()
        environment |= more
    with sync_playwright() as playwright:
        try:
            found = playwright.chromium.launch(
                executable_path=binary,
                env=dict(environment),
                args=["--disable-gpu", "--disable-quic", "--disable-component-update"],
            )
        except Error as error:
            raise RuntimeError(f"{binary} does not start; {_INSTALL}") from error
        with found:
            tab = found.new_page(locale="en-GB")
            resize(tab, width, height)
            yield tab


def resize(tab: "Page", width: int, height: int, *, dark: bool = False) -> None:
    """The viewport in CSS pixels, and the colour scheme of the person's system."""
    tab.set_viewport_size({"width": width, "height": height})
    tab.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")


def _of_the_machine() -> str | None:
    return next(filter(None, map(shutil.which, _OF_THE_MACHINE)), None)


def _unpacked() -> tuple[str, dict[str, str]]:
    """The shipped browser, unpacked when it is first asked for, and the variables it needs.

    The package's own code unpacks to fixed names in /tmp, where two projects or two workers would
    meet half a browser. Here one process unpacks, the others wait, and a folder is whole or absent.
    """
    with (_PACKAGE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _UNPACKED.exists():
            _unpack(_UNPACKED.with_suffix(".part"))
    # Libraries and a font that a bare machine has not; where it has fonts, they come first.
    return str(_UNPACKED / "chromium"), {
        "LD_LIBRARY_PATH": f"{_UNPACKED}/lib:{os.environ.get('LD_LIBRARY_PATH', '')}".rstrip(":"),
        "FONTCONFIG_FILE": str(_UNPACKED / "all-fonts.conf"),
    }


def _unpack(part: Path) -> None:
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    for name in ("chromium", "al2023.tar", "fonts.tar"):
        with (_PACKAGE / "bin" / f"{name}.br").open("rb") as packed, (part / name).open("wb") as to:
            # Python's own library cannot read Brotli; Node.js can.
            subprocess.run(["node", "-e", _INFLATE], stdin=packed, stdout=to, check=True)
        if name.endswith(".tar"):
            subprocess.run(["tar", "--no-same-owner", "-xf", name], cwd=part, check=True)
            (part / name).unlink()
    (part / "chromium").chmod(0o755)
    (part / "all-fonts.conf").write_text(
        '<fontconfig><include ignore_missing="yes">/etc/fonts/fonts.conf</include>'
        '<dir prefix="relative">fonts</dir></fontconfig>\n'
    )
    part.rename(_UNPACKED)

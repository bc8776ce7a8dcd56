"""A headless Chromium of its own, for the browser tests and for the pictures in docs/images.

Needed: the packages `chromium` and `chromium-driver` (Debian's names), and selenium.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--lang=en-GB",
)
_NAMES = ("chromium", "chromium-browser", "google-chrome")


def missing() -> str | None:
    """What has to be installed; None when everything is there."""
    if not any(shutil.which(name) for name in _NAMES):
        return "no chromium on this machine (apt-get install chromium chromium-driver)"
    if not shutil.which("chromedriver"):
        return "no chromedriver on this machine (apt-get install chromium-driver)"
    return None


@contextmanager
def browser(width: int = 1_280, height: int = 900) -> Iterator["Chrome"]:
    """A fresh browser with a profile of its own; both are gone at the end."""
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    options = ChromeOptions()
    options.binary_location = next(filter(None, map(shutil.which, _NAMES)), "")
    with TemporaryDirectory(prefix="s3rt-chromium-", ignore_cleanup_errors=True) as profile:
        for flag in (*_FLAGS, f"--window-size={width},{height}", f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        found = Chrome(options=options, service=Service(shutil.which("chromedriver")))
        try:
            resize(found, width, height)
            yield found
        finally:
            found.quit()


def resize(chrome: "Chrome", width: int, height: int, *, dark: bool = False) -> None:
    """The viewport in CSS pixels, whatever the least width of a window is, and the colour scheme
    of the person's system."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    still = {"name": "prefers-reduced-motion", "value": "reduce"}
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme, still]})


def picture(chrome: "Chrome", file: Path, *, whole_page: bool = False) -> None:
    """What is to be seen as a PNG."""
    import base64

    options = {"format": "png", "captureBeyondViewport": whole_page}
    if whole_page:
        size = chrome.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
        options["clip"] = {**size, "scale": 1}
    shot = chrome.execute_cdp_cmd("Page.captureScreenshot", options)
    file.write_bytes(base64.b64decode(shot["data"]))

"""`python -m local.screenshots --outputs .local/outputs.json`: pictures of the page of a stack.

Those in docs/images are of canned answers (`make screenshots`).
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from local import chromium
from s3rt.api import Api
from s3rt.outputs import Outputs, find
from s3rt.page_server import serving_page

if TYPE_CHECKING:
    from playwright.sync_api import Page

IMAGES = Path(__file__).parents[1] / "docs" / "images"
WIDE, NARROW = (1_280, 900), (390, 844)
_PATIENCE_MILLISECONDS = 20_000


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 when all pictures are written, 1 when there is no browser."""
    parser = argparse.ArgumentParser(prog="python -m local.screenshots", description=__doc__)
    parser.add_argument("--outputs", type=Path, required=True, help="of a running stack")
    parser.add_argument("--images", type=Path, default=IMAGES, help="where they go")
    options = parser.parse_args(arguments)
    return write(find(options.outputs), options.images)


def write(outputs: Outputs, images: Path) -> int:
    """Writes every picture of the page of that stack; the exit status of `main`."""
    console = Console()
    if trouble := chromium.missing():
        console.print(trouble, style="red")
        return 1
    images.mkdir(parents=True, exist_ok=True)
    region = outputs.region or "us-east-1"
    with (
        Api.at(outputs["ApiUrl"], region, outputs.session()) as api,
        serving_page(api) as site,
        chromium.browser(*WIDE) as tab,
    ):
        for name in take(tab, site.url, images):
            console.print(f"{images / name}", highlight=False)
    return 0


def take(tab: "Page", url: str, images: Path) -> Iterator[str]:
    """Every picture, by its name."""
    for dark in (False, True):
        chromium.resize(tab, *WIDE, dark=dark)
        tab.goto(url)
        _until(tab, "#routes table", "#activity figure, #activity .note:not(.loading)")
        name = f"page-{'dark' if dark else 'light'}.png"
        tab.screenshot(path=images / name, full_page=True)
        yield name
    chromium.resize(tab, *WIDE)
    failures = tab.locator("#failures a")
    if failures.count():
        failures.first.evaluate("one => one.click()")
        _until(tab, "dialog[open] .timeline")
        tab.screenshot(path=images / "object.png")
        yield "object.png"
    chromium.resize(tab, *NARROW)
    tab.goto(url)
    _until(tab, "#routes table", "#failures table, #failures .note:not(.loading)")
    tab.screenshot(path=images / "narrow.png")
    yield "narrow.png"


def _until(tab: "Page", *selectors: str) -> None:
    """Waits until the page has something for each selector. TimeoutError when it never has."""
    for selector in selectors:
        tab.locator(selector).first.wait_for(state="attached", timeout=_PATIENCE_MILLISECONDS)


if __name__ == "__main__":
    sys.exit(main())

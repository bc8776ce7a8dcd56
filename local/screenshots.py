"""`python -m local.screenshots --outputs .local/outputs.json`: pictures of the page of a stack.

Those in docs/images are of canned answers (`make screenshots`).
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from local import chromium
from s3rt.api import Api
from s3rt.outputs import Outputs, find
from s3rt.page_server import serving_page

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

IMAGES = Path(__file__).parents[1] / "docs" / "images"
WIDE, NARROW = (1_280, 900), (390, 844)
_PATIENCE_SECONDS = 20


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
    ):
        for name in take(site.url, images):
            console.print(f"{images / name}", highlight=False)
    return 0


def take(url: str, images: Path) -> Iterator[str]:
    """Every picture, by its name."""
    with chromium.browser(*WIDE) as chrome:
        for dark in (False, True):
            chromium.resize(chrome, *WIDE, dark=dark)
            chrome.get(url)
            _until(chrome, "#routes table", "#activity figure, #activity .note:not(.loading)")
            name = f"page-{'dark' if dark else 'light'}.png"
            chromium.picture(chrome, images / name, whole_page=True)
            yield name
        chromium.resize(chrome, *WIDE)
        if chrome.find_elements("css selector", "#failures a"):
            chrome.execute_script("document.querySelector('#failures a').click()")
            _until(chrome, "dialog[open] .timeline")
            chromium.picture(chrome, images / "object.png")
            yield "object.png"
        chromium.resize(chrome, *NARROW)
        chrome.get(url)
        _until(chrome, "#routes table", "#failures table, #failures .note:not(.loading)")
        chromium.picture(chrome, images / "narrow.png")
        yield "narrow.png"


def _until(chrome: "Chrome", *selectors: str) -> None:
    """Waits until the page has something for each selector. TimeoutError when it never has."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    there: Callable[[str], bool] = lambda one: bool(chrome.find_elements("css selector", one))  # noqa: E731
    while not all(map(there, selectors)):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the page never had all of {', '.join(selectors)}")
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())

"""The page in a real headless Chromium, served by `s3rt.page_server` in front of canned answers."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from local import chromium
from s3rt.api import Api
from s3rt.page_server import Site, serving_page
from tests.support.fake_api.server import FakeApi, serving
from tests.support.loopback import pytest_runtest_setup

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Locator
    from playwright.sync_api import Page as Tab

__all__ = ["pytest_runtest_setup"]

WIDE = (1_280, 900)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "browser: drives the page in headless Chromium")


@dataclass(frozen=True)
class Page:
    """The page as a person meets it."""

    tab: "Tab"
    api: FakeApi
    site: Site
    complaints: list[str]
    """What the browser's console holds against the page: errors, refusals of its policy."""

    def open(self, fragment: str = "") -> None:
        """Opens it afresh and waits until it shows something or says why not."""
        self.tab.goto("about:blank")
        self.tab.goto(self.site.url + fragment)
        self.until(lambda: self.text("h1") != "Looking …")
        self.until(lambda: not self.has(".note.loading"))
        self.until(lambda: not self.has("[aria-busy]"))

    def find(self, selector: str) -> "Locator":
        """The first that matches; whoever uses it waits until there is one."""
        return self.tab.locator(selector).first

    def all(self, selector: str) -> list["Locator"]:
        return self.tab.locator(selector).all()

    def has(self, selector: str) -> bool:
        return self.tab.locator(selector).count() > 0

    def text(self, selector: str) -> str:
        """What a person reads in the first that matches."""
        return self.find(selector).inner_text().strip()

    def texts(self, selector: str) -> list[str]:
        """The texts of all that match, read at one instant."""
        return self.tab.locator(selector).all_inner_texts()

    def run(self, script: str, *arguments: Any) -> Any:
        """What the body of a JavaScript function returns."""
        return self.tab.evaluate(f"(given) => (function () {{ {script} }})(...given)", arguments)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.tab.keyboard.press(key)

    def search(self, wanted: str) -> None:
        """Asks for an object in the field at the top."""
        self.find("#wanted").fill(wanted)
        self.press("Enter")

    def until(self, true: Any, seconds: float = 15) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, f"not within {seconds} s: {self.text('body')[:500]}"
            self.tab.wait_for_timeout(50)


def show(page: Page, bucket: str, prefix: str = "") -> None:
    """The failures of a bucket."""
    page.run("document.querySelector('[name=bucket]').value = arguments[0]", bucket)
    page.run("document.querySelector('[name=prefix]').value = arguments[0]", prefix)
    page.api.seen.clear()
    page.run("document.getElementById('filters').requestSubmit()")
    page.until(lambda: any(query.get("limit") == "25" for _, query in page.api.seen))
    page.until(lambda: not page.has("#failures[aria-busy]"))


@pytest.fixture(scope="package")
def tab() -> Iterator["Tab"]:
    """One browser for all of these tests, and for no other: while it lives, its event loop runs."""
    if trouble := chromium.missing():
        if chromium.shipped():
            pytest.fail(trouble, pytrace=False)
        pytest.skip(trouble)
    with chromium.browser(*WIDE) as found:
        yield found


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[FakeApi, Site]]:
    session = boto3.Session("AKIDEXAMPLE", "secret-of-the-caller", region_name="eu-central-1")
    with (
        serving() as fake,
        Api.at(fake.url, "eu-central-1", session) as api,
        serving_page(api) as site,
    ):
        yield fake, site


@pytest.fixture
def page(tab: "Tab", served: tuple[FakeApi, Site]) -> Iterator[Page]:
    fake, site = served
    fake.absent.clear()
    fake.seen.clear()
    fake.changes.clear()
    fake.redrives = None
    fake.down = False
    chromium.resize(tab, *WIDE)
    found = Page(tab, fake, site, [])

    def said(message: "ConsoleMessage") -> None:
        found.complaints.append(message.text)

    def thrown(error: Exception) -> None:
        found.complaints.append(str(error))

    tab.on("console", said)
    tab.on("pageerror", thrown)
    yield found
    tab.remove_listener("console", said)
    tab.remove_listener("pageerror", thrown)

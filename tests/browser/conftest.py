"""The page in a real headless Chromium, served by `cli.serve` in front of canned answers."""

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
    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

__all__ = ["pytest_runtest_setup"]

WIDE = (1_280, 900)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "browser: drives the page in headless Chromium")


@dataclass(frozen=True)
class Page:
    """The page as a person meets it."""

    chrome: "Chrome"
    api: FakeApi
    site: Site

    def open(self, fragment: str = "") -> None:
        """Opens it afresh and waits until it shows something or says why not."""
        self.chrome.get("about:blank")
        self.chrome.get(self.site.url + fragment)
        self.until(lambda: self.find("h1").text != "Looking …")
        self.until(lambda: not self.all(".note.loading"))
        self.until(lambda: not self.all("[aria-busy]"))

    def find(self, selector: str) -> "WebElement":
        return self.chrome.find_element("css selector", selector)

    def all(self, selector: str) -> list["WebElement"]:
        return self.chrome.find_elements("css selector", selector)

    def texts(self, selector: str) -> list[str]:
        """The texts of all that match, read at one instant."""
        script = "return [...document.querySelectorAll(arguments[0])].map((one) => one.innerText)"
        found: list[str] = self.chrome.execute_script(script, selector)
        return found

    def run(self, script: str, *arguments: Any) -> Any:
        return self.chrome.execute_script(script, *arguments)

    def press(self, *keys: str) -> None:
        from selenium.webdriver import ActionChains

        ActionChains(self.chrome).send_keys(*keys).perform()

    def until(self, true: Any, seconds: float = 15) -> None:
        from selenium.common import StaleElementReferenceException
        from selenium.webdriver.support.wait import WebDriverWait

        wait = WebDriverWait(
            self.chrome, seconds, 0.05, ignored_exceptions=[StaleElementReferenceException]
        )
        wait.until(lambda _: true(), f"not within {seconds} s: {self.find('body').text[:500]}")

    def complaints(self) -> list[str]:
        """What the browser's console holds against the page: errors, refusals of its policy."""
        return [str(one["message"]) for one in log(self.chrome)]


def show(page: Page, bucket: str, prefix: str = "") -> None:
    """The failures of a bucket."""
    page.run("document.querySelector('[name=bucket]').value = arguments[0]", bucket)
    page.run("document.querySelector('[name=prefix]').value = arguments[0]", prefix)
    page.api.seen.clear()
    page.run("document.getElementById('filters').requestSubmit()")
    page.until(lambda: any(query.get("limit") == "25" for _, query in page.api.seen))
    page.until(lambda: not page.all("#failures[aria-busy]"))


def log(chrome: "Chrome") -> list[Any]:
    """What the console has said since it was last asked."""
    found: list[Any] = chrome.get_log("browser")  # type: ignore[no-untyped-call]
    return found


@pytest.fixture(scope="session")
def chrome() -> Iterator["Chrome"]:
    pytest.importorskip("selenium", reason="selenium is not installed (requirements/dev.txt)")
    if trouble := chromium.missing():
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
def page(chrome: "Chrome", served: tuple[FakeApi, Site]) -> Page:
    fake, site = served
    fake.absent.clear()
    fake.seen.clear()
    fake.down = False
    chromium.resize(chrome, *WIDE)
    log(chrome)
    return Page(chrome, fake, site)

"""The page for everybody: by keyboard, by screen reader, in the dark, on a small screen."""

from itertools import pairwise

import pytest

from local import chromium
from tests.browser.conftest import WIDE, Page, show
from tests.support.fake_api.world import CHANGED, HOSTILE, TAX

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def test_the_keyboard_alone_is_enough(page: Page) -> None:
    page.open()
    page.press("/")
    assert page.run("return document.activeElement.id") == "wanted"
    page.tab.keyboard.type(f"s3://{TAX}/{CHANGED}")
    page.press("Enter")
    page.until(lambda: page.has("dialog[open] .timeline"))
    assert page.run("return document.activeElement.id") == "object-title"
    page.press("Escape")
    page.until(lambda: not page.has("dialog[open]"))
    # The browser tells of a closed dialog in a task of its own, after the dialog is gone.
    page.until(lambda: page.run("return location.hash") == "")
    assert page.run("return document.activeElement.id") == "wanted"
    reached = set()
    for _ in range(60):
        page.press("Tab")
        reached.add(page.run(_NAME_OF_FOCUS))
        assert page.run(_FOCUS_IS_SEEN), page.run("return document.activeElement.outerHTML")
    assert {"pause", "bucket", "destination", "prefix", "Show these failures"} <= reached


_NAME_OF_FOCUS = """
const one = document.activeElement;
return one.id || one.name || one.textContent;
"""
_FOCUS_IS_SEEN = """
const one = document.activeElement;
if (one === document.body) return true;
const shown = one.type === "radio" ? one.nextElementSibling : one;
return getComputedStyle(shown).outlineStyle !== "none";
"""


def test_everything_that_can_be_used_has_a_name_and_the_page_has_landmarks(page: Page) -> None:
    page.open()
    unnamed = page.run(
        """
        return [...document.querySelectorAll("button, input, select, a, svg[role]")]
          .filter((one) => !one.closest("dialog"))
          .filter((one) => !(one.innerText || one.ariaLabel || one.labels?.[0]?.innerText
                             || one.labels?.[0]?.textContent || "").trim())
          .map((one) => one.outerHTML)
        """
    )
    assert unnamed == []
    for landmark in ("header", "main", "footer", "nav[aria-label]", "form[role=search]"):
        assert len(page.all(f"body > {landmark}, body {landmark}")) >= 1
    levels = page.run(
        """
        return [...document.querySelectorAll("main :is(h1, h2, h3)")]
          .map((one) => Number(one.tagName[1]))
        """
    )
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert len(page.all("h1")) == 1
    assert page.find("html").get_attribute("lang") == "en"
    assert page.find("#announcer").get_attribute("role") == "status"


def test_the_focus_stays_where_it_was_when_new_answers_come(page: Page) -> None:
    page.open()
    page.find("table.routes button").click()
    page.until(lambda: not page.has("[aria-busy]"))
    page.run("document.querySelector('table.routes button').focus()")
    before = page.run("return document.activeElement.dataset.focus")
    page.run("document.getElementById('pause').click(); document.getElementById('pause').click()")
    old = page.find("table.routes").element_handle()
    page.until(lambda: not old.evaluate("one => one.isConnected"))
    assert page.run("return document.activeElement.dataset.focus") == before


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_can_be_read_in_light_and_in_dark(page: Page, dark: bool) -> None:
    """The contrast WCAG 2 asks for (AA): 4.5 to 1."""
    chromium.resize(page.tab, *WIDE, dark=dark)
    page.open(f"#bucket={TAX}&key={CHANGED}")
    page.until(lambda: page.has("dialog[open] .timeline"))
    paper = page.run("return getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, paper[4:-1].split(","))) < 384) is dark
    assert page.run(_POOR_CONTRAST) == []


_POOR_CONTRAST = """
const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b]
  .map((one) => one / 255)
  .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4))
  .reduce((sum, one, index) => sum + one * [0.2126, 0.7152, 0.0722][index], 0);
const ground = (one) => {
  for (let at = one; at; at = at.parentElement) {
    const found = rgb(getComputedStyle(at).backgroundColor);
    if (found.length === 3 || found[3] === 1) return found;
  }
  return [255, 255, 255];
};
const poor = [];
for (const one of document.querySelectorAll("body *")) {
  const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (!own || !one.checkVisibility() || one.disabled || one.closest(":disabled")) continue;
  const style = getComputedStyle(one);
  const ink = rgb(one instanceof SVGElement ? style.fill : style.color);
  const [a, b] = [light(ink), light(ground(one))].sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05);
  const name = `${one.tagName}.${one.className} ${one.textContent.slice(0, 30)}`;
  if (ratio < 4.5) poor.push(`${name} ${ratio}`);
}
return poor;
"""


@pytest.mark.parametrize("width", [320, 390, 768, 1_280, 1_920])
def test_nothing_runs_out_of_the_side_at_any_width(page: Page, width: int) -> None:
    chromium.resize(page.tab, width, 844)
    page.open()
    show(page, TAX)
    assert page.run("return document.documentElement.scrollWidth") <= width, page.run(_TOO_WIDE)
    page.open(f"#bucket={TAX}&key={HOSTILE[-1]}")
    page.until(lambda: page.has("dialog[open] .timeline"))
    assert page.run("return document.querySelector('dialog').scrollWidth") <= width


_TOO_WIDE = """
const width = document.documentElement.clientWidth;
return [...document.querySelectorAll("body *")]
  .filter((one) => one.getBoundingClientRect().right > width + 1 && !one.closest(".unseen, thead"))
  .map((one) => `${one.tagName}.${one.className} ${one.textContent.slice(0, 40)}`);
"""

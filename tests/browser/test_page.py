"""What a person sees on the page, with a mouse, with a keyboard and with a screen reader."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from replication.ledger.fact import Kind
from replication.ledger.watermark import Reason
from replication.s3.version import ObjectVersion
from tests.browser.conftest import Page, show
from tests.s3rt.conftest import OLD_RELEASE
from tests.support.fake_api.server import ROUTES
from tests.support.fake_api.world import (
    CHANGED,
    DENIED,
    DUBLIN,
    FRANKFURT,
    HOSTILE,
    LOGS,
    MEDIA,
    NO_KEY,
    OREGON,
    TAX,
    World,
)
from tests.support.seeds import stored

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def test_the_top_says_how_things_stand(page: Page) -> None:
    page.open()
    assert page.text("h1") == "2 of 4 routes are failing."
    told = page.text("#standfirst")
    assert told.startswith("246 objects failed. The oldest pending object waits for 4")
    assert f"{MEDIA} → {OREGON}" in told
    assert "on every route that is known" in told
    assert page.tab.title() == "2 of 4 routes are failing – S3 replication"  # noqa: RUF001
    assert page.complaints == []


def test_every_route_has_its_state_counts_backlog_and_watermark(page: Page) -> None:
    page.open()
    rows = {
        tuple(row.locator("th .bucket").all_inner_texts()): row
        for row in page.all("table.routes tbody tr")
    }
    assert set(rows) == {
        (MEDIA, FRANKFURT),
        (MEDIA, OREGON),
        (TAX, DUBLIN),
        (LOGS, "unknown destination"),
    }
    oregon = rows[MEDIA, OREGON].inner_text()
    assert all(part in oregon for part in ("Failing", "160", "23", "oldest 4", "9", "min ago"))
    assert "us-west-2 222222222222" in oregon
    assert "eu-central-1" not in rows[MEDIA, FRANKFURT].inner_text(), "the source is there as well"
    unknown = rows[LOGS, "unknown destination"].inner_text()
    assert "Unknown" in unknown
    assert "0" not in unknown
    assert "never read" in page.text("#routes .doubt")


def test_charts_tell_in_words_what_they_draw(page: Page) -> None:
    page.open()
    labels = [one.get_attribute("aria-label") or "" for one in page.all("#activity svg")]
    assert any(one.startswith(f"{TAX} to {DUBLIN}: ") and "failures" in one for one in labels)
    assert page.has("#activity rect.completed")
    assert page.has("#activity rect.failed")
    latencies = [one.get_attribute("aria-label") or "" for one in page.all("#latency svg[role]")]
    assert len(latencies) == 3
    assert all("half within" in one and "99 % within" in one for one in latencies)


@pytest.mark.parametrize("hours", ["1", "6", "24", "168"])
def test_the_time_the_charts_show_can_be_chosen(page: Page, hours: str) -> None:
    page.open()
    page.api.seen.clear()
    page.run(f"document.querySelector('input[value=\"{hours}\"]').click()")
    page.run("document.getElementById('range').dispatchEvent(new Event('change'))")
    page.until(lambda: any(path.endswith("/timeline") for path, _ in page.api.seen))
    page.until(lambda: not page.has("#activity[aria-busy]"))
    assert page.has("#activity figure")


def test_an_incident_has_its_fix_and_leads_to_its_failures(page: Page) -> None:
    page.open()
    incidents = page.texts(".incident")
    assert len(incidents) == 2
    (vault,) = [one for one in incidents if one.startswith(NO_KEY)]
    assert "9 objects failed now" in vault
    assert "Fix Name an existing key" in vault
    buttons = page.all(".incident button:not(.plan)")
    buttons[[one.startswith(DENIED) for one in incidents].index(True)].click()
    page.until(lambda: DENIED in page.text("#failures"))
    assert page.find("[name=bucket]").input_value() == TAX
    assert page.find("[name=reason]").input_value() == DENIED
    assert page.run("return document.activeElement.id") == "failures-title"


def test_pages_show_every_failure_once_and_lead_back(page: Page) -> None:
    page.open()
    show(page, TAX)
    first = page.texts("#failures .key")
    seen = list(first)
    pages = 1
    while page.find("#older").is_enabled():
        page.find("#older").click()
        pages += 1
        page.until(lambda: page.text("#page-number") == f"Page {pages}")  # noqa: B023
        seen += page.texts("#failures .key")
    assert (pages, len(seen), len(set(seen))) == (10, 237, 237)
    for _ in range(pages - 1):
        page.find("#newer").click()
        pages -= 1
        page.until(lambda: page.text("#page-number") == f"Page {pages}")  # noqa: B023
    assert page.texts("#failures .key") == first
    assert not page.find("#newer").is_enabled()


def test_a_filter_that_matches_nothing_says_so(page: Page) -> None:
    page.open()
    show(page, TAX, "no such prefix")
    assert page.text("#failures") == "No failure matches."
    assert page.find("#announcer").text_content() == "No failure matches."


@pytest.mark.parametrize("key", HOSTILE)
def test_a_hostile_key_is_text_wherever_it_is_shown(page: Page, key: str) -> None:
    page.open()
    show(page, TAX, key.split("\n")[0])  # a field of a form takes no line break
    link = page.find("#failures .key")
    assert link.get_attribute("data-key") == key
    shown = page.texts("#failures .key")[0]
    assert not [one for one in shown if not one.isprintable()]
    assert "\u202e" not in shown
    link.click()
    page.until(lambda: page.has("dialog[open] .timeline"))
    assert page.texts("#object-title")[0].replace("\n", "")[:20] == shown[:20]
    assert page.all("main img, main script, dialog img, dialog script, [onerror]") == []
    assert "owned" not in page.tab.title()
    assert page.complaints == []


def test_an_object_s_life_is_a_timeline(page: Page) -> None:
    page.open()
    page.search(f"s3://{TAX}/{CHANGED}")
    page.until(lambda: page.has("dialog[open] .timeline"))
    assert page.texts(".timeline .status") == [
        "… PENDING",
        "✗ FAILED",
        "✓ COMPLETED",
        "… PENDING",
        "✓ COMPLETED",
    ]
    assert "10 s later" in page.texts(".timeline li")[1]
    assert page.texts(".timeline .detail")[1] == f"S3 told of its replication: {DENIED}"
    assert "✓ COMPLETED" in page.text(".verdict")


@pytest.fixture
def in_doubt(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version in doubt at one destination, and one that no rule takes; for one test alone."""
    maybe, not_taken = ObjectVersion(TAX, "maybe.pdf", "v1"), ObjectVersion(TAX, "no.pdf", "v1")
    more = [
        stored((Kind.POSSIBLE, 5), of=maybe, destination=DUBLIN),
        stored((Kind.INELIGIBLE, 5), of=not_taken, destination=""),
    ]
    world = page.api.world
    # A world of its own: the sums of a world are kept, so one that changes would tell later tests.
    monkeypatch.setattr(page.api, "world", replace(world, items=[*world.items, *more]))


@pytest.mark.usefixtures("in_doubt")
def test_an_object_in_doubt_is_told_from_one_that_no_rule_takes(page: Page) -> None:
    page.open(f"#bucket={TAX}&key=maybe.pdf")
    page.until(lambda: page.has("dialog[open] .verdict"))
    assert page.text(".verdict .status") == "? in doubt"
    assert page.text(".destination .status") == "? in doubt"
    assert page.text("dialog .note.doubt").startswith("In doubt where it goes: S3 is asked")
    page.open(f"#bucket={TAX}&key=no.pdf")
    page.until(lambda: page.has("dialog[open] .verdict"))
    assert "No replication rule takes this version" in page.text("#object-body")
    assert not page.has("dialog .note.doubt")


def test_routes_count_what_is_in_doubt_and_say_what_is_not_known(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = ROUTES["/v1/buckets/{bucket}/summary"]
    told = Reason.NOT_LISTED_BEFORE.detail(MEDIA)

    def doubtful(world: World, bucket: str, query: Any) -> Any:
        answer = summary(world, bucket, query)
        for one in answer["destinations"]:
            if one["destination"] == FRANKFURT:
                one["counts"]["in_doubt"] = {"count": 4, "bytes": 9}
                reason = {"reason": Reason.NOT_LISTED_BEFORE, "reason_detail": told}
                one["watermark"] |= {"complete": False, **reason}
        return answer

    monkeypatch.setitem(ROUTES, "/v1/buckets/{bucket}/summary", doubtful)
    page.open()
    assert page.texts("table.routes small.doubt") == ["4 in doubt"]
    assert "4 objects in doubt: S3 is asked within minutes." in page.text("#standfirst")
    assert f"{MEDIA}: {told}" in page.texts("#routes .note.doubt")


def test_a_replica_names_its_source(page: Page) -> None:
    page.open(f"#bucket={DUBLIN}&key={CHANGED}")
    page.until(lambda: page.has("dialog[open] .timeline"))
    assert f"s3://{TAX}/{CHANGED}" in page.text("dialog dl")


@pytest.mark.parametrize(
    ("text", "said"),
    [("nonsense", "Write s3://bucket/key, or"), (f"s3://{TAX}", "Write s3://bucket/key, or")],
)
def test_what_names_no_object_is_told_beside_the_search(page: Page, text: str, said: str) -> None:
    page.open()
    page.search(text)
    assert page.text("#search-trouble").startswith(said)
    assert page.find("#wanted").get_attribute("aria-invalid") == "true"
    assert not page.has("dialog[open]")


def test_an_object_nothing_is_known_of_is_said_to_be_so(page: Page) -> None:
    page.open()
    page.search(f"s3://{TAX}/nothing")
    page.until(lambda: "Nothing is known of such an object" in page.text("#object-body"))


def test_a_release_without_summaries_is_to_be_deployed_anew(page: Page) -> None:
    page.api.absent |= set(OLD_RELEASE)
    page.tab.goto(page.site.url)
    page.until(lambda: "deploy the present version" in page.text("#outage"))
    assert page.text("h1") == "The tracker does not answer."


def test_an_outage_is_told_and_what_was_known_stays(page: Page) -> None:
    page.open()
    rows = len(page.all("table.routes tbody tr"))
    page.api.down = True
    again(page)
    page.until(lambda: page.find("#outage").is_visible())
    assert "The ledger could not be read." in page.text("#outage")
    assert len(page.all("table.routes tbody tr")) == rows
    page.api.down = False
    again(page)
    page.until(lambda: not page.find("#outage").is_visible())


def again(page: Page) -> None:
    page.run("document.getElementById('pause').click(); document.getElementById('pause').click()")


def test_a_page_that_never_had_an_answer_says_so(page: Page) -> None:
    page.api.down = True
    page.open()
    assert page.text("h1") == "The tracker does not answer."
    assert page.texts("#routes, #failures") == ["Nothing is known yet."] * 2


def test_pause_stops_asking(page: Page) -> None:
    page.open()
    page.find("#pause").click()
    assert page.find("#pause").get_attribute("aria-pressed") == "true"
    assert page.text("#freshness").startswith("paused")


def test_the_browser_never_holds_a_credential(page: Page) -> None:
    page.open()
    everything = page.run("return document.documentElement.outerHTML") + page.run(
        "return JSON.stringify([document.cookie, {...localStorage}, {...sessionStorage}])"
    )
    assert "AKIDEXAMPLE" not in everything
    assert "secret-of-the-caller" not in everything
    asked = page.run("return performance.getEntriesByType('resource').map((one) => one.name)")
    assert asked
    assert all(one.startswith(page.site.url) for one in asked)


def test_the_pictures_of_the_documentation_can_be_taken(page: Page, tmp_path: Path) -> None:
    from local.screenshots import take

    names = list(take(page.tab, page.site.url, tmp_path))
    assert names == ["page-light.png", "page-dark.png", "object.png", "narrow.png"]
    for name in names:
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")

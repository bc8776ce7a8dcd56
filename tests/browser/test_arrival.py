"""Waiting on the page until everything under a prefix has arrived."""

from collections.abc import Iterator

import pytest

from replication import times
from tests.browser.conftest import Page
from tests.support.fake_api.world import HOSTILE, MEDIA, OREGON, World

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

ARRIVED, PENDING, FAILED = "2026/10/", "2026/11/raw/", "vault/"


@pytest.fixture
def world(page: Page) -> Iterator[World]:
    """Its clock can be moved."""
    found, now = page.api.world, page.api.world.now
    yield found
    found.now = now


def asked(page: Page) -> list[dict[str, str]]:
    """The queries about sets."""
    return [query for path, query in page.api.seen if path.endswith("/arrival")]


def waiting(page: Page, prefix: str, said: str) -> None:
    page.open()
    page.search(f"s3://{MEDIA}/{prefix}")
    page.until(lambda: said in page.text("#arrival-body"))


def test_a_prefix_is_asked_about_until_all_of_it_was_heard_of_and_has_arrived(
    page: Page, world: World
) -> None:
    waiting(page, ARRIVED, "Not known yet")
    assert "It is asked again while this stays open." in page.text("#arrival-body")
    until = world.now
    world.now = times.plus(world.now, 200)
    page.until(lambda: "All of it has arrived" in page.text("#arrival-body"))
    assert "waited for" in page.text("#arrival-body")
    first, *others = asked(page)
    assert first == {"prefix": ARRIVED}
    assert {one["until"] for one in others} == {until}, "the set stays what it was"
    before = len(asked(page))
    page.tab.wait_for_timeout(2_500)
    assert len(asked(page)) == before, "it asks no more"
    assert page.text("#announcer") == f"{ARRIVED}: All of it has arrived"
    assert page.complaints == []


def test_what_is_missing_is_counted_and_the_oldest_leads_to_its_object(page: Page) -> None:
    waiting(page, PENDING, "Not all of it has arrived")
    told = page.text("#arrival-body")
    assert "Pending\n23" in told
    assert "Failed\n0" in told
    assert f"at {OREGON}, for" in told
    page.find("#arrival-body a.key").click()
    page.until(lambda: page.has("#object[open] .timeline"))
    assert not page.has("#arrival[open]")
    assert "scene-00.mov" in page.text("#object-title")


def test_what_failed_is_shown_with_its_fix(page: Page) -> None:
    waiting(page, FAILED, "Some of it failed")
    told = page.text("#arrival-body")
    assert "Failed\n9" in told
    assert "DstKmsKeyNotFound" in told
    assert "Fix" in told
    assert len(page.all("#arrival-body section a.key")) == 5, "the first few"
    assert len(page.all("#arrival-body .remedy")) == 1, "each reason once"


def test_closing_it_stops_asking_and_its_address_leads_back(page: Page) -> None:
    waiting(page, PENDING, "Not all of it has arrived")
    address = page.run("return location.hash")
    page.press("Escape")
    page.until(lambda: page.run("return location.hash") == "")
    before = len(asked(page))
    page.tab.wait_for_timeout(2_500)
    assert len(asked(page)) == before
    page.open(address)
    page.until(lambda: "Not all of it has arrived" in page.text("#arrival-body"))
    assert page.text("#arrival-title") == f"s3://{MEDIA}/{PENDING}"


def test_a_whole_bucket_is_a_set_as_well(page: Page) -> None:
    waiting(page, "", "Some of it failed")
    assert asked(page)[0] == {}


def test_a_bucket_that_is_not_tracked_is_said_once(page: Page) -> None:
    page.open()
    page.search("s3://not-tracked-here/prefix/")
    page.until(lambda: page.has("#arrival-body .trouble"))
    page.tab.wait_for_timeout(2_500)
    assert len(asked(page)) == 1


def test_while_the_tracker_does_not_answer_it_is_asked_again(page: Page) -> None:
    waiting(page, PENDING, "Not all of it has arrived")
    page.api.down = True
    page.until(lambda: "It is asked again." in page.text("#arrival-body"))
    page.api.down = False
    page.until(lambda: "Not all of it has arrived" in page.text("#arrival-body"))


def test_a_hostile_prefix_is_text(page: Page) -> None:
    waiting(page, f"{HOSTILE[0]}/", "Not")
    assert not page.has("#arrival-title *")

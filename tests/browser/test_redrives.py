"""A redrive on the page: planned from an incident, started after a question, and followed."""

from dataclasses import replace
from typing import Any

import pytest

from tests.browser.conftest import Page
from tests.redrive.world import World, incident

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def redrives() -> World:
    """The function, which takes every incident of the page for one of its own."""
    world = World()
    world.fails("k", code="DstPutObjectNotPermitted")
    found: Any = world.incidents
    found.find = lambda incident_id: replace(incident(), id=incident_id)
    return world


def test_an_incident_is_planned_and_started_after_the_price_was_shown(page: Page) -> None:
    page.api.redrives = world = redrives()
    page.open()
    assert not page.find("#redrives-section").is_visible()
    page.find("button.plan").click()
    page.until(lambda: "planned" in page.text("#redrive-body"))
    told = page.text("#redrive-body")
    assert "1 version" in told
    assert "At most $0.25." in told
    assert "S3 may write into dst-a" in told
    page.find("#start").click()
    assert "S3 will replicate 1 version" in page.text("#redrive-body")
    assert not world.jobs.orders, "the first button only asks"
    page.find("#confirm").click()
    page.until(lambda: bool(world.jobs.orders))
    world.s3_says("Active", 1, 0, 0)
    (redrive_id,) = world.store.redrives
    world.changed("job-0")
    page.until(lambda: "Active, 0 of 1" in page.text("#redrive-body"))
    uri = world.reported(world.redrive(redrive_id), {"k": "DstKmsKeyNotFound"})
    world.s3_says("Complete", 1, 0, 1)
    world.changed("job-0")
    world.read_by_backfill(uri)
    page.until(lambda: "completed" in page.text("#redrive-body"))
    assert "DstKmsKeyNotFound" in page.text("#redrive-body")
    page.press("Escape")
    page.until(lambda: "completed" in page.text("#redrives"))
    assert [method for method, _, _ in page.api.changes] == ["POST", "POST"]
    assert page.complaints == []


def test_a_plan_can_be_dropped(page: Page) -> None:
    page.api.redrives = world = redrives()
    page.open()
    page.find("button.plan").click()
    page.until(lambda: page.has("#start"))
    page.find("#redrive-body button.quiet").click()
    page.until(lambda: "cancelled" in page.text("#redrive-body"))
    assert not world.jobs.orders


def test_with_credentials_that_only_read_the_buttons_say_what_is_missing(page: Page) -> None:
    page.open()
    page.find("button.plan").click()
    page.until(lambda: "These credentials may only read" in page.text("#redrive-body"))
    page.press("Escape")
    assert page.find("button.plan").is_disabled()
    assert "execute-api:Invoke on POST" in str(page.find("button.plan").get_attribute("title"))
    assert page.text("button.plan") == "Plan a redrive (not allowed)"

"""Incidents over a table that the summarizer has counted."""

import json

import pytest

from replication.ledger.fact import Kind
from tests.query.conftest import assert_problem, get
from tests.query.forged import forged
from tests.query.happening import Happen, happen, life

__all__ = ["happen"]


def test_incidents_are_listed_and_found(happen: Happen) -> None:
    happen(
        life("broken", 100, Kind.FAILED, 50),
        life("lock.tflock", 100, Kind.FAILED, 50),
        life("there", 100, Kind.FAILED, 50, to="dst-b"),
    )
    listed = get("/v1/incidents").json["items"]
    assert [(one["destination"], one["benign"], one["state"]) for one in listed] == [
        ("dst-a", False, "open"),
        ("dst-a", True, "open"),
        ("dst-b", False, "open"),
    ]
    found = get(f"/v1/incidents/{listed[0]['id']}").json
    assert found == listed[0]
    assert found["samples"] == [{"key": "broken", "version_id": "v1"}]
    path, _, query = found["list_path"].partition("?")
    rows = get(path, **dict(part.split("=") for part in query.split("&"))).json["items"]
    assert {row["key"] for row in rows} == {"broken", "lock.tflock"}
    assert get("/v1/incidents", state="resolved").json["items"] == []


def test_incidents_come_page_by_page_open_ones_first(happen: Happen) -> None:
    for bucket in ("dst-a", "dst-b"):
        stages = life("k", 100, Kind.FAILED, 50, to=bucket)
        happen(stages)
        well = life("k", 100, Kind.ARRIVED, 40, to=bucket)[-1]
        happen([stages[-1], well], goes_on=True)
    happen(life("k2", 100, Kind.FAILED, 50), life("k3", 100, Kind.FAILED, 50, to="mirror"))
    states, cursor = [], None
    for _ in range(9):
        page = get("/v1/incidents", limit=1, **({"cursor": cursor} if cursor else {})).json
        states += [one["state"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert states == ["open", "open", "resolved", "resolved"]
    first = get("/v1/incidents", limit=1).json["next_cursor"]
    assert_problem(
        get("/v1/incidents", limit=1, state="open", cursor=first), 400, "invalid-cursor", "cursor"
    )


@pytest.mark.parametrize(
    ("state", "place"),
    [
        (None, ["open", ""]),
        (None, ["open", "x" * 1_025]),
        (None, ["resolved", ""]),
        (None, ["elsewhere", "x"]),
        ("open", ["resolved", "x"]),
        ("resolved", ["open", "x"]),
        ("open", ["open"]),
    ],
)
def test_a_forged_cursor_of_no_place_among_incidents_is_refused(
    happen: Happen, state: str | None, place: list[str]
) -> None:
    made = forged(json.dumps(place).encode(), {"list": "incidents", "state": state})
    parameters = {"state": state} if state else {}
    assert_problem(get("/v1/incidents", cursor=made, **parameters), 400, "invalid-cursor", "cursor")


@pytest.mark.parametrize("name", ["none", "x" * 2_000])
def test_an_incident_nobody_knows_is_a_problem(happen: Happen, name: str) -> None:
    assert_problem(get(f"/v1/incidents/{name}"), 404, "no-such-incident", "incident_id")

"""Summaries, timelines and incidents of the world, counted by the tracker's own pure functions."""

from collections import Counter
from functools import cache

from query.summary import overview
from query.timeline import answer
from replication.counters.counter import (
    BenignKeys,
    Deltas,
    Period,
    Totals,
    deltas,
    image_of,
    merged,
)
from replication.counters.incident import Incident
from replication.counters.period import Level
from replication.ledger.watermark import Reason, watermark, why_incomplete, why_not_current
from replication.published import incident as published_incident
from replication.s3.rule_history import RuleHistory
from replication.times import Instant
from summarize import incident_life
from summarize.incident_life import BatchDigest, KindDigest
from tests.support.fake_api.answers import Json, Query, Refused, page, tracked
from tests.support.fake_api.world import ROUTES, TOPOLOGY, World

_BENIGN = BenignKeys(("*.tflock",))


def summary(world: World, bucket: str, query: Query) -> Json:
    tracked(world, bucket)
    counted = _counted(world)
    history = world.histories.get(bucket)
    answers = []
    for source, destination in ROUTES:
        if source == bucket:
            route = [one for one in world.items if one.destination == destination]
            answers.append(
                overview.summary(
                    source,
                    destination,
                    {view: many for view, many in counted.items() if isinstance(view, Totals)},
                    _periods(counted, destination, Level.MINUTE),
                    _periods(counted, destination, Level.HOUR),
                    watermark(bucket, history, route, world.now, world.heard_until),
                    history,
                    world.present,
                    TOPOLOGY,
                )
            )
    return {
        "bucket": bucket,
        "as_of": world.now,
        "heard_until": world.heard_until,
        "forgotten_before": None,
        "destinations": answers,
        **_told(bucket, why_incomplete(history, world.heard_until, world.now)),
    }


def timeline(world: World, bucket: str, query: Query) -> Json:
    tracked(world, bucket)
    chosen = query.get("step", "1h")
    cut = answer.STEPS[chosen]
    since = Instant(query.get("since", world.ago(86_400)))
    wanted = answer.intervals(since, Instant(query.get("until", world.now)), cut)
    counted = _counted(world)
    history = world.histories.get(bucket)
    known_since = history.tracking_since if history else None
    answers = [
        {
            "source": source,
            "destination": destination,
            "intervals": answer.counted_in(
                wanted, _periods(counted, destination, cut.level), known_since
            ),
        }
        for source, destination in ROUTES
        if source == bucket
    ]
    return {
        "bucket": bucket,
        "step": chosen,
        "heard_until": world.heard_until,
        "destinations": answers,
        **_told(bucket, _uncounted(world, history, since)),
    }


def _uncounted(world: World, history: RuleHistory | None, since: Instant) -> Reason | None:
    early = history and since < history.tracking_since
    heard = why_not_current(history, world.heard_until, world.now, None)
    return heard or (Reason.NOT_TRACKED_YET if early else None)


def _told(bucket: str, reason: Reason | None) -> Json:
    detail = reason and reason.detail(bucket)
    return {"complete": reason is None, "reason": reason, "reason_detail": detail}


def incident_list(world: World, query: Query) -> Json:
    state = query.get("state")
    views = [published_incident.incident_json(one) for one in _incidents(world)]
    return page([one for one in views if state in (None, one["state"])], query)


def incident(world: World, name: str, query: Query) -> Json:
    for one in _incidents(world):
        if one.id == name:
            return published_incident.incident_json(one)
    raise Refused("no-such-incident", 404, "No incident has this id.", "incident_id")


@cache
def _counted(world: World) -> Deltas:
    """The counters after everything that happened."""
    return merged([deltas(None, image_of(one, listed=True), _BENIGN) for one in world.items])


def _periods(counted: Deltas, destination: str, level: Level) -> dict[str, Counter[str]]:
    return {
        view.start: many
        for view, many in counted.items()
        if isinstance(view, Period) and (view.destination, view.level) == (destination, level)
    }


@cache
def _incidents(world: World) -> list[Incident]:
    """One for each kind of failure, as if it had been told of when it happened."""
    hearing = BatchDigest(_BENIGN)
    for one in world.items:
        hearing.add(None, image_of(one, listed=True))
    counted = _counted(world)
    found = []
    for number, trouble in enumerate(sorted(hearing.failure_kinds)):
        heard: KindDigest = hearing.of(trouble)
        began = heard.first_failed_at or world.now
        made = incident_life.after(
            None, trouble, counted.get(trouble, Counter()), heard, began, f"incident-{number}"
        )
        if made:
            found.append(made)
    return found

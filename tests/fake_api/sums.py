"""Summaries, timelines and incidents of the world, counted by the tracker's own pure functions."""

from collections import Counter
from collections.abc import Sequence

from replication import incidents, overview
from replication.adapters.items import Stored
from replication.contributions import Benign, Deltas, Level, Period, Seen, Totals, deltas, merged
from replication.fold import State, step
from replication.incidents import Heard, Hearing, Incident
from replication.times import Instant
from replication.watermark import watermark
from tests.fake_api.answers import Json, Query, Refused, page, tracked
from tests.fake_api.world import ROUTES, World

_BENIGN = Benign(("*.tflock",))


def summary(world: World, bucket: str, query: Query) -> Json:
    tracked(world, bucket)
    counted = _counted(world.items)
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
                    watermark(bucket, history, route, world.now),
                    history,
                    world.present,
                )
            )
    return page(answers, query, complete=history is not None)


def timeline(world: World, bucket: str, query: Query) -> Json:
    tracked(world, bucket)
    cut = overview.STEPS[query.get("step", "1h")]
    since = Instant(query.get("since", world.ago(86_400)))
    wanted = overview.intervals(since, Instant(query.get("until", world.now)), cut)
    counted = _counted(world.items)
    history = world.histories.get(bucket)
    known_since = history.tracking_since if history else None
    answers = [
        {
            "source": source,
            "destination": destination,
            "intervals": overview.timeline(
                wanted, _periods(counted, destination, cut.level), known_since
            ),
        }
        for source, destination in ROUTES
        if source == bucket
    ]
    return page(answers, query, complete=history is not None)


def incident_list(world: World, query: Query) -> Json:
    state = query.get("state")
    views = [incidents.view(one) for one in _incidents(world)]
    return page([one for one in views if state in (None, one["state"])], query)


def incident(world: World, name: str, query: Query) -> Json:
    for one in _incidents(world):
        if one.id == name:
            return incidents.view(one)
    raise Refused("incident-not-known", 404, "There is no such incident.", "id")


def _counted(items: Sequence[Stored]) -> Deltas:
    """The counters after everything that happened to these items."""
    return merged(
        [
            deltas(Seen(one.version, one.destination, old, listed=True), new, _BENIGN)
            for one in items
            for old, new in _changes(one)
        ]
    )


def _changes(one: Stored) -> list[tuple[State, Seen]]:
    changes, state = [], State()
    for fact in one.record.facts:
        before, state = state, step(state, fact)
        changes.append((before, Seen(one.version, one.destination, state, listed=True)))
    return changes


def _periods(counted: Deltas, destination: str, level: Level) -> dict[str, Counter[str]]:
    return {
        view.start: many
        for view, many in counted.items()
        if isinstance(view, Period) and (view.destination, view.level) == (destination, level)
    }


def _incidents(world: World) -> list[Incident]:
    """One for each kind of failure, as if it had been told of when it happened."""
    hearing = Hearing(_BENIGN)
    for one in world.items:
        for old, new in _changes(one):
            hearing.hear(Seen(one.version, one.destination, old, listed=True), new)
    counted = _counted(world.items)
    found = []
    for number, trouble in enumerate(sorted(hearing.troubles)):
        heard: Heard = hearing.of(trouble)
        began = heard.first_failed_at or world.now
        made = incidents.after(
            None, trouble, counted.get(trouble, Counter()), heard, began, f"incident-{number}"
        )
        if made:
            found.append(made)
    return found

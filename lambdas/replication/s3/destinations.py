"""Where a version is due, and whether that is certain. Pure; the one place that says so.

A version's destinations are certain when one configuration governed its creation for sure, no tag
decided, and nothing else speaks against it. In doubt is a destination

    that some of the rules it may have met take it to, and not all (`RuleHistory.met`)
    that only a rule with a tag filter takes it to: S3 goes by the tags at its creation, and those
        that can be read may have been set later
    whose tag rule cannot be judged, because the tags may not be read
    of a version that may be a replica itself, which no live rule replicates

A tag rule that the tags do not match is not due. Doubt is decided by an event of the destination,
or by HEAD.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from replication.s3.rule_history import RuleHistory
from replication.s3.rules import Configuration, Rule, Tags, TagsNeeded, Target, targets
from replication.times import Instant

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Due:
    """A destination. `taken`: the rules of the version's time take it there, as far as they are
    known; otherwise it is only possible. `in_doubt`: it is not certain."""

    destination: str
    rule_id: str | None
    taken: bool
    in_doubt: bool


def due(
    history: RuleHistory,
    key: str,
    first: Instant,
    last: Instant,
    *,
    delete_marker: bool,
    tags: Tags | None = None,
    tags_denied: bool = False,
) -> tuple[Due, ...]:
    """Where a version is due that was written between `first` and `last`, by destination.

    TagsNeeded when a rule depends on the tags and they were not read (`tags` is None and
    `tags_denied` false)."""
    mine, *others = (
        _taken(configuration, key, delete_marker, tags, tags_denied)
        for configuration in history.met(first, last)
    )
    doubtful = history.may_be_replica(key) or history.is_changing(last)
    found = {}
    for name in sorted({*mine, *(name for other in others for name in other)}):
        taken = mine.get(name)
        certain = taken is not None and all(
            one is not None and one.certain for one in (taken, *(o.get(name) for o in others))
        )
        rule_id = next((one[name].rule_id for one in (mine, *others) if name in one), None)
        found[name] = Due(
            name, rule_id, taken is not None and taken.matched, doubtful or not certain
        )
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class _Taken:
    """`matched`: the rules take it; `certain`: whatever its tags are."""

    rule_id: str | None
    matched: bool
    certain: bool


def _taken(
    configuration: Configuration,
    key: str,
    delete_marker: bool,
    tags: Tags | None,
    tags_denied: bool,
) -> dict[str, _Taken]:
    if not any(rule.tags for rule in configuration.rules):
        found = targets(configuration, key, delete_marker=delete_marker)
        return {one.destination: _Taken(one.rule_id, True, True) for one in found}
    anyway = targets(_plain(configuration), key, delete_marker=delete_marker)
    if tags_denied:
        taken = {one.destination: _Taken(one.rule_id, True, True) for one in anyway}
        for rule in configuration.rules:
            if rule.enabled and rule.tags and key.startswith(rule.prefix) and not delete_marker:
                taken.setdefault(rule.destination, _Taken(rule.id, False, False))
        return taken
    certain = {one.destination for one in anyway}
    return {
        one.destination: _Taken(one.rule_id, True, one.destination in certain)
        for one in targets(configuration, key, delete_marker=delete_marker, tags=tags)
    }


def certain_whatever_its_tags(
    configuration: Configuration, key: str, *, delete_marker: bool
) -> tuple[Target, ...]:
    """What the rules take whatever the tags of the object are."""
    try:
        return targets(configuration, key, delete_marker=delete_marker)
    except TagsNeeded:
        return targets(_plain(configuration), key, delete_marker=delete_marker)


def takes_change(
    configuration: Configuration, key: str, destination: str, tags: Tags | None
) -> bool | None:
    """Whether the rules take a change of a version to a destination that has it: S3 goes by the
    rules and the tags of now. None: only its tags could tell, and they are not known."""
    there: Iterable[Rule] = (
        rule
        for rule in configuration.rules
        if rule.enabled and rule.destination == destination and key.startswith(rule.prefix)
    )
    answer: bool | None = False
    for rule in there:
        if not rule.tags:
            return True
        if tags is None:
            answer = None
        elif all(tags.get(name) == value for name, value in rule.tags):
            return True
    return answer


def _plain(configuration: Configuration) -> Configuration:
    return Configuration(tuple(rule for rule in configuration.rules if not rule.tags))

"""Which destinations the rules send a version to, and which of them are in doubt.

A destination is certain when one configuration applied for sure when the version was written, and
a rule without a tag filter sends it there. A destination is in doubt when

    only some of the configurations that may have applied send it there (`RuleHistory.met`)
    only a rule with a tag filter sends it there: S3 compares the tags at creation, and tags that
        are read now may have been set later
    its rule has a tag filter, and the tags may not be read
    the version may be a replica itself, which no live rule replicates

A rule whose tag filter the tags do not match sends nothing. An event of the destination, or HEAD,
ends the doubt.
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
    """A destination that a version goes to, or may go to."""

    destination: str
    rule_id: str | None
    taken: bool
    """Whether the rules known to apply when the version was written send it there; otherwise only
    other rules that may have applied do."""
    in_doubt: bool
    """Whether it is not certain that the version goes there."""


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
    """The destinations of a version that was written between `first` and `last`, by name.

    tags         its tags; None: not read
    tags_denied  they may not be read

    TagsNeeded when a rule depends on the tags, and they were neither read nor denied.
    """
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
    """What one configuration says of one destination."""

    rule_id: str | None
    matched: bool
    """Whether the configuration sends the version there; if not, its tags are unknown."""
    certain: bool
    """Whether it does whatever the tags are."""


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
    untagged = targets(_without_tag_rules(configuration), key, delete_marker=delete_marker)
    if tags_denied:
        taken = {one.destination: _Taken(one.rule_id, True, True) for one in untagged}
        for rule in configuration.rules:
            if rule.enabled and rule.tags and key.startswith(rule.prefix) and not delete_marker:
                taken.setdefault(rule.destination, _Taken(rule.id, False, False))
        return taken
    certain = {one.destination for one in untagged}
    return {
        one.destination: _Taken(one.rule_id, True, one.destination in certain)
        for one in targets(configuration, key, delete_marker=delete_marker, tags=tags)
    }


def certain_whatever_its_tags(
    configuration: Configuration, key: str, *, delete_marker: bool
) -> tuple[Target, ...]:
    """The destinations that the rules send a version to, whatever its tags are."""
    try:
        return targets(configuration, key, delete_marker=delete_marker)
    except TagsNeeded:
        return targets(_without_tag_rules(configuration), key, delete_marker=delete_marker)


def takes_change(
    configuration: Configuration, key: str, destination: str, tags: Tags | None
) -> bool | None:
    """Whether the rules replicate a change (tags, ACL, retention) to a destination that has the
    version. S3 applies the present rules and tags. None: it depends on tags that are unknown."""
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


def _without_tag_rules(configuration: Configuration) -> Configuration:
    return Configuration(tuple(rule for rule in configuration.rules if not rule.tags))

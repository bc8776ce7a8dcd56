"""When a change of the rules happened. CloudTrail names the second, often after a read has shown
the new rules; `second` below is such a second. Pure."""

from collections.abc import Iterator
from dataclasses import replace

from replication.s3.rule_history import SETTLING_SECONDS, Revision, RuleHistory
from replication.times import Instant, end_of_second, plus


def changes_at(history: RuleHistory, second: Instant) -> list[tuple[Revision, Revision]]:
    """The revisions that CloudTrail may mean, each with the one before it. When a revision already
    has this second, it is a repetition and means no other."""
    found = []
    for before, one in reversed(list(zip(history.revisions, history.revisions[1:], strict=False))):
        if one.told and (one.not_before or one.since) <= second <= one.since:
            return [(before, one)]
        # The change lies between the two reads that showed it, whatever is known of it since.
        first = plus(one.read_before, -SETTLING_SECONDS) if one.read_before else one.span[0]
        # A change in the very second of the read may have come after the read.
        within = end_of_second(second) <= (one.noticed_at or one.span[1])
        if min(first, one.span[0]) <= second and (within or (one.told and second <= one.since)):
            found.append((before, one))
    return found


def is_of_next_change(history: RuleHistory, second: Instant) -> bool:
    """Whether the second can only be that of a change no read has shown yet. It is not when a later
    read still showed the old rules, nor when it may be that of a known revision: then the next
    change lies somewhere between two reads."""
    if end_of_second(second) <= (history.read_at or history.first_read_at):
        return False
    return not any(second <= (one.noticed_at or one.since) for one in history.revisions[1:])


def with_second(history: RuleHistory, second: Instant) -> Iterator[tuple[Revision, Revision]]:
    """Revisions whose time becomes more exact by the second: as they were, and as they are now."""
    found = changes_at(history, second)
    for before, one in found:
        # If it may be any of several, the doubt about a time may grow and never shrink.
        if one.told or len(found) == 1:
            revision = _timed(before, one, second)
            if revision != one:
                yield one, revision


def _timed(before: Revision, revision: Revision, second: Instant) -> Revision:
    """The revision with the second that CloudTrail named. When one read showed several changes at
    once, the first and the last second are kept."""
    since = max(second, revision.since) if revision.told else second
    first = min(revision.not_before or revision.since, second) if revision.told else second
    since = max(since, plus(before.since, 0.001))
    wider = revision.told and (since, first) != (revision.since, revision.not_before)
    looked_back = revision.looked_back and not wider
    return replace(revision, since=since, not_before=first, told=True, looked_back=looked_back)

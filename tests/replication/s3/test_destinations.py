"""Where a version is due, and whether that is certain."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from replication.s3.destinations import Due, due, takes_change
from replication.s3.rule_history import (
    CLOCK_SECONDS,
    NOTICE_SECONDS,
    SETTLING_SECONDS,
    Revision,
    RuleHistory,
)
from replication.s3.rules import Configuration, Rule, TagsNeeded, targets
from replication.times import Instant, end_of_second, plus
from tests.support.fakes import history, rule

NOW = Instant("2026-11-22T10:00:00.000Z")
BEFORE = plus(NOW, -86_400)
TAGGED = (("route", "yes"),)


def of(*rules: Rule) -> Configuration:
    return Configuration(tuple(rules))


def found(known: RuleHistory, at: Instant = NOW, **more: object) -> dict[str, tuple[bool, bool]]:
    """`taken` and `in_doubt` of each destination of an object written then."""
    asked = {"delete_marker": False, "tags": None} | more
    key = str(asked.pop("key", "a/k"))
    answers = due(known, key, at, end_of_second(at), **asked)  # type: ignore[arg-type]
    return {one.destination: (one.taken, one.in_doubt) for one in answers}


CERTAIN, DOUBTFUL, POSSIBLE = (True, False), (True, True), (False, True)


class TestByTheRules:
    def test_a_version_is_due_for_certain_wherever_the_rules_of_its_time_take_it(self) -> None:
        known = history("src", rule("a"), rule("b", "a/"), rule("c", "z/"))
        assert found(known) == {"a": CERTAIN, "b": CERTAIN}

    def test_the_rule_of_the_highest_priority_is_named(self) -> None:
        known = history("src", rule("a", id="one"), rule("a", "a/", id="two", priority=2))
        assert due(known, "a/k", NOW, NOW, delete_marker=False) == (Due("a", "two", True, False),)

    def test_a_disabled_rule_makes_nothing_due(self) -> None:
        assert found(history("src", rule("a", enabled=False))) == {}

    def test_a_disabled_plain_rule_does_not_vouch_for_a_tag_rule_of_the_same_place(self) -> None:
        known = history("src", rule("a", enabled=False), rule("a", tags=TAGGED, priority=2))
        assert found(known, tags={"route": "yes"}) == {"a": DOUBTFUL}

    def test_a_marker_is_due_where_a_rule_sends_markers(self) -> None:
        known = history("src", rule("a", delete_markers=True), rule("b"), rule("c", tags=TAGGED))
        assert found(known, delete_marker=True) == {"a": CERTAIN}

    def test_of_two_rules_that_differ_on_markers_the_higher_one_counts(self) -> None:
        known = history(
            "src", rule("a", delete_markers=True), rule("a", "a/", id="high", priority=2)
        )
        assert found(known, delete_marker=True) == {}


class TestBetweenTwoRevisions:
    """One revision replaces `old` by `new` at a place both know."""

    def known(self, **revision: object) -> RuleHistory:
        first = Revision(BEFORE, of(rule("both"), rule("old")), not_before=BEFORE)
        rules = of(rule("both"), rule("new"))
        second = Revision(NOW, rules, **revision)  # type: ignore[arg-type]
        return RuleHistory("src", (first, second))

    @pytest.mark.parametrize("seconds", [-30, 0, 3])
    def test_what_both_take_is_certain_and_what_one_takes_is_in_doubt(self, seconds: float) -> None:
        known = self.known(not_before=plus(NOW, -60))
        own, other = ("old", "new") if seconds < 0 else ("new", "old")
        answer = found(known, plus(NOW, seconds))
        assert answer == {"both": CERTAIN, own: DOUBTFUL, other: POSSIBLE}

    def test_a_change_lies_between_the_reads_that_show_it_and_a_stale_answer_before(self) -> None:
        """S3 may have answered the read before it wrongly for a minute, and clocks differ."""
        known = self.known(not_before=plus(NOW, -60))
        first, last = -60 - SETTLING_SECONDS, CLOCK_SECONDS
        assert found(known, plus(NOW, first - 1)) == {"both": CERTAIN, "old": CERTAIN}
        assert found(known, plus(NOW, first)) != found(known, plus(NOW, first - 1))
        assert found(known, plus(NOW, last))["new"] == DOUBTFUL
        assert found(known, plus(NOW, last + 1)) == {"both": CERTAIN, "new": CERTAIN}

    @pytest.mark.parametrize("seconds", [0, 0.4, 0.999])
    def test_of_one_told_by_the_second_that_second_is_in_doubt(self, seconds: float) -> None:
        known = self.known(not_before=NOW, told=True)
        assert found(known, plus(NOW, seconds)) == {
            "both": CERTAIN,
            "old": POSSIBLE,
            "new": DOUBTFUL,
        }

    @pytest.mark.parametrize(("seconds", "own"), [(-0.001, "old"), (-60, "old"), (1, "new")])
    def test_and_no_other(self, seconds: float, own: str) -> None:
        known = self.known(not_before=NOW, told=True)
        moment = plus(NOW, seconds)
        (answer, also) = due(known, "k", moment, moment, delete_marker=False)
        assert (answer.in_doubt, also.in_doubt) == (False, False)
        assert {answer.destination, also.destination} == {"both", own}

    def test_several_changes_between_two_reads_leave_all_between_in_doubt(self) -> None:
        known = self.known(not_before=plus(NOW, -20), told=True)
        for seconds in (-20, -10, 0):
            assert found(known, plus(NOW, seconds))["old"][1]
            assert found(known, plus(NOW, seconds))["new"][1]
        assert found(known, plus(NOW, -21)) == {"both": CERTAIN, "old": CERTAIN}

    def test_a_whole_second_that_straddles_the_change_may_have_met_either(self) -> None:
        """EventBridge cuts times to seconds."""
        known = self.known(not_before=plus(NOW, 0.5), told=True)
        known = replace(
            known, revisions=(known.revisions[0], replace(known.revisions[1], since=plus(NOW, 0.5)))
        )
        assert found(known, NOW)["old"] == POSSIBLE


class TestWhatNobodyHasRead:
    def test_before_the_first_read_even_that_no_rule_took_it_is_possible(self) -> None:
        known = history("src", rule("a"), since=NOW)
        assert found(known, plus(NOW, -600)) == {"a": DOUBTFUL}
        assert found(known, plus(NOW, NOTICE_SECONDS + 1)) == {"a": CERTAIN}

    def test_a_change_that_was_told_and_not_read_leaves_everything_newer_in_doubt(self) -> None:
        known = replace(history("src", rule("a"), since=BEFORE), settled=False)
        assert found(known) == {"a": DOUBTFUL}
        assert found(known, key="z") == {"a": DOUBTFUL}

    def test_it_may_bring_back_any_rule_there_was(self) -> None:
        revisions = (
            Revision(BEFORE, of(rule("old")), not_before=BEFORE),
            Revision(plus(BEFORE, 3600), of(rule("new")), not_before=plus(BEFORE, 3600), told=True),
        )
        known = RuleHistory("src", revisions, settled=False)
        assert found(known) == {"new": DOUBTFUL, "old": POSSIBLE}

    def test_what_is_newer_than_the_last_read_is_in_doubt_until_it_is_read_and_nothing_is_kept(
        self,
    ) -> None:
        """This doubt is derived, never stored: it ends by itself when nothing had changed."""
        read = replace(history("src", rule("a"), since=BEFORE), read_at=plus(NOW, -30))
        assert found(read) == {"a": CERTAIN}
        assert read.in_doubt(NOW)
        assert not replace(read, read_at=plus(NOW, 30)).in_doubt(NOW)
        assert read.certain_until == plus(NOW, -30)

    def test_where_replicas_of_an_untracked_bucket_arrive_any_version_may_be_one(self) -> None:
        known = replace(
            history("src", rule("a"), rule("b", tags=TAGGED)), replicas_under=("logs/",)
        )
        assert found(known, key="logs/1", tags={"route": "yes"}) == {"a": DOUBTFUL, "b": DOUBTFUL}
        assert found(known, key="other", tags={}) == {"a": CERTAIN}
        everywhere = replace(known, replicas_under=("",))
        assert found(everywhere, key="other", tags={}) == {"a": DOUBTFUL}


class TestByTags:
    """S3 goes by the tags at the creation; those that can be read may have been set later."""

    PLAIN_AND_TAGGED = history("src", rule("plain"), rule("tagged", tags=TAGGED))

    def test_a_matching_tag_leaves_its_destination_in_doubt(self) -> None:
        assert found(self.PLAIN_AND_TAGGED, tags={"route": "yes", "more": "x"}) == {
            "plain": CERTAIN,
            "tagged": DOUBTFUL,
        }

    @pytest.mark.parametrize("tags", [{}, {"route": "no"}, {"other": "yes"}])
    def test_tags_that_do_not_match_make_it_not_due(self, tags: dict[str, str]) -> None:
        assert found(self.PLAIN_AND_TAGGED, tags=tags) == {"plain": CERTAIN}

    def test_they_are_asked_for_only_where_they_decide(self) -> None:
        known = history("src", rule("plain"), rule("tagged", "a/", tags=TAGGED))
        assert found(known, key="b") == {"plain": CERTAIN}
        assert found(known, key="a/k", delete_marker=True) == {}
        with pytest.raises(TagsNeeded):
            found(known, key="a/k")

    def test_a_plain_rule_beside_it_makes_their_common_destination_certain(self) -> None:
        known = history("src", rule("a", id="plain"), rule("a", id="tag", tags=TAGGED, priority=2))
        for tags in ({}, {"route": "yes"}):
            assert found(known, tags=tags) == {"a": CERTAIN}
        assert found(known, tags_denied=True) == {"a": CERTAIN}

    def test_tags_that_may_not_be_read_leave_it_possible(self) -> None:
        assert found(self.PLAIN_AND_TAGGED, tags_denied=True) == {
            "plain": CERTAIN,
            "tagged": POSSIBLE,
        }

    def test_but_not_where_the_tag_rule_is_disabled_or_for_other_keys_or_of_a_marker(self) -> None:
        off = history("src", rule("a", tags=TAGGED, enabled=False), rule("b", "z/", tags=TAGGED))
        assert found(off, tags_denied=True) == {}
        assert found(self.PLAIN_AND_TAGGED, tags_denied=True, delete_marker=True) == {}

    def test_a_rule_that_lost_its_filter_in_between_is_in_doubt_all_the_same(self) -> None:
        first = Revision(BEFORE, of(rule("a", tags=TAGGED)), not_before=BEFORE)
        second = Revision(NOW, of(rule("a")), not_before=NOW, told=True)
        assert found(RuleHistory("src", (first, second)), tags={}) == {"a": DOUBTFUL}


class TestALaterChange:
    """S3 judges it by the rules and the tags of now."""

    @pytest.mark.parametrize(
        ("rules", "tags", "taken"),
        [
            ((rule("a"),), None, True),
            ((rule("a", enabled=False),), None, False),
            ((rule("a", "z/"),), None, False),
            ((rule("b"),), None, False),
            ((), None, False),
            ((rule("a", tags=TAGGED),), None, None),
            ((rule("a", tags=TAGGED),), {"route": "yes"}, True),
            ((rule("a", tags=TAGGED),), {}, False),
            ((rule("a", tags=TAGGED), rule("a", id="plain")), None, True),
        ],
    )
    def test_goes_where_a_rule_of_now_takes_it(
        self, rules: tuple[Rule, ...], tags: dict[str, str] | None, taken: bool | None
    ) -> None:
        assert takes_change(of(*rules), "a/k", "a", tags) is taken


# What nobody can be sure of, in general.

_RULES = st.builds(
    rule,
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(["", "k", "z"]),
    id=st.sampled_from(["one", "two"]),
    priority=st.integers(1, 3),
    enabled=st.booleans(),
    tags=st.sampled_from([(), TAGGED]),
    delete_markers=st.booleans(),
)
_CONFIGURATIONS = st.lists(_RULES, max_size=3).map(lambda rules: of(*rules))


@st.composite
def _histories(draw: st.DrawFn) -> RuleHistory:
    times = sorted(draw(st.sets(st.integers(0, 600), min_size=1, max_size=4)))
    revisions: list[Revision] = []
    for seconds in times:
        since = plus(NOW, seconds)
        back = draw(st.none() | st.integers(0, 30))
        not_before = None if back is None else plus(since, -back)
        told = draw(st.booleans()) and not_before is not None
        revisions.append(Revision(since, draw(_CONFIGURATIONS), not_before, told))
    prefixes = draw(st.sampled_from([(), ("k",), ("z",)]))
    return RuleHistory(
        "src", tuple(revisions), settled=draw(st.booleans()), replicas_under=prefixes
    )


@given(
    known=_histories(),
    seconds=st.integers(-100, 700),
    delete_marker=st.booleans(),
    tags=st.sampled_from([{}, {"route": "yes"}]),
    denied=st.booleans(),
)
def test_what_is_certain_all_rules_it_may_have_met_take_whatever_its_tags_were(
    known: RuleHistory, seconds: int, delete_marker: bool, tags: dict[str, str], denied: bool
) -> None:
    first = plus(NOW, seconds)
    last = end_of_second(first)
    begins = [one.span[0] for one in known.revisions]
    ends = [one.span[1] for one in known.revisions[1:]]
    may_have_met = [
        revision.configuration
        for revision, begin, end in zip(known.revisions, begins, [*ends, None], strict=True)
        if (begin <= last or revision is known.revisions[0]) and (end is None or first <= end)
    ]
    assume(may_have_met)
    if first < known.tracking_since:
        may_have_met.append(Configuration())
    answers = due(
        known,
        "k",
        first,
        last,
        delete_marker=delete_marker,
        tags=None if denied else tags,
        tags_denied=denied,
    )

    def taken(by: Configuration, had: dict[str, str]) -> set[str]:
        found = targets(by, "k", delete_marker=delete_marker, tags=had)
        return {one.destination for one in found}

    possible = {
        name
        for one in may_have_met
        for had in ([{}, {"route": "yes"}] if denied else [tags])
        for name in taken(one, had)
    }
    assert possible <= {one.destination for one in answers}
    for one in answers:
        if one.in_doubt:
            continue
        assert one.taken
        assert not known.may_be_replica("k")
        assert not known.is_changing(last)
        for configuration in may_have_met:
            for had in ({}, {"route": "yes"}):
                assert one.destination in taken(configuration, had)

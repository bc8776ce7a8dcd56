"""What the verdict calls untold, and what it does not let pass."""

from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from local.parity import rules, verdict
from local.parity.verdict import Difference, Heard, untold
from local.parity.workload import Workload, Written

PLAIN = Written(rules.SOURCE, "a/1/plain.pdf", "v1")
ENCRYPTED = Written(rules.SOURCE, "a/1/customer-key.bin", "v1")
MARKER = Written(rules.SOURCE, "a/1/plain.pdf", "v1", marker=True)
EAST_MARKER = Written(rules.EAST, "1/plain.pdf", "v1", marker=True)
EAST_PLAIN = Written(rules.EAST, "1/plain.pdf", "v1")
EAST_ENCRYPTED = Written(rules.EAST, "1/customer-key", "v1")
STATUS = "replication_status"


def named(one: Written) -> tuple[str, str, str]:
    return one.bucket, one.key, one.version_id


def lost(one: Written) -> Heard:
    return Heard([("ObjectCreated:Put", *named(one))], {})


def doubted(one: Written, where: str = rules.ONE) -> Heard:
    return Heard([], {named(one): where})


def answer(*places: tuple[str, str | None], source: str | None = None) -> dict[str, Any]:
    statuses = [status for _, status in places]
    return {
        "replication_status": "FAILED" if "FAILED" in statuses else None,
        "role": "replica" if source else "source",
        "observed_at": "2026-11-22T00:00:10.000Z",
        "source": {"bucket": source} if source else None,
        "destinations": [{"bucket": name, "status": status} for name, status in places],
    }


ALL_HEARD = Heard([], {})
KNOWN = answer((rules.ONE, "PENDING"))
FAILING = answer((rules.ONE, None), (rules.TWO, "FAILED"))
FAILING_ALONE = answer((rules.ONE, "FAILED"))


@pytest.mark.parametrize(
    ("one", "what", "said", "heard", "reason"),
    [
        (PLAIN, STATUS, KNOWN, ALL_HEARD, None),
        (PLAIN, STATUS, KNOWN, lost(PLAIN), None),
        (PLAIN, STATUS, KNOWN, doubted(PLAIN), None),
        (ENCRYPTED, STATUS, KNOWN, ALL_HEARD, None),
        (ENCRYPTED, STATUS, KNOWN, lost(PLAIN), None),
        (ENCRYPTED, STATUS, KNOWN, lost(ENCRYPTED), verdict.ENCRYPTED_UNHEARD),
        (ENCRYPTED, STATUS, KNOWN, doubted(ENCRYPTED), verdict.ENCRYPTED_IN_DOUBT),
        (ENCRYPTED, STATUS, KNOWN, Heard([], {}, {ENCRYPTED}), verdict.ENCRYPTED_UNREAD),
        (PLAIN, STATUS, KNOWN, Heard([], {}, {PLAIN}), None),
        (PLAIN, "in doubt", KNOWN, doubted(PLAIN), None),
        (MARKER, "in doubt", KNOWN, doubted(MARKER), verdict.MARKER_IN_DOUBT),
        (PLAIN, "in doubt", FAILING, doubted(PLAIN), verdict.BESIDE_A_FAILURE),
        (PLAIN, "in doubt", FAILING_ALONE, doubted(PLAIN), None),
        (PLAIN, STATUS, FAILING, doubted(PLAIN), None),
    ],
)
def test_only_what_nobody_can_tell_is_untold(
    one: Written, what: str, said: Any, heard: Heard, reason: str | None
) -> None:
    where = heard.in_doubt.get(named(one), "FAILED")
    assert untold(Difference(one, what, "None", where), said, None, heard) == reason


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (EAST_MARKER, verdict.MADE_UNTOLD),
        (EAST_ENCRYPTED, verdict.MADE_UNTOLD),
        (EAST_PLAIN, None),
        (MARKER, None),
    ],
)
def test_what_two_buckets_show_alike_may_pass_for_its_copy(
    one: Written, reason: str | None
) -> None:
    found = Difference(one, "role", "source", "replica")
    assert untold(found, answer(source=rules.WEST), None, ALL_HEARD) == reason


def test_an_end_is_untold_only_where_it_came_after_the_last_word_of_a_version_in_no_list() -> None:
    found = Difference(PLAIN, "deleted_at", "gone", "there")
    before, after = (datetime(2026, 11, 22, 0, 0, second, tzinfo=UTC) for second in (9, 11))
    unlisted = answer((rules.ONE, None))
    assert untold(found, unlisted, after, ALL_HEARD) == verdict.END_UNHEARD
    assert untold(found, unlisted, before, ALL_HEARD) is None
    assert untold(found, KNOWN, after, ALL_HEARD) is None


def test_rules_are_unread_when_they_changed_again_before_any_read() -> None:
    first, second, third = (datetime(2026, 11, 22, 10, minute, tzinfo=UTC) for minute in (0, 1, 2))
    versions = [Written(rules.SOURCE, "a/1/plain.pdf", f"v{number}") for number in range(4)]
    work = Workload(None, None, "", None, Random(1))  # type: ignore[arg-type]
    work.configured = [first, second, third]
    work.under = {one: number for number, one in enumerate(versions)} | {EAST_PLAIN: 1}
    assert work.under_unread_rules([]) == versions[1:3]
    assert work.under_unread_rules([second]) == versions[1:2]
    assert work.under_unread_rules([first, second]) == []

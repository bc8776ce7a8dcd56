"""What a destination lacks decides how far "everything before" reaches."""

from replication.adapters.items import item_of
from replication.facts import Evidence, Kind
from replication.status import Status
from replication.watermark import SHOWN, lacking_since, watermark
from tests.fakes import history, rule
from tests.seeds import arrived, at, failed, requested, stored, version

KNOWN = history("src", rule("dst-a"), since="2026-11-22T09:00:00.000Z")
NOW = at(600)


def test_with_nothing_outstanding_it_is_the_present() -> None:
    found = watermark("src", KNOWN, [], NOW)
    assert (found.at, found.held_back_by, found.reason) == (NOW, (), None)
    assert found.lag_seconds(NOW) == 0


def test_the_oldest_request_counts_and_not_the_latest_failure() -> None:
    asked_first = stored(requested(10), failed(500), of=version("failed-late"))
    pending = stored(requested(20), of=version("pending"))
    found = watermark("src", KNOWN, [pending, asked_first], NOW)
    assert found.at == at(10)
    assert [one.version.key for one in found.held_back_by] == ["failed-late", "pending"]
    assert found.lag_seconds(NOW) == 590
    assert found.oldest_pending == pending


def test_a_pending_version_that_was_only_found_later_holds_it_back_from_its_request() -> None:
    listed = stored(
        (
            Kind.OBSERVED,
            500,
            {
                "status": Status.PENDING,
                "evidence": Evidence.INVENTORY,
                "requested_at": at(30),
            },
        )
    )
    assert lacking_since(listed) == at(30)
    assert item_of(listed, 2)["held"]["S"].startswith(f"{at(30)}#")


def test_a_common_life_never_enters_the_second_index() -> None:
    for life in ([requested(0)], [requested(0), arrived(3)]):
        assert "held" not in item_of(stored(*life), 2)
    assert "held" in item_of(stored(requested(0), failed(3)), 2)
    assert "held" not in item_of(stored(requested(0), failed(3), arrived(4)), 2)


def test_what_holds_it_back_is_named_once_and_only_the_oldest() -> None:
    many = [stored(requested(n), of=version(f"k{n}")) for n in range(20)]
    found = watermark("src", KNOWN, [*many, *many], NOW)
    assert [one.version.key for one in found.held_back_by] == [f"k{n}" for n in range(SHOWN)]


def test_it_does_not_claim_what_the_tracker_could_not_see() -> None:
    young = history("src", rule("dst-a"), since=at(300))
    old = stored(requested(10), of=version("listed-by-an-inventory"))
    assert watermark("src", young, [], NOW).reason is None
    assert "tracked since" in (watermark("src", young, [old], NOW).reason or "")
    assert "never read" in (watermark("src", None, [], NOW).reason or "")

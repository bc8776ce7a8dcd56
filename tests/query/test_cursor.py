"""A cursor fits the list it came from and nothing else."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from query import cursor as cursor_module
from query.cursor import InvalidCursor, decode, encode
from tests.query.conftest import assert_problem, get
from tests.query.forged import forged
from tests.query.lists import LIST

positions = st.lists(st.text(max_size=30), min_size=1, max_size=5)
scopes = st.dictionaries(st.sampled_from(["bucket", "prefix", "status"]), st.none() | st.text())
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/ .~é\0"


@given(positions, scopes)
def test_a_cursor_gives_its_position_back(position: list[str], scope: dict[str, str]) -> None:
    assert decode(encode(position, scope), scope) == tuple(position)


@given(positions, scopes)
def test_a_cursor_needs_no_quoting_in_a_url(position: list[str], scope: dict[str, str]) -> None:
    assert all(one.isascii() and (one.isalnum() or one in "-_") for one in encode(position, scope))


@given(positions, scopes, scopes)
def test_a_cursor_of_other_filters_is_refused(
    position: list[str], scope: dict[str, str], other: dict[str, str]
) -> None:
    if scope != other:
        with pytest.raises(InvalidCursor):
            decode(encode(position, scope), other)


@given(positions, scopes, st.data())
def test_a_change_of_any_character_is_noticed(
    position: list[str], scope: dict[str, str], data: st.DataObject
) -> None:
    cursor = encode(position, scope)
    place = data.draw(st.integers(0, len(cursor) - 1))
    changed = cursor[:place] + data.draw(st.sampled_from(_ALPHABET)) + cursor[place + 1 :]
    if changed != cursor:
        with pytest.raises(InvalidCursor):
            decode(changed, scope)


@given(positions, scopes, st.sampled_from(_ALPHABET), st.integers(0, 200))
def test_a_character_more_or_less_is_noticed(
    position: list[str], scope: dict[str, str], extra: str, place: int
) -> None:
    cursor = encode(position, scope)
    at = place % len(cursor)
    for changed in (
        cursor[:at] + extra + cursor[at:],
        cursor[:at] + cursor[at + 1 :],
        cursor + "=",
    ):
        if changed != cursor:
            with pytest.raises(InvalidCursor):
                decode(changed, scope)


@given(st.text(max_size=60), scopes)
def test_any_other_text_is_no_cursor(text: str, scope: dict[str, str]) -> None:
    with pytest.raises(InvalidCursor):
        decode(text, scope)


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"{",
        b"\xff",
        b"1",
        b"null",
        b'"text"',
        b'{"since":"x"}',
        b"[1]",
        b'["a",null]',
        b'["a",["b"]]',
        b'["\\ud800"]',
        b"[" * 100_000,
    ],
    ids=lambda packed: packed[:12].decode("latin-1") or "empty",
)
def test_a_forged_cursor_that_holds_no_texts_is_none(packed: bytes) -> None:
    with pytest.raises(InvalidCursor):
        decode(forged(packed, {"list": "objects"}), {"list": "objects"})


def test_what_is_forged_here_would_pass_for_a_cursor() -> None:
    assert forged(json.dumps(["a"]).encode(), {"list": "x"}) == encode(["a"], {"list": "x"})


@pytest.mark.usefixtures("mixed")
def test_a_cursor_fits_only_its_own_list() -> None:
    cursor = get(LIST, limit=1).json["next_cursor"]
    assert get(LIST, limit=3, cursor=cursor).status == 200
    assert get(LIST, order="newest", cursor=cursor).status == 200, "the order it has by default"
    for path, parameters in [
        (LIST, {"order": "oldest"}),
        (LIST, {"status": "FAILED"}),
        (LIST, {"prefix": "logs/"}),
        ("/v1/buckets/mirror/objects", {}),
        ("/v1/buckets/src/object/versions", {"key": "f"}),
        ("/v1/buckets", {}),
    ]:
        assert_problem(get(path, cursor=cursor, **parameters), 400, "invalid-cursor", "cursor")


@pytest.mark.usefixtures("mixed")
def test_a_changed_cursor_is_refused() -> None:
    cursor = get(LIST, limit=1).json["next_cursor"]
    for place in range(len(cursor)):
        other = "A" if cursor[place] != "A" else "B"
        changed = cursor[:place] + other + cursor[place + 1 :]
        assert_problem(get(LIST, cursor=changed), 400, "invalid-cursor", "cursor")
    for text in ("", "x", "🦄", cursor + "=", cursor[:-1]):
        assert_problem(get(LIST, cursor=text), 400, "invalid-cursor", "cursor")


@pytest.mark.usefixtures("mixed")
@pytest.mark.parametrize("order", ["newest", "oldest"])
@pytest.mark.parametrize(
    "position",
    [
        ["2026", "zz"],
        ["2026-11-22T09:30:00.000Z", "zz"],
        ["2026-11-22T09:30:00.000Z", ""],
        ["2026-11-22T09:30:00.000Z", "0" * 15],
        ["2026-11-22T09:30:00.000Z", "0" * 15 + "F"],
        ["2026-11-22T09:30:00.000Z", "+" + "0" * 15],
        ["2026-11-22T09:30:00.000Z", "0" * 5_000],
        ["2026-11-22T09:30:00Z", "0" * 16],
        ["2026-11-22T09:30:00.000+00:00", "0" * 16],
        ["never", "0" * 16],
        ["", "0" * 16],
        ["x" * 5_000, "0" * 16],
    ],
    ids=lambda position: "-".join(one[:30] for one in position),
)
def test_a_forged_cursor_whose_position_is_none_is_refused(
    position: list[str], order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its digest needs no secret, so that it is right proves nothing."""
    encode = cursor_module.encode
    monkeypatch.setattr(cursor_module, "encode", lambda _, scope: encode(position, scope))
    made = get(LIST, limit=1, order=order).json["next_cursor"]
    monkeypatch.undo()
    assert_problem(get(LIST, order=order, cursor=made), 400, "invalid-cursor", "cursor")

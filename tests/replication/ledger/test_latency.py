"""How long a replication took, out of times that were cut to whole seconds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replication.ledger.latency import latency
from replication.times import Instant, end_of_second, plus, start_of_second
from tests.support.seeds import at

T = at(0)


@pytest.mark.parametrize(
    ("requested", "arrived", "seconds"),
    [
        pytest.param(0.1, 4.2, 4.1, id="both to the millisecond"),
        pytest.param(0, 3600.999, 3600.0, id="both to the second"),
        pytest.param(0, 0.999, 0.5, id="within a second"),
        pytest.param(0.4, 2.999, 2.1, id="the arrival to the second"),
        pytest.param(0, 2.5, 2.0, id="the request to the second"),
        pytest.param(5.5, 1.2, 0.0, id="two clocks"),
    ],
)
def test_it_is_the_middle_of_what_is_possible(
    requested: float, arrived: float, seconds: float
) -> None:
    assert latency(plus(T, requested), plus(T, arrived)) == seconds


moments = st.integers(0, 30_000).map(lambda milliseconds: plus(T, milliseconds / 1000))


@given(moments, st.integers(0, 30_000), st.booleans(), st.booleans())
def test_it_is_never_further_off_than_the_times_were_cut(
    asked: Instant, milliseconds: int, cut_request: bool, cut_arrival: bool
) -> None:
    true = milliseconds / 1000
    there = plus(asked, true)
    told = latency(
        start_of_second(asked) if cut_request else asked,
        end_of_second(there) if cut_arrival else there,
    )
    assert abs(told - true) <= 1.001
    assert told >= 0


def test_it_errs_to_neither_side() -> None:
    errors = []
    for start in range(0, 1000, 7):
        for milliseconds in range(2000, 5000, 37):
            asked = plus(T, start / 1000)
            there = plus(asked, milliseconds / 1000)
            found = latency(start_of_second(asked), end_of_second(there))
            errors.append(found - milliseconds / 1000)
    assert abs(sum(errors) / len(errors)) < 0.01

"""Pauses between attempts grow, stay bounded, and differ."""

from hypothesis import given
from hypothesis import strategies as st

from stream_adapters.reconnecting import Pauses


def test_pauses_double_until_the_longest() -> None:
    pauses = Pauses(first_ms=1_000, most_ms=60_000)
    middle = [pauses.after(failures, 0.5) for failures in range(1, 9)]
    assert middle == [750, 1_500, 3_000, 6_000, 12_000, 24_000, 45_000, 45_000]


@given(failures=st.integers(1, 10**9), chance=st.floats(0, 1, exclude_max=True))
def test_pause_lies_between_half_and_whole_of_its_step(failures: int, chance: float) -> None:
    pauses = Pauses(first_ms=1_000, most_ms=60_000)
    step_ms = min(60_000, 1_000 * 2 ** min(failures - 1, 10))
    assert step_ms / 2 <= pauses.after(failures, chance) <= step_ms

"""The course of a burst over time: quiet, burst, tail. Pure; `shapes` gives it to Locust."""

from __future__ import annotations

from typing import Final

import msgspec

QUIET_SHARE: Final = 0.15
BURST_SHARE: Final = 0.60
QUIET_BUYERS_SHARE: Final = 0.1
TAIL_BUYERS_SHARE: Final = 0.25


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of a run: until `until_s` after its start there are `buyers_len` buyers at once."""

    name: str
    until_s: float
    buyers_len: int


def phases(run_s: float, buyers_len_max: int) -> tuple[Phase, ...]:
    """Divide a run: a few buyers while it is quiet, all of them in the burst, a quarter in the tail.

    The tail is where cancelled and expired stock comes back, and is sold again.
    """
    return (
        Phase(name="quiet", until_s=run_s * QUIET_SHARE, buyers_len=max(1, round(buyers_len_max * QUIET_BUYERS_SHARE))),
        Phase(name="burst", until_s=run_s * (QUIET_SHARE + BURST_SHARE), buyers_len=buyers_len_max),
        Phase(name="tail", until_s=run_s, buyers_len=max(1, round(buyers_len_max * TAIL_BUYERS_SHARE))),
    )


def phase_at(course: tuple[Phase, ...], elapsed_s: float) -> Phase | None:
    """Return the phase that a moment lies in; None when the run is over."""
    for phase in course:
        if elapsed_s < phase.until_s:
            return phase
    return None

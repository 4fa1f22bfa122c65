"""What the next minutes look like: pace, the moment each pool is likely to sell out, and countdowns that are running.

Pure: it is fed tallies and does sums. It belongs to a moment rather than to a place in the log (the pace falls while
nothing happens), so it travels beside the tally in every frame, and not inside.
"""

from __future__ import annotations

from collections import deque

import msgspec

from flashsale.tally import Tally

WINDOW_MS = 60_000
SAMPLE_SPACING_MS = 1_000
SPAN_MIN_MS = 5_000
"""Less than this says more about chance than about pace: no estimate is better than a wild one."""
SELLS_OUT_WITHIN_MAX_MS = 6 * 3_600_000


class Countdown(msgspec.Struct, frozen=True, kw_only=True):
    """A clock that runs. `kind` is `special_ends` (then `id` is a sku); it stands at zero at `ends_at_ms`."""

    kind: str
    id: str
    ends_at_ms: int


class Outlook(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Estimates at one moment. What is not known is left out: a pace before five seconds, a pool that does not move.

    `orders_per_minute` counts orders, presale too, over the last minute. `sells_out_at_ms` is by pool, in store time.
    """

    orders_per_minute: int | None = None
    sells_out_at_ms: dict[str, int] = {}
    countdowns: tuple[Countdown, ...] = ()


class _Sample(msgspec.Struct, frozen=True):
    at_ms: int
    orders: int
    taken: dict[str, int]


class Pace:
    """The last minute of a sale in samples a second apart: bounded, whatever the rate of tallies."""

    def __init__(self) -> None:
        self._samples: deque[_Sample] = deque()

    def note(self, tally: Tally) -> Outlook:
        """Take in a tally that is not older than the last one, and return the outlook from there."""
        sample = _Sample(
            at_ms=tally.at_ms,
            orders=tally.totals.orders + tally.totals.presale_orders,
            # What buyers took, whatever was added or withdrawn by hand meanwhile.
            taken={pool.pool_id: pool.initial + pool.adjusted - pool.available for pool in tally.pools},
        )
        # One sample from before the window stays: after a gap in the readings there would be nothing to compare with.
        while len(self._samples) > 1 and self._samples[1].at_ms <= sample.at_ms - WINDOW_MS:
            self._samples.popleft()
        oldest = self._samples[0] if self._samples else sample
        if not self._samples or sample.at_ms - self._samples[-1].at_ms >= SAMPLE_SPACING_MS:
            self._samples.append(sample)
        return _outlook(tally, oldest, sample)


def _outlook(tally: Tally, oldest: _Sample, newest: _Sample) -> Outlook:
    countdowns = tuple(
        Countdown(kind="special_ends", id=offer.sku, ends_at_ms=offer.special_until_ms)
        for offer in tally.offers
        if offer.special and offer.special_until_ms > tally.at_ms
    )
    span_ms = newest.at_ms - oldest.at_ms
    if span_ms < SPAN_MIN_MS:
        return Outlook(countdowns=countdowns)
    sells_out_at_ms = {}
    for pool in tally.pools:
        taken = newest.taken[pool.pool_id] - oldest.taken.get(pool.pool_id, newest.taken[pool.pool_id])
        if taken <= 0 or pool.available <= 0:
            continue
        wait_ms = pool.available * span_ms // taken
        if wait_ms <= SELLS_OUT_WITHIN_MAX_MS:
            sells_out_at_ms[pool.pool_id] = tally.at_ms + wait_ms
    return Outlook(
        # Orders can be taken back; a negative pace would tell nobody anything.
        orders_per_minute=max(0, round((newest.orders - oldest.orders) * 60_000 / span_ms)),
        sells_out_at_ms=sells_out_at_ms,
        countdowns=countdowns,
    )

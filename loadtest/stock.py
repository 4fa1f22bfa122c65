"""Stock over time: how much of a pool was taken at every moment, as far as anybody can know from outside.

The service decides somewhere between an ask and its answer, so each hold has two spans: the one in which it *certainly*
stood and the longer one in which it *possibly* stood. Summed up, they bound the stock from both sides: more certainly
taken than there ever was is overselling, and a refusal while even the possible takes left enough is a false sold_out.
Pure; linear in the history but for sorting and for what was in flight together.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from loadtest.domain import Ask, Books, Exchange, History, Line, PoolFigures, Rule, Violation
from loadtest.stories import Story, paid_late

FOREVER_US: Final = 1 << 62
DEADLINE_SLACK_US: Final = 250_000
"""A deadline is a time of the store's clock. Two clocks of one hour differ by less than this over a hold's life."""


@dataclass(frozen=True, slots=True)
class Span:
    """Units of a pool that a hold took from `from_us` until `until_us`."""

    pool_id: str
    units: int
    from_us: int
    until_us: int


def check_stock(history: History, books: Books, stories: dict[str, Story]) -> Iterator[Violation]:
    """Yield what is wrong with the pools: unbalanced, sold above stock, or said to be sold out while they were not."""
    pools = {pool.pool_id: pool for pool in books.tally.pools}
    for pool in pools.values():
        yield from _check_figures(pool)
    for planned in history.plan.pools:
        if planned.pool_id not in pools:
            yield Violation(
                rule=Rule.BOOKS_DISAGREE,
                subject=planned.pool_id,
                zh="战报里没有这个库存池",
                en="the tally does not know this pool",
            )
    certain = [span for story in stories.values() for span in certain_spans(story, history)]
    possible = [span for story in stories.values() for span in possible_spans(story, history)]
    for pool in pools.values():
        yield from _check_certain(pool, certain)
    yield from _check_refusals(history, pools, possible)


def _check_figures(pool: PoolFigures) -> Iterator[Violation]:
    problem = figures_problem(pool)
    if problem:
        yield Violation(
            rule=Rule.POOL_UNBALANCED,
            subject=pool.pool_id,
            zh=f"库存不平：{problem}",
            en=f"the pool does not balance: {problem}",
        )
    if pool.oversold > 0 or pool.held + pool.sold > pool.stock_units:
        yield Violation(
            rule=Rule.SOLD_ABOVE_STOCK,
            subject=pool.pool_id,
            zh=f"账面卖超：预占 {pool.held} + 已售 {pool.sold}，库存只有 {pool.stock_units}",
            en=f"the books hold {pool.held} and sold {pool.sold} of {pool.stock_units} units",
        )


def figures_problem(pool: PoolFigures) -> str:
    """Return what is wrong with a pool's figures by themselves; empty if they balance."""
    left, right = pool.stock_units, pool.available + pool.held + pool.sold - pool.oversold
    if left != right:
        return f"initial + adjusted = {left}, available + held + sold - oversold = {right}"
    if min(pool.available, pool.held, pool.sold, pool.oversold) < 0:
        return f"a figure below zero in {pool}"
    if pool.available > 0 and pool.oversold > 0:
        return f"available {pool.available} and oversold {pool.oversold} at once"
    return ""


def _check_certain(pool: PoolFigures, certain: Iterable[Span]) -> Iterator[Violation]:
    taken = Level([span for span in certain if span.pool_id == pool.pool_id], releases_first=True)
    # What was adjusted may have come or gone at any time; the larger stock is the one that excuses most.
    stock = max(pool.initial, pool.stock_units)
    if taken.highest > stock:
        yield Violation(
            rule=Rule.SOLD_ABOVE_STOCK,
            subject=pool.pool_id,
            zh=f"同一时刻已答应出去 {taken.highest}，库存只有 {stock}",
            en=f"{taken.highest} units stood acknowledged at one moment, of a stock of {stock}",
        )


def _check_refusals(history: History, pools: dict[str, PoolFigures], possible: list[Span]) -> Iterator[Violation]:
    levels = {
        pool_id: Level([span for span in possible if span.pool_id == pool_id], releases_first=False)
        for pool_id in pools
    }
    for exchange in history.exchanges:
        if exchange.ask is not Ask.CLAIM or exchange.outcome != "sold_out":
            continue
        free = {
            pool_id: min(pool.initial, pool.stock_units)
            - levels[pool_id].highest_between(exchange.sent_at_us, exchange.answered_at_us)
            for pool_id, pool in pools.items()
        }
        if _could_be_had(exchange, history, free):
            yield Violation(
                rule=Rule.FALSE_SOLD_OUT,
                subject=exchange.claim_id,
                zh=f"答复售罄，但从请求到答复，库存始终至少有 {free}，足够 {_words(exchange)}",
                en=f"refused as sold out, while at every moment at least {free} units were free for {_words(exchange)}",
            )


def _could_be_had(exchange: Exchange, history: History, free: dict[str, int]) -> bool:
    if exchange.partial:  # One pack of any line would have been an answer.
        singles = (history.plan.units_by_pool((Line(sku=line.sku, packs=1),)) for line in exchange.lines)
        return any(_fits(units, free) for units in singles)
    return _fits(history.plan.units_by_pool(exchange.lines), free)


def _fits(units: dict[str, int], free: dict[str, int]) -> bool:
    return bool(units) and all(free.get(pool_id, 0) >= needed for pool_id, needed in units.items())


def _words(exchange: Exchange) -> str:
    return " + ".join(f"{line.packs}×{line.sku}" for line in exchange.lines)


# -------------------------------------------------------------------------------------------------- spans of a claim


def possible_spans(story: Story, history: History) -> list[Span]:
    """Return the longest spans in which the claim may have taken stock."""
    asked = story.granting
    if not asked or story.granted is None:
        return []
    from_us = min(exchange.sent_at_us for exchange in asked)
    late = [exchange.sent_at_us for exchange in story.confirms if paid_late(exchange)]
    if _may_be_sold_in_time(story, has_late=bool(late)) or story.granted.outcome == "waitlisted":
        return _spans(story, history, from_us, FOREVER_US)
    spans = _spans(story, history, from_us, _latest_end_us(story, history))
    if late:
        # Of several payments only the first took the stock again; the others were answered the same.
        spans += _spans(story, history, min(exchange.sent_at_us for exchange in story.confirms), FOREVER_US)
    return spans


def _may_be_sold_in_time(story: Story, *, has_late: bool) -> bool:
    if any(exchange.outcome == "confirmed" and not paid_late(exchange) for exchange in story.confirms):
        return True
    is_sold = story.booked is not None and story.booked.status in ("confirmed", "presale_order")
    return is_sold and not has_late


def _latest_end_us(story: Story, history: History) -> int:
    ends = [e.answered_at_us for e in story.endings if e.outcome in ("cancelled", "expired")]
    if story.grants and history.plan.hold_ttl_ms:
        taken_by_us = min(exchange.answered_at_us for exchange in story.grants)
        ends.append(taken_by_us + history.plan.hold_ttl_ms * 1_000 + DEADLINE_SLACK_US)
    return min(ends, default=FOREVER_US)


def certain_spans(story: Story, history: History) -> list[Span]:
    """Return the spans in which the claim had stock by the service's own word, whatever happened in between."""
    if not story.grants or story.granted is None or story.granted.outcome == "waitlisted":
        return []
    taken_by_us = min(exchange.answered_at_us for exchange in story.grants)
    if any(exchange.outcome == "confirmed" and not paid_late(exchange) for exchange in story.confirms):
        return _spans(story, history, taken_by_us, FOREVER_US)
    ends = [exchange.sent_at_us for exchange in story.cancels if exchange.outcome in ("", "cancelled", "expired")]
    if history.plan.hold_ttl_ms:
        taken_from_us = min(exchange.sent_at_us for exchange in story.granting)
        ends.append(taken_from_us + history.plan.hold_ttl_ms * 1_000 - DEADLINE_SLACK_US)
    spans = _spans(story, history, taken_by_us, min(ends, default=FOREVER_US))
    late = [exchange.answered_at_us for exchange in story.confirms if paid_late(exchange)]
    if late:
        spans += _spans(story, history, min(late), FOREVER_US)
    return spans


def _spans(story: Story, history: History, from_us: int, until_us: int) -> list[Span]:
    granted = story.granted
    if granted is None or until_us <= from_us:
        return []
    # Presold packs come out of a quota, not out of the pool's stock.
    lines = tuple(Line(sku=line.sku, packs=line.packs) for line in granted.lines if line.outcome != "presold")
    return [
        Span(pool_id, units, from_us, until_us)
        for pool_id, units in history.plan.units_by_pool(lines).items()
        if units > 0
    ]


class Level:
    """A sum of spans as a function of time."""

    def __init__(self, spans: Iterable[Span], *, releases_first: bool) -> None:
        """Where a take and a release meet in one microsecond, `releases_first` makes the sum the smaller one."""
        changes: list[tuple[int, int, int]] = []
        for span in spans:
            changes.append((span.from_us, 1, span.units))
            changes.append((span.until_us, 0 if releases_first else 2, -span.units))
        changes.sort()
        self._times_us: list[int] = []
        self._levels: list[int] = []
        level = 0
        for at_us, _, units in changes:
            level += units
            self._times_us.append(at_us)
            self._levels.append(level)

    @property
    def highest(self) -> int:
        """The most at any moment."""
        return max(self._levels, default=0)

    def highest_between(self, from_us: int, until_us: int) -> int:
        """Return the most at any moment of a closed interval."""
        # From the level that holds just before `from_us`, so that a change at that very moment counts both ways.
        start = bisect_right(self._times_us, from_us - 1)
        end = bisect_right(self._times_us, until_us)
        before = self._levels[start - 1] if start else 0
        return max(before, max(self._levels[start:end], default=0))

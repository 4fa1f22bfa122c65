"""The verdict on a run: every answer against every other, against the stock over time, and against the books.

Pure functions over recorded lists: what they need to know is in a `History` and the `Books`, so that each violation can
be planted in a test and seen to be caught. `answers`, `bookkeeping`, `stock` and `frames` hold the rules; here they meet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from loadtest.answers import check_answers
from loadtest.bookkeeping import check_books, late_payments
from loadtest.domain import Ask, Books, Exchange, History, Violation
from loadtest.frames import check_frames, delays_ms
from loadtest.stock import check_stock
from loadtest.stories import tell


class Delays(msgspec.Struct, frozen=True, kw_only=True):
    """A distribution of waits in milliseconds; all 0 where nothing was measured (`count` 0)."""

    count: int = 0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    max_ms: float = 0.0


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What happened in a run, in numbers.

    `outcomes` counts answers by ask and outcome, `unknown` those without one. `answer` runs from sending to the answer,
    `frame` from sending a claim to the first frame that shows it, `own_lag` is what this side itself was late by.
    """

    claims: int
    claim_ids: int
    exchanges: int
    seconds: float
    exchanges_per_s: float
    outcomes: dict[str, int]
    replayed: int
    unknown: int
    late_payments: int
    orders: int
    revenue_minor: int
    units_by_pool: dict[str, dict[str, int]]
    answer: Delays
    frames: int
    watchers: int
    frame: Delays
    own_lag: Delays


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a run showed. `passed` is False where any rule was broken, or nothing was sold that could have been judged."""

    sale_id: str
    passed: bool
    is_empty: bool
    violations: tuple[Violation, ...]
    figures: Figures


def verify(history: History, books: Books) -> tuple[Violation, ...]:
    """Return every violation of every rule (`domain.Rule`), in the order of the rules' modules; empty if all held."""
    stories = tell(history.exchanges, dict(books.claims))
    found: list[Violation] = []
    for story in stories.values():
        found.extend(check_answers(history.plan, story))
    found.extend(check_books(history.plan, books, stories))
    found.extend(check_stock(history, books, stories))
    found.extend(check_frames(history, books))
    return tuple(found)


def judge(history: History, books: Books) -> Verdict:
    """Verify a run and count what happened in it."""
    violations = verify(history, books)
    is_empty = not any(exchange.is_grant for exchange in history.exchanges)
    return Verdict(
        sale_id=history.plan.sale_id,
        # A run in which nothing was granted proves nothing, and must not look as if it did.
        passed=not violations and not is_empty,
        is_empty=is_empty,
        violations=violations,
        figures=_figures(history, books),
    )


def _figures(history: History, books: Books) -> Figures:
    exchanges = history.exchanges
    began_us = min((exchange.sent_at_us for exchange in exchanges), default=0)
    ended_us = max((exchange.answered_at_us for exchange in exchanges), default=0)
    seconds = (ended_us - began_us) / 1_000_000
    answered = [exchange for exchange in exchanges if exchange.answer is not None]
    outcomes = Counter(f"{exchange.ask}:{exchange.outcome or 'no answer'}" for exchange in exchanges)
    return Figures(
        claims=sum(1 for exchange in exchanges if exchange.ask is Ask.CLAIM),
        claim_ids=len({exchange.claim_id for exchange in exchanges}),
        exchanges=len(exchanges),
        seconds=round(seconds, 3),
        exchanges_per_s=round(len(exchanges) / seconds, 1) if seconds > 0 else 0.0,
        outcomes=dict(outcomes.most_common()),
        replayed=sum(1 for exchange in answered if exchange.answer and exchange.answer.replayed),
        unknown=len(exchanges) - len(answered),
        late_payments=late_payments(tell(exchanges, dict(books.claims))),
        orders=books.tally.totals.orders,
        revenue_minor=books.tally.totals.revenue_minor,
        units_by_pool={
            pool.pool_id: {
                "stock": pool.stock_units,
                "available": pool.available,
                "held": pool.held,
                "sold": pool.sold,
                "oversold": pool.oversold,
            }
            for pool in books.tally.pools
        },
        answer=_delays(sorted(_waits_ms(answered))),
        frames=len(history.frames),
        watchers=len({frame.connection.partition("/")[0] for frame in history.frames}),
        frame=_delays(delays_ms(history)),
        own_lag=_delays(sorted(history.lags_ms)),
    )


def _waits_ms(answered: Sequence[Exchange]) -> list[float]:
    return [(exchange.answered_at_us - exchange.sent_at_us) / 1_000 for exchange in answered]


def _delays(ordered_ms: Sequence[float]) -> Delays:
    if not ordered_ms:
        return Delays()
    count = len(ordered_ms)
    return Delays(
        count=count,
        p50_ms=round(ordered_ms[(count - 1) // 2], 2),
        p99_ms=round(ordered_ms[min(count - 1, count * 99 // 100)], 2),
        max_ms=round(ordered_ms[-1], 2),
    )

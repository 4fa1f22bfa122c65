"""How buyers behave in a rush. Pure: a seeded generator makes visits, and `users` carries them out."""

from __future__ import annotations

import random
from collections.abc import Iterator
from enum import StrEnum
from itertools import count
from typing import Final

import msgspec

from loadtest.domain import Line, SalePlan


class Habit(StrEnum):
    """What a buyer does with a claim. Each is something that real buyers, phones or platforms do in a rush."""

    PAYS = "pays"
    GIVES_UP = "gives_up"
    WALKS_AWAY = "walks_away"
    PAYS_LATE = "pays_late"
    ASKS_AGAIN = "asks_again"
    ASKS_TWICE_AT_ONCE = "asks_twice_at_once"
    PAYS_TWICE_AT_ONCE = "pays_twice_at_once"
    PAYS_WHILE_CANCELLING = "pays_while_cancelling"
    CHANGES_CONTENT = "changes_content"


SHARES: Final[dict[Habit, int]] = {
    Habit.PAYS: 40,
    Habit.GIVES_UP: 15,
    Habit.WALKS_AWAY: 10,
    Habit.PAYS_LATE: 2,
    Habit.ASKS_AGAIN: 12,
    Habit.ASKS_TWICE_AT_ONCE: 10,
    Habit.PAYS_TWICE_AT_ONCE: 4,
    Habit.PAYS_WHILE_CANCELLING: 4,
    Habit.CHANGES_CONTENT: 3,
}
"""Out of a hundred claims. Late payers are few: each keeps a simulated buyer busy for a whole hold."""

CHANNELS: Final = ("douyin", "kuaishou", "taobao", "weibo", "xigua")
BASKET_SHARE: Final = 0.08
PARTIAL_SHARE: Final = 0.05
REGULAR_SHARE: Final = 0.1
"""The share of claims by a buyer who has been there before, so that limits are met."""
PACKS_MAX: Final = 3


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """One claim and what its buyer does about it."""

    claim_id: str
    buyer_id: str
    channel: str
    lines: tuple[Line, ...]
    partial: bool
    habit: Habit


def visits(plan: SalePlan, run_id: str, buyer_no: int, seed: int) -> Iterator[Visit]:
    """Yield one simulated buyer's visits, without end; the same arguments give the same visits.

    Claim ids are `<run_id>:<buyer_no>:<n>` and so never repeat between buyers or runs.
    """
    rng = random.Random(f"{seed}/{buyer_no}")  # noqa: S311 - behaviour, not secrets
    habits, weights = list(SHARES), list(SHARES.values())
    regular = f"{run_id}:b{buyer_no}"
    for number in count(1):
        yield Visit(
            claim_id=f"{run_id}:{buyer_no}:{number}",
            buyer_id=regular if rng.random() < REGULAR_SHARE else f"{regular}-{number}",
            channel=rng.choice(CHANNELS),
            lines=_lines(plan, rng),
            partial=rng.random() < PARTIAL_SHARE,
            habit=rng.choices(habits, weights)[0],
        )


def _lines(plan: SalePlan, rng: random.Random) -> tuple[Line, ...]:
    wanted = 2 if len(plan.offers) > 1 and rng.random() < BASKET_SHARE else 1
    offers = rng.sample(plan.offers, wanted)
    return tuple(Line(sku=offer.sku, packs=rng.randint(1, PACKS_MAX)) for offer in offers)


def other_content(visit: Visit) -> tuple[Line, ...]:
    """Return lines that are not the visit's, for a sender that uses one id for two requests."""
    first, *rest = visit.lines
    return (Line(sku=first.sku, packs=first.packs + 1), *rest)

"""The evening's plan: when each pool is sold, and how its stock is shared out between the platforms.

Platforms that take the money themselves (Douyin, Kuaishou, Taobao) sell from a reserve of their own, so that their
facts never oversell; Weibo and Ixigua viewers order by comment from what is free. Pure values, no I/O.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from inventory.catalogue import Catalogue, CatalogueOffer, CataloguePool

EVENING_STARTS_AT_MS = 1_605_871_800_000
"""19:30 in Tonggu on 20 November 2020: the recorded clock's beginning."""

MINUTE_MS = 60_000
EVENING_MINUTES = 130
LAST_SALE_MINUTE = 118
"""No claim is made and no order paid after this minute; payments follow until the last sweep."""
LAST_SWEEP_MINUTE = 123
SPECIAL_ENDS_MINUTE = 125
CLOSES_MINUTE = 128

DRAW_ID = "rice-noodle-draw"
DRAW_WORD = "铜鼓加油"
DRAW_OPENS_MINUTE = 92
DRAW_CLOSES_MINUTE = 97
DRAW_WINNERS_MAX = 12

PRESALE_UNITS = 6_000
PRESALE_OPENS_MINUTE = 31
PRESALE_LAST_MINUTE = 45
PRESALE_SHIPS_AFTER_MS = 14 * 24 * 60 * MINUTE_MS

SHOP_PLATFORMS = ("douyin", "kuaishou", "taobao")
"""Platforms with their own checkout: their paid orders are facts."""
COMMENT_PLATFORMS = ("weibo", "xigua")
"""Platforms without one: their comments become claims."""

ROOMS = {
    "douyin": "7002020112019300001",
    "kuaishou": "KS20201120",
    "weibo": "1022:2321325020112019",
    "xigua": "6897202011201930",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolPlan:
    """How one of the four big pools is sold: the minute its rush starts and each shop platform's reserve in base units."""

    pool_id: str
    rush_minute: int
    reserves: dict[str, int]

    # The phases, in minutes from the rush. Each ends at a barrier, and the totals rest on their order: whatever comes
    # back to stock (cancelled, set lower, never paid) has come back before the small offers fill the pool up.
    RUSH_LENGTH = 6
    WAITLIST_FROM, WAITLIST_UNTIL = 4, 8
    UNPAID_FROM, UNPAID_UNTIL = 9, 11
    PROMOTED_PAY = 12
    FILL_FROM, FILL_UNTIL = 13, 14
    FILL_PAY_FROM, FILL_PAY_UNTIL = 15, 17
    SWEEP = 18
    ORDERS_FROM, ORDERS_UNTIL = -4, 17

    def minute(self, phase: int) -> int:
        """The evening's minute of a phase of this pool."""
        return self.rush_minute + phase


POOL_PLANS = (
    PoolPlan(pool_id="eggs", rush_minute=10, reserves={"douyin": 3_000, "kuaishou": 2_500, "taobao": 2_000}),
    PoolPlan(pool_id="noodles", rush_minute=34, reserves={"douyin": 900_000, "kuaishou": 700_000, "taobao": 600_000}),
    PoolPlan(pool_id="honey", rush_minute=56, reserves={"douyin": 150_000, "kuaishou": 120_000, "taobao": 100_000}),
    PoolPlan(pool_id="bamboo", rush_minute=78, reserves={"douyin": 300, "kuaishou": 250, "taobao": 200}),
)
POOL_IDS_BIG = tuple(plan.pool_id for plan in POOL_PLANS)

ORDERS_OTHER = {"oil-5l": 220, "tea": 40, "candied": 40}
"""Orders of one pack each for the other specialties."""
ORDERS_OTHER_BY_COMMENT = {"oil-5l": 30, "tea": 8, "candied": 8}
"""How many of them are ordered by comment on Weibo and Ixigua; the rest are platform orders."""

DEMAND_FACTOR = 2.5
"""What the commenters of a rush want, against what is free for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A viewer as one platform knows them."""

    platform: str
    user_id: str
    nickname: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What a comment is meant to be read as; `lines` are (sku, packs)."""

    intent: str
    lines: tuple[tuple[str, int], ...] = ()


CHATTER = Meaning(intent="none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """A comment in a live room. `sent_at_ms` is the platform's time, `at_ms` when it is delivered; both from the start."""

    at_ms: int
    event_id: str
    person: Person
    text: str
    meaning: Meaning = CHATTER
    sent_at_ms: int = -1
    is_host: bool = False

    @property
    def claim_id(self) -> str:
        """The id of the claim that this comment becomes, if it becomes one."""
        return f"{self.person.platform}:{self.event_id}"

    @property
    def spoken_at_ms(self) -> int:
        """The platform's time of the comment, from the evening's start."""
        return self.at_ms if self.sent_at_ms < 0 else self.sent_at_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """The payment system's turn at a claim: `confirm` it or `cancel` it, if it is held at that moment."""

    at_ms: int
    claim_id: str
    action: str


class Shelf:
    """The catalogue's goods by sku and by pool."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.pools: dict[str, CataloguePool] = {pool.pool_id: pool for pool in catalogue.pools}
        self.offers: dict[str, CatalogueOffer] = {offer.sku: offer for offer in catalogue.offers}

    def of_pool(self, pool_id: str) -> list[CatalogueOffer]:
        """A pool's offers, the smallest pack first."""
        return sorted((o for o in self.offers.values() if o.pool_id == pool_id), key=lambda o: o.units_per_pack)

    def units(self, lines: tuple[tuple[str, int], ...]) -> int:
        """The base units that lines of one pool take."""
        return sum(self.offers[sku].units_per_pack * packs for sku, packs in lines)

    def price_minor(self, lines: tuple[tuple[str, int], ...]) -> int:
        """What lines cost at the offer prices, in minor units."""
        return sum(self.offers[sku].price_minor * packs for sku, packs in lines)

    def free_units(self, plan: PoolPlan) -> int:
        """What a pool has beyond the shop platforms' reserves, in base units."""
        return self.pools[plan.pool_id].initial_units - sum(plan.reserves.values())


class Ids:
    """Makes ids that grow as platforms' ids do: long numbers, never the same twice."""

    def __init__(self, rng: random.Random, first: int) -> None:
        self._rng = rng
        self._last = first

    def next(self) -> str:
        """The next id, as a decimal string."""
        self._last += self._rng.randrange(1, 9_000)
        return str(self._last)


def part_rng(seed: int, part: str) -> random.Random:
    """The random source of one part of the evening, so that a change in one part leaves the others as they are."""
    return random.Random(f"{seed}:{part}")  # noqa: S311 - a recording wants the same numbers again, not secret ones


def within(rng: random.Random, first_minute: int, last_minute: int) -> int:
    """A moment from the beginning of `first_minute` to the end of `last_minute`, in ms; never on a minute's first ms."""
    return rng.randrange(first_minute * MINUTE_MS + 1, (last_minute + 1) * MINUTE_MS)

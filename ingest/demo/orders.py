"""Orders that the shop platforms took themselves, and the pushes with which they tell of them.

Each platform sells exactly its reserve of every big pool, whatever order the pushes arrive in: an order that is paid and
refunded is sold again only after the refund has been acknowledged.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from ingest.demo.plan import (
    EVENING_STARTS_AT_MS,
    LAST_SALE_MINUTE,
    MINUTE_MS,
    ORDERS_OTHER,
    ORDERS_OTHER_BY_COMMENT,
    POOL_PLANS,
    SHOP_PLATFORMS,
    Ids,
    PoolPlan,
    Shelf,
    part_rng,
    within,
)

REFUNDED_SHARE = 0.02
ABANDONED_SHARE = 0.05
COMPLETED_SHARE = 0.10
SWAPPED_SHARE = 0.06
FOREIGN_SKU = "tote-bag"
"""A thing of the platform's shop that the sale's catalogue does not know."""

Lines = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One push of a platform about an order: created, paid, cancelled, refunded or completed."""

    at_ms: int
    status: str
    message_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopOrder:
    """An order as its platform knows it, with the pushes that tell of it. `steps` stand in order of delivery."""

    platform: str
    order_id: str
    buyer_id: str
    lines: Lines
    amount_minor: int
    created_at_ms: int
    steps: tuple[Step, ...]

    @property
    def settled(self) -> bool:
        """Whether the order stands at the end: paid and not taken back."""
        statuses = {step.status for step in self.steps}
        return "paid" in statuses and not statuses & {"cancelled", "refunded"}


def shop_orders(seed: int, shelf: Shelf) -> list[ShopOrder]:
    """Make all platform orders of the evening."""
    writer = _Writer(part_rng(seed, "orders"), shelf)
    orders: list[ShopOrder] = []
    for plan in POOL_PLANS:
        for platform in SHOP_PLATFORMS:
            for lines in writer.split(plan, plan.reserves[platform]):
                orders += writer.sold(platform, lines, plan.minute(plan.ORDERS_FROM), plan.minute(plan.ORDERS_UNTIL))
    for sku, count in ORDERS_OTHER.items():
        for _ in range(count - ORDERS_OTHER_BY_COMMENT[sku]):
            orders += writer.sold(writer.any_platform(), ((sku, 1),), 8, LAST_SALE_MINUTE, refundable=False)
    orders.append(writer.foreign())
    return orders


class _Writer:
    def __init__(self, rng: random.Random, shelf: Shelf) -> None:
        self._rng = rng
        self._shelf = shelf
        self._order_ids = {
            "douyin": Ids(rng, 4_962_020_112_019_300_000),
            "kuaishou": Ids(rng, 2_032_520_112_019_300),
            "taobao": Ids(rng, 1_402_020_112_019_300_000),
        }
        self._message_ids = {platform: Ids(rng, 6_897_000_000_000_000_000) for platform in SHOP_PLATFORMS}

    def any_platform(self) -> str:
        return self._rng.choices(SHOP_PLATFORMS, weights=(5, 4, 3))[0]

    def split(self, plan: PoolPlan, reserve_units: int) -> Iterator[Lines]:
        """Cut a reserve into orders that add up to it exactly."""
        offers = self._shelf.of_pool(plan.pool_id)
        left_units = reserve_units
        while left_units > 0:
            offer = self._rng.choices(offers, weights=[3, 2][: len(offers)])[0]
            packs = self._rng.choices((1, 2, 3, 4, 6), weights=(38, 32, 14, 10, 6))[0]
            if offer.units_per_pack * packs > left_units:
                offer = offers[0]
                packs = min(packs, left_units // offer.units_per_pack)
            left_units -= offer.units_per_pack * packs
            yield ((offer.sku, packs),)

    def sold(
        self, platform: str, lines: Lines, first_minute: int, last_minute: int, *, refundable: bool = True
    ) -> Iterator[ShopOrder]:
        """An order that stands, and perhaps another that does not: abandoned unpaid, or refunded and so sold again."""
        if refundable and self._rng.random() < REFUNDED_SHARE:
            # Paid, taken back, sold again: each in a minute of its own, since a barrier stands at every minute.
            paid_minute, refunded_minute, again_minute = sorted(
                self._rng.sample(range(first_minute + 1, last_minute + 1), 3)
            )
            paid_at_ms = within(self._rng, paid_minute, paid_minute)
            undone = "cancelled" if platform == "kuaishou" else "refunded"
            refund = Step(
                at_ms=within(self._rng, refunded_minute, refunded_minute),
                status=undone,
                message_id=self._message(platform),
            )
            yield self._order(platform, lines, paid_at_ms, (refund,))
            yield self._order(platform, lines, within(self._rng, again_minute, again_minute))
            return
        paid_at_ms = within(self._rng, first_minute, last_minute)
        yield self._order(platform, lines, paid_at_ms)
        if self._rng.random() < ABANDONED_SHARE:
            yield self._abandoned(platform, lines, paid_at_ms)

    def foreign(self) -> ShopOrder:
        """One order of a thing that is not in the catalogue."""
        return self._order("douyin", ((FOREIGN_SKU, 1),), within(self._rng, 50, 52), amount_minor=1_900)

    def _order(
        self,
        platform: str,
        lines: Lines,
        paid_at_ms: int,
        later: tuple[Step, ...] = (),
        amount_minor: int | None = None,
    ) -> ShopOrder:
        created_at_ms = max(1, paid_at_ms - self._rng.randrange(3_000, 25_000))
        created = Step(at_ms=created_at_ms, status="created", message_id=self._message(platform))
        paid = Step(at_ms=paid_at_ms, status="paid", message_id=self._message(platform))
        if self._rng.random() < SWAPPED_SHARE:  # The creation is told after the payment: pushes are not ordered.
            created = Step(at_ms=paid_at_ms + 1_500, status="created", message_id=created.message_id)
        if not later and self._rng.random() < COMPLETED_SHARE:
            completed_at_ms = min(paid_at_ms + 8 * MINUTE_MS, (LAST_SALE_MINUTE + 2) * MINUTE_MS)
            later = (Step(at_ms=completed_at_ms, status="completed", message_id=self._message(platform)),)
        steps = (created, paid, *later)
        return self._make(platform, lines, created_at_ms, steps, amount_minor)

    def _abandoned(self, platform: str, lines: Lines, near_ms: int) -> ShopOrder:
        created = Step(at_ms=near_ms, status="created", message_id=self._message(platform))
        closed = Step(at_ms=near_ms + 2 * MINUTE_MS, status="cancelled", message_id=self._message(platform))
        return self._make(platform, lines, near_ms, (created, closed), None)

    def _make(
        self, platform: str, lines: Lines, created_at_ms: int, steps: tuple[Step, ...], amount_minor: int | None
    ) -> ShopOrder:
        return ShopOrder(
            platform=platform,
            order_id=self._order_ids[platform].next(),
            buyer_id=f"{platform}:b{self._rng.getrandbits(44):011x}",
            lines=lines,
            amount_minor=self._shelf.price_minor(lines) if amount_minor is None else amount_minor,
            created_at_ms=EVENING_STARTS_AT_MS + created_at_ms,
            steps=steps,
        )

    def _message(self, platform: str) -> str:
        return self._message_ids[platform].next()

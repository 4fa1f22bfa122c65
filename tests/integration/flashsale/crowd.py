"""A crowd by dice: long sales on two small pools, where the ways of a claim cross each other far more often than in drawn ones.

Hypothesis finds small counterexamples; this finds rare ones. A seed gives the same operations, so a failure can be run again.
"""

from __future__ import annotations

import random

from flashsale.domain import (
    AdjustPool,
    AdjustReason,
    Amend,
    Block,
    Cancel,
    Claim,
    Confirm,
    Extend,
    Fact,
    Line,
    Op,
    RepeatPolicy,
    SaleState,
    SetOffer,
    SetPool,
    SetSale,
    SetSaleState,
)
from tests.integration.flashsale.beside_model import SideBySide

HALF_TTL_MS = 500_000
SKUS = {"egg-1": ("eggs", 1, 29), "egg-3": ("eggs", 3, 71), "honey-1": ("honey", 1, 57), "honey-2": ("honey", 2, 113)}
CHANNELS = ("douyin", "kuaishou", "booth")


class Crowd:
    """One sale and its dice."""

    def __init__(self, both: SideBySide, seed: int) -> None:
        self.both = both
        self.dice = random.Random(seed)
        self.made = 0
        self.ways = {
            self.claim: 8,
            self.plain: 3,
            self.amend: 3,
            self.confirm: 4,
            self.cancel: 4,
            self.extend: 1,
            self.fact: 1,
            self.reverse: 1,
            self.adjust: 1,
            self.block: 1,
            self.pause: 1,
            self.pool: 1,
        }
        # Each sale leaves some ways out, so that the others meet more often.
        for way in self.dice.sample(list(self.ways)[2:], 5):
            self.ways[way] = 0

    def run(self, batches: int) -> None:
        """Open the sale and play `batches` batches with time between."""
        dice = self.dice
        start: list[Op] = [
            SetSale(
                name="x",
                hold_ttl_ms=2 * HALF_TTL_MS,
                waitlist_ttl_ms=dice.choice([0, HALF_TTL_MS]),
                repeat_policy=dice.choice(list(RepeatPolicy)),
            ),
            self.pool("eggs"),
            self.pool("honey"),
            *(
                SetOffer(sku=sku, pool_id=pool, name=sku, units_per_pack=units, price_minor=price)  # type: ignore[arg-type]
                for sku, (pool, units, price) in SKUS.items()
            ),
            SetSaleState(state=SaleState.OPEN),
        ]
        self.both.decide(start)
        for _ in range(batches):
            if dice.random() < 0.25:
                self.both.forward(dice.choice([HALF_TTL_MS, HALF_TTL_MS, 2 * HALF_TTL_MS]))
            ways, weights = list(self.ways), list(self.ways.values())
            self.both.decide([way() for way in dice.choices(ways, weights, k=dice.randint(1, 8))])
        self.both.rig.run(self.both.compare_claims(list(self.both.model.claims)))

    def _new(self) -> str:
        self.made += 1
        return f"c{self.made}"

    def _known(self) -> str:
        return f"c{max(self.made - self.dice.randint(0, 15), 0)}"

    def _lines(self, packs_min: int = 1) -> tuple[Line, ...]:
        skus = self.dice.sample(list(SKUS), self.dice.choice([1, 1, 2, 3]))
        return tuple(Line(sku, self.dice.randint(packs_min, 4)) for sku in skus)  # type: ignore[arg-type]

    def _who(self) -> dict[str, str]:
        return {"buyer_id": f"b{self.dice.randint(1, 6)}", "channel": self.dice.choice(CHANNELS)}

    def claim(self) -> Op:
        """Baskets, waiting, partial."""
        flags = {"partial": self.dice.random() < 0.2, "waitlist": self.dice.random() < 0.7}
        return Claim(claim_id=self._new(), lines=self._lines(), **self._who(), **flags)  # type: ignore[arg-type]

    def plain(self) -> Op:
        """What nearly every claim of a rush is."""
        id = self._new()
        return Claim(claim_id=id, buyer_id=f"n-{id}", channel="douyin", lines=self._lines()[:1])  # type: ignore[arg-type]

    def amend(self) -> Op:
        """A later comment."""
        kind = self.dice.choice(["order", "set", "set", "cancel"])
        lines = () if kind == "cancel" else self._lines(1 if kind == "order" else 0)
        return Amend(claim_id=self._new(), kind=kind, lines=lines, waitlist=self.dice.random() < 0.5, **self._who())  # type: ignore[arg-type]

    def confirm(self) -> Op:
        """Whole or a part, in time or late."""
        lines = self._lines()[:1] if self.dice.random() < 0.3 else ()
        return Confirm(claim_id=self._known(), lines=lines, reclaim=self.dice.random() < 0.8)  # type: ignore[arg-type]

    def cancel(self) -> Op:
        """A hold, a place in the queue, or an order."""
        return Cancel(claim_id=self._known(), order=self.dice.random() < 0.5)  # type: ignore[arg-type]

    def extend(self) -> Op:
        """By half a deadline's length."""
        return Extend(claim_id=self._known(), expires_at_ms=self.both.now_ms + 3 * HALF_TTL_MS)  # type: ignore[arg-type]

    def fact(self) -> Op:
        """Sold elsewhere."""
        amount = self.dice.choice([None, self.dice.randint(0, 999)])
        return Fact(fact_id=self._new(), lines=self._lines(), amount_minor=amount, **self._who())  # type: ignore[arg-type]

    def reverse(self) -> Op:
        """Taken back elsewhere."""
        return Fact(fact_id=self._known(), channel="douyin", reverses=True)

    def adjust(self) -> Op:
        """Restock and spoilage."""
        delta, reason = self.dice.choice([-3, -1, 2, 5, 9]), self.dice.choice(list(AdjustReason))
        pool = self.dice.choice(["eggs", "honey"])
        return AdjustPool(adjust_id=self._new(), pool_id=pool, delta_units=delta, reason=reason)  # type: ignore[arg-type]

    def block(self) -> Op:
        """Blocked more often than let in again."""
        return Block(buyer_id=self._who()["buyer_id"], blocked=self.dice.random() < 0.6)  # type: ignore[arg-type]

    def pause(self) -> Op:
        """Paused, and open again."""
        return SetSaleState(state=self.dice.choice([SaleState.OPEN, SaleState.OPEN, SaleState.PAUSED]))

    def pool(self, pool_id: str = "") -> Op:
        """Rules of a pool, mostly few."""
        dice = self.dice
        by_channel = [{}, {}, {dice.choice(CHANNELS): dice.randint(0, 9)}]
        return SetPool(
            pool_id=pool_id or dice.choice(["eggs", "honey"]),  # type: ignore[arg-type]
            name="x",
            base_unit="枚",
            initial_units=dice.randint(4, 12),
            limit_units=dice.choice([0, 0, 0, 8]),
            channel_reserves=dice.choice(by_channel),
            channel_caps=dice.choice(by_channel),
            presale_units=dice.choice([0, 0, 8, 15]),
        )

"""The reference model's state and the figures that follow from it: sums, no counters.

A pool's net stock is `initial + adjusted − held − sold`; `available` is what of it is above zero and `oversold` what is below.
A channel's use is the units that it holds or bought; a buyer's packs are those of open and confirmed claims.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from flashsale.domain import (
    AdjustPool,
    Amend,
    BuyerId,
    Claim,
    Fact,
    Observe,
    OpenDraw,
    OpResult,
    Outcome,
    Rev,
    SaleId,
    SaleState,
    SetOffer,
    SetPool,
    SetSale,
    SettleDraw,
)
from flashsale.events import Granted
from flashsale.tally import ChannelTally, DrawTally, OfferTally, PoolTally, Tally, Totals

LIVE = frozenset({"held", "presale_held"})
SOLD = frozenset({"confirmed", "presale_order", "recorded"})
OPEN = LIVE | {"waitlisted"}
KEPT = OPEN | SOLD
SEEN = ("comments", "likes", "gifts", "follows", "enters")


class ModelClaim(msgspec.Struct, frozen=True):
    """A claim or fact as it stands. `request` is its fingerprint, `ending` the answer that ended it."""

    request: Claim | Amend | Fact
    first: OpResult
    status: str
    lines: tuple[Granted, ...] = ()
    expires_at_ms: int = 0
    place: int = 0
    ending: OpResult | None = None

    @property
    def amount_minor(self) -> int:
        """What its lines cost."""
        return sum(line.amount_minor for line in self.lines)


class ModelDraw(msgspec.Struct, frozen=True):
    """A draw as it stands."""

    opened: OpenDraw
    opened_at_ms: int
    state: str = "open"
    entrants: frozenset[BuyerId] = frozenset()
    settled: SettleDraw | None = None


class Refusal(msgspec.Struct, frozen=True):
    """A line that got less than it asked: demand, not stock."""

    sku: str
    pool_id: str
    channel: str
    outcome: Outcome
    claims: int
    packs: int
    units: int


class Figures:
    """One sale as it stands, and every figure of it."""

    def __init__(self, sale_id: SaleId) -> None:
        """Begin before the sale exists."""
        self.sale_id = sale_id
        self.settings: SetSale | None = None
        self.state = SaleState.DRAFT
        self.pools: dict[str, SetPool] = {}
        self.offers: dict[str, SetOffer] = {}
        self.claims: dict[str, ModelClaim] = {}
        self.adjustments: dict[str, tuple[AdjustPool, OpResult]] = {}
        self.blocked: set[str] = set()
        self.observed: list[Observe] = []
        self.demand: list[tuple[str, int]] = []
        self.duplicates = 0
        self.refusals: list[Refusal] = []
        self.refunds_due: set[str] = set()
        self.draws: dict[str, ModelDraw] = {}
        self.channels: set[str] = set()
        self.touched: set[str] = set()
        self._now_ms = 0

    def _lines(self, statuses: Iterable[str]) -> Iterator[tuple[ModelClaim, Granted]]:
        return ((claim, line) for claim in self.claims.values() if claim.status in statuses for line in claim.lines)

    def _units(self, pool_id: str, statuses: Iterable[str], *, presale: bool = False, channel: str = "") -> int:
        return sum(
            line.units
            for claim, line in self._lines(statuses)
            if line.pool_id == pool_id and line.presale == presale and (not channel or claim.request.channel == channel)
        )

    def net(self, pool_id: str) -> int:
        """Units that are neither held nor sold; below zero where more was sold than there was."""
        return self.pools[pool_id].initial_units + self._adjusted(pool_id) - self._units(pool_id, LIVE | SOLD)

    def _adjusted(self, pool_id: str) -> int:
        return sum(op.delta_units for op, _ in self.adjustments.values() if op.pool_id == pool_id)

    def free(self, pool_id: str, channel: str) -> int:
        """Units that a channel may take now: less what is kept for others, within its own cap."""
        pool = self.pools[pool_id]
        kept = sum(
            max(units - self._units(pool_id, LIVE | SOLD, channel=other), 0)
            for other, units in pool.channel_reserves.items()
            if other != channel
        )
        free = max(self.net(pool_id), 0) - kept
        if channel in pool.channel_caps:
            free = min(free, pool.channel_caps[channel] - self._units(pool_id, LIVE | SOLD, channel=channel))
        return max(free, 0)

    def presale_free(self, pool_id: str) -> int:
        """Units of the presale quota that nobody has."""
        return self.pools[pool_id].presale_units - self._units(pool_id, LIVE | SOLD, presale=True)

    def _packs(self, buyer_id: str, sku: str) -> int:
        return sum(
            line.packs for claim, line in self._lines(KEPT) if claim.request.buyer_id == buyer_id and line.sku == sku
        )

    def _pool_units(self, buyer_id: str, pool_id: str) -> int:
        """All that a buyer has of a pool, presale and waited for included: what the pool's limit bounds."""
        return sum(
            line.units
            for claim, line in self._lines(KEPT)
            if claim.request.buyer_id == buyer_id and line.pool_id == pool_id
        )

    def _price(self, offer: SetOffer, now_ms: int) -> int:
        special = offer.special_from_ms <= now_ms and (not offer.special_until_ms or now_ms < offer.special_until_ms)
        if not offer.special_from_ms or special or not offer.list_price_minor:
            return offer.price_minor
        return offer.list_price_minor

    def _on_sale(self, sku: str) -> bool:
        offer = self.offers.get(sku)
        return offer is not None and (
            offer.sells_from_ms <= self._now_ms and (not offer.sells_until_ms or self._now_ms < offer.sells_until_ms)
        )

    def _fits(self, lines: Iterable[Granted], channel: str) -> bool:
        asked: dict[tuple[str, bool], int] = {}
        for line in lines:
            asked[line.pool_id, line.presale] = asked.get((line.pool_id, line.presale), 0) + line.units
        return all(
            units <= (self.presale_free(pool_id) if presale else self.free(pool_id, channel))
            for (pool_id, presale), units in asked.items()
        )

    # ---------------------------------------------------------------------------------------------------- the tally

    def tally(self, now_ms: int, rev: Rev) -> Tally:
        """All counters, with prices as they are at `now_ms`. Raises AssertionError before the sale exists."""
        assert self.settings is not None
        return Tally(
            sale_id=self.sale_id,
            name=self.settings.name or "",
            state=self.state,
            currency=self.settings.currency or "",
            rev=rev,
            at_ms=now_ms,
            totals=self._totals(),
            pools=tuple(self._pool_tally(pool) for pool in self.pools.values()),
            offers=tuple(self._offer_tally(offer, now_ms) for offer in self.offers.values()),
            channels=tuple(self._channel_tally(channel) for channel in sorted(self.channels)),
            draws=tuple(
                _draw_tally(draw)
                for draw in sorted(self.draws.values(), key=lambda draw: (draw.opened_at_ms, draw.opened.draw_id))
            ),
        )

    def _money(self, *, presale: bool = False, channel: str = "", sku: str = "") -> int:
        return sum(
            line.amount_minor
            for claim, line in self._lines(SOLD)
            if line.presale == presale
            and (not channel or claim.request.channel == channel)
            and (not sku or line.sku == sku)
        )

    def _count(self, statuses: Iterable[str], channel: str = "") -> int:
        return sum(
            claim.status in statuses and (not channel or claim.request.channel == channel)
            for claim in self.claims.values()
        )

    def _totals(self) -> Totals:
        buyers = {claim.request.buyer_id for claim in self.claims.values() if claim.status in KEPT} - {""}
        return Totals(
            orders=self._count({"confirmed", "recorded"}),
            revenue_minor=self._money(),
            presale_orders=self._count({"presale_order"}),
            presale_minor=self._money(presale=True),
            buyers=len(buyers),
            holds=self._count(LIVE),
            waitlisted=self._count({"waitlisted"}),
            refused=sum(refusal.claims for refusal in self.refusals),
            refunds_due=len(self.refunds_due),
            duplicates=self.duplicates,
            viewers=sum(self._viewers(channel) for channel in self.channels),
            **{name: sum(getattr(seen, name) for seen in self.observed) for name in SEEN},
        )

    def _pool_tally(self, pool: SetPool) -> PoolTally:
        net, id = self.net(pool.pool_id), pool.pool_id
        return PoolTally(
            pool_id=id,
            name=pool.name,
            base_unit=pool.base_unit,
            initial=pool.initial_units,
            adjusted=self._adjusted(id),
            available=max(net, 0),
            held=self._units(id, LIVE),
            sold=self._units(id, SOLD),
            oversold=max(-net, 0),
            presale_quota=pool.presale_units,
            presale_held=self._units(id, LIVE, presale=True),
            presold=self._units(id, SOLD, presale=True),
            presale_ships_at_ms=pool.presale_ships_at_ms,
            waitlisted=self._units(id, {"waitlisted"}),
            refused=sum(refusal.units for refusal in self._sold_out() if refusal.pool_id == id),
        )

    def _sold_out(self) -> Iterator[Refusal]:
        return (refusal for refusal in self.refusals if refusal.outcome == Outcome.SOLD_OUT)

    def _offer_tally(self, offer: SetOffer, now_ms: int) -> OfferTally:
        sku, price = offer.sku, self._price(offer, now_ms)

        def packs(statuses: Iterable[str], *presale: bool) -> int:
            return sum(line.packs for _, line in self._lines(statuses) if line.sku == sku and line.presale in presale)

        return OfferTally(
            sku=sku,
            pool_id=offer.pool_id,
            name=offer.name,
            units_per_pack=offer.units_per_pack,
            price_minor=price,
            list_price_minor=offer.list_price_minor,
            special=offer.special_from_ms > 0 and price == offer.price_minor < offer.list_price_minor,
            special_until_ms=offer.special_until_ms,
            limit_packs=offer.limit_packs,
            packs_held=packs(LIVE, False, True),
            packs_sold=packs(SOLD, False),
            packs_presold=packs(SOLD, True),
            packs_refused=sum(refusal.packs for refusal in self._sold_out() if refusal.sku == sku),
            revenue_minor=self._money(sku=sku),
            presale_minor=self._money(presale=True, sku=sku),
            demand=sum(packs for known, packs in self.demand if known == sku),
        )

    def _viewers(self, channel: str) -> int:
        told = [seen.viewers for seen in self.observed if seen.channel == channel and seen.viewers >= 0]
        return told[-1] if told else 0

    def _channel_tally(self, channel: str) -> ChannelTally:
        return ChannelTally(
            channel=channel,
            orders=self._count({"confirmed", "recorded"}, channel),
            revenue_minor=self._money(channel=channel),
            refused=sum(refusal.claims for refusal in self.refusals if refusal.channel == channel),
            viewers=self._viewers(channel),
            **{name: sum(getattr(seen, name) for seen in self.observed if seen.channel == channel) for name in SEEN},
        )


def _draw_tally(draw: ModelDraw) -> DrawTally:
    opened = draw.opened
    return DrawTally(
        draw_id=opened.draw_id,
        prize=opened.prize,
        state=draw.state,
        winners_max=opened.winners_max,
        seed_hash=opened.seed_hash,
        seed=draw.settled.seed if draw.settled else "",
        condition=opened.condition,
        word=opened.word,
        entrants=len(draw.entrants),
        winners=len(draw.settled.winners) if draw.settled else 0,
    )

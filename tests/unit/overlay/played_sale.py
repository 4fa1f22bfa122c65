"""A sale in memory that a test plays by hand: the part of the engine's face that the overlay reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec

from flashsale.domain import Rev, SaleId, SaleState
from flashsale.events import AnyEvent, Claimed, Confirmed, FactRecorded, Granted, LogEntry, Observed
from flashsale.tally import ChannelTally, DrawTally, OfferTally, PoolTally, Tally, Totals

START_MS = 1_763_726_400_000


def county_tally(sale_id: str = "tonggu") -> Tally:
    """A county's catalogue before its first order."""
    pools = (
        PoolTally(pool_id="eggs", name="散养土鸡蛋", base_unit="枚", initial=10_000, available=10_000),
        PoolTally(pool_id="noodles", name="手工米粉", base_unit="克", initial=3_000_000, available=3_000_000),
        PoolTally(pool_id="honey", name="土蜂蜜", base_unit="克", initial=500_000, available=500_000),
        PoolTally(pool_id="bamboo", name="烟笋干", base_unit="包", initial=1_000, available=1_000),
        PoolTally(pool_id="tea", name="菊花茶", base_unit="罐", initial=200, available=200),
        PoolTally(pool_id="oil", name="山茶油", base_unit="桶", initial=300, available=300),
        PoolTally(pool_id="candied", name="果脯", base_unit="袋", initial=300, available=300),
    )
    goods = (
        ("egg-10", "eggs", "散养土鸡蛋 10枚/盒", 10, 3_000, 3_600),
        ("egg-30", "eggs", "散养土鸡蛋 30枚/托", 30, 9_000, 10_800),
        ("noodle-1", "noodles", "手工米粉 1kg/袋", 1_000, 2_000, 2_600),
        ("noodle-5", "noodles", "手工米粉 5kg/箱", 5_000, 10_000, 13_000),
        ("honey-500", "honey", "土蜂蜜 500g/瓶", 500, 8_000, 9_800),
        ("bamboo", "bamboo", "烟笋干 500g/包", 1, 6_000, 7_200),
        ("tea", "tea", "菊花茶 250g/罐", 1, 9_800, 12_800),
        ("oil-5l", "oil", "山茶油 5L/桶", 1, 39_800, 45_800),
        ("candied", "candied", "客家果脯 500g/袋", 1, 6_800, 0),
    )
    offers = tuple(
        OfferTally(
            sku=sku,
            pool_id=pool_id,
            name=name,
            units_per_pack=units,
            price_minor=price,
            list_price_minor=list_price,
            special=list_price > price,
            special_until_ms=START_MS + 1_800_000 if list_price > price else 0,
        )
        for sku, pool_id, name, units, price, list_price in goods
    )
    return Tally(
        sale_id=sale_id,
        name="铜鼓县助农专场",
        state=SaleState.OPEN,
        currency="CNY",
        rev=Rev(f"{START_MS}-0"),
        at_ms=START_MS,
        totals=Totals(),
        pools=pools,
        offers=offers,
        channels=tuple(ChannelTally(channel=name) for name in ("douyin", "kuaishou", "taobao", "weibo", "ixigua")),
    )


class PlayedSale:
    """Answers `tally`, `follow` and `sale_ids` from memory. Each change appends a log entry and wakes the followers."""

    def __init__(self, tally: Tally | None = None) -> None:
        self.now_ms = START_MS
        self.tallies: dict[str, Tally] = {}
        self.tally_reads = 0
        self.followers = 0
        self.follows_started = 0
        self.trouble: Exception | None = None
        self._entries: list[LogEntry] = []
        self._grew = asyncio.Condition()
        self._sequence = 0
        if tally is not None:
            self.tallies[tally.sale_id] = tally

    # ------------------------------------------------------------------------------------------ the engine's face

    async def tally(self, sale_id: SaleId) -> Tally | None:
        self.tally_reads += 1
        if self.trouble is not None:
            raise self.trouble
        found = self.tallies.get(sale_id)
        return None if found is None else msgspec.structs.replace(found, at_ms=self.now_ms)

    async def sale_ids(self) -> list[SaleId]:
        return [SaleId(sale_id) for sale_id in self.tallies]

    async def log_tail(self, sale_id: SaleId, entries_max: int) -> list[LogEntry]:
        return self._entries[-entries_max:]

    async def follow(self, sale_id: SaleId, after: Rev) -> AsyncIterator[LogEntry]:
        self.followers += 1
        self.follows_started += 1
        place = sum(1 for entry in self._entries if _place(entry.rev) <= _place(after))
        try:
            while True:
                async with self._grew:
                    while len(self._entries) <= place:
                        await self._grew.wait()
                    fresh = self._entries[place:]
                for entry in fresh:
                    place += 1
                    yield entry
        finally:
            self.followers -= 1

    # ------------------------------------------------------------------------------------------------ being played

    async def change(self, tally: Tally, *events: AnyEvent, elapsed_ms: int = 0) -> Tally:
        """Make `tally` the sale's state, with `events` as the log entry that says so."""
        self.now_ms += elapsed_ms
        self._sequence += 1
        rev = Rev(f"{self.now_ms}-{self._sequence}")
        tally = msgspec.structs.replace(tally, rev=rev, at_ms=self.now_ms)
        self.tallies[tally.sale_id] = tally
        self._entries.append(LogEntry(rev=rev, at_ms=self.now_ms, events=events))
        async with self._grew:
            self._grew.notify_all()
        return tally

    async def sell(
        self,
        sku: str = "egg-10",
        packs: int = 1,
        *,
        channel: str = "douyin",
        buyer_id: str = "douyin:u881",
        kind: str = "order",
        elapsed_ms: int = 0,
        sale_id: str = "tonggu",
    ) -> Tally:
        """Sell packs as a confirmed order, a fact (which may oversell), a presale order, or only a hold."""
        tally = self.tallies[sale_id]
        offer = next(offer for offer in tally.offers if offer.sku == sku)
        units, money = packs * offer.units_per_pack, packs * offer.price_minor
        granted = (
            Granted(sku=sku, packs=packs, unit_price_minor=offer.price_minor, pool_id=offer.pool_id, units=units),
        )
        who = {"buyer_id": buyer_id, "channel": channel}
        held = Claimed(
            claim_id="c",
            outcome="presold" if kind == "presale" else "reserved",
            granted=granted,
            amount_minor=money,
            expires_at_ms=self.now_ms + 900_000,
            **who,
        )
        paid = Confirmed(claim_id="c", granted=granted, amount_minor=money, presale=kind == "presale", **who)
        fact = FactRecorded(fact_id="f", granted=granted, amount_minor=money, **who)
        events: dict[str, tuple[AnyEvent, ...]] = {"hold": (held,), "fact": (fact,)}
        after = _sold(tally, offer, packs, channel, kind)
        return await self.change(after, *events.get(kind, (held, paid)), elapsed_ms=elapsed_ms)

    async def like(self, likes: int, *, channel: str = "douyin", sale_id: str = "tonggu") -> Tally:
        """Count likes."""
        tally = self.tallies[sale_id]
        totals = msgspec.structs.replace(tally.totals, likes=tally.totals.likes + likes)
        return await self.change(msgspec.structs.replace(tally, totals=totals), Observed(channel=channel, likes=likes))

    async def edit_pool(self, pool_id: str, sale_id: str = "tonggu", **fields: int | str) -> Tally:
        """Set fields of a pool as they are given."""
        tally = self.tallies[sale_id]
        pools = tuple(
            msgspec.structs.replace(pool, **fields) if pool.pool_id == pool_id else pool for pool in tally.pools
        )
        return await self.change(msgspec.structs.replace(tally, pools=pools))

    async def set_state(self, state: SaleState, sale_id: str = "tonggu") -> Tally:
        """Move the sale to another state."""
        return await self.change(msgspec.structs.replace(self.tallies[sale_id], state=state))

    async def open_draw(self, sale_id: str = "tonggu") -> Tally:
        """Open one prize draw."""
        draw = DrawTally(
            draw_id="d1",
            prize="土蜂蜜 2 瓶",
            state="open",
            winners_max=5,
            seed_hash="ab" * 32,
            word="铜鼓",
            entrants=318,
        )
        return await self.change(msgspec.structs.replace(self.tallies[sale_id], draws=(draw,)))


def _sold(tally: Tally, offer: OfferTally, packs: int, channel: str, kind: str) -> Tally:
    replace = msgspec.structs.replace
    units, money = packs * offer.units_per_pack, packs * offer.price_minor

    def pool_after(pool: PoolTally) -> PoolTally:
        if kind == "presale":
            return replace(pool, presold=pool.presold + units)
        taken = min(units, pool.available)
        if kind == "hold":
            return replace(pool, available=pool.available - taken, held=pool.held + units)
        return replace(
            pool,
            available=pool.available - taken,
            sold=pool.sold + units,
            oversold=pool.oversold + units - taken,
        )

    def offer_after(row: OfferTally) -> OfferTally:
        if kind == "presale":
            return replace(row, packs_presold=row.packs_presold + packs, presale_minor=row.presale_minor + money)
        if kind == "hold":
            return replace(row, packs_held=row.packs_held + packs)
        return replace(row, packs_sold=row.packs_sold + packs, revenue_minor=row.revenue_minor + money)

    totals = tally.totals
    channels = tally.channels
    if kind == "presale":
        totals = replace(totals, presale_orders=totals.presale_orders + 1, presale_minor=totals.presale_minor + money)
    elif kind == "hold":
        totals = replace(totals, holds=totals.holds + 1)
    else:
        totals = replace(totals, orders=totals.orders + 1, revenue_minor=totals.revenue_minor + money)
        channels = tuple(
            replace(row, orders=row.orders + 1, revenue_minor=row.revenue_minor + money)
            if row.channel == channel
            else row
            for row in channels
        )
    return replace(
        tally,
        totals=totals,
        channels=channels,
        pools=tuple(pool_after(pool) if pool.pool_id == offer.pool_id else pool for pool in tally.pools),
        offers=tuple(offer_after(row) if row.sku == offer.sku else row for row in tally.offers),
    )


def _place(rev: str) -> tuple[int, int]:
    milliseconds, _, sequence = rev.partition("-")
    return int(milliseconds or 0), int(sequence or 0)

"""The live counters of a sale (战报) as everybody sees them: overlay, console, HTTP and the demo's terminal.

One `Tally` is one moment of the sale, read in a single call, so its numbers agree with each other. Its JSON form is the
body of `GET /v1/sales/{sale_id}/tally`. It holds no buyer's name or id.
"""

from __future__ import annotations

from typing import Any

import msgspec

from flashsale.domain import Rev, SaleId, SaleState


class PoolTally(msgspec.Struct, frozen=True, kw_only=True):
    """A pool in base units. Always `initial + adjusted = available + held + sold − oversold`.

    `presale_*` count base units of the presale quota, apart from all others. `refused` counts the units that were asked
    for and not to be had. `waitlisted` counts units queued for.
    """

    pool_id: str
    name: str
    base_unit: str
    initial: int
    adjusted: int = 0
    available: int = 0
    held: int = 0
    sold: int = 0
    oversold: int = 0
    presale_quota: int = 0
    presale_held: int = 0
    presold: int = 0
    presale_ships_at_ms: int = 0
    waitlisted: int = 0
    refused: int = 0


class OfferTally(msgspec.Struct, frozen=True, kw_only=True):
    """An offer in packs, and its money. `price_minor` is the price at this moment; `special` says it is the lower one.

    `special_until_ms` is when the special price ends, 0 for no set end. `demand` counts packs that comments wished for.
    """

    sku: str
    pool_id: str
    name: str
    units_per_pack: int
    price_minor: int
    list_price_minor: int = 0
    special: bool = False
    special_until_ms: int = 0
    limit_packs: int = 0
    packs_held: int = 0
    packs_sold: int = 0
    packs_presold: int = 0
    packs_refused: int = 0
    revenue_minor: int = 0
    presale_minor: int = 0
    demand: int = 0


class ChannelTally(msgspec.Struct, frozen=True, kw_only=True):
    """A channel: its orders and money (presale not counted in), and what its viewers did."""

    channel: str
    orders: int = 0
    revenue_minor: int = 0
    refused: int = 0
    comments: int = 0
    likes: int = 0
    viewers: int = 0
    gifts: int = 0
    follows: int = 0
    enters: int = 0


class DrawTally(msgspec.Struct, frozen=True, kw_only=True):
    """A draw: `state` is open, closed or settled; `winners` are counted here and named only in its proof."""

    draw_id: str
    prize: str
    state: str
    winners_max: int
    seed_hash: str
    seed: str = ""
    condition: str = "none"
    word: str = ""
    entrants: int = 0
    winners: int = 0


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """The sale in one line. `orders` are confirmed orders and facts without presale; money in minor units.

    `buyers` counts distinct buyers that hold or bought something; `duplicates` are events delivered twice and dropped.
    """

    orders: int = 0
    revenue_minor: int = 0
    presale_orders: int = 0
    presale_minor: int = 0
    buyers: int = 0
    holds: int = 0
    waitlisted: int = 0
    refused: int = 0
    refunds_due: int = 0
    duplicates: int = 0
    comments: int = 0
    likes: int = 0
    viewers: int = 0
    gifts: int = 0
    follows: int = 0
    enters: int = 0


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """All counters of a sale at log place `rev` and store time `at_ms`. Pools and offers stand in catalogue order."""

    sale_id: str
    name: str
    state: SaleState
    currency: str
    rev: Rev
    at_ms: int
    totals: Totals
    pools: tuple[PoolTally, ...] = ()
    offers: tuple[OfferTally, ...] = ()
    channels: tuple[ChannelTally, ...] = ()
    draws: tuple[DrawTally, ...] = ()


def decode_tally(sale_id: SaleId, raw: bytes) -> Tally:
    """Decode what the function `st_tally` returns (see lua/read.lua)."""
    rev, now_ms, state, settings, totals, channels, pools, offers, draws = msgspec.msgpack.decode(raw)
    channels = channels or {}
    return Tally(
        sale_id=sale_id,
        name=settings["name"],
        state=SaleState(state),
        currency=settings["currency"],
        rev=Rev(rev or ""),
        at_ms=now_ms,
        totals=_totals(totals, channels),
        pools=tuple(_pool(pool) for pool in sorted(pools, key=lambda pool: pool["place"])),
        offers=tuple(_offer(offer) for offer in sorted(offers, key=lambda offer: offer["idx"])),
        channels=tuple(_channel(name, channels[name]) for name in sorted(channels)),
        draws=tuple(_draw(draw) for draw in sorted(draws, key=lambda draw: (draw["opened_at"], draw["id"]))),
    )


def _totals(totals: dict[str, int], channels: dict[str, dict[str, int]]) -> Totals:
    plain = ("buyers", "holds", "waitlisted", "refused", "refunds_due", "duplicates", "comments", "likes", "gifts")
    return Totals(
        orders=totals["orders"],
        revenue_minor=totals["revenue"],
        presale_orders=totals["presale_orders"],
        presale_minor=totals["presale"],
        viewers=sum(channel["viewers"] for channel in channels.values()),
        **{name: totals[name] for name in (*plain, "follows", "enters")},
    )


def _pool(pool: dict[str, Any]) -> PoolTally:
    plain = ("name", "base_unit", "initial", "adjusted", "available", "held", "sold", "oversold", "presale_quota")
    return PoolTally(
        pool_id=pool["id"],
        presale_ships_at_ms=pool["presale_ships_at"],
        **{name: pool[name] for name in (*plain, "presale_held", "presold", "waitlisted", "refused")},
    )


def _offer(offer: dict[str, Any]) -> OfferTally:
    plain = ("sku", "pool_id", "name", "units_per_pack", "limit_packs", "packs_held", "packs_sold", "packs_presold")
    price_now = offer["price_now"]
    return OfferTally(
        price_minor=price_now,
        list_price_minor=offer["list_price"],
        special=offer["special_from"] > 0 and price_now == offer["price"] < offer["list_price"],
        special_until_ms=offer["special_until"],
        revenue_minor=offer["revenue"],
        presale_minor=offer["presale"],
        **{name: offer[name] for name in (*plain, "packs_refused", "demand")},
    )


def _channel(name: str, channel: dict[str, int]) -> ChannelTally:
    plain = ("orders", "refused", "comments", "likes", "viewers", "gifts", "follows", "enters")
    return ChannelTally(channel=name, revenue_minor=channel["revenue"], **{field: channel[field] for field in plain})


def _draw(draw: dict[str, Any]) -> DrawTally:
    plain = ("prize", "state", "winners_max", "seed_hash", "seed", "condition", "word", "entrants")
    return DrawTally(draw_id=draw["id"], winners=len(draw["winners"]), **{name: draw[name] for name in plain})

"""A small sale to test on."""

from __future__ import annotations

from typing import Any

import msgspec

from flashsale.books import Books
from flashsale.domain import Claim, Line, Op, Rev, SaleId, SaleState, SetOffer, SetPool, SetSale, SetSaleState
from flashsale.events import LogEntry
from flashsale.service import Engine
from flashsale.store import sale_keys
from flashsale.tally import Tally


def sale(eggs: int = 100, *, hold_ttl_ms: int = 0, units_per_pack: int = 1, **pool: Any) -> list[Op]:
    """Set up one pool of eggs with one offer, and open."""
    return [
        SetSale(name="铜鼓专场", hold_ttl_ms=hold_ttl_ms, waitlist_ttl_ms=hold_ttl_ms),
        SetPool(pool_id="eggs", name="土鸡蛋", base_unit="枚", initial_units=eggs, **pool),  # type: ignore[arg-type]
        SetOffer(sku="egg", pool_id="eggs", name="土鸡蛋", units_per_pack=units_per_pack, price_minor=300),  # type: ignore[arg-type]
        SetSaleState(state=SaleState.OPEN),
    ]


def claim(claim_id: str, packs: int = 1, *, buyer_id: str = "", channel: str = "douyin", **more: Any) -> Claim:
    """One buyer's claim for eggs; the buyer is named after the claim unless told."""
    buyer = buyer_id or f"buyer-of-{claim_id}"
    return Claim(claim_id=claim_id, buyer_id=buyer, channel=channel, lines=(Line("egg", packs),), **more)  # type: ignore[arg-type]


async def forward(engine: Engine, sale_id: SaleId, ms: int) -> None:
    """Move the sale's clock to `ms` after the real one."""
    await engine.store._call("HSET", sale_keys(sale_id)[0], "skew_ms", ms)


async def whole_log(engine: Engine, sale_id: SaleId) -> list[LogEntry]:
    """Every entry of the sale's log."""
    found: list[LogEntry] = []
    while entries := await engine.log(sale_id, found[-1].rev if found else Rev("")):
        found += entries
    return found


async def balanced_tally(engine: Engine, sale_id: SaleId) -> Tally:
    """The tally, after the books folded from the log were found equal to it."""
    tally = await engine.tally(sale_id)
    assert tally is not None
    try:
        books = Books().apply_all(await whole_log(engine, sale_id))
    except (KeyError, msgspec.ValidationError) as error:
        raise AssertionError("the log cannot be folded") from error
    assert books.differences(tally) == []
    assert all(book.balanced for book in books.pools.values())
    return tally

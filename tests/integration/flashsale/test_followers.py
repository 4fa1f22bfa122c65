from __future__ import annotations

import asyncio

from flashsale.domain import Rev, SaleId, SetSale
from flashsale.service import Engine
from flashsale.store import CONNECTIONS_MAX


async def first_entry_after(engine: Engine, sale_id: SaleId, after: Rev) -> Rev:
    async for entry in engine.follow(sale_id, after):
        return entry.rev
    raise AssertionError("the engine closed")


async def test_followers_of_more_sales_than_connections_leave_the_store_free(engine: Engine) -> None:
    sales = [SaleId(f"crowded-{n}") for n in range(CONNECTIONS_MAX * 2)]
    revs = [(await engine.apply(sale_id, SetSale(name="一"))).rev for sale_id in sales]
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        followers = [
            group.create_task(first_entry_after(engine, sale_id, rev)) for sale_id, rev in zip(sales, revs, strict=True)
        ]
        await asyncio.sleep(0)
        changed = [(await engine.apply(sale_id, SetSale(name="二"))).rev for sale_id in sales]
    assert [follower.result() for follower in followers] == changed


async def test_a_cancelled_follower_leaves_the_others_waiting(engine: Engine) -> None:
    sale_id = SaleId("left-alone")
    rev = (await engine.apply(sale_id, SetSale(name="一"))).rev
    leaving = asyncio.create_task(first_entry_after(engine, sale_id, rev))
    staying = asyncio.create_task(first_entry_after(engine, sale_id, rev))
    await asyncio.wait((leaving, staying), timeout=0.2)
    leaving.cancel()
    await asyncio.wait((leaving,))
    assert leaving.cancelled()
    changed = await engine.apply(sale_id, SetSale(name="二"))
    assert await asyncio.wait_for(staying, 10) == changed.rev


async def test_closing_the_engine_ends_its_followers(engine: Engine) -> None:
    sale_id = SaleId("closing")
    rev = (await engine.apply(sale_id, SetSale(name="一"))).rev
    seen = []

    async def follow() -> None:
        async for entry in engine.follow(sale_id, rev):
            seen.append(entry)

    follower = asyncio.create_task(follow())
    await asyncio.wait((follower,), timeout=0.2)
    await engine.close()
    await asyncio.wait_for(follower, 10)
    assert seen == []

from __future__ import annotations

import asyncio
import resource
from pathlib import Path

import pytest

from flashsale.domain import (
    BuyerId,
    Claim,
    ClaimId,
    Line,
    Outcome,
    PoolId,
    SaleId,
    SaleState,
    SetOffer,
    SetPool,
    SetSale,
    SetSaleState,
    Sku,
)
from flashsale.embedded import EmbeddedStore
from flashsale.service import Engine
from flashsale.store import StoreUnavailable

SALE = SaleId("full-disk")
SETUP = [
    SetSale(name="鸡蛋专场"),
    SetPool(pool_id=PoolId("eggs"), name="鸡蛋", base_unit="枚", initial_units=1_000_000),
    SetOffer(sku=Sku("egg-1"), pool_id=PoolId("eggs"), name="鸡蛋 1枚", units_per_pack=1, price_minor=300),
    SetSaleState(state=SaleState.OPEN),
]


def claim(number: int) -> Claim:
    return Claim(
        claim_id=ClaimId(f"c{number}"), buyer_id=BuyerId(f"b{number}"), channel="weibo", lines=(Line(Sku("egg-1"), 1),)
    )


async def claim_until_the_store_fails(engine: Engine) -> list[ClaimId]:
    acknowledged: list[ClaimId] = []
    for start in range(0, 100_000, 100):
        try:
            results = await engine.apply_all(SALE, [claim(number) for number in range(start, start + 100)])
        except StoreUnavailable:
            return acknowledged
        acknowledged += [ClaimId(result.id) for result in results if result.outcome is Outcome.RESERVED]
    raise AssertionError("the file grew beyond its bound")


async def wait_for_the_store(engine: Engine) -> None:
    while True:
        try:
            if await engine.tally(SALE) is not None:
                return
        except StoreUnavailable:
            await asyncio.sleep(0.05)


async def test_a_disk_that_takes_no_more_loses_nothing_acknowledged_and_the_store_comes_back(tmp_path: Path) -> None:
    if not hasattr(resource, "prlimit"):
        pytest.skip("bounding another process's files needs Linux")
    async with EmbeddedStore(tmp_path, keep_running=True) as server, Engine.open(server.url) as engine:
        await engine.apply_all(SALE, SETUP)
        bound = 200_000
        resource.prlimit(server.process_id, resource.RLIMIT_FSIZE, (bound, bound))
        acknowledged = await claim_until_the_store_fails(engine)
        assert acknowledged
        async with asyncio.timeout(30):
            await wait_for_the_store(engine)
        for claim_id in acknowledged:
            view = await engine.claim(SALE, claim_id)
            assert view is not None, claim_id
            assert view.status == "held"
        again = await engine.apply_all(SALE, [claim(0), claim(900_000)])
        assert [(result.outcome, result.replayed) for result in again] == [
            (Outcome.RESERVED, True),
            (Outcome.RESERVED, False),
        ]
        tally = await engine.tally(SALE)
        assert tally is not None
        assert tally.pools[0].held >= len(acknowledged) + 1

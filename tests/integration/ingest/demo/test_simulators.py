"""The simulated platforms against the real adapters, over loopback."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

import httpx
import pytest

from ingest.demo import frames
from ingest.demo.connections import adapter_settings
from ingest.demo.records import DeskOrder, TmcRecord
from ingest.demo.simulators import OrderDesk, TmcPlatform
from stream_adapters.domain import LiveEvent
from stream_adapters.reconnecting import Pauses
from stream_adapters.tmc.client import TmcClient, TmcSettings, TmcTiming

TIMING = TmcTiming(pauses=Pauses(first_ms=20, most_ms=50))


def trade(number: int) -> TmcRecord:
    return TmcRecord(
        at_ms=number,
        door="tmc",
        message_id=6_897_000_000_000_000_000 + number,
        topic="taobao_trade_TradeBuyerPay",
        dataid=f"D{number}",
        content=frames.compact({"tid": 1_402_020_112_019_300_000 + number, "oid": number, "payment": "90.00"}),
        userid=1,
        nick="店",
    )


@contextlib.asynccontextmanager
async def connected(platform: TmcPlatform, deliver, **changes) -> AsyncIterator[None]:
    settings = adapter_settings("tmc", tmc_url=platform.url) | changes
    client = TmcClient(TmcSettings(**settings), timing=TIMING)
    task = asyncio.create_task(client.connect(deliver))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_a_pushed_message_is_confirmed_once_it_is_delivered() -> None:
    delivered: list[LiveEvent] = []

    async def deliver(events: Sequence[LiveEvent]) -> None:
        delivered.extend(events)

    async with TmcPlatform() as platform, connected(platform, deliver):
        async with asyncio.timeout(20):
            await asyncio.gather(*(platform.push(trade(n)) for n in range(50)))
    assert {event.order.order_id for event in delivered if event.order} == {
        str(1_402_020_112_019_300_000 + n) for n in range(50)
    }


async def test_a_message_that_could_not_be_stored_is_sent_again() -> None:
    tries = 0

    async def deliver(events: Sequence[LiveEvent]) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise OSError("disk full")

    async with TmcPlatform() as platform, connected(platform, deliver):
        async with asyncio.timeout(20):
            await platform.push(trade(1))
        assert platform.resent_count == 1
    assert tries == 2


async def test_messages_survive_a_cut_connection() -> None:
    gate = asyncio.Event()
    delivered: list[LiveEvent] = []
    arrived = asyncio.Event()

    async def deliver(events: Sequence[LiveEvent]) -> None:
        arrived.set()
        await gate.wait()
        delivered.extend(events)

    async with TmcPlatform() as platform, connected(platform, deliver):
        async with asyncio.timeout(20):
            push = asyncio.create_task(platform.push(trade(1)))
            await arrived.wait()
            await platform.drop_client()
            gate.set()
            await push
    assert delivered


async def test_a_wrong_secret_is_refused() -> None:
    async def deliver(events: Sequence[LiveEvent]) -> None:
        raise AssertionError("nothing may come")

    async with TmcPlatform() as platform, connected(platform, deliver, app_secret="another"):
        async with asyncio.timeout(20):
            while not platform.refused_count:
                await asyncio.sleep(0.01)


async def test_the_order_desk_knows_the_recording_s_orders_and_no_others() -> None:
    order = DeskOrder(
        at_ms=0,
        door="desk",
        platform="douyin",
        order_id="7",
        buyer_id="douyin:b",
        amount_minor=3_000,
        lines=(("egg-10", 1),),
    )
    async with OrderDesk([order]) as desk, httpx.AsyncClient(trust_env=False) as client:
        known = await client.get(f"{desk.url}/orders/douyin/7")
        unknown = await client.get(f"{desk.url}/orders/kuaishou/7")
    assert known.json() == {
        "order_id": "7",
        "buyer_id": "douyin:b",
        "amount_minor": 3_000,
        "lines": [{"sku": "egg-10", "packs": 1}],
    }
    assert unknown.status_code == 404


@pytest.mark.parametrize("redeliver_after_ms", [50])
async def test_an_unconfirmed_message_is_sent_again_in_time(redeliver_after_ms: int) -> None:
    gate = asyncio.Event()

    async def deliver(events: Sequence[LiveEvent]) -> None:
        await gate.wait()

    async with TmcPlatform(redeliver_after_ms=redeliver_after_ms) as platform, connected(platform, deliver):
        async with asyncio.timeout(20):
            push = asyncio.create_task(platform.push(trade(1)))
            while not platform.resent_count:
                await asyncio.sleep(0.01)
            gate.set()
            await push

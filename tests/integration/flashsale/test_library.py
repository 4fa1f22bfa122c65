from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from flashsale import library
from flashsale.domain import Confirm, Observe, Outcome, SaleId
from flashsale.embedded import CONFIG, EmbeddedStore
from flashsale.service import Engine
from tests.integration.flashsale.faults import in_lua
from tests.integration.flashsale.sales import balanced_tally, claim, sale

SALE = SaleId("restarted")


async def kill(store: EmbeddedStore) -> None:
    os.kill(store.process_id, signal.SIGKILL)
    await store.stop()


async def test_library_is_loaded_on_start_under_its_version(engine: Engine) -> None:
    listed = await engine.store._call("FUNCTION", "LIST", "LIBRARYNAME", f"sellthrough_{library.version()}")

    assert len(listed) == 1


async def test_a_server_that_came_back_empty_gets_the_library_again(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path / "store")
    await store.start()
    async with Engine.open(store.url) as engine:
        await engine.apply_all(SALE, sale())
        await engine.apply(SALE, claim("before"))
        await kill(store)
        shutil.rmtree(store.data_dir / "appendonlydir")
        await store.start()

        assert (await engine.apply(SALE, claim("before"))).outcome == Outcome.UNKNOWN
        await engine.apply_all(SALE, sale())
        liked = await engine.apply(SALE, Observe(event_id="", channel="douyin", likes=1))
        assert liked.outcome == Outcome.APPLIED
        assert (await balanced_tally(engine, SALE)).totals.likes == 1
    await store.stop()


async def test_a_flushed_library_is_loaded_again_for_reading_too(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, sale())
    await engine.store._call("FUNCTION", "FLUSH", "SYNC")

    tally = await engine.tally(sale_id)

    assert tally is not None


async def test_two_versions_serve_one_sale_side_by_side(
    store_url: str, engine: Engine, sale_id: SaleId, monkeypatch: pytest.MonkeyPatch
) -> None:
    await engine.apply_all(sale_id, sale())
    await engine.apply(sale_id, claim("by-the-old"))
    old = library.version()
    in_lua("redis.register_function('st_decide", "-- the next version\nredis.register_function('st_decide")(monkeypatch)
    assert library.version() != old

    async with Engine.open(store_url) as newer:
        assert (await newer.apply(sale_id, Confirm(claim_id="by-the-old"))).outcome == Outcome.CONFIRMED  # type: ignore[arg-type]
        await newer.apply(sale_id, claim("by-the-new"))
    monkeypatch.undo()

    assert (await engine.apply(sale_id, Confirm(claim_id="by-the-new"))).outcome == Outcome.CONFIRMED  # type: ignore[arg-type]
    assert (await balanced_tally(engine, sale_id)).totals.orders == 2


async def acknowledged_survives_a_kill(data_dir: Path) -> None:
    """Write, die, start again: the durability that every answer promises."""
    store = EmbeddedStore(data_dir)
    await store.start()
    try:
        async with Engine.open(store.url) as engine:
            await engine.apply_all(SALE, sale())
            await engine.apply(SALE, claim("mine"))
            synced = await engine.store._call("CONFIG", "GET", "appendfsync")
            evicts = await engine.store._call("CONFIG", "GET", "maxmemory-policy")
        assert b"always" in str(synced).encode()
        assert b"noeviction" in str(evicts).encode()
        await kill(store)
        await store.start()
        async with Engine.open(store.url) as engine:
            view = await engine.claim(SALE, "mine")  # type: ignore[arg-type]
            assert view is not None
            assert view.status == "held"
    finally:
        await store.stop()


async def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    await acknowledged_survives_a_kill(tmp_path)


@pytest.mark.parametrize(
    ("setting", "fault"),
    [("appendonly", "no"), ("appendfsync", "everysec"), ("appendfsync", "no"), ("maxmemory-policy", "allkeys-lru")],
)
async def test_a_store_that_does_not_sync_or_evicts_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, fault: str
) -> None:
    monkeypatch.setitem(CONFIG, setting, fault)

    with pytest.raises(AssertionError):
        await acknowledged_survives_a_kill(tmp_path)

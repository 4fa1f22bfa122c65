from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

import pytest

from flashsale.domain import SaleId
from flashsale.embedded import EmbeddedStore
from flashsale.service import Engine
from tests.chaos.history import violations
from tests.chaos.load import LIMIT_PACKS, final, read_history, sale

ROOT = Path(__file__).parents[2]
STOCK = 900


async def start_client(
    url: str, sale_id: SaleId, history: Path, seed: int, count: int, total: int
) -> asyncio.subprocess.Process:
    arguments = (url, sale_id, str(history), str(seed), str(count), str(total), "32")
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.chaos.client", *arguments, cwd=ROOT)


async def test_three_processes_that_rush_one_pool_break_no_promise(tmp_path: Path) -> None:
    sale_id = SaleId("rush")
    async with EmbeddedStore(tmp_path / "store") as store, Engine.open(store.url) as engine:
        await engine.apply_all(sale_id, sale(STOCK))
        paths = [tmp_path / f"history-{seed}" for seed in range(3)]
        clients = [await start_client(store.url, sale_id, path, seed, 2_000, 3_000) for seed, path in enumerate(paths)]
        assert [await client.wait() for client in clients] == [0, 0, 0]

        history = read_history(paths)
        end = await final(engine, sale_id, history)

    assert violations(history, end, limit_packs=LIMIT_PACKS) == []
    outcomes = {call.outcome for call in history}
    assert {"reserved", "sold_out", "limit_reached", "confirmed", "cancelled"} <= outcomes
    assert any(call.replayed for call in history)
    assert end.available == 0


async def kill_clients(tmp_path: Path, rounds: int) -> None:
    """Start senders on one sale, kill one after the other somewhere in its work; the sale must stay whole all along."""
    chance = random.Random(rounds)
    sale_id = SaleId("killed-senders")
    async with EmbeddedStore(tmp_path / "store") as store, Engine.open(store.url) as engine:
        await engine.apply_all(sale_id, sale(STOCK))
        paths: list[Path] = []
        for seed in range(rounds):
            path = tmp_path / f"history-{seed}"
            paths.append(path)
            client = await start_client(store.url, sale_id, path, seed, 5_000, 200 * rounds)
            await grown(path, chance.randrange(1, 120_000), client)
            if client.returncode is None:
                client.kill()
            await client.wait()
        history = read_history(paths)
        end = await final(engine, sale_id, history)
    assert any(call.outcome is None for call in history)
    assert violations(history, end, limit_packs=LIMIT_PACKS) == []


async def grown(path: Path, size_bytes: int, client: asyncio.subprocess.Process) -> None:
    """Wait until a sender's record has that size, or the sender has ended."""
    while client.returncode is None and (not path.exists() or path.stat().st_size < size_bytes):
        await asyncio.sleep(0.001)


async def test_senders_killed_in_the_middle_leave_a_sale_whole(tmp_path: Path) -> None:
    await kill_clients(tmp_path, rounds=3)


@pytest.mark.soak
@pytest.mark.timeout(1_800)
async def test_a_hundred_senders_killed_in_the_middle_leave_a_sale_whole(tmp_path: Path) -> None:
    await kill_clients(tmp_path, rounds=100)

from __future__ import annotations

import asyncio
import itertools
import os
import random
import signal
from pathlib import Path

import pytest

from flashsale.domain import SaleId
from flashsale.embedded import EmbeddedStore
from flashsale.service import Engine
from tests.chaos.history import Call, violations
from tests.chaos.load import LIMIT_PACKS, Recorder, claim, ending, final, read_history, rush, sale, shuffled

CLAIMS_A_ROUND = 4_000
ROUNDS_A_SALE = 8


async def kill(store: EmbeddedStore) -> None:
    """The server dies at once, as by a power cut of its process."""
    os.kill(store.process_id, signal.SIGKILL)
    await store.stop()


async def kill_in_the_middle(store: EmbeddedStore, sale_id: SaleId, path: Path, seed: int) -> None:
    """Load the server from two engines, kill it after a random number of acknowledged calls, note all that was seen."""
    chance = random.Random(seed)
    kill_after, answered, enough = chance.randrange(1, 400), itertools.count(1), asyncio.Event()
    recorder = Recorder(path)
    async with Engine.open(store.url) as one, Engine.open(store.url) as other:

        async def apply_counted(sale_id: SaleId, op: object) -> object:
            # Without the batcher's asking again: each lost answer must stay a lost answer in the history.
            engine = chance.choice((one, other))
            result = await engine.apply(sale_id, op)  # type: ignore[arg-type]
            if next(answered) >= kill_after:
                enough.set()
            return result

        numbers = shuffled(seed, CLAIMS_A_ROUND, CLAIMS_A_ROUND * ROUNDS_A_SALE)
        load = asyncio.create_task(rush(recorder, apply_counted, sale_id, numbers, at_once=24))  # type: ignore[arg-type]
        await enough.wait()
        # The senders go on meanwhile, so that the blow falls anywhere in a batch: before, in, or after its sync.
        for _ in range(chance.randrange(40)):
            await asyncio.sleep(0)
        await kill(store)
        await load
    recorder.close()


async def ask_again(engine: Engine, sale_id: SaleId, history: list[Call], path: Path) -> None:
    """Every sender that got no answer asks again with the same id, and now must get one."""
    recorder = Recorder(path)
    for call in history:
        if call.outcome is None:
            n = int(call.claim_id[1:])
            last = ending(n)
            op = claim(n) if call.kind == "claim" or last is None else last
            result = await recorder.call(engine.apply, sale_id, op)
            assert result is not None
    recorder.close()


async def kill_points(tmp_path: Path, count: int) -> None:
    seeds = iter(range(count))
    for sale_number in range(-(-count // ROUNDS_A_SALE)):
        sale_id = SaleId(f"crash-{sale_number}")
        store = EmbeddedStore(tmp_path / f"store-{sale_number}")
        paths: list[Path] = []
        await store.start()
        async with Engine.open(store.url) as engine:
            await engine.apply_all(sale_id, sale(stock_packs=40 * ROUNDS_A_SALE))
        for seed in itertools.islice(seeds, ROUNDS_A_SALE):
            path, again = tmp_path / f"history-{seed}", tmp_path / f"history-{seed}-again"
            paths += [path, again]
            await kill_in_the_middle(store, sale_id, path, seed)
            await store.start()
            async with Engine.open(store.url) as engine:
                await ask_again(engine, sale_id, read_history([path]), again)
                history = read_history(paths)
                assert any(call.outcome is None for call in history)
                assert violations(history, await final(engine, sale_id, history), limit_packs=LIMIT_PACKS) == []
        await store.stop()


async def test_a_server_killed_under_load_keeps_what_it_acknowledged_exactly_once(tmp_path: Path) -> None:
    await kill_points(tmp_path, 12)


@pytest.mark.soak
@pytest.mark.timeout(7_200)
async def test_a_server_killed_a_thousand_times_keeps_what_it_acknowledged_exactly_once(tmp_path: Path) -> None:
    await kill_points(tmp_path, 1_000)

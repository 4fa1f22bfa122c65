"""A power cut tears the append-only file's last record at any byte; two restarts with writes between lose nothing more."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterable
from pathlib import Path

import pytest

from flashsale.domain import Claim, Line, Outcome, SaleId
from flashsale.embedded import EmbeddedStore
from flashsale.service import Engine
from tests.chaos.history import Final, books_balanced
from tests.chaos.load import final, sale

SALE = SaleId("torn")
BEFORE, LAST, BETWEEN = 40, 5, 7


async def kill(store: EmbeddedStore) -> None:
    os.kill(store.process_id, signal.SIGKILL)
    await store.stop()


def tail_file(data_dir: Path) -> Path:
    """The part of the append-only file that is written to."""
    return max((data_dir / "appendonlydir").glob("*.incr.aof"), key=lambda path: path.stat().st_mtime_ns)


async def written_sale(data_dir: Path) -> tuple[int, int]:
    """A sale with claims, then one last batch; returns the file's size before and after that batch."""
    store = EmbeddedStore(data_dir)
    await store.start()
    async with Engine.open(store.url) as engine:
        await engine.apply_all(SALE, sale(stock_packs=1_000))
        for n in range(BEFORE):
            await engine.apply(SALE, one_pack(n))
        before = tail_file(data_dir).stat().st_size
        await engine.apply_all(SALE, [one_pack(BEFORE + n) for n in range(LAST)])
    after = tail_file(data_dir).stat().st_size
    await kill(store)
    return before, after


def one_pack(n: int) -> Claim:
    return Claim(claim_id=f"c{n}", buyer_id=f"b{n}", channel="douyin", lines=(Line("egg", 1),))  # type: ignore[arg-type]


async def held(engine: Engine) -> Final:
    found = await final(engine, SALE, [])
    assert books_balanced([], found) == []
    assert set(found.statuses.values()) == {"held"}
    return found


async def cut_and_restart_twice(source: Path, work: Path, size_bytes: int, *, whole: bool) -> None:
    shutil.copytree(source, work, ignore=shutil.ignore_patterns("*.sock", "*.log"))
    os.truncate(tail_file(work), size_bytes)
    store = EmbeddedStore(work)

    await store.start()
    async with Engine.open(store.url) as engine:
        first = await held(engine)
        assert first.held == BEFORE + (LAST if whole else 0), size_bytes
        results = [await engine.apply(SALE, one_pack(BEFORE + n)) for n in range(BETWEEN)]
        assert [result.replayed for result in results] == [whole and n < LAST for n in range(BETWEEN)]
    await kill(store)

    await store.start()
    async with Engine.open(store.url) as engine:
        second = await held(engine)
        assert second.held == BEFORE + BETWEEN, size_bytes
        again = await engine.apply(SALE, one_pack(BEFORE + BETWEEN - 1))
        assert (again.outcome, again.replayed) == (Outcome.RESERVED, True)
    await kill(store)
    shutil.rmtree(work)


async def cut_at(tmp_path: Path, points: Iterable[int] | None) -> None:
    source = tmp_path / "source"
    before, after = await written_sale(source)
    sizes = (
        range(before, after + 1)
        if points is None
        else [*sorted({before + point % (after - before) for point in points}), after]
    )
    for size in sizes:
        await cut_and_restart_twice(source, tmp_path / f"cut-{size}", size, whole=size == after)


async def test_a_record_torn_at_some_bytes_is_dropped_whole_and_later_writes_stay(tmp_path: Path) -> None:
    await cut_at(tmp_path, points=[0, 1, 2, 14, 15, 16, 100, 333, 577, -200, -29, -14, -3, -2, -1])


@pytest.mark.soak
@pytest.mark.timeout(3_600)
async def test_a_record_torn_at_every_byte_is_dropped_whole_and_later_writes_stay(tmp_path: Path) -> None:
    await cut_at(tmp_path, points=None)

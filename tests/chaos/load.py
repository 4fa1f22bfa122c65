"""Senders that rush one pool, and a record of what each of them saw that survives their own death.

Claim number n has the same id and content whoever sends it, so that senders repeat each other; what becomes of it (confirmed,
cancelled or left) follows from n too.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from flashsale.books import Books
from flashsale.domain import (
    Cancel,
    Claim,
    Confirm,
    Line,
    Op,
    OpResult,
    Outcome,
    Rev,
    SaleId,
    SaleState,
    SetOffer,
    SetPool,
    SetSale,
    SetSaleState,
)
from flashsale.events import LogEntry
from flashsale.service import Engine
from flashsale.store import StoreUnavailable
from tests.chaos.history import Call, Final

NEVER_NS = 2**63 - 1
LIMIT_PACKS = 4
Apply = Callable[[SaleId, Op], Awaitable[OpResult]]


def sale(stock_packs: int) -> list[Op]:
    """One pool, one offer with a limit a buyer, holds that last."""
    return [
        SetSale(name="铜鼓专场", hold_ttl_ms=0),
        SetPool(pool_id="eggs", name="土鸡蛋", base_unit="枚", initial_units=stock_packs),  # type: ignore[arg-type]
        SetOffer(
            sku="egg",  # type: ignore[arg-type]
            pool_id="eggs",  # type: ignore[arg-type]
            name="土鸡蛋",
            units_per_pack=1,
            price_minor=300,
            limit_packs=LIMIT_PACKS,
        ),
        SetSaleState(state=SaleState.OPEN),
    ]


def claim(n: int) -> Claim:
    """Claim number n. Two claims in five are of one buyer."""
    buyer = f"b{n - n % 5 % 2}"
    return Claim(claim_id=f"c{n}", buyer_id=buyer, channel="douyin", lines=(Line("egg", 1 + n % 3),))  # type: ignore[arg-type]


def ending(n: int) -> Confirm | Cancel | None:
    """What its sender does with claim n after it was reserved."""
    return {0: Confirm(claim_id=f"c{n}"), 1: Cancel(claim_id=f"c{n}")}.get(n % 4)  # type: ignore[arg-type]


class Recorder:
    """Notes calls in a file before they go and when their answers come: one system call each, so nothing waits in a buffer."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._next = 0

    def close(self) -> None:
        os.close(self._file)

    async def call(self, apply: Apply, sale_id: SaleId, op: Claim | Confirm | Cancel) -> OpResult | None:
        """Apply and note; None where no answer came."""
        self._next += 1
        number, packs = self._next, op.lines[0].packs if isinstance(op, Claim) else 0
        call = Call(
            kind=type(op).__name__.lower(),
            claim_id=op.claim_id,
            buyer_id=op.buyer_id if isinstance(op, Claim) else "",
            packs=packs,
            sent_ns=time.monotonic_ns(),
            answered_ns=NEVER_NS,
            outcome=None,
        )
        self._write((number, call))
        try:
            result = await apply(sale_id, op)
        except StoreUnavailable:
            return None
        answered = msgspec.structs.replace(
            call,
            answered_ns=time.monotonic_ns(),
            outcome=result.outcome.value,
            got=sum(line.packs for line in result.lines) if result.outcome == Outcome.RESERVED else 0,
            replayed=result.replayed,
            detail=result.detail,
        )
        self._write((number, answered))
        return result

    def _write(self, record: tuple[int, Call]) -> None:
        os.write(self._file, msgspec.json.encode(record) + b"\n")


def read_history(paths: Iterable[Path]) -> list[Call]:
    """All calls of all senders; of a call that was answered only the answered record. A last line cut by death is dropped."""
    history: list[Call] = []
    for path in paths:
        calls: dict[int, Call] = {}
        for line in path.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                number, call = msgspec.json.decode(line, type=tuple[int, Call])
                calls[number] = call
        history += calls.values()
    return history


async def rush(recorder: Recorder, apply: Apply, sale_id: SaleId, numbers: Iterable[int], *, at_once: int) -> None:
    """Send claims and their endings from `at_once` tasks until `numbers` run out or the store is gone."""
    waiting: Iterator[int] = iter(numbers)

    async def sender() -> None:
        for n in waiting:
            result = await recorder.call(apply, sale_id, claim(n))
            last = ending(n)
            if result is not None and result.outcome == Outcome.RESERVED and last is not None:
                result = await recorder.call(apply, sale_id, last)
            if result is None:
                return

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(sender())


def shuffled(seed: int, count: int, total: int) -> list[int]:
    """Claim numbers for one sender: a part of all, in its own order, some twice."""
    return random.Random(seed).choices(range(total), k=count)


async def whole_log(engine: Engine, sale_id: SaleId) -> list[LogEntry]:
    """Every entry of the sale's log."""
    found: list[LogEntry] = []
    while entries := await engine.log(sale_id, found[-1].rev if found else Rev("")):
        found += entries
    return found


async def final(engine: Engine, sale_id: SaleId, history: Iterable[Call]) -> Final:
    """The sale as the store has it now, claim by claim, and what the log folded from nothing says of it."""
    tally = await engine.tally(sale_id)
    assert tally is not None
    books = Books().apply_all(await whole_log(engine, sale_id))
    ids = {call.claim_id for call in history} | set(books.claims)
    views = {id: view for id in ids if (view := await engine.claim(sale_id, id)) is not None}  # type: ignore[arg-type]
    differences: list[object] = list(books.differences(tally))
    differences += [
        (id, "status", books.claims[id].status, view.status)
        for id, view in views.items()
        if id not in books.claims or books.claims[id].status != view.status
    ]
    differences += [(id, "is in the log", True, False) for id in books.claims if id not in views]
    pool = tally.pools[0]
    return Final(
        stock_packs=pool.initial + pool.adjusted,
        statuses={id: view.status for id, view in views.items()},
        packs={id: sum(line.packs for line in view.lines) for id, view in views.items()},
        buyers={id: view.buyer_id for id, view in views.items()},
        held=pool.held,
        sold=pool.sold,
        available=pool.available,
        oversold=pool.oversold,
        differences=differences,
    )

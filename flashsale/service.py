"""The engine's face: everything the rest of the product asks of it.

`Engine` promises: every answer it gives for a write is durable as the store promises (`flashsale.store`), the same id with the
same content is answered the same, and a batch is decided in the order given.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Protocol

from flashsale.batcher import Batcher
from flashsale.domain import BuyerId, ClaimId, ClaimView, Op, OpResult, Rev, SaleId
from flashsale.events import LogEntry
from flashsale.log_watch import LogWatch
from flashsale.store import Store, StoreUnavailable
from flashsale.tally import Tally, decode_tally

FOLLOW_ENTRIES_MAX = 500
FOLLOW_RETRY_S = 0.5


class EngineFace(Protocol):
    """What the service layer may call. Implemented by `Engine` (below), and by nothing else."""

    async def apply(self, sale_id: SaleId, op: Op) -> OpResult:
        """Decide one operation through the sale's batcher. Answers `overloaded`, with nothing changed, when it is full."""
        ...

    async def apply_all(self, sale_id: SaleId, ops: Sequence[Op]) -> list[OpResult]:
        """Decide operations in the order given, in one atomic batch; at most BATCH_OPS_MAX. Results in the same order."""
        ...

    async def tally(self, sale_id: SaleId) -> Tally | None:
        """Read all counters at one moment; None for a sale that does not exist."""
        ...

    async def claim(self, sale_id: SaleId, claim_id: ClaimId) -> ClaimView | None:
        """Look up a claim or fact; None if the sale does not know it."""
        ...

    async def sale_ids(self) -> list[SaleId]:
        """All sales in the store, in the order of their ids."""
        ...

    async def log(self, sale_id: SaleId, after: Rev, entries_max: int = 500) -> list[LogEntry]:
        """Read log entries after `after` (empty string: from the beginning), oldest first; empty list at the end."""
        ...

    async def log_tail(self, sale_id: SaleId, entries_max: int) -> list[LogEntry]:
        """Read the newest log entries, oldest first; empty for an empty log."""
        ...

    def follow(self, sale_id: SaleId, after: Rev) -> AsyncIterator[LogEntry]:
        """Yield log entries after `after` for ever, waiting for new ones; ends when the engine closes."""
        ...

    async def entrants(self, sale_id: SaleId, draw_id: str) -> list[BuyerId]:
        """All entrants of a draw in byte order of their ids; empty for an unknown draw."""
        ...


class Engine:
    """Implements `EngineFace` on a Valkey store: one batcher a sale, one connection pool."""

    def __init__(self, store: Store) -> None:
        """Use `open` instead, unless a store is open already."""
        self.store = store
        self.batchers: dict[SaleId, Batcher] = {}
        self._closed = asyncio.Event()
        self._watch = LogWatch(store)

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator[Engine]:
        """Open the store at `url` and an engine on it; on exit, decide what waits, then close. Raises StoreUnavailable."""
        async with Store.open(url) as store:
            engine = cls(store)
            try:
                yield engine
            finally:
                await engine.close()

    async def close(self) -> None:
        """Take no more operations, decide those that wait, end the followers. Safe to call twice."""
        self._closed.set()
        await self._watch.close()
        for batcher in self.batchers.values():
            await batcher.close()

    def batcher(self, sale_id: SaleId) -> Batcher:
        """Return the sale's batcher of this process, made at its first use."""
        found = self.batchers.get(sale_id)
        if found is None:
            found = self.batchers[sale_id] = Batcher(partial(self.store.decide, sale_id))
        return found

    async def apply(self, sale_id: SaleId, op: Op) -> OpResult:
        """See EngineFace."""
        return (await self.apply_all(sale_id, (op,)))[0]

    async def apply_all(self, sale_id: SaleId, ops: Sequence[Op]) -> list[OpResult]:
        """See EngineFace."""
        return await self.batcher(sale_id).submit(ops)

    async def expire_due(self, sale_id: SaleId) -> None:
        """End all holds that are over by the store's clock. Any call does that too; this one is for quiet sales."""
        batcher = self.batcher(sale_id)
        await batcher.submit(())
        while batcher.more_due:
            await batcher.submit(())

    async def tally(self, sale_id: SaleId) -> Tally | None:
        """See EngineFace."""
        raw = await self.store.tally(sale_id)
        return None if raw is None else decode_tally(sale_id, raw)

    async def claim(self, sale_id: SaleId, claim_id: ClaimId) -> ClaimView | None:
        """See EngineFace."""
        return await self.store.claim(sale_id, claim_id)

    async def sale_ids(self) -> list[SaleId]:
        """See EngineFace."""
        return await self.store.sale_ids()

    async def log(self, sale_id: SaleId, after: Rev, entries_max: int = 500) -> list[LogEntry]:
        """See EngineFace."""
        return await self.store.log(sale_id, after, entries_max)

    async def log_tail(self, sale_id: SaleId, entries_max: int) -> list[LogEntry]:
        """See EngineFace."""
        return await self.store.log_tail(sale_id, entries_max)

    async def follow(self, sale_id: SaleId, after: Rev) -> AsyncIterator[LogEntry]:
        """See EngineFace. A store that is gone for a while is waited for."""
        while not self._closed.is_set():
            try:
                entries = await self.store.log(sale_id, after, FOLLOW_ENTRIES_MAX)
                if not entries:
                    await self._watch.news(sale_id, after)
            except StoreUnavailable:
                await asyncio.sleep(FOLLOW_RETRY_S)
                continue
            for entry in entries:
                after = entry.rev
                yield entry

    async def entrants(self, sale_id: SaleId, draw_id: str) -> list[BuyerId]:
        """See EngineFace."""
        return await self.store.entrants(sale_id, draw_id)

    async def lease(self, name: str, holder: str, ttl_ms: int) -> int | None:
        """Take or keep a lease by name; its fencing token while `holder` has it, None while another does."""
        return await self.store.lease(name, holder, ttl_ms)

    async def release(self, name: str, holder: str) -> None:
        """Give a lease back, if `holder` has it."""
        await self.store.release(name, holder)

    async def info(self) -> dict[str, Any]:
        """What the store says of itself."""
        return await self.store.info()

    async def store_setting(self, name: str) -> str | None:
        """One of the store's own settings, None where it does not tell."""
        return await self.store.setting(name)

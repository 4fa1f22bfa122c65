"""Waiting for news in the logs of many sales with one blocking read.

A reader that blocks occupies a connection. With one reader a sale, some dozens of sales would leave none for claims; so all
that wait share one read over all their logs.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Protocol

from flashsale.domain import Rev, SaleId, rev_order

BLOCK_MS = 50
"""How long one read blocks. Whoever begins to wait meanwhile is taken into the next one."""


class Logs(Protocol):
    """What the watch asks of the store."""

    async def logs_with_news(self, after: Mapping[SaleId, Rev], block_ms: int) -> list[SaleId]:
        """Return the sales whose log goes on behind the given place, waiting at most `block_ms` for the first."""
        ...


class LogWatch:
    """Tells waiters when their sale's log goes on. One event loop owns it; `close` ends every wait."""

    def __init__(self, logs: Logs) -> None:
        """Watch through `logs`; nothing is read until somebody waits."""
        self._logs = logs
        self._waiting: dict[SaleId, dict[asyncio.Future[None], Rev]] = {}
        self._somebody = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def news(self, sale_id: SaleId, after: Rev) -> None:
        """Return once the sale's log has an entry behind `after`, or when the watch closes. Raises StoreUnavailable."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="log-watch")
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(sale_id, {})[told] = after
        self._somebody.set()
        try:
            await told
        finally:
            waiters = self._waiting.get(sale_id, {})
            waiters.pop(told, None)
            if not waiters:
                self._waiting.pop(sale_id, None)

    async def close(self) -> None:
        """Stop reading and let everybody go on who waits. Safe to call twice."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        for sale_id in list(self._waiting):
            self._tell(sale_id)

    async def _run(self) -> None:
        while True:
            if not self._waiting:
                self._somebody.clear()
                await self._somebody.wait()
            places = {sale_id: min(waiters.values(), key=rev_order) for sale_id, waiters in self._waiting.items()}
            try:
                for sale_id in await self._logs.logs_with_news(places, BLOCK_MS):
                    self._tell(sale_id)
            except Exception as error:
                for sale_id in list(self._waiting):
                    self._tell(sale_id, error)

    def _tell(self, sale_id: SaleId, error: Exception | None = None) -> None:
        for told in self._waiting.pop(sale_id, {}):
            if told.done():
                continue
            if error is None:
                told.set_result(None)
            else:
                told.set_exception(error)

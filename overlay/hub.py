"""The hub: for every sale that somebody watches, one feed; for every connection, a place in it."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType

from flashsale.domain import SaleId
from flashsale.service import EngineFace
from overlay.domain import Mask, numbered_mask
from overlay.feed import Feed, OverlayError, SaleUnreadableError, Timing, UnknownSaleError, Watcher

__all__ = ["Hub", "HubClosedError", "OverlayError", "SaleUnreadableError", "Timing", "UnknownSaleError", "Watcher"]

CANCEL_AGAIN_S = 0.5

logger = logging.getLogger(__name__)


class HubClosedError(OverlayError):
    """The hub is closed or was never opened; the process is going down."""


class Hub:
    """Live tallies for any number of watchers, an async context manager.

    Promises: a sale is followed once in this process however many watch it, and not at all when nobody does; each frame
    is encoded once; a watcher holds at most one unsent frame. `mask` says what may be shown of a buyer (by default a
    number that only this process can make); `timing` is for tests and tuning.
    """

    def __init__(self, engine: EngineFace, *, mask: Mask | None = None, timing: Timing | None = None) -> None:
        self._engine = engine
        self._mask = mask or numbered_mask(secrets.token_bytes(32))
        self._timing = timing or Timing()
        self._feeds: dict[SaleId, Feed] = {}
        self._tasks: dict[Feed, asyncio.Task[None]] = {}
        self._stopping: set[asyncio.Task[None]] = set()
        self._is_open = False

    async def __aenter__(self) -> Hub:
        self._is_open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End all watchers and stop following. Idempotent. Leaves the engine open: the hub didn't open it."""
        self._is_open = False
        await asyncio.gather(*(self._stop(feed) for feed in tuple(self._tasks)))

    @property
    def watchers_len_by_sale(self) -> dict[SaleId, int]:
        """How many connections each followed sale has; 0 for one that lingers. For metrics."""
        return {sale_id: feed.watchers_len for sale_id, feed in self._feeds.items()}

    async def knows(self, sale_id: SaleId) -> bool:
        """Say whether the sale exists; asks the engine only if nobody watches it. Raises SaleUnreadableError."""
        if sale_id in self._feeds:
            return True
        try:
            return await self._engine.tally(sale_id) is not None
        except Exception as problem:
            raise SaleUnreadableError(sale_id) from problem

    @asynccontextmanager
    async def watch(self, sale_id: SaleId, since: str = "") -> AsyncIterator[Watcher]:
        """Take a place: yield a watcher whose first frame is a snapshot, or a delta from `since` if that is known.

        Raises UnknownSaleError, SaleUnreadableError or HubClosedError.
        """
        if not self._is_open:
            raise HubClosedError("the hub is closed")
        feed = self._feeds.get(sale_id) or self._start(sale_id)
        feed.users_len += 1
        try:
            # Shielded: one impatient connection must not cancel what the others wait for.
            await asyncio.shield(feed.ready)
            watcher = feed.join(since)
            try:
                yield watcher
            finally:
                feed.leave(watcher)
        finally:
            feed.users_len -= 1
            if feed.users_len == 0:
                asyncio.get_running_loop().call_later(self._timing.linger_ms / 1_000, self._retire, feed)

    def _start(self, sale_id: SaleId) -> Feed:
        feed = Feed(self._engine, sale_id, self._timing, self._mask)
        task = asyncio.create_task(feed.run(), name=f"overlay-feed-{sale_id}")
        self._feeds[sale_id] = feed
        self._tasks[feed] = task
        task.add_done_callback(lambda done: self._ended(feed, done))
        return feed

    def _retire(self, feed: Feed) -> None:
        """Stop following a sale that is still without watchers."""
        if feed.users_len == 0 and self._feeds.get(feed.sale_id) is feed:
            self._forget(feed)  # Whoever comes now gets a new feed, not one that is about to end.
            stopping = asyncio.create_task(self._stop(feed), name=f"overlay-stop-{feed.sale_id}")
            self._stopping.add(stopping)
            stopping.add_done_callback(self._stopping.discard)

    def _forget(self, feed: Feed) -> None:
        if self._feeds.get(feed.sale_id) is feed:
            del self._feeds[feed.sale_id]

    async def _stop(self, feed: Feed) -> None:
        pending = {task} if (task := self._tasks.get(feed)) else set()
        while pending:
            if feed.follower is not None and not feed.follower.done():
                pending.add(feed.follower)
            for task in pending:
                # Again until it ends: Python 3.11's `wait_for` may swallow a cancellation that comes just as it is done,
                # and below the store client there is one. A lost cancellation must not hang the shutdown.
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_S)

    def _ended(self, feed: Feed, task: asyncio.Task[None]) -> None:
        # Whatever ended it, nobody may be left waiting on a dead feed: they are let go and come back to a new one.
        self._forget(feed)
        del self._tasks[feed]
        if not feed.ready.done():
            feed.ready.set_exception(HubClosedError("the hub closed before the sale was read"))
        if feed.users_len == 0:
            feed.ready.exception()  # Marked as seen: all who waited for it have left.
        feed.end()
        if not task.cancelled() and (problem := task.exception()) is not None:
            logger.error("following sale %s failed", feed.sale_id, exc_info=problem)

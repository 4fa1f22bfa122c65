"""One sale, followed once, for all who watch it in this process.

A feed waits on the sale's log, reads the tally when something changed, encodes what came of it once and hands the same
bytes to every watcher. Frames are at least `frame_interval_ms` apart, but a pool that sells out is told at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Final

import msgspec

from flashsale.domain import Rev, SaleId, rev_order
from flashsale.events import LogEntry
from flashsale.service import EngineFace
from flashsale.tally import Tally
from overlay.domain import (
    Frame,
    FrameKind,
    Mask,
    RecentOrder,
    delta_frame,
    heartbeat_frame,
    keyed,
    recent_orders,
    snapshot_frame,
    stock_changes,
)
from overlay.merge_patch import JsonObject, diff
from overlay.outlook import Outlook, Pace

RECENT_LEN_MAX: Final = 20
RECENT_AGE_MAX_MS: Final = 60_000
TAIL_ENTRIES_MAX: Final = 300
HISTORY_LEN_MAX: Final = 120
"""States kept for those who come back: 12 s of a burst, half an hour of a quiet evening."""

logger = logging.getLogger(__name__)


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """How often things happen. `linger_ms` keeps a sale followed after its last watcher left: most come back soon."""

    frame_interval_ms: int = 100
    heartbeat_ms: int = 5_000
    linger_ms: int = 15_000
    retry_ms: int = 1_000


class OverlayError(Exception):
    """Base of what the live fan-out raises."""


class UnknownSaleError(OverlayError):
    """The engine knows no such sale (yet)."""

    def __init__(self, sale_id: SaleId) -> None:
        super().__init__(f"no sale {sale_id!r}")
        self.sale_id = sale_id


class SaleUnreadableError(OverlayError):
    """The engine cannot read the sale now; its own exception is the cause."""

    def __init__(self, sale_id: SaleId) -> None:
        super().__init__(f"sale {sale_id!r} cannot be read now")
        self.sale_id = sale_id


class Watcher:
    """One connection's place in a feed. It holds at most one frame that was not sent yet, whatever happens.

    Iterate over it to get frames; the iteration ends when the feed does, or when `leave` is called.
    """

    __slots__ = ("_over", "_pending", "_wake")

    def __init__(self, first: Frame) -> None:
        self._pending: Frame | None = first
        self._wake = asyncio.Event()
        self._wake.set()
        self._over = False

    def __aiter__(self) -> Watcher:
        return self

    async def __anext__(self) -> Frame:
        """Wait for a frame and take it. Cancel-safe: a frame is taken only when it is returned."""
        while not self._over:
            if self._pending is not None:
                frame, self._pending = self._pending, None
                self._wake.clear()
                return frame
            await self._wake.wait()
        raise StopAsyncIteration

    @property
    def is_behind(self) -> bool:
        """Whether a frame with data waits to be sent. Then the next delta would not connect to it."""
        return self._pending is not None and self._pending.kind is not FrameKind.HEARTBEAT

    def put(self, frame: Frame) -> None:
        """Make `frame` the one that is sent next, in the place of whatever waited."""
        self._pending = frame
        self._wake.set()

    def leave(self) -> None:
        """End the iteration. Idempotent."""
        self._over = True
        self._wake.set()


class Feed:
    """A sale being followed. `run` is its life; `join` and `leave` may be called once `ready` is done."""

    def __init__(self, engine: EngineFace, sale_id: SaleId, timing: Timing, mask: Mask) -> None:
        self.sale_id = sale_id
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.users_len = 0
        """How many connections hold this feed, those still waiting for `ready` too. Kept by the hub."""
        self.follower: asyncio.Task[None] | None = None
        """The task that waits on the log. `run` starts and cancels it; the hub sees to its end."""
        self._engine = engine
        self._timing = timing
        self._mask = mask
        self._watchers: set[Watcher] = set()
        self._changed = asyncio.Event()
        self._urgent = asyncio.Event()
        self._pace = Pace()
        self._recent: deque[RecentOrder] = deque(maxlen=RECENT_LEN_MAX)
        self._unsent: deque[RecentOrder] = deque(maxlen=RECENT_LEN_MAX)
        self._history: deque[JsonObject] = deque(maxlen=HISTORY_LEN_MAX)
        self._tally: Tally
        self._outlook: Outlook
        self._foreseen: dict[str, int] = {}
        self._snapshot: Frame | None = None
        self._resumptions: dict[str, Frame] = {}
        self._heartbeat_due_s = 0.0
        self._frame_due_s = 0.0

    # ------------------------------------------------------------------------------------------------- watchers

    @property
    def watchers_len(self) -> int:
        """How many connections get frames."""
        return len(self._watchers)

    def join(self, since: str) -> Watcher:
        """Add a watcher. Its first frame is a delta from `since` if the feed still has that state, else a snapshot."""
        watcher = Watcher(self._resumption(since) or self._newest())
        self._watchers.add(watcher)
        return watcher

    def leave(self, watcher: Watcher) -> None:
        """Take a watcher out. Idempotent."""
        watcher.leave()
        self._watchers.discard(watcher)

    def end(self) -> None:
        """End every watcher's iteration: the feed is over."""
        for watcher in tuple(self._watchers):
            self.leave(watcher)

    # ------------------------------------------------------------------------------------------------- its life

    async def run(self) -> None:
        """Follow the sale until cancelled.

        Trouble with the engine is logged and tried again. Meanwhile no frame is sent, heartbeats least of all, so that
        every viewer sees that the numbers stand still. `ready` fails with UnknownSaleError or SaleUnreadableError, and
        this returns, where the sale cannot be read to begin with.
        """
        try:
            tally = await self._engine.tally(self.sale_id)
            tail = await self._engine.log_tail(self.sale_id, TAIL_ENTRIES_MAX)
        except Exception as problem:
            unreadable = SaleUnreadableError(self.sale_id)
            unreadable.__cause__ = problem
            self.ready.set_exception(unreadable)
            return
        if tally is None:
            self.ready.set_exception(UnknownSaleError(self.sale_id))
            return
        self._remember(tally, keyed(tally))
        for entry in tail:
            if not _is_after(entry.rev, tally.rev):
                self._recent.extend(recent_orders(entry, self._mask))
        self._set_due()
        self.ready.set_result(None)
        self.follower = asyncio.create_task(self._follow(tally.rev), name=f"overlay-follow-{self.sale_id}")
        try:
            await self._publish()
        finally:
            self.follower.cancel()

    async def _follow(self, after: Rev) -> None:
        while True:
            try:
                async for entry in self._engine.follow(self.sale_id, after):
                    after = entry.rev
                    self._take_in(entry)
            except Exception as problem:
                logger.warning("log of sale %s cannot be followed, trying again: %r", self.sale_id, problem)
                await asyncio.sleep(self._timing.retry_ms / 1_000)
            else:
                return  # The engine closed, and soon so will the hub.

    async def _publish(self) -> None:
        while True:
            await self._wait_for_change()
            try:
                tally = await self._engine.tally(self.sale_id)
            except Exception as problem:
                logger.warning("tally of sale %s cannot be read, trying again: %r", self.sale_id, problem)
                tally = None
            if tally is None:
                await asyncio.sleep(self._timing.retry_ms / 1_000)
                self._changed.set()
                continue
            self._tell(tally)

    async def _wait_for_change(self) -> None:
        """Return when the tally has to be read: something changed and the next frame is due, a pool sold out, or it is
        time for a heartbeat. Prices change by the clock alone, so even a silent sale is read once a heartbeat.
        """
        now_s = asyncio.get_running_loop().time()
        if not await _set_within(self._changed, self._heartbeat_due_s - now_s):
            return
        now_s = asyncio.get_running_loop().time()
        if now_s < self._frame_due_s:
            await _set_within(self._urgent, self._frame_due_s - now_s)
        # Cleared before the tally is read: what changes during the read sets it again.
        self._changed.clear()
        self._urgent.clear()

    def _take_in(self, entry: LogEntry) -> None:
        if self._tally.at_ms - entry.at_ms <= RECENT_AGE_MAX_MS:
            for order in recent_orders(entry, self._mask):
                self._recent.append(order)
                self._unsent.append(order)
        if _is_after(entry.rev, self._tally.rev):
            for pool_id, units in stock_changes(entry):
                before = self._foreseen.get(pool_id, 0)
                self._foreseen[pool_id] = before + units
                if before > 0 >= before + units:
                    self._urgent.set()
        self._changed.set()

    # ---------------------------------------------------------------------------------------------------- frames

    def _tell(self, tally: Tally) -> None:
        """Send what is new to all watchers: a delta, or a heartbeat if nothing is and one is due."""
        document = keyed(tally)
        previous = self._history[-1]
        patch = diff(previous, document)
        if patch.keys() <= {"at_ms"} and not self._unsent:
            # The same state, read later: a snapshot taken from now on should not look old.
            self._history.pop()
            self._remember(tally, document)
            if asyncio.get_running_loop().time() >= self._heartbeat_due_s:
                self._set_due()
                self._beat(heartbeat_frame(tally.rev, tally.at_ms, self._outlook))
            return
        self._remember(tally, document)
        recent = tuple(self._unsent)
        self._unsent.clear()
        self._set_due()
        delta = delta_frame(str(previous["rev"]), tally.rev, patch, recent, self._outlook)
        for watcher in self._watchers:
            watcher.put(self._newest() if watcher.is_behind else delta)

    def _beat(self, heartbeat: Frame) -> None:
        for watcher in self._watchers:
            if not watcher.is_behind:
                watcher.put(heartbeat)

    def _remember(self, tally: Tally, document: JsonObject) -> None:
        self._tally = tally
        self._outlook = self._pace.note(tally)
        self._foreseen = {pool.pool_id: pool.available for pool in tally.pools}
        self._history.append(document)
        self._snapshot = None
        self._resumptions.clear()

    def _set_due(self) -> None:
        now_s = asyncio.get_running_loop().time()
        self._frame_due_s = now_s + self._timing.frame_interval_ms / 1_000
        self._heartbeat_due_s = now_s + self._timing.heartbeat_ms / 1_000

    def _newest(self) -> Frame:
        """Return the snapshot of now; encoded when first asked for, then shared until the next change."""
        if self._snapshot is None:
            self._snapshot = snapshot_frame(self._tally.rev, self._history[-1], tuple(self._recent), self._outlook)
        return self._snapshot

    def _resumption(self, since: str) -> Frame | None:
        """Return the one delta from `since` to now, or None where the way is not known for certain.

        A price can change by the clock while `rev` stays, so a rev may stand for two states: then nobody can tell which
        of them the reader has.
        """
        if since in self._resumptions:
            return self._resumptions[since]
        states = [document for document in self._history if document["rev"] == since]
        if len(states) != 1:
            return None
        newest = self._history[-1]
        frame = delta_frame(since, self._tally.rev, diff(states[0], newest), tuple(self._recent), self._outlook)
        self._resumptions[since] = frame
        return frame


async def _set_within(event: asyncio.Event, wait_s: float) -> bool:
    """Wait for `event` for at most `wait_s` seconds and say whether it is set."""
    if not event.is_set() and wait_s > 0:
        try:
            async with asyncio.timeout(wait_s):
                await event.wait()
        except TimeoutError:
            return False
    return event.is_set()


def _is_after(rev: str, other: str) -> bool:
    return rev_order(rev) > rev_order(other)

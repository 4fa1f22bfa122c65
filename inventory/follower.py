"""Keeping the ledger up with the log: one task a sale reads what is new and projects it, for ever.

The ledger's own place says where to go on, so a keeper may stop anywhere, and two at once do no harm. Entries are taken
in batches, at most every `PACE_MS`, so that the ledger's own fsync does not compete with the store's for every claim.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import TYPE_CHECKING, cast

import stamina

from flashsale.domain import Rev, SaleId
from inventory.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from flashsale.events import LogEntry
    from flashsale.service import EngineFace

ENTRIES_A_BATCH_MAX = 100
EVENTS_A_TRANSACTION = 1_000
"""Projecting is work for the processor, in the loop that answers claims too: so many events a transaction, or one entry."""
PACE_MS = 200
DISCOVERY_MS = 1_000
BACKOFF_MAX_S = 30.0
ATTEMPTS_A_CYCLE = 20

_log = logging.getLogger(__name__)


class LedgerKeeper:
    """Follows the log of every sale into the ledger. Run it with `run`, or as an async context manager.

    A failure (store or database gone, disk full) is tried again with growing pauses, from the ledger's place; nothing is
    ever skipped. `problems` tells which sales are behind and why.
    """

    def __init__(self, engine: EngineFace, ledger: Ledger) -> None:
        self._engine = engine
        self._ledger = ledger
        self._problems: dict[SaleId, str] = {}
        self._running: asyncio.Task[None] | None = None

    @property
    def problems(self) -> Mapping[SaleId, str]:
        """What keeps a sale from being projected now, by sale; empty while all goes well."""
        return self._problems

    async def __aenter__(self) -> LedgerKeeper:
        self._running = asyncio.create_task(self.run(), name="ledger-keeper")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop following. What was projected stays; call `catch_up` before, to have the rest too."""
        if self._running is not None:
            self._running.cancel()
            (ending,) = await asyncio.gather(self._running, return_exceptions=True)
            self._running = None
            if isinstance(ending, Exception):
                raise ending

    async def run(self) -> None:
        """Find the sales and follow each of them, until cancelled."""
        followed: set[SaleId] = set()
        async with asyncio.TaskGroup() as followers:
            while True:
                for sale_id in await self._sale_ids():
                    if sale_id not in followed:
                        followed.add(sale_id)
                        followers.create_task(self._follow(sale_id), name=f"ledger-keeper:{sale_id}")
                await asyncio.sleep(DISCOVERY_MS / 1000)

    async def catch_up(self, sale_id: SaleId) -> Rev:
        """Project everything that the log holds now, and return the ledger's place then.

        Safe beside a running keeper. Raises what the engine or the ledger raise; nothing is lost by that.
        """
        place = await self._ledger.place(sale_id)
        while entries := await self._engine.log(sale_id, place, ENTRIES_A_BATCH_MAX):
            for portion in _portions(entries):
                place = await self._ledger.project(sale_id, portion, after=place)
        return place

    async def _sale_ids(self) -> list[SaleId]:
        try:
            return await self._engine.sale_ids()
        except Exception as error:  # the store is away: the followers of known sales say so too
            _log.warning("sales cannot be listed: %s", type(error).__name__)
            return []

    async def _follow(self, sale_id: SaleId) -> None:
        """Project one sale until the engine closes. Every cycle begins with short pauses again."""
        more = True
        while more:
            try:
                async for attempt in stamina.retry_context(
                    on=Exception, attempts=ATTEMPTS_A_CYCLE, timeout=None, wait_max=BACKOFF_MAX_S
                ):
                    with attempt:
                        more = await self._follow_once(sale_id)
            except Exception as error:
                # Giving up is no choice for the books: note it and begin again.
                _log.warning("ledger of %s is behind: %s", sale_id, type(error).__name__)

    async def _follow_once(self, sale_id: SaleId) -> bool:
        """Project what is there and wait for more; False when there will be none, as the engine has closed."""
        try:
            place = await self.catch_up(sale_id)
            self._problems.pop(sale_id, None)
            more = await self._wait_for_more(sale_id, place)
        except Exception as error:
            self._problems[sale_id] = str(error)
            raise
        await asyncio.sleep(PACE_MS / 1000)
        return more

    async def _wait_for_more(self, sale_id: SaleId, place: Rev) -> bool:
        # One entry is enough to know; catch_up then reads it again with all that came since, in one batch.
        news = cast("AsyncGenerator[LogEntry, None]", self._engine.follow(sale_id, place))
        async with aclosing(news):
            async for _ in news:
                return True
        return False


def _portions(entries: Sequence[LogEntry]) -> Iterator[Sequence[LogEntry]]:
    """Cut entries, in order, so that each part holds at most EVENTS_A_TRANSACTION events, or is one entry."""
    begin = events_count = 0
    for number, entry in enumerate(entries):
        if number > begin and events_count + len(entry.events) > EVENTS_A_TRANSACTION:
            yield entries[begin:number]
            begin, events_count = number, 0
        events_count += len(entry.events)
    yield entries[begin:]

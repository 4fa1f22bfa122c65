"""The work that must happen whoever calls: deadlines, the ledger, outgoing connections, and probing a store in trouble.

Of all processes on one store, the one that holds the lease does it. Every piece is idempotent, so a moment with two
keepers (a process that froze past its lease) costs work and breaks nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

import structlog

from flashsale.domain import SaleId, SaleState, rev_order
from flashsale.service import Engine
from flashsale.store import StoreUnavailable
from flashsale.tally import Tally
from ingest.intake import LEDGER, STORE, Intake
from ingest.ledger import ServiceLedger
from ingest.logs import frames_of
from ingest.metrics import Metrics
from ingest.pulls import Pulls
from ingest.trouble import Troubles
from inventory.follower import LedgerKeeper
from inventory.ledger import Ledger, LedgerUnavailableError

LEASE: Final = "keepers"
PROBE_EVERY_S: Final = 0.5
WATCH_EVERY_S: Final = 2.0
log = structlog.get_logger("keepers")


class Keepers:
    """Runs in the background of a service, as an async context manager."""

    def __init__(
        self,
        *,
        engine: Engine,
        ledger: Ledger,
        own_ledger: ServiceLedger,
        pulls: Pulls,
        intake: Intake,
        troubles: Troubles,
        metrics: Metrics,
        now_ms: Callable[[], int],
        holder: str,
        lease_ttl_ms: int,
        sweep_every_ms: int,
    ) -> None:
        self._engine = engine
        self._ledger = ledger
        self._own_ledger = own_ledger
        self._pulls = pulls
        self._intake = intake
        self._troubles = troubles
        self._metrics = metrics
        self._now_ms = now_ms
        self._holder = holder
        self._lease_ttl_ms = lease_ttl_ms
        self._sweep_every_s = sweep_every_ms / 1_000
        self._live_sales: list[SaleId] = []
        self._leading = False
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def leading(self) -> bool:
        """Whether this process holds the lease and does the keepers' work now."""
        return self._leading

    async def __aenter__(self) -> Self:
        self._tasks = [
            asyncio.create_task(self._stay_elected(), name="keepers"),
            asyncio.create_task(self._probe(), name="probe"),
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the work and give the lease back."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            await self._engine.release(LEASE, self._holder)
        except StoreUnavailable:
            log.warning("lease not given back", where=STORE)

    async def _stay_elected(self) -> None:
        work: asyncio.Task[None] | None = None
        try:
            while True:
                self._leading = await self._holds_lease()
                if work is not None and (work.done() or not self._leading):
                    await _stopped(work)
                    work = None
                if self._leading and work is None:
                    work = asyncio.create_task(self._work(), name="keepers-work")
                await asyncio.sleep(self._lease_ttl_ms / 3_000)
        finally:
            self._leading = False
            if work is not None:
                await _stopped(work)

    async def _holds_lease(self) -> bool:
        try:
            return await self._engine.lease(LEASE, self._holder, self._lease_ttl_ms) is not None
        except StoreUnavailable as error:
            self._troubles.noted(error)
            return False

    async def _work(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._watch(), name="watch")
                group.create_task(self._sweep(), name="sweep")
                group.create_task(self._pulls.run(), name="pulls")
                group.create_task(LedgerKeeper(self._engine, self._ledger).run(), name="ledger")
        except* Exception as group_error:
            # The election loop starts the work again; what broke it must be seen.
            for error in group_error.exceptions:
                log.error("keeper failed", frames=frames_of(error))  # noqa: TRY400 - no values in logs

    async def _watch(self) -> None:
        """Find out which sales are live, and how far the ledger is behind."""
        while True:
            try:
                live: list[SaleId] = []
                for sale_id in await self._engine.sale_ids():
                    tally = await self._engine.tally(sale_id)
                    if tally is not None and _is_live(tally):
                        live.append(sale_id)
                        await self._measure_lag(tally)
                self._live_sales = live
            except (StoreUnavailable, LedgerUnavailableError) as error:
                self._troubles.noted(error)
            await asyncio.sleep(WATCH_EVERY_S)

    async def _measure_lag(self, tally: Tally) -> None:
        place = await self._ledger.place(SaleId(tally.sale_id))
        behind = place != tally.rev
        written_at_ms = max(rev_order(place)[0], 0)
        self._metrics.ledger_lag(tally.sale_id, max(tally.at_ms - written_at_ms, 0) if behind else 0)

    async def _sweep(self) -> None:
        while True:
            for sale_id in self._live_sales:
                try:
                    await self._engine.expire_due(sale_id)
                except StoreUnavailable as error:
                    self._troubles.noted(error)
            await asyncio.sleep(self._sweep_every_s)

    async def _probe(self) -> None:
        """While a store is in trouble, try a small write now and then; the first that succeeds opens the intake again."""
        while True:
            await asyncio.sleep(PROBE_EVERY_S)
            troubles = self._intake.troubles
            self._metrics.intake_open(not troubles and not self._intake.stopping)
            try:
                if STORE in troubles:
                    await self._engine.lease(f"probe-{self._holder}", self._holder, self._lease_ttl_ms)
                    self._recovered(STORE)
                if LEDGER in troubles:
                    await self._own_ledger.probe(self._now_ms())
                    self._recovered(LEDGER)
            except (StoreUnavailable, LedgerUnavailableError) as error:
                self._troubles.noted(error)

    def _recovered(self, where: str) -> None:
        log.info("intake open again", where=where)
        self._intake.recovered(where)


def _is_live(tally: Tally) -> bool:
    open_ended = tally.totals.holds or tally.totals.waitlisted
    return tally.state is not SaleState.CLOSED or bool(open_ended)


async def _stopped(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

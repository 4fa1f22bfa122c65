"""The engine's face: everything the rest of the product asks of it.

`Engine` promises: every answer it gives for a write is durable as the store promises (`flashsale.store`), the same id with the
same content is answered the same, and a batch is decided in the order given.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from flashsale.domain import BuyerId, ClaimId, ClaimView, Op, OpResult, Rev, SaleId
from flashsale.events import LogEntry
from flashsale.tally import Tally


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
        """All sales in the store, oldest first."""
        ...

    async def log(self, sale_id: SaleId, after: Rev, entries_max: int = 500) -> list[LogEntry]:
        """Read log entries after `after` (empty string: from the beginning), oldest first; empty list at the end."""
        ...

    def follow(self, sale_id: SaleId, after: Rev) -> AsyncIterator[LogEntry]:
        """Yield log entries after `after` for ever, waiting for new ones; ends when the engine closes."""
        ...

    async def entrants(self, sale_id: SaleId, draw_id: str) -> list[BuyerId]:
        """All entrants of a draw in byte order of their ids; empty for an unknown draw."""
        ...

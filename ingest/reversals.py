"""Refunds that overtake their payments: platforms push out of order, and a refunded order must not end up sold.

A reversal of a fact that nobody has seen is remembered, and reverses the fact when it comes. Both sides write first and
look afterwards, so whichever comes last sees the other, in any interleaving.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from flashsale.domain import Fact, OpResult, Outcome, SaleId
from flashsale.service import EngineFace
from ingest.problems import Problem


class EarlyReversals(Protocol):
    """Where reversals without their fact are kept."""

    async def remember(self, sale_id: str, fact_ids: Collection[str]) -> None:
        """Keep these reversals; committed on return."""
        ...

    async def among(self, sale_id: str, fact_ids: Collection[str]) -> list[str]:
        """Return those of these facts whose reversal came early."""
        ...


class Reversals:
    """Brings facts and their reversals together, whichever came first."""

    def __init__(self, engine: EngineFace, early: EarlyReversals) -> None:
        self._engine = engine
        self._early = early

    async def settle(self, sale_id: SaleId, facts: Sequence[tuple[Fact, OpResult]]) -> None:
        """Look after facts and reversals that were just booked, each with the engine's answer. Idempotent."""
        recorded = {fact.fact_id: fact for fact, result in facts if _was_recorded(fact, result)}
        early = {fact.fact_id: fact for fact, result in facts if fact.reverses and result.outcome is Outcome.UNKNOWN}
        if early:
            await self._early.remember(sale_id, list(early))
        # The payment may have been booked between our first try and the note: so try once more after it.
        due = list(early.values())
        if recorded:
            overtaken = await self._early.among(sale_id, list(recorded))
            due += [Fact(fact_id=id, channel=recorded[id].channel, reverses=True) for id in overtaken]
        if not due:
            return
        for result in await self._engine.apply_all(sale_id, due):
            if result.outcome is Outcome.OVERLOADED:
                raise Problem("overloaded")


def _was_recorded(fact: Fact, result: OpResult) -> bool:
    return not fact.reverses and result.outcome is Outcome.RECORDED

"""Refunds: what is taken back wholly, what only in part, and refunds that overtake their payments.

Platforms push out of order, and a refunded order must not end up sold. A reversal of a fact that nobody has seen is
remembered, and reverses the fact when it comes. Both sides write first and look afterwards, so whichever comes last sees
the other, in any interleaving.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import Enum
from typing import Final, Protocol

import msgspec

from flashsale.domain import ClaimId, ClaimView, Fact, Line, OpResult, Outcome, SaleId
from flashsale.service import EngineFace
from ingest.domain import scoped_id
from ingest.problems import Problem

FACTS_AT_ONCE: Final = 200


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """A platform's refund that says what was given back: packs, money in minor units, or both."""

    fact_id: str
    channel: str
    lines: tuple[Line, ...] = ()
    amount_minor: int | None = None


class Refunded(Enum):
    """What came of a refund: the order taken back, nothing changed because it was in part, or no such order yet."""

    WHOLE = "whole"
    IN_PART = "in-part"
    BEFORE_PAYMENT = "before-payment"


class EarlyReversals(Protocol):
    """Where reversals without their fact are kept."""

    async def remember(self, sale_id: str, fact_ids: Collection[str]) -> None:
        """Keep these reversals; committed on return."""
        ...

    async def among(self, sale_id: str, fact_ids: Collection[str]) -> list[str]:
        """Return those of these facts (1,000 at most) whose reversal came early."""
        ...


class Reversals:
    """Brings facts and their reversals together, whichever came first."""

    def __init__(self, engine: EngineFace, early: EarlyReversals) -> None:
        self._engine = engine
        self._early = early

    async def settle(self, sale_id: SaleId, facts: Sequence[tuple[Fact, OpResult]]) -> None:
        """Look after facts and reversals that were just booked, each with the engine's answer. Idempotent."""
        early = {fact.fact_id: fact for fact, result in facts if fact.reverses and result.outcome is Outcome.UNKNOWN}
        if early:
            await self._early.remember(sale_id, list(early))
        # The payment may have been booked between our first try and the note: so try once more after it.
        due = list(early.values())
        recorded = [(fact, result) for fact, result in facts if _was_recorded(fact, result)]
        for start in range(0, len(recorded), FACTS_AT_ONCE):
            due += await self._overtaken(sale_id, recorded[start : start + FACTS_AT_ONCE])
        if due:
            await self._reverse(sale_id, due)

    async def refund(self, sale_id: SaleId, refund: Refund) -> Refunded:
        """Take an order back if all of it was refunded. A part says not which packs come back, so it changes nothing.

        Idempotent. One that came before its payment takes that back later, if it is the refund of just what was paid.
        """
        fact = await self._engine.claim(sale_id, ClaimId(refund.fact_id))
        if fact is None:
            await self._early.remember(sale_id, [_early_key(refund)])
            fact = await self._engine.claim(sale_id, ClaimId(refund.fact_id))
        if fact is None:
            return Refunded.BEFORE_PAYMENT
        if fact.status == "recorded":
            if not _covers(refund, fact):
                return Refunded.IN_PART
            await self._reverse(sale_id, [_reversal(refund)])
        return Refunded.WHOLE

    async def _overtaken(self, sale_id: SaleId, recorded: Sequence[tuple[Fact, OpResult]]) -> list[Fact]:
        fact_of: Mapping[str, Fact] = {key: fact for fact, result in recorded for key in _early_keys(fact, result)}
        found = {fact_of[key].fact_id: fact_of[key] for key in await self._early.among(sale_id, list(fact_of))}
        return [_reversal(fact) for fact in found.values()]

    async def _reverse(self, sale_id: SaleId, reversals: Sequence[Fact]) -> None:
        for result in await self._engine.apply_all(sale_id, reversals):
            if result.outcome is Outcome.OVERLOADED:
                raise Problem("overloaded")


def _was_recorded(fact: Fact, result: OpResult) -> bool:
    return not fact.reverses and result.outcome is Outcome.RECORDED


def _reversal(taken_back: Fact | Refund) -> Fact:
    return Fact(fact_id=taken_back.fact_id, channel=taken_back.channel, reverses=True)


def _covers(refund: Refund, fact: ClaimView) -> bool:
    if refund.amount_minor is not None and refund.amount_minor < fact.amount_minor:
        return False
    packs_of = {line.sku: line.packs for line in refund.lines}
    return not packs_of or all(packs_of.get(line.sku, 0) >= line.packs for line in fact.lines)


def _early_keys(fact: Fact, result: OpResult) -> Iterable[str]:
    """Yield the names under which an early reversal of all that was just recorded may be kept."""
    yield fact.fact_id
    for lines, amount_minor in ((fact.lines, None), ((), result.amount_minor), (fact.lines, result.amount_minor)):
        yield _early_key(Refund(fact_id=fact.fact_id, channel=fact.channel, lines=lines, amount_minor=amount_minor))


def _early_key(refund: Refund) -> str:
    lines = sorted(f"{line.packs}*{line.sku}" for line in refund.lines)
    amount = "" if refund.amount_minor is None else str(refund.amount_minor)
    return scoped_id(refund.fact_id, "refunded", amount, *lines)

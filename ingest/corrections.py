"""A host puts a misread comment right: what it meant is claimed, and then what was made of it is taken back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final
from weakref import WeakValueDictionary

import msgspec

from flashsale.domain import BuyerId, Cancel, Claim, ClaimId, OpResult, Outcome, SaleId
from flashsale.service import EngineFace
from ingest.answers import problem_of
from ingest.domain import CommentTrace, TraceLine, scoped_id
from ingest.ledger import CommentLedger
from ingest.problems import Problem
from ingest.wire import CorrectIn, domain_lines

REASON: Final = "comment corrected"
_OPEN: Final = frozenset(("held", "presale_held", "waitlisted"))
_PAID: Final = frozenset(("confirmed", "presale_order"))
_GRANTED: Final = frozenset((Outcome.RESERVED, Outcome.PARTIAL, Outcome.PRESOLD, Outcome.WAITLISTED))


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a correction. `outcome` is the engine's for the new claim, or `cancelled`."""

    event_id: str
    correction_id: str
    claim_id: str
    outcome: Outcome


class Corrections:
    """Corrects comments. Idempotent by `correction_id`: what was carried out once is answered from its record.

    Corrections of one sale wait for each other in this process, so that each sees what the one before it left.
    """

    def __init__(self, engine: EngineFace, ledger: CommentLedger, now_ms: Callable[[], int]) -> None:
        self._engine = engine
        self._ledger = ledger
        self._now_ms = now_ms
        # Weak, because a lock is of no use once nobody holds it or waits for it.
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def correct(self, sale_id: str, event_id: str, wanted: CorrectIn, token_id: str) -> Correction:
        """Claim what the comment meant and take back what it made; all stays as it was where the claim is not granted.

        Raises Problem: `unknown-thing` for a comment that is not there, `malformed` for a bad claim, and `refused` where
        the new claim is not granted, the comment's order is paid already, or the id stands for another correction.
        """
        lock = self._locks.setdefault(sale_id, asyncio.Lock())
        async with lock:
            return await self._correct(sale_id, event_id, wanted, token_id)

    async def _correct(self, sale_id: str, event_id: str, wanted: CorrectIn, token_id: str) -> Correction:
        trace = await self._ledger.trace(sale_id, event_id)
        if trace is None:
            raise Problem("unknown-thing", f"没有评论 {event_id}。", f"There is no comment {event_id}.", id=event_id)
        before = await self._carried_out(sale_id, event_id, wanted)
        if before is not None:
            return before
        claim_id = scoped_id(event_id, "fix", wanted.correction_id)
        earlier = [event_id, *await self._ledger.corrections(sale_id, event_id)]
        standing = await self._open_claims(sale_id, earlier)
        if wanted.intent == "order":
            outcome = await self._exchange(sale_id, standing, _claim(trace, claim_id, wanted))
        else:
            _require_unpaid(await self._cancel(sale_id, standing))
            outcome = Outcome.CANCELLED
        await self._ledger.correct(
            sale_id,
            wanted.correction_id,
            {
                "event_id": event_id,
                "claim_id": claim_id,
                "intent": wanted.intent,
                "lines_json": msgspec.json.encode(_lines(wanted)).decode(),
                "outcome": outcome.value,
                "token_id": token_id,
                "at_ms": self._now_ms(),
            },
        )
        return Correction(event_id=event_id, correction_id=wanted.correction_id, claim_id=claim_id, outcome=outcome)

    async def _carried_out(self, sale_id: str, event_id: str, wanted: CorrectIn) -> Correction | None:
        kept = await self._ledger.correction(sale_id, wanted.correction_id)
        if kept is None:
            return None
        if (kept.event_id, kept.intent, kept.lines) != (event_id, wanted.intent, _lines(wanted)):
            raise _conflict(wanted.correction_id)
        return Correction(
            event_id=event_id,
            correction_id=wanted.correction_id,
            claim_id=kept.claim_id,
            outcome=Outcome(kept.outcome),
        )

    async def _open_claims(self, sale_id: str, claim_ids: Sequence[str]) -> list[ClaimId]:
        """Return those claims that hold or wait for something. Raises Problem if one of them is paid."""
        standing: list[ClaimId] = []
        for claim_id in map(ClaimId, claim_ids):
            view = await self._engine.claim(SaleId(sale_id), claim_id)
            if view is not None and view.status in _PAID:
                raise _paid(claim_id)
            if view is not None and view.status in _OPEN:
                standing.append(claim_id)
        return standing

    async def _exchange(self, sale_id: str, standing: Sequence[ClaimId], claim: Claim) -> Outcome:
        # The new claim first: where it is refused, the buyer still has what they had. A retry of a correction that was cut
        # off in between finds its claim there and goes on with the rest.
        result = await self._engine.apply(SaleId(sale_id), claim)
        problem = problem_of(result)
        if problem is not None:
            raise problem
        if result.outcome is Outcome.CONFLICT:
            raise _conflict(claim.claim_id)
        if result.outcome not in _GRANTED:
            raise _not_granted(result)
        results = await self._cancel(sale_id, standing)
        try:
            _require_unpaid(results)
        except Problem:
            # Paid while the new claim was made: the order stands, so the new claim goes.
            await self._cancel(sale_id, [claim.claim_id])
            raise
        return result.outcome

    async def _cancel(self, sale_id: str, claim_ids: Sequence[ClaimId]) -> list[OpResult]:
        if not claim_ids:
            return []
        ops = [Cancel(claim_id=claim_id, reason=REASON) for claim_id in claim_ids]
        results = await self._engine.apply_all(SaleId(sale_id), ops)
        if any(result.outcome is Outcome.OVERLOADED for result in results):
            # The new claim may be there already, so the general words ("nothing was changed") would not be true.
            raise Problem(
                "overloaded",
                "请求过多，更正尚未完成；请按 Retry-After 用同一 correction_id 重试。",
                "Too much at once, and the correction is not complete; send it again with the same correction_id "
                "after Retry-After.",
                outcome="overloaded",
            )
        return results


def _claim(trace: CommentTrace, claim_id: str, wanted: CorrectIn) -> Claim:
    if not trace.buyer_id:
        raise Problem("refused", "这条评论没有买家，无法代下单。", "The comment has no buyer, so it cannot order.")
    if not wanted.lines:
        raise Problem("malformed", "改为下单时须给出 lines。", "An order needs `lines`.", errors=("lines",))
    return Claim(
        claim_id=ClaimId(claim_id),
        buyer_id=BuyerId(trace.buyer_id),
        channel=trace.platform,
        lines=domain_lines(wanted.lines),
    )


def _lines(wanted: CorrectIn) -> tuple[TraceLine, ...]:
    return tuple(TraceLine(line.sku, line.packs) for line in wanted.lines)


def _require_unpaid(results: Sequence[OpResult]) -> None:
    for result in results:
        if result.outcome is Outcome.CONFIRMED:
            raise _paid(result.id)


def _paid(claim_id: str) -> Problem:
    return Problem(
        "refused",
        f"这条评论的订单 {claim_id} 已付款，未做任何更改；请先撤销该订单，再更正评论。",
        f"The comment's order {claim_id} is paid already; nothing was changed. Take the order back first, then correct.",
        outcome="confirmed",
        id=claim_id,
    )


def _conflict(id: str) -> Problem:
    return Problem(
        "refused",
        f"更正编号 {id} 已用于另一内容的更正，未做任何更改；请换一个 correction_id。",
        f"The correction id {id} stands for a correction with other content; nothing was changed. Use a new correction_id.",
        outcome="conflict",
        id=id,
    )


def _not_granted(result: OpResult) -> Problem:
    return Problem(
        "refused",
        f"改后的内容无法下单（{result.outcome.value}），原来的下单保持不变。若占着库存或限购的正是原来那笔，"
        "请先更正为不下单，再更正为要买的数量。",
        f"What the comment is to mean cannot be had ({result.outcome.value}); what it made before stands unchanged. If that "
        "itself takes up the stock or the limit, correct to no order first, then to the packs that are wanted.",
        outcome=result.outcome.value,
        id=result.id,
    )

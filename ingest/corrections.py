"""A host puts a misread comment right: what was made of it is taken back, what it meant is claimed."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from flashsale.domain import BuyerId, Cancel, Claim, ClaimId, Op, OpResult, Outcome, SaleId
from flashsale.service import EngineFace
from ingest.domain import CommentTrace, TraceLine, scoped_id
from ingest.ledger import CommentLedger
from ingest.problems import Problem
from ingest.wire import CorrectIn, domain_lines


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a correction. `outcome` is the engine's for the new claim, or `cancelled`."""

    event_id: str
    correction_id: str
    claim_id: str
    outcome: Outcome


class Corrections:
    """Corrects comments. Idempotent by `correction_id`: the claim's id is made from it."""

    def __init__(self, engine: EngineFace, ledger: CommentLedger, now_ms: Callable[[], int]) -> None:
        self._engine = engine
        self._ledger = ledger
        self._now_ms = now_ms

    async def correct(self, sale_id: str, event_id: str, wanted: CorrectIn, token_id: str) -> Correction:
        """Take back what the comment made, claim what it meant. Raises Problem for an unknown comment or a bad claim."""
        trace = await self._ledger.trace(sale_id, event_id)
        if trace is None:
            raise Problem("unknown-thing", f"没有评论 {event_id}。", f"There is no comment {event_id}.", id=event_id)
        claim_id = scoped_id(event_id, "fix", wanted.correction_id)
        earlier = [event_id, *await self._ledger.corrections(sale_id, event_id)]
        ops: list[Op] = [
            Cancel(claim_id=ClaimId(known), reason="comment corrected") for known in earlier if known != claim_id
        ]
        if wanted.intent == "order":
            ops.append(_claim(trace, claim_id, wanted))
        results = await self._engine.apply_all(SaleId(sale_id), ops)
        outcome = _outcome(results, wanted.intent)
        await self._ledger.correct(
            sale_id,
            wanted.correction_id,
            {
                "event_id": event_id,
                "claim_id": claim_id,
                "intent": wanted.intent,
                "lines_json": msgspec.json.encode([TraceLine(line.sku, line.packs) for line in wanted.lines]).decode(),
                "outcome": outcome.value,
                "token_id": token_id,
                "at_ms": self._now_ms(),
            },
        )
        return Correction(event_id=event_id, correction_id=wanted.correction_id, claim_id=claim_id, outcome=outcome)


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


def _outcome(results: list[OpResult], intent: str) -> Outcome:
    if any(result.outcome is Outcome.OVERLOADED for result in results):
        raise Problem("overloaded")
    if intent == "none":
        return Outcome.CANCELLED
    last = results[-1]
    if last.outcome is Outcome.INVALID:
        raise Problem("malformed", errors=(last.detail,))
    return last.outcome

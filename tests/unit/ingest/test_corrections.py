from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from flashsale.domain import Cancel, Claim, ClaimId, ClaimView, Op, OpResult, Outcome, SaleId
from ingest.corrections import Corrections
from ingest.domain import CommentTrace
from ingest.problems import Problem
from ingest.wire import CorrectIn, LineIn

MADE = "bridge:1"
WANTED = CorrectIn(correction_id="k", intent="order", lines=(LineIn(sku="egg-10", packs=1),))


class Engine:
    """One open claim, and the answers that cancelling it gets, in turn."""

    def __init__(self, *cancelled: Outcome) -> None:
        self.cancelled = list(cancelled)
        self.live = {MADE}

    async def claim(self, _sale_id: SaleId, claim_id: ClaimId) -> ClaimView | None:
        first = OpResult(id=claim_id, outcome=Outcome.RESERVED)
        return ClaimView(
            claim_id=claim_id, status="held", buyer_id="b", channel="bridge", lines=(), amount_minor=0,  # type: ignore[arg-type]
            expires_at_ms=0, first=first,
        )  # fmt: skip

    async def apply(self, sale_id: SaleId, op: Op) -> OpResult:
        return (await self.apply_all(sale_id, [op]))[0]

    async def apply_all(self, _sale_id: SaleId, ops: Sequence[Op]) -> list[OpResult]:
        return [self._decide(op) for op in ops]

    def _decide(self, op: Op) -> OpResult:
        if isinstance(op, Claim):
            self.live.add(op.claim_id)
            return OpResult(id=op.claim_id, outcome=Outcome.RESERVED)
        assert isinstance(op, Cancel)
        outcome = self.cancelled.pop(0) if op.claim_id == MADE else Outcome.CANCELLED
        if outcome is Outcome.CANCELLED:
            self.live.discard(op.claim_id)
        return OpResult(id=op.claim_id, outcome=outcome)


class Ledger:
    """One comment, and what was recorded of its corrections."""

    def __init__(self) -> None:
        self.kept: list[str] = []

    async def trace(self, _sale_id: str, event_id: str) -> CommentTrace:
        return CommentTrace(
            event_id=event_id, platform="bridge", room_id="r", buyer_id="bridge:b", nickname_masked="", normalised="",
            intent="order", rule="", reason="",
        )  # fmt: skip

    async def correction(self, _sale_id: str, _correction_id: str) -> None:
        return None

    async def corrections(self, _sale_id: str, _event_id: str) -> list[str]:
        return []

    async def correct(self, _sale_id: str, correction_id: str, _values: Mapping[str, object]) -> None:
        self.kept.append(correction_id)


def corrections(engine: Any, ledger: Any) -> Corrections:
    return Corrections(engine, ledger, lambda: 1)


async def test_an_order_that_is_paid_meanwhile_stands_and_the_new_claim_goes() -> None:
    engine, ledger = Engine(Outcome.CONFIRMED), Ledger()
    with pytest.raises(Problem) as refused:
        await corrections(engine, ledger).correct("s", MADE, WANTED, "t")
    assert (refused.value.status, refused.value.outcome) == (409, "confirmed")
    assert engine.live == {MADE}
    assert ledger.kept == []


async def test_a_correction_that_was_cut_off_is_finished_by_the_same_request() -> None:
    engine, ledger = Engine(Outcome.OVERLOADED, Outcome.CANCELLED), Ledger()
    with pytest.raises(Problem) as shed:
        await corrections(engine, ledger).correct("s", MADE, WANTED, "t")
    assert (shed.value.kind.slug, ledger.kept) == ("overloaded", [])
    made = await corrections(engine, ledger).correct("s", MADE, WANTED, "t")
    assert engine.live == {made.claim_id}
    assert ledger.kept == ["k"]

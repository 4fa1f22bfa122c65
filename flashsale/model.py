"""A reference model of the engine: the same operations and answers, written for reading instead of for speed.

It keeps no counters: every figure is a sum over claims and facts as they stand (`flashsale.model_figures`). Tests run it beside
the real engine, and every difference is a fault in one of them. It takes operations that are well formed; what is malformed the
engine refuses as `invalid` before any rule is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import asdict, replace

from flashsale.codec import op_id
from flashsale.domain import (
    AdjustPool,
    AdjustReason,
    Amend,
    Block,
    Cancel,
    Claim,
    ClaimId,
    ClaimView,
    CloseDraw,
    Confirm,
    EnterDraw,
    Extend,
    Fact,
    Observe,
    Op,
    OpenDraw,
    OpResult,
    Outcome,
    RepeatPolicy,
    Rev,
    SaleState,
    SetOffer,
    SetPool,
    SetSale,
    SetSaleState,
    SettleDraw,
)
from flashsale.events import Granted
from flashsale.model_claims import Claims, again, line_results
from flashsale.model_figures import KEPT, LIVE, SOLD, ModelClaim, ModelDraw

DEFAULTS = SetSale(
    name="", currency="CNY", hold_ttl_ms=900_000, waitlist_ttl_ms=300_000, repeat_policy=RepeatPolicy.IGNORE
)
WAYS = {
    SaleState.DRAFT: {SaleState.OPEN},
    SaleState.OPEN: {SaleState.PAUSED, SaleState.CLOSED},
    SaleState.PAUSED: {SaleState.OPEN, SaleState.CLOSED},
    SaleState.CLOSED: set[SaleState](),
}


class Model(Claims):
    """One sale. Not thread-safe; time and the log's place come from the caller, so that both can be the engine's own."""

    def decide(self, ops: Sequence[Op], *, now_ms: int, rev: Rev) -> list[OpResult]:
        """Decide a batch in order, at `now_ms`; what it changes is said to stand at `rev` of the log."""
        self._now_ms, self._rev = now_ms, rev
        due = [id for id, claim in self.claims.items() if claim.status in LIVE and 0 < claim.expires_at_ms <= now_ms]
        for id in due:
            self._end(id, Outcome.EXPIRED)
        self._serve_waitlist()
        return [self._decide_one(op) for op in ops]

    def _decide_one(self, op: Op) -> OpResult:
        if self.settings is None and not isinstance(op, SetSale):
            return OpResult(id=op_id(op), outcome=Outcome.UNKNOWN, detail="sale")
        result = _RULES[type(op)](self, op)
        self._serve_waitlist()
        return result

    # ---------------------------------------------------------------------------------------------------------- facts

    def _fact(self, op: Fact) -> OpResult:
        known = self.claims.get(op.fact_id)
        if op.reverses:
            return self._reverse(op, known)
        if known is not None:
            return self._known(op.fact_id, op) or again(known.first)
        if any(line.sku not in self.offers for line in op.lines):
            return OpResult(id=op.fact_id, outcome=Outcome.INVALID, detail="unknown_sku")
        before = {offer.pool_id: max(-self.net(offer.pool_id), 0) for offer in self.offers.values()}
        granted = _share([self._grant(line.sku, line.packs) for line in op.lines], op.amount_minor)
        first = self._first(op.fact_id, Outcome.RECORDED, granted, 0)
        self.claims[op.fact_id] = ModelClaim(op, first, "recorded", granted)
        self.channels.add(op.channel)
        if any(max(-self.net(pool_id), 0) > owed for pool_id, owed in before.items()):
            first = replace(first, detail="oversold")
            self.claims[op.fact_id] = ModelClaim(op, first, "recorded", granted)
        return first

    def _reverse(self, op: Fact, known: ModelClaim | None) -> OpResult:
        if known is None:
            return OpResult(id=op.fact_id, outcome=Outcome.UNKNOWN)
        if known.status == "reversed":
            return self._ended_answer(op.fact_id)
        if known.status != "recorded":
            return OpResult(id=op.fact_id, outcome=Outcome.CONFLICT)
        ending = self._done(op.fact_id, Outcome.CANCELLED, amount_minor=known.amount_minor)
        self.claims[op.fact_id] = replace(known, status="reversed", ending=ending)
        return ending

    # ------------------------------------------------------------------------------------------ catalogue, sale, draws

    def _adjust(self, op: AdjustPool) -> OpResult:
        if op.pool_id not in self.pools:
            return OpResult(id=op.adjust_id, outcome=Outcome.UNKNOWN)
        known = self.adjustments.get(op.adjust_id)
        if known:
            return again(known[1]) if known[0] == op else OpResult(id=op.adjust_id, outcome=Outcome.CONFLICT)
        if op.reason == AdjustReason.WITHDRAW and -op.delta_units > max(self.net(op.pool_id), 0):
            return OpResult(id=op.adjust_id, outcome=Outcome.SOLD_OUT)
        first = self._done(op.adjust_id, Outcome.APPLIED)
        self.adjustments[op.adjust_id] = (op, first)
        return first

    def _set_pool(self, op: SetPool) -> OpResult:
        old = self.pools.get(op.pool_id)
        new = replace(op, initial_units=old.initial_units) if old else op
        if old and new.presale_units < self._units(op.pool_id, LIVE | SOLD, presale=True):
            return OpResult(id=op.pool_id, outcome=Outcome.CONFLICT, detail="presale_units")
        self.pools[op.pool_id] = new
        return _applied(op.pool_id, replayed=old == new)

    def _set_offer(self, op: SetOffer) -> OpResult:
        old = self.offers.get(op.sku)
        if op.pool_id not in self.pools:
            return OpResult(id=op.sku, outcome=Outcome.UNKNOWN, detail="pool")
        if old and op.sku in self.touched and (old.pool_id, old.units_per_pack) != (op.pool_id, op.units_per_pack):
            return OpResult(id=op.sku, outcome=Outcome.CONFLICT, detail="frozen_since_first_claim")
        self.offers[op.sku] = op
        return _applied(op.sku, replayed=old == op)

    def _set_sale(self, op: SetSale) -> OpResult:
        old = self.settings
        change = {name: value for name, value in asdict(op).items() if value is not None}
        self.settings = replace(old or DEFAULTS, **change)
        return _applied("", replayed=old == self.settings)

    def _set_state(self, op: SetSaleState) -> OpResult:
        if op.state == self.state:
            return _applied("", replayed=True)
        if op.state not in WAYS[self.state]:
            return OpResult(id="", outcome=Outcome.CONFLICT, detail=self.state)
        self.state = op.state
        return _applied("", replayed=False)

    def _block(self, op: Block) -> OpResult:
        replayed = (op.buyer_id in self.blocked) == op.blocked
        (self.blocked.add if op.blocked else self.blocked.discard)(op.buyer_id)
        return _applied(op.buyer_id, replayed=replayed)

    def _observe(self, op: Observe) -> OpResult:
        if op.event_id and any(seen.event_id == op.event_id for seen in self.observed):
            self.duplicates += 1
            return _applied(op.event_id, replayed=True)
        self.observed.append(op)
        self.channels.add(op.channel)
        self.demand += [(sku, packs) for sku, packs in op.demand.items() if sku in self.offers]
        return _applied(op.event_id, replayed=False)

    def _open_draw(self, op: OpenDraw) -> OpResult:
        known = self.draws.get(op.draw_id)
        if known and known.opened != op:
            return OpResult(id=op.draw_id, outcome=Outcome.CONFLICT)
        if known is None:
            self.draws[op.draw_id] = ModelDraw(op, self._now_ms)
        return _applied(op.draw_id, replayed=known is not None)

    def _enter_draw(self, op: EnterDraw) -> OpResult:
        draw = self.draws.get(op.draw_id)
        if draw is None:
            return OpResult(id=op.draw_id, outcome=Outcome.UNKNOWN)
        if op.buyer_id in draw.entrants:
            return _applied(op.draw_id, replayed=True)
        if draw.state != "open":
            return OpResult(id=op.draw_id, outcome=Outcome.NOT_ON_SALE, detail="entries_closed")
        if op.buyer_id in self.blocked:
            return OpResult(id=op.draw_id, outcome=Outcome.BLOCKED)
        enough = {"none": None, "ordered": KEPT, "bought": SOLD}[draw.opened.condition]
        mine = {claim.status for claim in self.claims.values() if claim.request.buyer_id == op.buyer_id}
        if enough is not None and not mine & enough:
            return OpResult(id=op.draw_id, outcome=Outcome.NOT_ON_SALE, detail="condition")
        self.draws[op.draw_id] = replace(draw, entrants=draw.entrants | {op.buyer_id})
        return _applied(op.draw_id, replayed=False)

    def _close_draw(self, op: CloseDraw) -> OpResult:
        draw = self.draws.get(op.draw_id)
        if draw is None:
            return OpResult(id=op.draw_id, outcome=Outcome.UNKNOWN)
        if draw.state == "open":
            self.draws[op.draw_id] = replace(draw, state="closed")
        return _applied(op.draw_id, replayed=draw.state != "open")

    def _settle_draw(self, op: SettleDraw) -> OpResult:
        draw = self.draws.get(op.draw_id)
        if draw is None:
            return OpResult(id=op.draw_id, outcome=Outcome.UNKNOWN)
        if draw.settled:
            same = draw.settled == op
            return _applied(op.draw_id, replayed=True) if same else OpResult(id=op.draw_id, outcome=Outcome.CONFLICT)
        if draw.state != "closed":
            return OpResult(id=op.draw_id, outcome=Outcome.CONFLICT, detail=draw.state)
        due = min(draw.opened.winners_max, len(draw.entrants))
        if len(op.winners) != due or len(set(op.winners)) != due:
            return OpResult(id=op.draw_id, outcome=Outcome.INVALID, detail="winners")
        if not draw.entrants.issuperset(op.winners):
            return OpResult(id=op.draw_id, outcome=Outcome.INVALID, detail="winner_did_not_enter")
        self.draws[op.draw_id] = replace(draw, state="settled", settled=op)
        return _applied(op.draw_id, replayed=False)

    # ---------------------------------------------------------------------------------------------------------- views

    def claim(self, claim_id: ClaimId) -> ClaimView | None:
        """Look up a claim or fact as it stands; what has ended holds no lines, and keeps the amount and deadline it had."""
        claim = self.claims.get(claim_id)
        if claim is None:
            return None
        lines = claim.lines if claim.status in KEPT else ()
        outcome = {"waitlisted": Outcome.WAITLISTED, "recorded": Outcome.RECORDED}.get(claim.status, Outcome.RESERVED)
        return ClaimView(
            claim_id=claim_id,
            status=claim.status,
            buyer_id=claim.request.buyer_id,
            channel=claim.request.channel,
            lines=line_results(lines, outcome),
            amount_minor=claim.first.amount_minor if claim.status == "amended" else claim.amount_minor,
            expires_at_ms=claim.expires_at_ms,
            first=claim.first,
        )


def _applied(id: str, *, replayed: bool) -> OpResult:
    return OpResult(id=id, outcome=Outcome.APPLIED, replayed=replayed)


def _share(lines: Sequence[Granted], amount_minor: int | None) -> tuple[Granted, ...]:
    """Split a platform's amount over the lines in the proportion of their own prices; the last takes the remainder."""
    own = sum(line.amount_minor for line in lines)
    amount = own if amount_minor is None else amount_minor
    shares = [amount * line.amount_minor // own if own else 0 for line in lines[:-1]]
    shares.append(amount - sum(shares))
    return tuple(replace(line, amount_minor=share) for line, share in zip(lines, shares, strict=True))


_RULES: dict[type, Callable[[Model, Any], OpResult]] = {
    Claim: Model._claim,
    Amend: Model._amend,
    Confirm: Model._confirm,
    Cancel: Model._cancel,
    Extend: Model._extend,
    Fact: Model._fact,
    AdjustPool: Model._adjust,
    SetPool: Model._set_pool,
    SetOffer: Model._set_offer,
    SetSale: Model._set_sale,
    SetSaleState: Model._set_state,
    Block: Model._block,
    Observe: Model._observe,
    OpenDraw: Model._open_draw,
    EnterDraw: Model._enter_draw,
    CloseDraw: Model._close_draw,
    SettleDraw: Model._settle_draw,
}

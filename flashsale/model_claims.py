"""The reference model's rules for claims: deciding, queueing, amending, and the ways out of a hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from flashsale.domain import (
    Amend,
    Cancel,
    Claim,
    Confirm,
    Extend,
    Fact,
    Line,
    LineResult,
    OpResult,
    Outcome,
    RepeatPolicy,
    Rev,
    SaleId,
    SaleState,
    Sku,
)
from flashsale.events import Granted
from flashsale.model_figures import LIVE, OPEN, Figures, ModelClaim, Refusal


class Wish(msgspec.Struct):
    """One line while it is decided."""

    sku: str
    packs: int
    got: int = 0
    outcome: Outcome = Outcome.NOT_ON_SALE
    presale: bool = False
    cut: Outcome | None = None


class Claims(Figures):
    """The rules that decide over stock."""

    def __init__(self, sale_id: SaleId) -> None:
        """Begin before the sale exists."""
        super().__init__(sale_id)
        self._places = 0
        self._rev = Rev("")

    # -------------------------------------------------------------------------------------------------- small changes

    def _done(self, id: str, outcome: Outcome, **more: Any) -> OpResult:
        return OpResult(id=id, outcome=outcome, rev=self._rev, **more)

    def _grant(self, sku: str, packs: int, *, presale: bool = False) -> Granted:
        offer = self.offers[sku]
        price = self._price(offer, self._now_ms)
        self.touched.add(sku)
        return Granted(sku, packs, price, offer.pool_id, packs * offer.units_per_pack, presale, packs * price)

    def _deadline(self, ttl_ms: int | None) -> int:
        return self._now_ms + ttl_ms if ttl_ms else 0

    def _end(self, id: str, outcome: Outcome) -> OpResult:
        ending = self._done(id, outcome)
        self.claims[id] = replace(self.claims[id], status=outcome.value, ending=ending)
        return ending

    def _serve_waitlist(self) -> None:
        """First in, first out; one that does not fit keeps its place and lets the next one have a try."""
        if self.state != SaleState.OPEN or self.settings is None:
            return
        waiting = sorted((claim.place, id) for id, claim in self.claims.items() if claim.status == "waitlisted")
        for _, id in waiting:
            claim = self.claims[id]
            if claim.request.buyer_id not in self.blocked and self._fits(claim.lines, claim.request.channel):
                deadline = self._deadline(self.settings.waitlist_ttl_ms)
                self.claims[id] = replace(claim, status="held", expires_at_ms=deadline)

    def _count_refusal(self, wish: Wish, channel: str, outcome: Outcome, claims: int, packs: int) -> None:
        offer = self.offers.get(wish.sku)
        pool_id, units = (offer.pool_id, packs * offer.units_per_pack) if offer else ("", 0)
        self.refusals.append(Refusal(wish.sku if offer else "", pool_id, channel, outcome, claims, packs, units))
        if claims:
            self.channels.add(channel)

    # --------------------------------------------------------------------------------------------------------- claims

    def _known(self, id: str, request: Claim | Amend | Fact) -> OpResult | None:
        known = self.claims.get(id)
        if known is None:
            return None
        return again(known.first) if known.request == request else OpResult(id=id, outcome=Outcome.CONFLICT)

    def _claim(self, op: Claim) -> OpResult:
        return self._known(op.claim_id, op) or self._decide_lines(
            op, op.lines, partial=op.partial, waitlist=op.waitlist
        )

    def _wish_stock(self, wishes: list[Wish], channel: str, *, partial: bool) -> None:
        """Each line against what the lines before it left: whole from stock, else whole from presale, else a part."""
        taken: dict[tuple[str, bool], int] = {}
        for wish in wishes:
            if not self._on_sale(wish.sku):
                continue
            offer = self.offers[wish.sku]
            pool_id, units = offer.pool_id, wish.packs * offer.units_per_pack
            free = self.free(pool_id, channel) - taken.get((pool_id, False), 0)
            if units <= free:
                wish.got, wish.outcome = wish.packs, Outcome.RESERVED
            elif units <= self.presale_free(pool_id) - taken.get((pool_id, True), 0):
                wish.got, wish.outcome, wish.presale = wish.packs, Outcome.PRESOLD, True
            else:
                wish.got = free // offer.units_per_pack if partial else 0
                wish.outcome, wish.cut = (Outcome.PARTIAL if wish.got else Outcome.SOLD_OUT), Outcome.SOLD_OUT
            key = (pool_id, wish.presale)
            taken[key] = taken.get(key, 0) + wish.got * offer.units_per_pack

    def _wish_limits(self, wishes: list[Wish], buyer_id: str, *, partial: bool) -> None:
        """What stock allows, bounded by what one buyer may have, of an offer and of a pool."""
        pool_units: dict[str, int] = {}
        for wish in wishes:
            if wish.outcome == Outcome.NOT_ON_SALE:
                continue
            offer = self.offers[wish.sku]
            pool = self.pools[offer.pool_id]
            asked = wish.packs if wish.outcome == Outcome.SOLD_OUT else wish.got
            room = offer.limit_packs - self._packs(buyer_id, wish.sku) if offer.limit_packs else asked
            if pool.limit_units:
                has = pool_units.get(pool.pool_id, self._pool_units(buyer_id, pool.pool_id))
                room = min(room, (pool.limit_units - has) // offer.units_per_pack)
                pool_units[pool.pool_id] = has + max(min(asked, room), 0) * offer.units_per_pack
            if asked > room:
                wish.got = max(room, 0) if partial and wish.outcome != Outcome.SOLD_OUT else 0
                wish.outcome, wish.cut = (
                    Outcome.PARTIAL if wish.got else Outcome.LIMIT_REACHED,
                    Outcome.LIMIT_REACHED,
                )

    def _decide_lines(self, op: Claim | Amend, lines: Sequence[Line], *, partial: bool, waitlist: bool) -> OpResult:
        wishes = [Wish(line.sku, line.packs) for line in lines]
        if self.state != SaleState.OPEN:
            return self._refuse(op, wishes, Outcome.NOT_ON_SALE)
        self._wish_stock(wishes, op.channel, partial=partial)
        if _verdict(wishes, partial=partial, waitlist=waitlist) == "refuse":
            return self._refuse(op, wishes)
        if op.buyer_id in self.blocked:
            return self._refuse(op, wishes, Outcome.BLOCKED)
        self._wish_limits(wishes, op.buyer_id, partial=partial)
        verdict = _verdict(wishes, partial=partial, waitlist=waitlist)
        if verdict == "refuse":
            return self._refuse(op, wishes)
        return self._queue(op, wishes) if verdict == "queue" else self._hold(op, wishes)

    def _refuse(self, op: Claim | Amend, wishes: list[Wish], outcome: Outcome | None = None) -> OpResult:
        """The whole claim is named by the first line that stood in the way; the lines before and after share its fate."""
        fine = {Outcome.RESERVED, Outcome.PRESOLD, Outcome.PARTIAL}
        in_the_way = [wish for wish in wishes if outcome or wish.outcome not in fine]
        why = outcome or in_the_way[0].outcome
        for wish in in_the_way:
            own = outcome or wish.outcome
            self._count_refusal(wish, op.channel, own, int(wish is in_the_way[0]), wish.packs)
        results = tuple(
            LineResult(Sku(wish.sku), 0, why if wish not in in_the_way else outcome or wish.outcome) for wish in wishes
        )
        return OpResult(id=op.claim_id, outcome=why, lines=results)

    def _queue(self, op: Claim | Amend, wishes: list[Wish]) -> OpResult:
        granted = tuple(self._grant(wish.sku, wish.packs) for wish in wishes)
        self._places += 1
        first = self._first(op.claim_id, Outcome.WAITLISTED, granted, 0)
        self.claims[op.claim_id] = ModelClaim(op, first, "waitlisted", granted, place=self._places)
        return first

    def _hold(self, op: Claim | Amend, wishes: list[Wish]) -> OpResult:
        assert self.settings is not None
        granted = tuple(self._grant(wish.sku, wish.got, presale=wish.presale) for wish in wishes if wish.got)
        outcome = Outcome.PRESOLD if any(wish.presale for wish in wishes) else Outcome.RESERVED
        for wish in wishes:
            if wish.got < wish.packs:
                outcome = Outcome.PARTIAL
                self._count_refusal(wish, op.channel, wish.cut or wish.outcome, 0, wish.packs - wish.got)
        expires = self._deadline(self.settings.hold_ttl_ms)
        first = self._first(op.claim_id, outcome, granted, expires)
        if outcome == Outcome.PARTIAL:
            prices = {line.sku: line.unit_price_minor for line in granted}
            first = replace(
                first, lines=tuple(LineResult(Sku(w.sku), w.got, w.outcome, prices.get(w.sku, 0)) for w in wishes)
            )
        status = "presale_held" if all(line.presale for line in granted) else "held"
        self.claims[op.claim_id] = ModelClaim(op, first, status, granted, expires)
        return first

    def _first(self, id: str, outcome: Outcome, granted: Sequence[Granted], expires_at_ms: int) -> OpResult:
        amount = sum(line.amount_minor for line in granted)
        return self._done(
            id, outcome, amount_minor=amount, expires_at_ms=expires_at_ms, lines=line_results(granted, outcome)
        )

    # --------------------------------------------------------------------------------------------------------- amends

    def _amend(self, op: Amend) -> OpResult:
        assert self.settings is not None
        known = self._known(op.claim_id, op)
        if known:
            return known
        if self.state != SaleState.OPEN and op.kind != "order":
            return OpResult(id=op.claim_id, outcome=Outcome.NOT_ON_SALE)
        policy = self.settings.repeat_policy
        if op.kind == "cancel" and not op.lines:
            return self._cancel_last(op, policy)
        fresh = [line for line in op.lines if line.sku not in self.offers or not self._packs(op.buyer_id, line.sku)]
        repeated = len(fresh) < len(op.lines)
        if policy == RepeatPolicy.FROZEN and repeated and (op.kind != "order" or not fresh):
            return OpResult(id=op.claim_id, outcome=Outcome.FROZEN)
        if op.kind != "order" or (repeated and policy == RepeatPolicy.REPLACE):
            return self._set_lines(op)
        if repeated and policy != RepeatPolicy.ADD:
            if not fresh:
                return OpResult(id=op.claim_id, outcome=Outcome.IGNORED, detail="repeated")
            return self._decide_lines(op, fresh, partial=False, waitlist=op.waitlist)
        return self._decide_lines(op, op.lines, partial=False, waitlist=op.waitlist)

    def _open_claims(self, buyer_id: str) -> list[str]:
        """The buyer's open claims, newest first."""
        mine = [id for id, claim in self.claims.items() if claim.request.buyer_id == buyer_id and claim.status in OPEN]
        return mine[::-1]

    def _cancel_last(self, op: Amend, policy: RepeatPolicy | None) -> OpResult:
        if policy == RepeatPolicy.FROZEN and any(self._packs(op.buyer_id, sku) for sku in self.offers):
            return OpResult(id=op.claim_id, outcome=Outcome.FROZEN)
        mine = self._open_claims(op.buyer_id)
        if not mine:
            return OpResult(id=op.claim_id, outcome=Outcome.UNKNOWN, detail="nothing_open")
        amount = self.claims[mine[0]].amount_minor
        self._end(mine[0], Outcome.CANCELLED)
        return self._remember(op, Outcome.CANCELLED, amount)

    def _remember(self, op: Amend, outcome: Outcome, amount_minor: int) -> OpResult:
        first = self._done(op.claim_id, outcome, amount_minor=amount_minor)
        self.claims[op.claim_id] = ModelClaim(op, first, "amended")
        return first

    def _set_lines(self, op: Amend) -> OpResult:
        """This many packs from now on: as though what shrinks were given back first, and undone if the rest is refused."""
        if any(line.sku not in self.offers for line in op.lines):
            return OpResult(id=op.claim_id, outcome=Outcome.NOT_ON_SALE)
        mine = self._open_claims(op.buyer_id)
        have = {
            line.sku: sum(held.packs for id in mine for held in self.claims[id].lines if held.sku == line.sku)
            for line in op.lines
        }
        more = [Line(line.sku, line.packs - have[line.sku]) for line in op.lines if line.packs > have[line.sku]]
        less = {line.sku: have[line.sku] - line.packs for line in op.lines if line.packs < have[line.sku]}
        if not more and not less:
            return OpResult(id=op.claim_id, outcome=Outcome.IGNORED, detail="as_it_was")
        before = dict(self.claims)
        for sku, packs in less.items():
            self._reduce(mine, sku, packs)
        if not more:
            return self._remember(op, Outcome.APPLIED, 0)
        result = self._decide_lines(op, more, partial=False, waitlist=op.waitlist)
        if op.claim_id not in self.claims:
            self.claims = before
        return result

    def _reduce(self, ids: Sequence[str], sku: str, packs: int) -> None:
        for id in ids:
            claim = self.claims[id]
            taken = min(packs, sum(line.packs for line in claim.lines if line.sku == sku))
            packs -= taken
            rest = tuple(
                kept
                for line in claim.lines
                if (kept := _part(line, line.packs - (taken if line.sku == sku else 0))).packs
            )
            if taken and rest:
                self.claims[id] = replace(claim, lines=rest)
            elif taken:
                self._end(id, Outcome.CANCELLED)

    # ---------------------------------------------------------------------------------------------- endings of a hold

    def _ended_answer(self, id: str) -> OpResult:
        claim = self.claims[id]
        return again(claim.ending or claim.first)

    def _confirm(self, op: Confirm) -> OpResult:
        claim = self.claims.get(op.claim_id)
        if claim is None or claim.status == "amended":
            return OpResult(id=op.claim_id, outcome=Outcome.UNKNOWN)
        if claim.status == "waitlisted":
            return OpResult(id=op.claim_id, outcome=Outcome.WAITLISTED, detail="not_reserved_yet")
        late = claim.status == "expired" or (
            claim.status == "cancelled" and claim.ending is not None and claim.ending.detail != "order"
        )
        if claim.status not in LIVE and not late:
            return self._ended_answer(op.claim_id)
        paid = _paid(claim.lines, op.lines)
        if paid is None:
            return OpResult(id=op.claim_id, outcome=Outcome.INVALID, detail="lines")
        amount = sum(line.amount_minor for line in paid)
        if late and not (claim.status == "expired" and op.reclaim and self._fits(paid, claim.request.channel)):
            ending = self._done(op.claim_id, Outcome(claim.status), amount_minor=amount, detail="refund_due")
            self.refunds_due.add(op.claim_id)
            self.claims[op.claim_id] = replace(claim, status="refund_due", ending=ending)
            return ending
        status = "presale_order" if all(line.presale for line in paid) else "confirmed"
        ending = self._done(op.claim_id, Outcome.CONFIRMED, amount_minor=amount, detail="late" if late else "")
        self.channels.add(claim.request.channel)
        self.claims[op.claim_id] = replace(claim, status=status, lines=paid, expires_at_ms=0, ending=ending)
        return ending

    def _cancel(self, op: Cancel) -> OpResult:
        claim = self.claims.get(op.claim_id)
        if claim is None or claim.status == "amended":
            return OpResult(id=op.claim_id, outcome=Outcome.UNKNOWN)
        if claim.status in OPEN:
            return self._end(op.claim_id, Outcome.CANCELLED)
        if op.order and claim.status in ("confirmed", "presale_order"):
            ending = self._done(op.claim_id, Outcome.CANCELLED, amount_minor=claim.amount_minor, detail="order")
            self.claims[op.claim_id] = replace(claim, status="cancelled", ending=ending)
            return ending
        return self._ended_answer(op.claim_id)

    def _extend(self, op: Extend) -> OpResult:
        claim = self.claims.get(op.claim_id)
        if claim is None or claim.status == "amended":
            return OpResult(id=op.claim_id, outcome=Outcome.UNKNOWN)
        if claim.status == "waitlisted":
            return OpResult(id=op.claim_id, outcome=Outcome.WAITLISTED, detail="not_reserved_yet")
        if claim.status not in LIVE:
            return self._ended_answer(op.claim_id)
        stands = claim.expires_at_ms
        if stands == 0 or stands >= op.expires_at_ms:
            answer = self._done(op.claim_id, Outcome.EXTENDED, amount_minor=claim.amount_minor, expires_at_ms=stands)
            return replace(answer, replayed=True, rev=claim.first.rev)
        self.claims[op.claim_id] = replace(claim, expires_at_ms=op.expires_at_ms)
        return self._done(
            op.claim_id, Outcome.EXTENDED, amount_minor=claim.amount_minor, expires_at_ms=op.expires_at_ms
        )


def again(answer: OpResult) -> OpResult:
    """The same answer, to the same request again."""
    return replace(answer, replayed=True)


def _part(line: Granted, packs: int) -> Granted:
    units = line.units // line.packs * packs
    return replace(line, packs=packs, units=units, amount_minor=packs * line.unit_price_minor)


def _paid(held: Sequence[Granted], wanted: Sequence[Line]) -> tuple[Granted, ...] | None:
    """What of a hold is paid for; None where more is named than is held."""
    packs: dict[str, int] = {line.sku: line.packs for line in wanted} or {line.sku: line.packs for line in held}
    paid = tuple(_part(line, packs.pop(line.sku)) for line in held if packs.get(line.sku, line.packs + 1) <= line.packs)
    return None if packs or not paid else paid


def line_results(lines: Sequence[Granted], outcome: Outcome) -> tuple[LineResult, ...]:
    """The lines of an answer or a view."""
    named = outcome if outcome in (Outcome.WAITLISTED, Outcome.RECORDED) else None
    return tuple(
        LineResult(
            Sku(line.sku),
            line.packs,
            named or (Outcome.PRESOLD if line.presale else Outcome.RESERVED),
            line.unit_price_minor,
        )
        for line in lines
    )


def _verdict(wishes: Sequence[Wish], *, partial: bool, waitlist: bool) -> str:
    """One word for the whole basket: grant, queue or refuse."""
    short = [wish for wish in wishes if wish.got < wish.packs]
    if not short or (partial and any(wish.got for wish in wishes)):
        return "grant"
    return "queue" if waitlist and all(wish.outcome == Outcome.SOLD_OUT for wish in short) else "refuse"

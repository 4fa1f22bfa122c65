"""What one live event asks of the engine, and what is kept of it. Pure: no I/O, no clock.

Every event becomes an `Observe` first, in the same atomic batch as whatever it orders: so counting, dropping duplicates
and selling cannot come apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from flashsale.domain import Amend, BuyerId, ClaimId, EnterDraw, Fact, Line, Observe, Op, Sku
from ingest.comments import Intent, Mode, Reading
from ingest.domain import CommentTrace, IntakeProblem, SellingMode, TraceLine, masked_nickname, scoped_id
from ingest.reversals import Refund
from ingest.sale_context import SaleContext
from stream_adapters.domain import EventKind, LiveEvent, OrderStatus, PlatformOrder

RULE_LATE = "late"
RULE_NO_BUYER = "no_buyer"
RULE_HOST = "host"
RULE_DRAW = "draw"


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What to do about one event. `ops` start with its `Observe`; `trace` is there for comments, `order` for orders.

    A `refund` that says how much has to be compared with what was booked: that is asked after `ops`.
    """

    ops: tuple[Op, ...]
    at_ms: int
    trace: CommentTrace | None = None
    problem: IntakeProblem | None = None
    order: PlatformOrder | None = None
    refund: Refund | None = None


def decide(event: LiveEvent, context: SaleContext, *, late: bool = False, own: Sequence[str] = ()) -> Decision:
    """Decide what an event asks for. `late` marks a comment that only came again with a room's history.

    `own` are the skus that the comment's writer has ordered: a change that names no offer means the only one of them.
    A platform's order must be complete here: a paid one has its lines.
    """
    if event.kind is EventKind.COMMENT:
        return _comment(event, context, late=late, own=own)
    if event.kind is EventKind.ORDER:
        return _order(event)
    observe = Observe(
        event_id=event_key(event),
        channel=event.platform,
        likes=event.count if event.kind is EventKind.LIKE else 0,
        gifts=max(event.count, 1) if event.kind is EventKind.GIFT else 0,
        follows=1 if event.kind is EventKind.FOLLOW else 0,
        enters=1 if event.kind is EventKind.ENTER else 0,
        viewers=event.count if event.kind is EventKind.VIEWERS else -1,
    )
    return Decision(
        ops=(observe,), at_ms=event.received_at_ms, problem=_gap(event) if event.kind is EventKind.GAP else None
    )


def may_change_unnamed(decision: Decision) -> bool:
    """Tell whether a comment may change an earlier order: then it has to be read again with what its writer ordered."""
    trace = decision.trace
    if trace is None or not trace.buyer_id or trace.rule == RULE_LATE:
        return False
    return trace.intent in (Intent.SET, Intent.REVIEW)


def event_key(event: LiveEvent) -> str:
    """Return the id that names an event over all platforms; also the id of the claim that it makes."""
    return scoped_id(event.platform, event.event_id)


def buyer_key(event: LiveEvent) -> str:
    """Return the buyer's id over all platforms; empty where the platform named nobody."""
    return scoped_id(event.platform, event.user.user_id) if event.user and event.user.user_id else ""


def fact_key(event: LiveEvent) -> str:
    """Return the id of the fact that a platform's order is, the same for its payment and its refund."""
    assert event.order is not None
    return scoped_id(event.platform, "order", event.order.order_id)


def _comment(event: LiveEvent, context: SaleContext, *, late: bool, own: Sequence[str]) -> Decision:
    reading = context.lexicon.read(
        event.text,
        featured=context.featured_at(event.occurred_at_ms, event.received_at_ms),
        mode=Mode(context.settings.mode_of(event.platform).value),
        own=own,
    )
    buyer_id = buyer_key(event)
    demand: dict[str, int] = {}
    asked: tuple[Op, ...] = ()
    trace = _trace(event, reading, buyer_id)
    if event.user is not None and event.user.is_host:
        trace = _overruled(
            trace, Intent.NONE, RULE_HOST, "主播本人的发言不算下单", "the host's own words order nothing"
        )
    elif late:
        trace = _overruled(
            trace,
            Intent.REVIEW,
            RULE_LATE,
            "重连后补来的历史评论，不自动下单",
            "history after a reconnect orders nothing",
        )
    elif draws := context.draws_of(event.text):
        if buyer_id:
            asked = tuple(EnterDraw(draw_id=draw_id, buyer_id=BuyerId(buyer_id)) for draw_id in draws)
        trace = _overruled(trace, Intent.NONE, RULE_DRAW, "抽奖口令", "the word of a draw")
    elif reading.intent in _KIND_OF_INTENT and context.settings.mode_of(event.platform) is SellingMode.CAPTURE:
        if not buyer_id:
            trace = _overruled(
                trace, Intent.REVIEW, RULE_NO_BUYER, "平台没有给出买家，无法下单", "the platform did not say who it was"
            )
        else:
            asked = (_amend(event, reading, buyer_id),)
    else:
        demand = _demand(reading)
    observe = Observe(event_id=event_key(event), channel=event.platform, comments=1, demand=demand)
    return Decision(ops=(observe, *asked), at_ms=event.received_at_ms, trace=trace)


_KIND_OF_INTENT = {
    Intent.ORDER: "order",
    Intent.SET: "set",
    Intent.CANCEL: "cancel",
    Intent.WAITLIST: "order",
}


def _amend(event: LiveEvent, reading: Reading, buyer_id: str) -> Amend:
    kind = _KIND_OF_INTENT[reading.intent]
    if kind == "cancel" and reading.lines:
        # "No honey after all" names what to take out; the engine's cancel means the whole last claim.
        kind = "set"
    return Amend(
        claim_id=ClaimId(event_key(event)),
        buyer_id=BuyerId(buyer_id),
        channel=event.platform,
        kind=kind,
        lines=_merged(reading.lines),
        waitlist=reading.intent is Intent.WAITLIST,
    )


def _demand(reading: Reading) -> dict[str, int]:
    demand: dict[str, int] = {}
    for sku, packs in reading.wanted:
        if packs > 0:
            demand[sku] = demand.get(sku, 0) + packs
    return demand


def _trace(event: LiveEvent, reading: Reading, buyer_id: str) -> CommentTrace:
    return CommentTrace(
        event_id=event_key(event),
        platform=event.platform,
        room_id=event.room_id,
        buyer_id=buyer_id,
        nickname_masked=masked_nickname(event.user.nickname) if event.user else "",
        normalised=reading.normalised,
        intent=reading.intent.value,
        rule=reading.rule,
        reason=reading.reason,
        reason_en=reading.reason_en,
        lines=tuple(TraceLine(sku, packs) for sku, packs in reading.lines),
        occurred_at_ms=event.occurred_at_ms,
        received_at_ms=event.received_at_ms,
    )


def _overruled(trace: CommentTrace, intent: Intent, rule: str, reason: str, reason_en: str) -> CommentTrace:
    return msgspec.structs.replace(trace, intent=intent.value, rule=rule, reason=reason, reason_en=reason_en)


def _order(event: LiveEvent) -> Decision:
    order, at_ms = event.order, event.received_at_ms
    observe = Observe(event_id=event_key(event), channel=event.platform)
    if order is None:
        problem = _problem(event, "order-without-content", "订单事件没有订单内容 an order event without its order")
        return Decision(ops=(observe,), at_ms=at_ms, problem=problem)
    if order.status is OrderStatus.PAID:
        fact = Fact(
            fact_id=fact_key(event),
            channel=event.platform,
            lines=_merged((line.sku, line.packs) for line in order.lines),
            buyer_id=BuyerId(buyer_key(event)),
            amount_minor=order.amount_minor,
        )
        return Decision(ops=(observe, fact), at_ms=at_ms, order=order)
    if order.status is OrderStatus.REFUNDED and (order.lines or order.amount_minor is not None):
        lines = _merged((line.sku, line.packs) for line in order.lines)
        refund = Refund(fact_id=fact_key(event), channel=event.platform, lines=lines, amount_minor=order.amount_minor)
        return Decision(ops=(observe,), at_ms=at_ms, order=order, refund=refund)
    if order.status in (OrderStatus.CANCELLED, OrderStatus.REFUNDED):
        reversal = Fact(fact_id=fact_key(event), channel=event.platform, reverses=True)
        return Decision(ops=(observe, reversal), at_ms=at_ms, order=order)
    return Decision(ops=(observe,), at_ms=at_ms, order=order)


def _merged(lines: Iterable[tuple[str, int]]) -> tuple[Line, ...]:
    """Add up lines of the same sku: the engine takes each once, platforms and people don't mind."""
    packs_of: dict[str, int] = {}
    for sku, packs in lines:
        packs_of[sku] = packs_of.get(sku, 0) + packs
    return tuple(Line(Sku(sku), packs) for sku, packs in packs_of.items())


def _gap(event: LiveEvent) -> IntakeProblem:
    until = f"–{event.gap_until_ms}" if event.gap_until_ms else ""
    return _problem(event, "gap", f"{event.occurred_at_ms}{until} ms 之间可能缺少事件 events may be missing in between")


def _problem(event: LiveEvent, kind: str, detail: str) -> IntakeProblem:
    return IntakeProblem(
        kind=kind, ref=event_key(event), platform=event.platform, detail=detail, at_ms=event.received_at_ms
    )

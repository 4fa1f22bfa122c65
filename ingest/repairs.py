"""What could not be booked as it came, told so that a host can put it right: which order, what was in it, what to do.

Pure: no I/O, no clock. Sending such an event again at once would not help, so it is recorded here and acknowledged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flashsale.domain import Fact, Observe, OpResult, Outcome
from ingest.decision import Decision, fact_key
from ingest.domain import IntakeProblem
from ingest.reversals import Refunded
from stream_adapters.domain import LiveEvent, PlatformOrder

_WHAT_TO_DO = {
    "fact-invalid": (
        "订单没有入账：先补上缺少的 sku（上传货盘），再让平台或桥接重发这一单，或用 POST …/facts 补记。",
        "Not booked: add the missing sku (upload a catalogue), then have the order sent again, or book it with POST …/facts.",
    ),
    "fact-conflict": (
        "同一订单已按别的内容入账，这次的内容没有入账；请核对后更正：用 POST …/facts 撤销原记录，再用新编号补记。",
        "This order is booked with other content and this one is not; compare, then correct it with POST …/facts: "
        "reverse what is booked and book the right content under a new id.",
    ),
    "partial-refund": (
        "只退了一部分，库存和已售没有变；若货也退回，请用 POST …/facts 撤销原记录，再用新编号记下留下的部分。",
        "Only a part was refunded, so nothing changed; if goods come back, reverse the order with POST …/facts "
        "and book what is kept under a new id.",
    ),
    "refund-before-payment": (
        "退款先于付款到达：付款到达时，与之相等的退款会自动撤销整单；部分退款不改变库存，请核对。",
        "The refund came before its payment: if it is the whole of it, the order is taken back when it comes; "
        "a part changes nothing, so look at it then.",
    ),
}
_KIND_OF_REFUND = {Refunded.IN_PART: "partial-refund", Refunded.BEFORE_PAYMENT: "refund-before-payment"}


def unbooked(decision: Decision, answers: Sequence[OpResult]) -> Iterable[IntakeProblem]:
    """Yield what the engine could not book of an event; `answers` are those to its `ops`."""
    for op, answer in zip(decision.ops, answers, strict=True):
        conflict = isinstance(op, Fact) and answer.outcome is Outcome.CONFLICT
        if answer.outcome is not Outcome.INVALID and not conflict:
            continue
        event_id = _observed(decision).event_id
        yield _problem(
            decision,
            f"{type(op).__name__.lower()}-{answer.outcome.value}",
            # An order can contradict what is booked more than once, each time with other content.
            event_id if conflict else answer.id or event_id,
            answer.detail or answer.outcome.value,
        )


def open_refund(decision: Decision, refunded: Refunded) -> Iterable[IntakeProblem]:
    """Yield what a host has to see of a refund: one that did not simply take its order back."""
    if kind := _KIND_OF_REFUND.get(refunded):
        yield _problem(decision, kind, _observed(decision).event_id, refunded.value)


def left_thin(event: LiveEvent) -> IntakeProblem:
    """Return the problem of an order that could not be completed."""
    assert event.order is not None
    return IntakeProblem(
        kind="order-desk",
        ref=fact_key(event),
        platform=event.platform,
        detail=f"订单未能补全，未确认收到 the order could not be completed and was not acknowledged; {_content(event.order)}",
        at_ms=event.received_at_ms,
    )


def _observed(decision: Decision) -> Observe:
    observe = decision.ops[0]
    assert isinstance(observe, Observe)
    return observe


def _problem(decision: Decision, kind: str, ref: str, reason: str) -> IntakeProblem:
    words = [reason]
    if decision.order is not None:
        words += [_content(decision.order), *_WHAT_TO_DO.get(kind, ())]
    return IntakeProblem(
        kind=kind, ref=ref, platform=_observed(decision).channel, detail="; ".join(words), at_ms=decision.at_ms
    )


def _content(order: PlatformOrder) -> str:
    lines = ", ".join(f"{line.sku} × {line.packs}" for line in order.lines) or "?"
    amount = "?" if order.amount_minor is None else str(order.amount_minor)
    return f"order_id {order.order_id}, status {order.status.value}, lines {lines}, amount_minor {amount}"

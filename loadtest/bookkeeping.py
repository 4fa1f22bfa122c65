"""What the books must say after a run: everything acknowledged is in them, once, and nothing else is. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from loadtest.domain import BookedClaim, Books, Line, LineAnswer, Rule, SalePlan, Violation
from loadtest.stories import Story, owes_refund, paid_late

SOLD = frozenset({"confirmed", "presale_order"})
HELD = frozenset({"held", "presale_held"})
OPEN_OR_LAPSED = HELD | {"waitlisted", "expired"}


def check_books(plan: SalePlan, books: Books, stories: dict[str, Story]) -> Iterator[Violation]:
    """Yield where the books and the answers, or the books and themselves, do not agree."""
    for story in stories.values():
        yield from _check_claim(story, books)
    yield from _check_orders(books, stories)
    yield from _check_sums(plan, books)
    yield from _check_limits(plan, books)


def _disagree(subject: str, zh: str, en: str) -> Violation:
    return Violation(rule=Rule.BOOKS_DISAGREE, subject=subject, zh=zh, en=en)


def _check_claim(story: Story, books: Books) -> Iterator[Violation]:
    booked = story.booked
    if booked is None:
        if story.grants or any(exchange.outcome == "confirmed" for exchange in story.confirms):
            yield Violation(
                rule=Rule.ACKNOWLEDGED_MISSING,
                subject=story.claim_id,
                zh="已答应的请求，账里没有",
                en="acknowledged, and the books do not know it",
            )
        return
    if not story.grants and not story.has_unknown:
        yield Violation(
            rule=Rule.REFUSED_YET_BOOKED,
            subject=story.claim_id,
            zh=f"每次都被拒绝，账里却是 {booked.status}",
            en=f"refused every time, and the books have it as {booked.status}",
        )
    for answer in [exchange.answer for exchange in story.grants if exchange.answer][:1]:
        said, wrote = (f"{each.outcome} {each.amount_minor}" for each in (answer, booked.first))
        if said != wrote:
            yield _disagree(
                story.claim_id,
                f"答复是 {said}（分），账里记的第一次答复是 {wrote}",
                f"answered {said} (minor units), booked as first answered {wrote}",
            )
    yield from _check_status(story, booked, books)


def _check_status(story: Story, booked: BookedClaim, books: Books) -> Iterator[Violation]:
    if any(exchange.outcome == "confirmed" for exchange in story.confirms) and booked.status not in SOLD:
        yield Violation(
            rule=Rule.ACKNOWLEDGED_MISSING,
            subject=story.claim_id,
            zh=f"付款已确认，账里却是 {booked.status}",
            en=f"its payment was acknowledged, and the books have it as {booked.status}",
        )
        return
    possible = _statuses_possible(story)
    if booked.status not in possible:
        yield _disagree(
            story.claim_id,
            f"账里是 {booked.status}，按答复应为 {sorted(possible)} 之一",
            f"booked as {booked.status}, which by the answers should be one of {sorted(possible)}",
        )
    elif booked.status == "expired" and booked.first.expires_at_ms > books.tally.at_ms:
        yield _disagree(
            story.claim_id,
            "预占还没到期，账里已是过期",
            "booked as expired before its deadline has come",
        )


def _statuses_possible(story: Story) -> frozenset[str]:
    """Return where a claim can stand after what was answered; unknown endings leave it open."""
    outcomes = {exchange.outcome for exchange in story.endings}
    if "confirmed" in outcomes:
        return SOLD
    if any(owes_refund(exchange) for exchange in story.endings):
        return frozenset({"refund_due", "cancelled", "expired"})
    possible: frozenset[str] = frozenset()
    if "cancelled" in outcomes:
        possible = frozenset({"cancelled"})
    elif "expired" in outcomes:
        possible = frozenset({"expired"})
    else:
        possible = OPEN_OR_LAPSED
        if any(exchange.answer is None for exchange in story.cancels):
            possible |= {"cancelled"}
    if any(exchange.answer is None for exchange in story.confirms):
        possible |= {"refund_due"} | (frozenset() if "cancelled" in outcomes else SOLD)
    return possible


def _check_orders(books: Books, stories: dict[str, Story]) -> Iterator[Violation]:
    rows = Counter(order.claim_id for order in books.orders)
    for claim_id, count in rows.items():
        if count > 1:
            yield Violation(
                rule=Rule.ACKNOWLEDGED_TWICE,
                subject=claim_id,
                zh=f"同一请求在订单里出现 {count} 次",
                en=f"stands {count} times in the orders",
            )
        if claim_id not in stories:
            yield Violation(
                rule=Rule.NOBODY_ASKED,
                subject=claim_id,
                zh="订单里有一单，没有人下过",
                en="an order that nobody asked for",
            )
    amounts = {order.claim_id: order.amount_minor for order in books.orders if order.status in SOLD}
    for story in stories.values():
        yield from _check_order_of(story, amounts)


def _check_order_of(story: Story, amounts: dict[str, int]) -> Iterator[Violation]:
    paid = [exchange.answer for exchange in story.confirms if exchange.outcome == "confirmed" and exchange.answer]
    is_booked_sold = story.booked is not None and story.booked.status in SOLD
    if (paid or is_booked_sold) and story.claim_id not in amounts:
        yield Violation(
            rule=Rule.ACKNOWLEDGED_MISSING,
            subject=story.claim_id,
            zh="已成交，订单里没有",
            en="sold, and not among the orders",
        )
        return
    if paid and amounts[story.claim_id] != paid[0].amount_minor:
        yield _disagree(
            story.claim_id,
            f"确认时是 {paid[0].amount_minor} 分，订单里是 {amounts[story.claim_id]} 分",
            f"confirmed for {paid[0].amount_minor}, in the orders for {amounts[story.claim_id]} minor units",
        )
    if story.claim_id in amounts and not is_booked_sold:
        status = story.booked.status if story.booked else "nothing"
        yield _disagree(
            story.claim_id,
            f"订单里有，请求的状态却是 {status}",
            f"among the orders, while its claim is booked as {status}",
        )


def _check_sums(plan: SalePlan, books: Books) -> Iterator[Violation]:
    sold = [order for order in books.orders if order.status in SOLD]
    held = [claim for claim in books.claims.values() if claim is not None and claim.status in HELD]
    totals = books.tally.totals
    due = sum(1 for claim in books.claims.values() if claim is not None and claim.status == "refund_due")
    pairs = [
        ("totals.orders", totals.orders, len(sold)),
        ("totals.revenue_minor", totals.revenue_minor, sum(order.amount_minor for order in sold)),
        ("totals.holds", totals.holds, len(held)),
        ("totals.refunds_due", totals.refunds_due, due),
    ]
    sold_units: dict[str, int] = defaultdict(int)
    held_units: dict[str, int] = defaultdict(int)
    for order in sold:
        for pool_id, units in plan.units_by_pool(order.lines).items():
            sold_units[pool_id] += units
    for claim in held:
        for pool_id, units in plan.units_by_pool(_packs(claim.lines)).items():
            held_units[pool_id] += units
    for pool in books.tally.pools:
        pairs.append((f"pool {pool.pool_id} sold", pool.sold, sold_units[pool.pool_id]))
        pairs.append((f"pool {pool.pool_id} held", pool.held, held_units[pool.pool_id]))
    packs: Counter[str] = Counter()
    for order in sold:
        for line in order.lines:
            packs[line.sku] += line.packs
    for offer in books.tally.offers:
        pairs.append((f"offer {offer.sku} packs_sold", offer.packs_sold, packs[offer.sku]))
    for name, tallied, summed in pairs:
        if tallied != summed:
            yield _disagree(
                name,
                f"战报 {name} 为 {tallied}，逐单相加为 {summed}",
                f"the tally says {name} = {tallied}, its orders and claims add up to {summed}",
            )


def _packs(lines: tuple[LineAnswer, ...]) -> tuple[Line, ...]:
    return tuple(Line(sku=line.sku, packs=line.packs) for line in lines)


def _check_limits(plan: SalePlan, books: Books) -> Iterator[Violation]:
    has: Counter[tuple[str, str]] = Counter()
    for claim in books.claims.values():
        if claim is not None and claim.status in SOLD | HELD:
            for line in claim.lines:
                has[claim.buyer_id, line.sku] += line.packs
    limits = {offer.sku: offer.limit_packs for offer in plan.offers if offer.limit_packs}
    for (buyer_id, sku), packs in has.items():
        if packs > limits.get(sku, packs):
            yield Violation(
                rule=Rule.LIMIT_EXCEEDED,
                subject=buyer_id,
                zh=f"买到 {packs} 份 {sku}，每人限 {limits[sku]} 份",
                en=f"has {packs} packs of {sku}, of which one buyer may have {limits[sku]}",
            )


def late_payments(stories: dict[str, Story]) -> int:
    """Count the payments that came after their hold's end and still got the stock."""
    return sum(1 for story in stories.values() if any(paid_late(exchange) for exchange in story.confirms))

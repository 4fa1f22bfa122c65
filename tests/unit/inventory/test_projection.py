from __future__ import annotations

import pytest

from flashsale import events
from flashsale.domain import rev_order
from flashsale.events import AnyEvent, Granted, LogEntry
from inventory.ledger.projection import Books, SaleRow, UnknownRowError, claim_ids, fold, touches_goods

EGGS = Granted("egg-10", 2, 3_000, "eggs", 20, False, 6_000)
HONEY = Granted("honey", 1, 8_000, "honey", 500, False, 8_000)
LATER_EGGS = Granted("egg-10", 1, 3_000, "eggs", 10, True, 3_000)
POOL_SPEC: dict[str, object] = {"name": "土鸡蛋", "base_unit": "枚", "initial_units": 100, "presale_units": 5}


def claimed(*granted: Granted, outcome: str = "reserved") -> events.Claimed:
    amount_minor = sum(line.amount_minor for line in granted)
    return events.Claimed(
        claim_id="c1", outcome=outcome, buyer_id="b", channel="douyin", granted=granted, amount_minor=amount_minor,
        expires_at_ms=900,
    )  # fmt: skip


def confirmed(*granted: Granted, late: bool = False) -> events.Confirmed:
    amount_minor = sum(line.amount_minor for line in granted)
    presale = all(line.presale for line in granted)
    return events.Confirmed(
        claim_id="c1",
        buyer_id="b",
        channel="douyin",
        granted=granted,
        amount_minor=amount_minor,
        presale=presale,
        late=late,
    )


def ended(how: str, was: str = "reserved") -> events.Ended:
    return events.Ended(claim_id="c1", buyer_id="b", channel="douyin", how=how, was=was, granted=(), amount_minor=0)


def folded(*happened: AnyEvent) -> Books:
    books = Books(sale=SaleRow())
    fold([LogEntry(rev=events.Rev(f"{n}-0"), at_ms=n, events=(event,)) for n, event in enumerate(happened, 1)], books)
    return books


@pytest.mark.parametrize(
    ("happened", "status"),
    [
        ([claimed(EGGS)], "held"),
        ([claimed(EGGS, outcome="partial")], "held"),
        ([claimed(LATER_EGGS, outcome="presold")], "presale_held"),
        ([claimed(EGGS, LATER_EGGS, outcome="presold")], "held"),
        ([claimed(EGGS, outcome="waitlisted")], "waitlisted"),
        ([claimed(EGGS), confirmed(EGGS)], "confirmed"),
        ([claimed(LATER_EGGS), confirmed(LATER_EGGS)], "presale_order"),
        ([claimed(EGGS), ended("expired")], "expired"),
        ([claimed(EGGS), ended("replaced")], "cancelled"),
        ([claimed(EGGS), ended("expired"), confirmed(EGGS, late=True)], "confirmed"),
        ([claimed(EGGS), confirmed(EGGS), ended("cancelled", "confirmed")], "cancelled"),
    ],
)
def test_claim_stands_where_its_last_event_left_it(happened: list[AnyEvent], status: str) -> None:
    assert folded(*happened).claims["c1"].status == status


def test_orders_are_numbered_in_the_order_of_the_log_and_keep_their_number_when_taken_back() -> None:
    fact = events.FactRecorded(fact_id="f1", buyer_id="", channel="taobao", granted=(HONEY,), amount_minor=7_000)
    books = folded(claimed(EGGS), fact, confirmed(EGGS), ended("cancelled", "confirmed"))
    assert (books.claims["f1"].order_no, books.claims["c1"].order_no, books.orders_seen) == (1, 2, 2)


def test_partial_confirmation_keeps_only_what_was_paid() -> None:
    books = folded(claimed(EGGS, HONEY), confirmed(HONEY))
    assert [(line.sku, line.packs) for line in books.lines["c1"]] == [("honey", 1)]
    assert books.claims["c1"].amount_minor == 8_000


def test_reduced_claim_keeps_the_rest_of_its_lines() -> None:
    reduced = events.Reduced(
        claim_id="c1", buyer_id="b", channel="douyin", was="reserved",
        granted=(Granted("egg-10", 1, 3_000, "eggs", 10, False, 3_000), HONEY), amount_minor=11_000, left_minor=3_000,
    )  # fmt: skip
    books = folded(claimed(EGGS, HONEY), reduced)
    (line,) = books.lines["c1"]
    assert (line.sku, line.packs, line.units, line.amount_minor) == ("egg-10", 1, 10, 3_000)
    assert books.claims["c1"].amount_minor == 3_000


def test_refused_packs_are_counted_in_the_units_that_the_offer_had_then() -> None:
    def offer(units_per_pack: int, created: bool) -> events.OfferSet:
        return events.OfferSet(sku="egg", created=created, spec={"pool_id": "eggs", "units_per_pack": units_per_pack})

    refused = events.Refused(sku="egg", pool_id="eggs", channel="douyin", outcome="sold_out", claims=1, packs=2)
    books = folded(offer(10, True), refused, offer(30, False), refused)
    assert list(books.refused_units.values()) == [2 * 10 + 2 * 30]


def test_newest_viewers_count_and_silence_keeps_them() -> None:
    books = folded(events.Observed(channel="weibo", viewers=7), events.Observed(channel="weibo", likes=3))
    assert (books.observed["weibo"].viewers, books.observed["weibo"].likes) == (7, 3)


def test_sale_keeps_its_first_opening_through_pauses() -> None:
    states = [events.StateSet(state=state) for state in ("open", "paused", "open", "closed")]
    sale = folded(events.SaleSet(settings={"name": "专场", "currency": "CNY"}), *states).sale
    assert (sale.created_at_ms, sale.opened_at_ms, sale.closed_at_ms, sale.state) == (1, 2, 5, "closed")


@pytest.mark.parametrize(
    "happened",
    [
        [confirmed(EGGS)],
        [ended("expired")],
        [events.Extended(claim_id="c1", expires_at_ms=5)],
        [events.RefundDue(claim_id="c1", buyer_id="b", channel="douyin", amount_minor=5)],
        [events.DrawClosed(draw_id="d", entrants=1)],
        [events.PoolSet(pool_id="eggs", created=False, spec=POOL_SPEC)],
        [events.PoolSet(pool_id="eggs", created=True, spec=POOL_SPEC)] * 2,
        [events.OfferSet(sku="egg", created=False, spec={})],
    ],
)
def test_event_that_cannot_follow_from_the_books_is_refused(happened: list[AnyEvent]) -> None:
    with pytest.raises(UnknownRowError):
        folded(*happened)


def test_claims_and_facts_are_found_in_entries_by_their_ids() -> None:
    fact = events.FactReversed(fact_id="f1", buyer_id="", channel="taobao", granted=(), amount_minor=0)
    entry = LogEntry(rev=events.Rev("1-0"), at_ms=1, events=(claimed(EGGS), fact, events.StateSet(state="open")))
    assert claim_ids([entry]) == {"c1", "f1"}
    assert touches_goods([entry])


def test_places_sort_as_numbers_with_the_beginning_first() -> None:
    assert sorted(["100-0", "99-10", "", "99-9"], key=rev_order) == ["", "99-9", "99-10", "100-0"]

from __future__ import annotations

import itertools
from collections.abc import Collection

import pytest

from flashsale.domain import Fact, Line, OpResult, Outcome, SaleId, Sku
from ingest.reversals import Refund, Refunded, Reversals
from tests.unit.ingest.fakes import SALE, FakeEngine

PAID = Fact(fact_id="f", channel="taobao")
REFUND = Fact(fact_id="f", channel="taobao", reverses=True)


class Early:
    def __init__(self) -> None:
        self.kept: set[str] = set()

    async def remember(self, _sale_id: str, fact_ids: Collection[str]) -> None:
        self.kept |= set(fact_ids)

    async def among(self, _sale_id: str, fact_ids: Collection[str]) -> list[str]:
        return [fact_id for fact_id in fact_ids if fact_id in self.kept]


# Each side books first and settles afterwards; these are all the ways in which the two can interleave.
ORDERS = [
    order
    for order in itertools.permutations(["book paid", "settle paid", "book refund", "settle refund"])
    if order.index("book paid") < order.index("settle paid")
    and order.index("book refund") < order.index("settle refund")
]


@pytest.mark.parametrize("order", ORDERS, ids=" ".join)
async def test_a_refunded_order_is_never_sold_whichever_came_first(order: tuple[str, ...]) -> None:
    engine = FakeEngine()
    reversals = Reversals(engine, Early())
    results: dict[str, OpResult] = {}
    for step in order:
        verb, _, which = step.partition(" ")
        fact = PAID if which == "paid" else REFUND
        if verb == "book":
            results[which] = await engine.apply(SaleId(SALE), fact)
        else:
            await reversals.settle(SaleId(SALE), [(fact, results[which])])
    assert engine.facts == {"f": "reversed"}


async def test_the_cancellation_of_an_order_that_was_never_paid_sells_nothing() -> None:
    engine = FakeEngine()
    reversals = Reversals(engine, Early())
    for _ in range(2):
        result = await engine.apply(SaleId(SALE), REFUND)
        assert result.outcome is Outcome.UNKNOWN
        await reversals.settle(SaleId(SALE), [(REFUND, result)])
    assert engine.facts == {}


async def test_an_ordinary_payment_costs_no_second_call() -> None:
    engine = FakeEngine()
    result = await engine.apply(SaleId(SALE), PAID)
    await Reversals(engine, Early()).settle(SaleId(SALE), [(PAID, result)])
    assert len(engine.batches) == 1


TWO = (Line(Sku("egg"), 2),)
ONE = (Line(Sku("egg"), 1),)
PAID_TWO = Fact(fact_id="f", channel="taobao", lines=TWO, amount_minor=6_000)
REFUNDS = [
    (TWO, 6_000, True),
    (TWO, None, True),
    ((), 6_000, True),
    (ONE, 3_000, False),
    (ONE, None, False),
    ((), 5_999, False),
    (TWO, 3_000, False),
    (ONE, 6_000, False),
    ((Line(Sku("honey"), 2),), None, False),
]


@pytest.mark.parametrize(("lines", "amount_minor", "whole"), REFUNDS)
async def test_only_a_refund_of_all_takes_an_order_back(
    lines: tuple[Line, ...], amount_minor: int | None, whole: bool
) -> None:
    engine = FakeEngine()
    await engine.apply(SaleId(SALE), PAID_TWO)
    refund = Refund(fact_id="f", channel="taobao", lines=lines, amount_minor=amount_minor)
    refunded = await Reversals(engine, Early()).refund(SaleId(SALE), refund)
    assert refunded is (Refunded.WHOLE if whole else Refunded.IN_PART)
    assert engine.facts == {"f": "reversed" if whole else "recorded"}


@pytest.mark.parametrize(("lines", "amount_minor", "whole"), REFUNDS)
async def test_a_refund_that_came_first_takes_back_only_a_payment_that_it_covers(
    lines: tuple[Line, ...], amount_minor: int | None, whole: bool
) -> None:
    engine = FakeEngine()
    reversals = Reversals(engine, Early())
    refund = Refund(fact_id="f", channel="taobao", lines=lines, amount_minor=amount_minor)
    assert await reversals.refund(SaleId(SALE), refund) is Refunded.BEFORE_PAYMENT
    await reversals.settle(SaleId(SALE), [(PAID_TWO, await engine.apply(SaleId(SALE), PAID_TWO))])
    assert engine.facts == {"f": "reversed" if whole else "recorded"}

from __future__ import annotations

import itertools
from collections.abc import Collection

import pytest

from flashsale.domain import Fact, OpResult, Outcome, SaleId
from ingest.reversals import Reversals
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

from __future__ import annotations

import io

import pytest
from rich.console import Console

from flashsale.domain import Rev, SaleState
from flashsale.tally import OfferTally, PoolTally, Tally, Totals
from ingest.demo.replay import ReplayState
from ingest.demo.summary import summarise
from ingest.demo.view import OrderRate, clock_text, money_text, render, units_text
from inventory.ledger import Order, OrderLine

POOLS = (
    PoolTally(
        pool_id="eggs",
        name="散养土鸡蛋",
        base_unit="枚",
        initial=10_000,
        sold=10_000,
        presale_quota=6_000,
        presold=900,
        refused=70,
    ),
    PoolTally(pool_id="noodles", name="手工米粉", base_unit="克", initial=3_000_000, sold=1_000_000, held=2_000_000),
    PoolTally(pool_id="oil", name="山茶油", base_unit="桶", initial=300, sold=301, oversold=1),
)
OFFERS = (
    OfferTally(sku="egg-10", pool_id="eggs", name="蛋", units_per_pack=10, price_minor=3_000),
    OfferTally(sku="oil-5l", pool_id="oil", name="油", units_per_pack=1, price_minor=39_800),
)
TALLY = Tally(
    sale_id="t",
    name="专场",
    state=SaleState.OPEN,
    currency="CNY",
    rev=Rev("1-0"),
    at_ms=1,
    totals=Totals(orders=3, revenue_minor=12_345, presale_minor=600, presale_orders=1, duplicates=4, refused=5),
    pools=POOLS,
    offers=OFFERS,
)


def shown(width: int) -> str:
    rate = OrderRate()
    rate.add(0, 0)
    out = io.StringIO()
    Console(file=out, width=width).print(render(TALLY, ReplayState(total=10, sent=5, at_ms=60_000), rate))
    return out.getvalue()


@pytest.mark.parametrize("width", [90, 120])
def test_the_picture_shows_sold_out_presale_oversold_and_money(width: int) -> None:
    picture = shown(width)
    for words in (
        "售罄",
        "预售 presale 900 枚",
        "超卖 OVERSOLD 1 桶",
        "¥123.45",
        "1,000 kg / 3,000 kg",
        "预占 held 2,000 kg",
    ):
        assert words in picture


def test_amounts_are_shown_as_people_say_them() -> None:
    assert units_text(3_000_000, "克") == "3,000 kg"
    assert units_text(10_000, "枚") == "10,000 枚"
    assert money_text(32_420_000) == "¥324,200.00"
    assert clock_text(0) == "19:30:00"


def test_the_rate_counts_orders_of_the_last_minutes_only() -> None:
    rate = OrderRate()
    for minute, orders in enumerate((0, 1_000, 1_010, 1_020, 1_030, 1_040, 1_050, 1_060)):
        rate.add(minute * 60_000, orders)
    assert rate.per_minute() == 10


def order(order_no: int, status: str, *lines: tuple[str, str]) -> Order:
    bought = tuple(
        OrderLine(
            sku=sku, pool_id=pool_id, packs=1, units=1, unit_price_minor=1, amount_minor=1, presale=False, ships_at_ms=0
        )
        for sku, pool_id in lines
    )
    return Order(
        order_no=order_no,
        claim_id=str(order_no),
        kind="claim",
        status=status,
        buyer_id="b",
        channel="weibo",
        amount_minor=1,
        ordered_at_ms=1,
        lines=bought,
    )


def test_other_orders_are_those_that_stand_and_hold_nothing_of_the_big_pools() -> None:
    orders = [
        order(1, "confirmed", ("oil-5l", "oil")),
        order(2, "recorded", ("oil-5l", "oil")),
        order(3, "reversed", ("oil-5l", "oil")),
        order(4, "confirmed", ("oil-5l", "oil"), ("egg-10", "eggs")),
        order(5, "confirmed", ("egg-10", "eggs")),
    ]
    summary = summarise(TALLY, orders, balanced=True, problems_count=0, elapsed_s=1.26)
    assert (summary.orders_other, summary.books, summary.elapsed_s) == (2, "balanced", 1.3)
    assert summary.pools["eggs"].presold == 900
    assert (summary.revenue_minor, summary.presale_minor, summary.duplicates_dropped) == (12_345, 600, 4)


def test_books_that_differ_are_called_so() -> None:
    assert summarise(TALLY, [], balanced=False, problems_count=0, elapsed_s=1).books == "differ"

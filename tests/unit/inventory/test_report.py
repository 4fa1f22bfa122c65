from __future__ import annotations

import hashlib
import re

import msgspec
import pytest

from flashsale.domain import Rev, SaleId
from flashsale.tally import ChannelTally, DrawTally, PoolTally, Totals
from inventory.check import CheckReport, Difference
from inventory.ledger import DemandRow, DrawProof, LedgerFigures, SaleFacts, SoldRow, TimelinePoint
from inventory.money import plain_amount, shown_amount
from inventory.report import ReportFacts, render_report
from inventory.report.domain import BARS_MAX, display_step_ms, draw_holds, in_steps, shown_percent, shown_units

NASTY = '</script><img src=x onerror="alert(1)">&鸡蛋'
PROOF = DrawProof(
    draw=DrawTally(
        draw_id="d1", prize="鸡蛋", state="settled", winners_max=1, seed="s", entrants=2, winners=1,
        seed_hash=hashlib.sha256(b"s").hexdigest(),
    ),
    entrants=("a", "b"), winners=(min("ab", key=lambda name: hashlib.sha256(f"s:d1:{name}".encode()).hexdigest()),),
    opened_at_ms=1, closed_at_ms=2, settled_at_ms=3,
)  # fmt: skip
BALANCED = CheckReport(sale_id="s", balanced=True, rev=Rev("5-0"), entries=3, pools=1, claims=2)


def facts(**changes: object) -> ReportFacts:
    whole = ReportFacts(
        sale=SaleFacts(sale_id="s", name="铜鼓专场", state="closed", currency="CNY", created_at_ms=1, opened_at_ms=1,
                       closed_at_ms=2),
        figures=LedgerFigures(
            sale_id=SaleId("s"), rev=Rev("5-0"), totals=Totals(orders=1, revenue_minor=32_420_000),
            pools=(PoolTally(pool_id="p", name="鸡蛋", base_unit="枚", initial=10, sold=12, oversold=2),),
            channels=(ChannelTally(channel="douyin", orders=1, revenue_minor=32_420_000),),
        ),
        sold=(SoldRow(sku="e", name="鸡蛋", pool_id="p", base_unit="枚", supplier="合作社", county="铜鼓县",
                      certificate_no="JX-1", packs=1, units=10, revenue_minor=32_420_000),),
        demand=(DemandRow(sku="e", name="鸡蛋", reason="sold_out", claims=1, packs=2, units=20, amount_minor=5,
                          base_unit="枚"),),
        timeline=(TimelinePoint(at_ms=1000, channel="douyin", orders=1, revenue_minor=32_420_000, presale_minor=0),),
        refunds=(), draws=(PROOF,), check=BALANCED, made_at_ms=9,
    )  # fmt: skip
    return msgspec.structs.replace(whole, **changes)


def own_markup(page: str) -> str:
    """The page without the charts' library."""
    return re.sub(r"<script>.{100000,}?</script>", "", page, flags=re.DOTALL)


def test_page_shows_the_money_the_oversale_and_the_seal_of_the_check() -> None:
    page = own_markup(render_report(facts()))
    assert "¥324,200.00" in page
    assert "超卖 2 枚" in page
    assert "账目<br>相符" in page
    assert "复算一致" in page


def test_page_of_a_failed_check_shows_each_difference_and_no_good_seal() -> None:
    off = Difference(where="log ↔ ledger pool eggs", what="sold", expected="10000", found="9999")
    page = own_markup(
        render_report(facts(check=CheckReport(sale_id="s", balanced=False, rev=Rev(""), differences=(off,))))
    )
    assert "账目<br>不符" in page
    assert "log ↔ ledger pool eggs" in page
    assert "账目<br>相符" not in page


def test_page_without_a_check_does_not_claim_one() -> None:
    page = own_markup(render_report(facts(check=None)))
    assert "账目<br>未核" in page
    assert "账目<br>相符" not in page


def test_names_from_outside_stay_text_everywhere_on_the_page() -> None:
    whole = facts()
    nasty = facts(
        sale=msgspec.structs.replace(whole.sale, name=NASTY),
        figures=msgspec.structs.replace(
            whole.figures,
            pools=(PoolTally(pool_id=NASTY, name=NASTY, base_unit=NASTY, initial=1),),
            channels=(ChannelTally(channel=NASTY, revenue_minor=1),),
        ),
        sold=(msgspec.structs.replace(whole.sold[0], name=NASTY, supplier=NASTY, county=NASTY, certificate_no=NASTY),),
        demand=(msgspec.structs.replace(whole.demand[0], name=NASTY),),
        timeline=(msgspec.structs.replace(whole.timeline[0], channel=NASTY),),
        draws=(
            msgspec.structs.replace(PROOF, draw=msgspec.structs.replace(PROOF.draw, prize=NASTY), winners=(NASTY,)),
        ),
    )
    page = own_markup(render_report(nasty))
    assert "<img" not in page
    assert page.count("</script>") == 2


def test_page_names_no_address_outside_itself() -> None:
    page = own_markup(render_report(facts()))
    assert not re.search(r"(?:src|href)\s*=|https?://|@import|url\(", page)


def test_empty_sale_has_a_report_too() -> None:
    empty = LedgerFigures(sale_id=SaleId("s"), rev=Rev(""))
    page = own_markup(render_report(facts(figures=empty, sold=(), demand=(), timeline=(), draws=())))
    assert "还没有订单" in page


def test_draw_is_computed_again_rather_than_believed() -> None:
    assert draw_holds(PROOF)
    other = next(name for name in PROOF.entrants if name not in PROOF.winners)
    assert not draw_holds(msgspec.structs.replace(PROOF, winners=(other,)))
    assert not draw_holds(msgspec.structs.replace(PROOF, draw=msgspec.structs.replace(PROOF.draw, seed="t")))


@pytest.mark.parametrize(
    ("units", "base_unit", "shown"),
    [
        (3_000_000, "克", "3,000 公斤"),
        (497_500, "克", "497.5 公斤"),
        (999, "克", "999 克"),
        (10_000, "枚", "10,000 枚"),
        (-1_250, "克", "−1.25 公斤"),
        (0, "包", "0 包"),
    ],
)
def test_stock_is_shown_as_people_say_it_and_exactly(units: int, base_unit: str, shown: str) -> None:
    assert shown_units(units, base_unit) == shown


def test_share_never_rounds_up_to_sold_out() -> None:
    assert [shown_percent(9_999, 10_000), shown_percent(10_000, 10_000), shown_percent(0, 0)] == [
        "99.9%",
        "100.0%",
        "—",
    ]


@pytest.mark.parametrize(
    ("amount_minor", "currency", "shown", "plain"),
    [
        (32_420_000, "CNY", "¥324,200.00", "324200.00"),
        (-5, "CNY", "−¥0.05", "-0.05"),
        (1_200, "VND", "₫1,200", "1200"),
        (1_234, "KWD", "KWD 1.234", "1.234"),
    ],
)
def test_money_has_the_places_of_its_currency(amount_minor: int, currency: str, shown: str, plain: str) -> None:
    assert (shown_amount(amount_minor, currency), plain_amount(amount_minor, currency)) == (shown, plain)


@pytest.mark.parametrize("extent_s", [0, 95, 96, 3_600, 86_400, 86_400 * 60])
def test_timeline_fits_the_chart_and_loses_no_money(extent_s: int) -> None:
    points = [
        TimelinePoint(at_ms=at_s * 1000, channel="douyin", orders=1, revenue_minor=3, presale_minor=2)
        for at_s in range(0, extent_s + 1, max(1, extent_s // 500))
    ]
    step_ms = display_step_ms(points)
    sums = in_steps(points, step_ms)["douyin"]
    assert len(sums) <= BARS_MAX + 1
    assert sum(sums.values()) == 5 * len(points)

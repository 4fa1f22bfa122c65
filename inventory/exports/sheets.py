"""What each export holds: its columns, and its rows out of the ledger's values. No file formats here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from datetime import datetime
from enum import StrEnum
from itertools import groupby

import msgspec

from flashsale.domain import SaleId
from inventory.catalogue.columns import BEIJING
from inventory.ledger import DemandRow, Ledger, Order, SoldRow
from inventory.money import currency_unit_zh

ExportCell = str | int | None
"""A cell: text, a count, or minor units where the column says so; None stays blank."""


class ExportKind(StrEnum):
    """Which file."""

    ORDERS = "orders"
    PICKLIST = "picklist"
    SETTLEMENT = "settlement"
    DEMAND = "demand"


EXPORT_KINDS = tuple(ExportKind)
TITLES = {
    ExportKind.ORDERS: "订单",
    ExportKind.PICKLIST: "拣货单",
    ExportKind.SETTLEMENT: "结算单",
    ExportKind.DEMAND: "未满足需求",
}


class ExportColumn(msgspec.Struct, frozen=True):
    """A column's heading and its width in characters; `money` says that its cells are minor units."""

    heading: str
    width: int = 12
    money: bool = False


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """One table: title, columns, and its rows in pages."""

    title: str
    columns: tuple[ExportColumn, ...]
    pages: AsyncIterator[Iterable[tuple[ExportCell, ...]]]


def open_sheet(ledger: Ledger, sale_id: SaleId, kind: ExportKind, currency: str) -> Sheet:
    """The table of one kind; nothing is read before its pages are."""
    columns, pages = _SHEETS[kind]
    return Sheet(title=TITLES[kind], columns=columns(currency_unit_zh(currency)), pages=pages(ledger, sale_id))


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, BEIJING).strftime("%Y-%m-%d %H:%M:%S") if at_ms else ""


# ---------------------------------------------------------------------------------------------------------- orders

_STATUS_ZH = {
    "confirmed": "已成交",
    "presale_order": "预售",
    "recorded": "平台成交",
    "cancelled": "已取消",
    "reversed": "平台已退",
}


def _order_columns(unit: str) -> tuple[ExportColumn, ...]:
    return (
        *(ExportColumn("序号", 8), ExportColumn("订单号", 30), ExportColumn("状态", 10), ExportColumn("渠道", 10)),
        *(ExportColumn("买家编号", 24), ExportColumn("商品编码", 14), ExportColumn("商品名称", 28)),
        *(ExportColumn("件数", 8), ExportColumn("库存单位数", 12), ExportColumn("单位", 6)),
        *(ExportColumn(f"单价({unit})", 12, money=True), ExportColumn(f"金额({unit})", 14, money=True)),
        *(
            ExportColumn("成交时间", 20),
            ExportColumn("预售发货", 20),
            ExportColumn("供应商", 26),
            ExportColumn("县", 10),
        ),
    )


async def _order_pages(ledger: Ledger, sale_id: SaleId) -> AsyncIterator[Iterable[tuple[ExportCell, ...]]]:
    goods = {row.sku: row for row in await ledger.sold(sale_id)}
    async for orders in ledger.all_orders(sale_id):
        yield (row for order in orders for row in _order_rows(order, goods))


def _order_rows(order: Order, goods: dict[str, SoldRow]) -> Iterable[tuple[ExportCell, ...]]:
    for line in order.lines:
        good = goods.get(line.sku)
        yield (
            *(order.order_no, order.claim_id, _STATUS_ZH.get(order.status, order.status), order.channel),
            *(order.buyer_id, line.sku, good.name if good else ""),
            *(line.packs, line.units, good.base_unit if good else ""),
            *(line.unit_price_minor, line.amount_minor),
            *(_moment(order.ordered_at_ms), _moment(line.ships_at_ms)),
            *(good.supplier if good else "", good.county if good else ""),
        )


# ----------------------------------------------------------------------------------------- pick list and settlement

_NO_SUPPLIER = "(未填供应商)"


def _by_supplier(rows: Iterable[SoldRow]) -> list[tuple[tuple[str, str], list[SoldRow]]]:
    def supplier(row: SoldRow) -> tuple[str, str]:
        return (row.county, row.supplier or _NO_SUPPLIER)

    sold = [row for row in rows if row.packs or row.presale_packs]
    return [(key, list(group)) for key, group in groupby(sorted(sold, key=supplier), key=supplier)]


def _picklist_columns(_unit: str) -> tuple[ExportColumn, ...]:
    return (
        *(
            ExportColumn("供应商", 26),
            ExportColumn("县", 10),
            ExportColumn("商品编码", 14),
            ExportColumn("商品名称", 28),
        ),
        *(ExportColumn("现货件数", 10), ExportColumn("现货数量", 12), ExportColumn("单位", 6)),
        *(ExportColumn("预售件数", 10), ExportColumn("预售数量", 12), ExportColumn("预售发货", 20)),
    )


async def _picklist_pages(ledger: Ledger, sale_id: SaleId) -> AsyncIterator[Iterable[tuple[ExportCell, ...]]]:
    for (county, supplier), rows in _by_supplier(await ledger.sold(sale_id)):
        yield [
            (
                *(supplier, county, row.sku, row.name, row.packs, row.units, row.base_unit),
                *(row.presale_packs, row.presale_units, _moment(row.ships_at_ms if row.presale_packs else 0)),
            )
            for row in rows
        ]


def _settlement_columns(unit: str) -> tuple[ExportColumn, ...]:
    return (
        *(
            ExportColumn("县", 10),
            ExportColumn("供应商", 26),
            ExportColumn("商品编码", 14),
            ExportColumn("商品名称", 28),
        ),
        *(
            ExportColumn("认证编号", 16),
            ExportColumn("现货件数", 10),
            ExportColumn(f"现货金额({unit})", 16, money=True),
        ),
        *(ExportColumn("预售件数", 10), ExportColumn(f"预售金额({unit})", 16, money=True)),
    )


async def _settlement_pages(ledger: Ledger, sale_id: SaleId) -> AsyncIterator[Iterable[tuple[ExportCell, ...]]]:
    everything: list[SoldRow] = []
    for (county, supplier), rows in _by_supplier(await ledger.sold(sale_id)):
        everything += rows
        lines: list[tuple[ExportCell, ...]] = [
            (
                *(county, supplier, row.sku, row.name, row.certificate_no),
                *(row.packs, row.revenue_minor, row.presale_packs, row.presale_minor),
            )
            for row in rows
        ]
        yield [*lines, (county, supplier, "", "小计", "", *_sums(rows))]
    yield [("", "", "", "合计", "", *_sums(everything))]


def _sums(rows: list[SoldRow]) -> tuple[int, int, int, int]:
    return (
        sum(row.packs for row in rows),
        sum(row.revenue_minor for row in rows),
        sum(row.presale_packs for row in rows),
        sum(row.presale_minor for row in rows),
    )


# ---------------------------------------------------------------------------------------------------------- demand

REASONS_ZH = {
    "sold_out": "没货",
    "limit_reached": "超过限购",
    "not_on_sale": "未开售",
    "blocked": "已拉黑",
    "waitlisted": "候补中",
    "wished": "评论想要",
}


def _demand_columns(unit: str) -> tuple[ExportColumn, ...]:
    return (
        *(
            ExportColumn("商品编码", 14),
            ExportColumn("商品名称", 28),
            ExportColumn("原因", 12),
            ExportColumn("次数", 8),
        ),
        *(ExportColumn("件数", 10), ExportColumn("数量", 12), ExportColumn("单位", 6)),
        ExportColumn(f"按价折合({unit})", 16, money=True),
    )


async def _demand_pages(ledger: Ledger, sale_id: SaleId) -> AsyncIterator[Iterable[tuple[ExportCell, ...]]]:
    yield [_demand_row(row) for row in await ledger.demand(sale_id)]


def _demand_row(row: DemandRow) -> tuple[ExportCell, ...]:
    return (
        *(row.sku or "(未知商品)", row.name, REASONS_ZH.get(row.reason, row.reason), row.claims),
        *(row.packs, row.units, row.base_unit, row.amount_minor),
    )


_Columns = Callable[[str], tuple[ExportColumn, ...]]
_Pages = Callable[[Ledger, SaleId], AsyncIterator[Iterable[tuple[ExportCell, ...]]]]
_SHEETS: dict[ExportKind, tuple[_Columns, _Pages]] = {
    ExportKind.ORDERS: (_order_columns, _order_pages),
    ExportKind.PICKLIST: (_picklist_columns, _picklist_pages),
    ExportKind.SETTLEMENT: (_settlement_columns, _settlement_pages),
    ExportKind.DEMAND: (_demand_columns, _demand_pages),
}

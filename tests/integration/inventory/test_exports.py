from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from flashsale import events
from flashsale.domain import Rev, SaleId
from flashsale.events import Granted, LogEntry
from inventory.catalogue import Catalogue, CatalogueOffer
from inventory.exports import CONTENT_TYPES, EXPORT_FORMS, EXPORT_KINDS, export_filename, stream_export, write_export
from inventory.exports import writing as exports_writing
from inventory.ledger import Ledger

SALE = SaleId("evening")
FORMULA = '=HYPERLINK("http://example.invalid","x")'


async def exported(ledger: Ledger, kind: str, form: str) -> bytes:
    return b"".join([piece async for piece in stream_export(ledger, SALE, kind, form)])


def csv_table(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


async def open_with(tmp_path: Path, entries: Any) -> Ledger:
    ledger = await Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite3'}")
    await ledger.project(SALE, entries, after=Rev(""))
    return ledger


def hostile_sale() -> list[LogEntry]:
    granted = (Granted("=sku", 3, 1_250, "p", 30, False, 3_750),)
    happened = (
        events.SaleSet(settings={"name": "专场", "currency": "CNY"}),
        events.PoolSet(pool_id="p", created=True, spec={"name": "@池", "base_unit": "枚", "initial_units": 100}),
        events.OfferSet(
            sku="=sku", created=True, spec={"pool_id": "p", "name": FORMULA, "units_per_pack": 10, "price_minor": 1_250}
        ),
        events.FactRecorded(fact_id="+1", buyer_id="-2+3", channel="@c", granted=granted, amount_minor=3_750),
    )
    return [LogEntry(rev=Rev("1-0"), at_ms=1_605_961_800_000, events=happened)]


async def test_orders_file_has_a_row_for_every_line_and_the_whole_money(tmp_path: Path, played_sale: Any) -> None:
    async with await open_with(tmp_path, played_sale.entries) as ledger:
        rows = csv_table(await exported(ledger, "orders", "csv"))
        standing = [row for row in rows if row["状态"] in ("已成交", "预售", "平台成交")]
        cents = sum(round(float(row["金额(元)"]) * 100) for row in standing)
        totals = played_sale.tally.totals
        assert cents == totals.revenue_minor + totals.presale_minor
        assert {row["状态"] for row in rows} >= {"已成交", "平台成交", "已取消", "平台已退"}


async def test_workbook_and_text_file_say_the_same(tmp_path: Path, played_sale: Any) -> None:
    async with await open_with(tmp_path, played_sale.entries) as ledger:
        for kind in EXPORT_KINDS:
            text = list(csv.reader(io.StringIO((await exported(ledger, kind, "csv")).decode("utf-8-sig"), newline="")))
            sheet = openpyxl.load_workbook(io.BytesIO(await exported(ledger, kind, "xlsx"))).worksheets[0]
            cells = [["" if cell is None else cell for cell in row] for row in sheet.iter_rows(values_only=True)]
            assert [row[0] for row in cells[:1]] == [row[0] for row in text[:1]]
            assert len(cells) == len(text)
            for in_sheet, in_text in zip(cells[1:], text[1:], strict=True):
                numbers = [(a, float(b)) for a, b in zip(in_sheet, in_text, strict=True) if isinstance(a, (int, float))]
                assert all(a == pytest.approx(b) for a, b in numbers)


async def test_text_file_begins_with_the_mark_by_which_excel_knows_its_encoding(tmp_path: Path) -> None:
    async with await open_with(tmp_path, hostile_sale()) as ledger:
        assert (await exported(ledger, "orders", "csv")).startswith("\ufeff序号,订单号,".encode())


@pytest.mark.parametrize("kind", EXPORT_KINDS)
async def test_no_cell_of_a_text_file_can_become_a_formula(tmp_path: Path, kind: str) -> None:
    async with await open_with(tmp_path, hostile_sale()) as ledger:
        await ledger.save_catalogue(SALE, hostile_catalogue())
        rows = csv.reader(io.StringIO((await exported(ledger, kind, "csv")).decode("utf-8-sig"), newline=""))
        assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


@pytest.mark.parametrize("kind", EXPORT_KINDS)
async def test_no_cell_of_a_workbook_is_a_formula_or_link(tmp_path: Path, kind: str) -> None:
    async with await open_with(tmp_path, hostile_sale()) as ledger:
        await ledger.save_catalogue(SALE, hostile_catalogue())
        # The file itself says which cells are formulas; openpyxl takes any text that begins with = for one.
        with zipfile.ZipFile(io.BytesIO(await exported(ledger, kind, "xlsx"))) as archive:
            sheet = archive.read("xl/worksheets/sheet1.xml")
        assert b"<row" in sheet
        assert b"<f>" not in sheet
        assert b"<hyperlink" not in sheet


def hostile_catalogue() -> Catalogue:
    offer = CatalogueOffer(
        sku="=sku",
        pool_id="p",
        base_unit="枚",
        name="x",
        units_per_pack=10,
        price_minor=1,
        supplier="=1+1",
        county="@县",
    )
    return Catalogue(offers=(offer,))


async def test_settlement_ends_in_the_sum_of_its_suppliers(tmp_path: Path, played_sale: Any) -> None:
    async with await open_with(tmp_path, played_sale.entries) as ledger:
        rows = csv_table(await exported(ledger, "settlement", "csv"))
        subtotals = [float(row["现货金额(元)"]) for row in rows if row["商品名称"] == "小计"]
        assert rows[-1]["商品名称"] == "合计"
        assert sum(subtotals) == pytest.approx(float(rows[-1]["现货金额(元)"]))
        assert rows[-1]["现货金额(元)"] == f"{played_sale.tally.totals.revenue_minor / 100:.2f}"


async def test_long_table_goes_on_in_a_second_sheet(
    tmp_path: Path, played_sale: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports_writing, "SHEET_ROWS_MAX", 50)
    async with await open_with(tmp_path, played_sale.entries) as ledger:
        sheets = openpyxl.load_workbook(io.BytesIO(await exported(ledger, "orders", "xlsx"))).worksheets
        assert len(sheets) > 1
        assert {sheet["A1"].value for sheet in sheets} == {"序号"}
        assert sum(sheet.max_row - 1 for sheet in sheets) == len(csv_table(await exported(ledger, "orders", "csv")))


async def test_unknown_sale_gives_a_table_without_rows_and_unknown_kind_is_refused(tmp_path: Path) -> None:
    async with await Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite3'}") as ledger:
        assert csv_table(await exported(ledger, "orders", "csv")) == []
        for kind, form in (("orders", "pdf"), ("everything", "csv")):
            with pytest.raises(ValueError, match="is not a valid"):
                await exported(ledger, kind, form)


async def test_failed_export_leaves_the_file_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "orders.csv"
    target.write_text("yesterday")
    async with await open_with(tmp_path, hostile_sale()) as ledger:
        with monkeypatch.context() as broken:
            broken.setattr(exports_writing, "_csv_rows", _no_space)
            with pytest.raises(OSError, match="no space"):
                await write_export(ledger, SALE, "orders", "csv", target)
        assert target.read_text() == "yesterday"
        assert [path.name for path in tmp_path.glob(".*")] == []
        await write_export(ledger, SALE, "orders", "csv", target)
        assert target.read_bytes() == await exported(ledger, "orders", "csv")


def _no_space(*_: object) -> bytes:
    raise OSError("no space left")


def test_file_names_stand_in_an_http_header() -> None:
    assert export_filename(SaleId("../铜鼓 1"), "orders", "xlsx") == "1-orders.xlsx"
    assert export_filename(SaleId("铜鼓"), "orders", "csv") == "sale-orders.csv"
    assert set(CONTENT_TYPES) == set(EXPORT_FORMS)

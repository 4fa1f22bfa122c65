"""Tables → .csv and .xlsx. Rows are written as they come; a cell of text stays text in every spreadsheet program."""

from __future__ import annotations

import asyncio
import csv
import io
import re
import tempfile
from collections.abc import AsyncIterator, Iterable
from enum import StrEnum
from pathlib import Path

import xlsxwriter

from flashsale.domain import SaleId
from inventory.exports.sheets import ExportCell, ExportKind, Sheet, open_sheet
from inventory.ledger import Ledger
from inventory.money import currency_decimals, plain_amount

SHEET_ROWS_MAX = 1_000_000
"""Excel ends at 1,048,576 rows; a longer table goes on in a second sheet."""
READ_BYTES = 256 * 1024
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class ExportForm(StrEnum):
    """Which kind of file."""

    XLSX = "xlsx"
    CSV = "csv"


EXPORT_FORMS = tuple(ExportForm)
CONTENT_TYPES = {
    ExportForm.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ExportForm.CSV: "text/csv; charset=utf-8",
}


def export_filename(sale_id: SaleId, kind: ExportKind | str, form: ExportForm | str) -> str:
    """A file name that every system and an HTTP header take, such as `tonggu-orders.xlsx`; ASCII only."""
    safe_sale_id = re.sub(r"[^A-Za-z0-9.-]+", "_", sale_id).strip("._") or "sale"
    return f"{safe_sale_id}-{ExportKind(kind).value}.{ExportForm(form).value}"


async def stream_export(
    ledger: Ledger, sale_id: SaleId, kind: ExportKind | str, form: ExportForm | str
) -> AsyncIterator[bytes]:
    """The file's bytes, piece by piece. Raises ValueError for an unknown kind or form before the first piece.

    A sale that the ledger does not know gives a table without rows.
    """
    kind, form = ExportKind(kind), ExportForm(form)
    sale = await ledger.sale(sale_id)
    currency = sale.currency if sale else "CNY"
    sheet = open_sheet(ledger, sale_id, kind, currency)
    pieces = _csv_pieces(sheet, currency) if form is ExportForm.CSV else _xlsx_pieces(sheet, currency)
    async for piece in pieces:
        yield piece


async def write_export(
    ledger: Ledger, sale_id: SaleId, kind: ExportKind | str, form: ExportForm | str, path: Path
) -> None:
    """Write the file to `path`; what stood there is replaced only when the new file is whole."""
    unfinished = path.with_name(f".{path.name}.part")
    try:
        with unfinished.open("wb") as file:
            async for piece in stream_export(ledger, sale_id, kind, form):
                file.write(piece)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


async def _csv_pieces(sheet: Sheet, currency: str) -> AsyncIterator[bytes]:
    yield b"\xef\xbb\xbf" + _csv_rows([tuple(column.heading for column in sheet.columns)], sheet, currency)
    async for page in sheet.pages:
        yield await asyncio.to_thread(_csv_rows, page, sheet, currency)


def _csv_rows(rows: Iterable[tuple[ExportCell, ...]], sheet: Sheet, currency: str) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    for row in rows:
        writer.writerow(
            plain_amount(cell, currency) if column.money and isinstance(cell, int) else _inert(cell)
            for cell, column in zip(row, sheet.columns, strict=True)
        )
    return text.getvalue().encode()


def _inert(cell: ExportCell) -> ExportCell:
    # In a .csv nothing tells text from formulas, so text that a spreadsheet would run gets an apostrophe in front.
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS) else cell


async def _xlsx_pieces(sheet: Sheet, currency: str) -> AsyncIterator[bytes]:
    # A zip's directory comes last, so the file is made whole on disk, row by row, and then read out.
    with tempfile.TemporaryDirectory(prefix="sellthrough-export-") as folder:
        path = Path(folder) / "export.xlsx"
        workbook = _XlsxTable(path, sheet, currency)
        try:
            async for page in sheet.pages:
                await asyncio.to_thread(workbook.write_rows, page)
        finally:
            await asyncio.to_thread(workbook.close)
        with path.open("rb") as file:
            while piece := await asyncio.to_thread(file.read, READ_BYTES):
                yield piece


class _XlsxTable:
    """A workbook that takes rows in order and keeps none of them in memory."""

    def __init__(self, path: Path, sheet: Sheet, currency: str) -> None:
        self._sheet = sheet
        self._scale = 10 ** currency_decimals(currency)
        options = {"constant_memory": True, "tmpdir": str(path.parent), "strings_to_formulas": False}
        self._workbook = xlsxwriter.Workbook(path, options)
        zeros = "0" * currency_decimals(currency)
        self._money = self._workbook.add_format({"num_format": f"#,##0.{zeros}" if zeros else "#,##0"})
        self._head = self._workbook.add_format(
            {"bold": True, "bg_color": "#1F6F50", "font_color": "#FFFFFF", "border": 1, "border_color": "#C9D6CE"}
        )
        self._sheets = 0
        self._begin_sheet()

    def write_rows(self, rows: Iterable[tuple[ExportCell, ...]]) -> None:
        """Write rows below those written before."""
        for row in rows:
            if self._row > SHEET_ROWS_MAX:
                self._begin_sheet()
            for index, (cell, column) in enumerate(zip(row, self._sheet.columns, strict=True)):
                if isinstance(cell, int):
                    # Excel keeps every number as a double; 15 digits hold any amount that a sale can reach.
                    number = cell / self._scale if column.money else cell
                    self._worksheet.write_number(self._row, index, number, self._money if column.money else None)
                elif cell:
                    self._worksheet.write_string(self._row, index, cell)
            self._row += 1

    def close(self) -> None:
        """Finish the file."""
        self._workbook.close()

    def _begin_sheet(self) -> None:
        self._sheets += 1
        title = self._sheet.title if self._sheets == 1 else f"{self._sheet.title} {self._sheets}"
        self._worksheet = self._workbook.add_worksheet(title)
        self._worksheet.freeze_panes(1, 0)
        for index, column in enumerate(self._sheet.columns):
            self._worksheet.set_column(index, index, column.width)
            self._worksheet.write_string(0, index, column.heading, self._head)
        self._row = 1

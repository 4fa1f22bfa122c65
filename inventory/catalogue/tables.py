"""Bytes of a .csv or .xlsx file → rows of cells. Trusts nothing: sizes are bounded before anything is unpacked.

Excel's formulas are refused rather than read, since the value stored beside a formula may be stale. An .xlsx is a zip
of XML: its declared sizes and row count are bounded, entity declarations refused (a zip never unpacks to more than it
declares).
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from datetime import date

import msgspec
import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from inventory.catalogue.columns import Cell
from inventory.catalogue.domain import CatalogueError, CatalogueProblem

FILE_BYTES_MAX = 5 * 1024 * 1024
UNPACKED_BYTES_MAX = 64 * 1024 * 1024
ZIP_MEMBERS_MAX = 500
ROWS_MAX = 5_000
COLUMNS_MAX = 64


class Row(msgspec.Struct, frozen=True):
    """One row of the file. `number` is what the spreadsheet shows beside it; the first row is 1."""

    number: int
    cells: tuple[Cell, ...]


def read_rows(content: bytes, filename: str) -> list[Row]:
    """Read all rows that are not blank, the headings first.

    Raises CatalogueError where the file is no .csv or .xlsx, is too large, cannot be decoded, or holds formulas.
    """
    if len(content) > FILE_BYTES_MAX:
        raise _file_error(
            f"文件有 {len(content) // 1024} KB，最多 {FILE_BYTES_MAX // 1024} KB；请只留商品目录这一张表",
            f"it has {len(content) // 1024} KB, at most {FILE_BYTES_MAX // 1024} KB; keep the catalogue sheet only",
        )
    if not content.strip():
        raise _file_error("文件是空的；请下载模板填写", "the file is empty; start from the template")
    suffix = filename.lower().rpartition(".")[2]
    if suffix == "xlsx":
        rows = list(_xlsx_rows(content))
    elif suffix == "csv":
        rows = list(_csv_rows(content))
    else:
        raise _file_error(
            f"不认识的文件类型「.{suffix[:10]}」；请另存为 .xlsx 或 .csv",
            f"unknown file type .{suffix[:10]!s}; save it as .xlsx or .csv",
        )
    rows = [row for row in rows if any(cell not in (None, "") for cell in row.cells)]
    if len(rows) > ROWS_MAX + 1:
        raise _too_many_rows()
    return rows


def _csv_rows(content: bytes) -> Iterator[Row]:
    text = _decode(content)
    first_line = text.partition("\n")[0]
    # Excel writes the list separator of its locale, which is not always a comma.
    delimiter = max(",;\t", key=first_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for number, cells in enumerate(reader, start=1):
            if number > 2 * ROWS_MAX:
                raise _too_many_rows()
            yield Row(number, tuple(cell.strip() for cell in cells[:COLUMNS_MAX]))
    except csv.Error as error:
        raise CatalogueError(
            [
                CatalogueProblem(
                    row=reader.line_num,
                    zh="这一行的引号或分隔符不对；请在 Excel 里重新另存为 CSV",
                    en=f"quotes or separators are broken here ({error}); save it as CSV again",
                )
            ]
        ) from error


def _decode(content: bytes) -> str:
    """UTF-8 with or without a byte order mark, else GB18030, which Chinese Excel writes."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise _file_error(
        "文字编码认不出；请另存为「CSV UTF-8」或 .xlsx",
        "the text encoding is not known; save it as 'CSV UTF-8' or .xlsx",
    )


def _xlsx_rows(content: bytes) -> Iterator[Row]:
    _check_zip(content)
    try:
        workbook = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=False, keep_links=False)
    except (InvalidFileException, KeyError, ValueError, TypeError, OSError, zipfile.BadZipFile, SyntaxError) as error:
        raise _not_a_workbook() from error
    try:
        if not workbook.worksheets:
            raise _file_error(
                "工作簿里没有工作表；请下载模板填写", "the workbook has no sheet; start from the template"
            )
        sheet = workbook.worksheets[0]
        # Some programs declare a wrong used range; only what is really there counts.
        sheet.reset_dimensions()
        formulas: list[CatalogueProblem] = []
        for number, cells in enumerate(sheet.iter_rows(max_row=2 * ROWS_MAX + 1, max_col=COLUMNS_MAX), start=1):
            if number > 2 * ROWS_MAX:
                raise _too_many_rows()
            formulas += [_formula_problem(number, cell.coordinate) for cell in cells if cell.data_type == "f"]
            yield Row(number, tuple(_plain(cell.value) for cell in cells))
        if formulas:
            raise CatalogueError(formulas)
    except (ValueError, TypeError, KeyError, zipfile.BadZipFile, SyntaxError) as error:
        # SyntaxError: xml.etree's ParseError derives from it.
        raise _not_a_workbook() from error
    finally:
        workbook.close()


def _plain(value: object) -> Cell:
    if value is None or isinstance(value, (str, int, float)):
        return value.strip() if isinstance(value, str) else value
    # Dates stay dates; whatever else a cell may hold (times, durations, array objects) is judged by its text.
    return value if isinstance(value, date) else str(value)


def _check_zip(content: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            unpacked_bytes = sum(member.file_size for member in members)
            if unpacked_bytes > UNPACKED_BYTES_MAX or len(members) > ZIP_MEMBERS_MAX:
                raise _file_error(
                    f"解压后有 {unpacked_bytes // 2**20} MB，太大了；请只留商品目录这一张表",
                    f"it unpacks to {unpacked_bytes // 2**20} MB, which is too much; keep the catalogue sheet only",
                )
            for member in members:
                if member.filename.endswith((".xml", ".rels")):
                    _refuse_declarations(archive.read(member))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise _not_a_workbook() from error


def _refuse_declarations(xml: bytes) -> None:
    # Excel never declares entities; a file that does is an attack on the XML parser. NULs go, so that a declaration in
    # UTF-16 is found as well.
    plain = xml.replace(b"\0", b"")
    if b"<!DOCTYPE" in plain or b"<!ENTITY" in plain:
        raise _file_error(
            "文件里有不该有的 XML 声明，可能被改动过；请用 Excel 重新另存为 .xlsx",
            "the file declares XML entities, which Excel never does; save it again from Excel as .xlsx",
        )


def _formula_problem(row: int, coordinate: str) -> CatalogueProblem:
    return CatalogueProblem(
        row=row,
        column=coordinate,
        zh="是公式，不予计算；请复制后「选择性粘贴 → 数值」",
        en="is a formula, which is not evaluated; copy it and paste it as a value",
    )


def _not_a_workbook() -> CatalogueError:
    return _file_error(
        "打不开，不是完整的 .xlsx 文件；请用 Excel 或 WPS 重新另存为 .xlsx",
        "it cannot be opened as .xlsx; save it again from Excel or WPS as .xlsx",
    )


def _too_many_rows() -> CatalogueError:
    return _file_error(
        f"超过 {ROWS_MAX} 行商品；请分成几个专场", f"more than {ROWS_MAX} rows of offers; split it over several sales"
    )


def _file_error(zh: str, en: str) -> CatalogueError:
    return CatalogueError([CatalogueProblem(zh=zh, en=en)])

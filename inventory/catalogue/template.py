"""The .xlsx that a host starts from: Chinese headings, one example row, checks while typing, notes on sheet two."""

from __future__ import annotations

import io

import xlsxwriter

from flashsale.domain import AMOUNT_MINOR_MAX, PACKS_MAX, UNITS_MAX
from inventory.catalogue.columns import COLUMNS, LINK_NO_MAX, Column
from inventory.catalogue.tables import ROWS_MAX

_GREEN, _PALE, _GREY = "#1F6F50", "#E8F3EC", "#6B7280"
_WHOLE_NUMBER_BOUNDS = {
    "initial_units": (0, UNITS_MAX),
    "units_per_pack": (1, UNITS_MAX),
    "limit_packs": (0, PACKS_MAX),
    "limit_units": (0, UNITS_MAX),
    "presale_units": (0, UNITS_MAX),
    "link_no": (0, LINK_NO_MAX),
}
_PRICE_FIELDS = ("price_minor", "list_price_minor")
_TIME_FIELDS = ("special_from_ms", "special_until_ms", "presale_ships_at_ms")


def catalogue_template() -> bytes:
    """Make the template. Required columns carry a star; the example row reads back as a valid catalogue."""
    buffer = io.BytesIO()
    columns = [column for column in COLUMNS if column.in_template]
    with xlsxwriter.Workbook(buffer, {"in_memory": True, "strings_to_formulas": False}) as workbook:
        workbook.set_properties({"title": "sellthrough 商品目录模板 · catalogue template"})
        _write_form(workbook, columns)
        _write_notes(workbook, columns)
    return buffer.getvalue()


def _write_form(workbook: xlsxwriter.Workbook, columns: list[Column]) -> None:
    sheet = workbook.add_worksheet("商品目录")
    base = {"border": 1, "border_color": "#C9D6CE", "valign": "vcenter"}
    required = workbook.add_format(
        {**base, "bold": True, "bg_color": _GREEN, "font_color": "#FFFFFF", "text_wrap": True}
    )
    optional = workbook.add_format({**base, "bold": True, "bg_color": _PALE, "font_color": _GREEN, "text_wrap": True})
    money = workbook.add_format({"num_format": "0.00"})
    moment = workbook.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    text = workbook.add_format({"num_format": "@"})
    sheet.set_row(0, 34)
    sheet.freeze_panes(1, 0)
    for index, column in enumerate(columns):
        heading = f"{column.zh}*" if column.required else column.zh
        sheet.write_string(0, index, heading, required if column.required else optional)
        sheet.write_comment(0, index, column.note, {"x_scale": 2, "y_scale": 1.2})
        cells = money if column.field in _PRICE_FIELDS else moment if column.field in _TIME_FIELDS else None
        if cells is None and column.field not in _WHOLE_NUMBER_BOUNDS:
            # As text, so that Excel does not turn a code such as 1-2 into a date.
            cells = text
        sheet.set_column(index, index, max(12, min(26, 2 * len(heading) + 2, 26)), cells)
        if column.example != "":
            sheet.write(1, index, column.example)
        _add_validation(sheet, index, column)


def _add_validation(sheet: xlsxwriter.worksheet.Worksheet, index: int, column: Column) -> None:
    rule: dict[str, object] = {"input_title": column.zh[:32], "input_message": column.note[:255], "validate": "any"}
    if column.field in _WHOLE_NUMBER_BOUNDS:
        lowest, highest = _WHOLE_NUMBER_BOUNDS[column.field]
        rule |= {"validate": "integer", "criteria": "between", "minimum": lowest, "maximum": highest}
        rule |= {"error_title": "请填整数 · whole number", "error_message": f"{lowest} – {highest}，不带单位。"}
    elif column.field in _PRICE_FIELDS:
        rule |= {"validate": "decimal", "criteria": "between", "minimum": 0, "maximum": AMOUNT_MINOR_MAX // 100}
        rule |= {"error_title": "请填价格 · price", "error_message": "单位是元，最多两位小数。 In yuan."}
    sheet.data_validation(1, index, ROWS_MAX, index, rule)


def _write_notes(workbook: xlsxwriter.Workbook, columns: list[Column]) -> None:
    sheet = workbook.add_worksheet("填写说明")
    title = workbook.add_format({"bold": True, "font_size": 14, "font_color": _GREEN})
    head = workbook.add_format({"bold": True, "bottom": 1})
    wrap = workbook.add_format({"text_wrap": True, "valign": "top"})
    grey = workbook.add_format({"font_color": _GREY, "valign": "top"})
    sheet.set_column(0, 0, 20)
    sheet.set_column(1, 1, 22)
    sheet.set_column(2, 2, 8)
    sheet.set_column(3, 3, 90)
    sheet.write_string(0, 0, "商品目录填写说明 · How to fill in the catalogue", title)
    sheet.write_string(
        1, 0, "一行一个规格；同一库存池的各行，库存池的几列写得一样。第 2 行是样例，填好后请改掉。", grey
    )
    sheet.write_string(
        2, 0, "One offer a row; rows of one pool repeat the pool's columns. Row 2 is an example: replace it.", grey
    )
    for index, heading in enumerate(("列", "English", "必填", "说明 · meaning")):
        sheet.write_string(4, index, heading, head)
    for row, column in enumerate(columns, start=5):
        sheet.write_string(row, 0, column.zh, wrap)
        sheet.write_string(row, 1, column.heading, grey)
        sheet.write_string(row, 2, "是 *" if column.required else "", wrap)
        sheet.write_string(row, 3, column.note, wrap)

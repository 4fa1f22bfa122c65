"""Rows of a file → a `Catalogue`: finds the columns, reads every cell, then checks what the rows say together."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import cast

import msgspec

from flashsale.domain import PoolId, Sku
from inventory.catalogue.columns import (
    COLUMN_BY_HEADING,
    COLUMNS,
    REMARK_HEADINGS,
    CellError,
    Column,
    cell_text,
    heading_key,
)
from inventory.catalogue.domain import (
    Catalogue,
    CatalogueError,
    CatalogueOffer,
    CataloguePool,
    CatalogueProblem,
)
from inventory.catalogue.tables import Row, read_rows


class _Heading(msgspec.Struct, frozen=True):
    """A column of the file: where it stands, how the file calls it, and what it means."""

    index: int
    text: str
    column: Column


class _Reading(msgspec.Struct):
    """A file half read: what is wrong so far, and where each name was seen first."""

    problems: list[CatalogueProblem]
    pools: dict[PoolId, tuple[int, CataloguePool]] = {}
    offers: list[tuple[int, CatalogueOffer]] = []
    headings: dict[str, str] = {}

    def blame(self, row: int, field: str, zh: str, en: str) -> None:
        self.problems.append(CatalogueProblem(row=row, column=self.headings.get(field, ""), zh=zh, en=en))


def read_catalogue(content: bytes, filename: str) -> Catalogue:
    """Read a whole catalogue from a .csv (UTF-8, with or without BOM, or GB18030) or .xlsx file.

    Headings may be English or Chinese, in any order; `filename` only tells the kind of file. Raises CatalogueError
    with every problem of the file at once; a catalogue that is returned is consistent. The same bytes, the same answer.
    """
    rows = read_rows(content, filename)
    headings = _read_headings(rows[0]) if rows else []
    reading = _Reading([], headings={heading.column.field: heading.text for heading in headings})
    for row in rows[1:]:
        _read_row(row, headings, reading)
    if len(rows) < 2:
        reading.problems.append(
            CatalogueProblem(
                zh="只有表头，没有商品；请从第 2 行起每行填一个商品", en="no offers; write one a row, from row 2"
            )
        )
    _check_uniqueness(reading)
    if reading.problems:
        raise CatalogueError(sorted(reading.problems, key=lambda problem: problem.row))
    return Catalogue(
        pools=tuple(pool for _, pool in reading.pools.values()), offers=tuple(offer for _, offer in reading.offers)
    )


def _read_headings(row: Row) -> list[_Heading]:
    problems: list[CatalogueProblem] = []
    found: dict[str, _Heading] = {}
    for index, cell in enumerate(row.cells):
        text = cell_text(cell)
        key = heading_key(text)
        if not key or key in REMARK_HEADINGS:
            continue
        column = COLUMN_BY_HEADING.get(key)
        if column is None:
            problems.append(_unknown_heading(row.number, text))
        elif column.field in found:
            other = found[column.field].text
            problems.append(
                CatalogueProblem(
                    row=row.number,
                    column=text,
                    zh=f"与「{other}」是同一项；请只留一列",
                    en=f"says the same as {other!r}; keep one of them",
                )
            )
        else:
            found[column.field] = _Heading(index, text, column)
    missing = {column.field: column for column in reversed(COLUMNS) if column.required and column.field not in found}
    for column in reversed(missing.values()):
        problems.append(
            CatalogueProblem(
                row=row.number,
                zh=f"缺少必填列「{column.zh}」；请按模板补上",
                en=f"the required column {column.zh} ({column.heading}) is missing; add it as in the template",
            )
        )
    if problems:
        raise CatalogueError(problems)
    return list(found.values())


def _unknown_heading(row: int, text: str) -> CatalogueProblem:
    close = difflib.get_close_matches(heading_key(text), COLUMN_BY_HEADING, n=1)
    if close:
        column = COLUMN_BY_HEADING[close[0]]
        zh, en = (
            f"不认识的列；是不是「{column.zh}」？",
            f"unknown column; did you mean {column.heading!r} ({column.zh})?",
        )
    else:
        zh, en = "不认识的列；请删去，或按模板改名", "unknown column; remove it, or name it as in the template"
    return CatalogueProblem(row=row, column=text[:40], zh=zh, en=en)


def _read_row(row: Row, headings: list[_Heading], reading: _Reading) -> None:
    fields: dict[str, object] = {}
    problems_before = len(reading.problems)
    for heading in headings:
        cell = row.cells[heading.index] if heading.index < len(row.cells) else None
        if heading.column.required and cell in (None, ""):
            reading.blame(row.number, heading.column.field, "是空的；请填写", "is empty; fill it in")
            continue
        try:
            fields[heading.column.field] = heading.column.read(cell)
        except CellError as error:
            reading.blame(row.number, heading.column.field, error.zh, error.en)
    if len(reading.problems) > problems_before:
        return
    pool = _pool(fields)
    _check_pool(row.number, pool, reading)
    offer = _offer(fields, pool.base_unit)
    _check_offer(row.number, offer, reading)
    reading.offers.append((row.number, offer))


_POOL_FIELDS = frozenset(column.field for column in COLUMNS if column.of_pool)


def _pool(fields: Mapping[str, object]) -> CataloguePool:
    named = {name: value for name, value in fields.items() if name in _POOL_FIELDS and name != "pool_name"}
    return msgspec.convert({**named, "name": fields["pool_name"]}, CataloguePool)


def _offer(fields: Mapping[str, object], base_unit: str) -> CatalogueOffer:
    named = {name: value for name, value in fields.items() if name not in _POOL_FIELDS}
    return msgspec.convert({**named, "pool_id": fields["pool_id"], "base_unit": base_unit}, CatalogueOffer)


def _check_pool(row: int, pool: CataloguePool, reading: _Reading) -> None:
    first_row, first = reading.pools.setdefault(pool.pool_id, (row, pool))
    for field in ("name", "base_unit", "initial_units", "limit_units", "presale_units", "presale_ships_at_ms"):
        here, there = getattr(pool, field), getattr(first, field)
        if here != there:
            reading.blame(
                row,
                "pool_name" if field == "name" else field,
                f"与第 {first_row} 行同一库存池「{pool.pool_id}」写的不一样；请改成一致",
                f"differs from row {first_row}, which has the same pool {pool.pool_id!r}; make them agree",
            )
    if first_row != row:
        return
    if pool.presale_units and not pool.presale_ships_at_ms:
        reading.blame(
            row,
            "presale_units",
            "有预售量但没有预售发货时间；请填上，买家要知道何时发货",
            "has a presale quota but no ship date; add it, since buyers must know when it ships",
        )
    if pool.presale_ships_at_ms and not pool.presale_units:
        reading.blame(
            row,
            "presale_ships_at_ms",
            "有预售发货时间但没有预售量；请填预售量或清空",
            "has a ship date but no presale quota",
        )


def _check_offer(row: int, offer: CatalogueOffer, reading: _Reading) -> None:
    if offer.list_price_minor and offer.list_price_minor < offer.price_minor:
        reading.blame(
            row,
            "list_price_minor",
            "划线价低于价格；请改正，或留空",
            "is lower than the price; correct it or leave it blank",
        )
    if (offer.special_from_ms or offer.special_until_ms) and not offer.list_price_minor:
        reading.blame(
            row,
            "special_from_ms" if offer.special_from_ms else "special_until_ms",
            "有特价时间但没有划线价；特价以外按划线价卖，请填划线价",
            "has a special-price window but no list price, which holds outside of it; add the list price",
        )
    if offer.special_until_ms and offer.special_until_ms <= offer.special_from_ms:
        reading.blame(
            row, "special_until_ms", "特价结束不晚于特价开始；请改正", "is not after the start of the special price"
        )
    if offer.special_until_ms and not offer.special_from_ms:
        reading.blame(
            row,
            "special_until_ms",
            "有特价结束但没有特价开始；请填开始时间",
            "has no start; fill in when the special begins",
        )


def _check_uniqueness(reading: _Reading) -> None:
    """Sku, code and link number each name one offer; a code that is another's link number would be read two ways."""
    for field in ("sku", "code", "link_no"):
        seen: dict[str, int] = {}
        for row, offer in reading.offers:
            name = str(cast(object, getattr(offer, field)) or "").casefold()
            if not name:
                continue
            first_row = seen.setdefault(name, row)
            if first_row != row:
                reading.blame(
                    row,
                    field,
                    f"「{name}」在第 {first_row} 行已用过；请换一个",
                    f"{name!r} is used in row {first_row} already; choose another",
                )
    link_rows = {str(offer.link_no): (row, offer.sku) for row, offer in reading.offers if offer.link_no}
    for row, offer in reading.offers:
        other_row, other_sku = link_rows.get(offer.code, (row, Sku(offer.sku)))
        if other_sku != offer.sku:
            reading.blame(
                row,
                "code",
                f"口令「{offer.code}」是第 {other_row} 行的链接号，评论会读错；请换一个",
                f"{offer.code!r} is the link number of row {other_row}, so comments would be misread; choose another",
            )

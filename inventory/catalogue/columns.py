"""The columns of a catalogue file: their names in files and templates, and how one cell becomes a value.

A heading decides its cell's unit: `price_minor` (价格(分)) is a whole number of minor units, 价格(元) a decimal of
yuan. Times under a Chinese heading are written as people write them, in the zone of `BEIJING`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation

import msgspec

from flashsale.domain import AMOUNT_MINOR_MAX, ID_BYTES_MAX, PACKS_MAX, UNITS_MAX

Cell = str | int | float | bool | datetime | date | None
"""What a file may hold in one cell. CSV has only strings; blank cells are None or ""."""

BEIJING = timezone(timedelta(hours=8), "UTC+8")
NAME_CHARS_MAX = 120
WORDS_MAX = 32
WORD_CHARS_MAX = 40
LINK_NO_MAX = 999


class CellError(ValueError):
    """A cell does not say what its column asks for. Carries what is wrong and what to do, in both languages."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh = zh
        self.en = en


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One field of the catalogue under one of its headings.

    `field` is the name in code, `heading` what files in English use, `zh` what the template shows; `also_zh` are other
    headings taken for it. Where two columns share a field (price in fen or in yuan) a file may use either, not both.
    """

    field: str
    heading: str
    zh: str
    also_zh: tuple[str, ...] = ()
    read: Callable[[Cell], object]
    required: bool = False
    of_pool: bool = False
    in_template: bool = True
    note: str = ""
    example: str | int | float = ""


def cell_text(cell: Cell) -> str:
    """A cell as trimmed text. Numbers lose a needless `.0`, since Excel stores 1 as 1.0."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def read_text(cell: Cell) -> str:
    """Free text of at most NAME_CHARS_MAX characters without control characters."""
    text = cell_text(cell)
    if len(text) > NAME_CHARS_MAX:
        raise CellError(
            f"有 {len(text)} 个字，最多 {NAME_CHARS_MAX} 个；请写短一些",
            f"holds {len(text)} characters, at most {NAME_CHARS_MAX} are allowed; shorten it",
        )
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise CellError("含有换行或控制字符；请删去", "holds a line break or control character; remove it")
    return text


def read_id(cell: Cell) -> str:
    """An id: letters and digits of any script, with `.`, `_` and `-` inside; at most ID_BYTES_MAX bytes in UTF-8."""
    text = unicodedata.normalize("NFC", cell_text(cell))
    if text and not all(character.isalnum() or character in "._-" for character in text):
        raise CellError(
            f"「{text[:40]}」含有空格或符号；编码只用字母、数字、汉字和 . _ -",
            f"{text[:40]!r} holds spaces or signs; use letters, digits and . _ - only",
        )
    if len(text.encode()) > ID_BYTES_MAX:
        raise CellError(
            f"编码太长，最多 {ID_BYTES_MAX} 字节；请写短一些", f"is longer than {ID_BYTES_MAX} bytes; shorten it"
        )
    return text


def read_words(cell: Cell) -> tuple[str, ...]:
    """Words split at `|` (full-width ｜ too), each once, in the order given."""
    parts = (read_text(part) for part in cell_text(cell).replace("｜", "|").split("|"))
    words = tuple(dict.fromkeys(part for part in parts if part))
    if len(words) > WORDS_MAX or any(len(word) > WORD_CHARS_MAX for word in words):
        raise CellError(
            f"最多 {WORDS_MAX} 个词，每个最多 {WORD_CHARS_MAX} 字；词与词之间用 | 隔开",
            f"at most {WORDS_MAX} words of {WORD_CHARS_MAX} characters, separated by |",
        )
    return words


def whole_number(lowest: int, highest: int) -> Callable[[Cell], int]:
    """A reader of whole numbers from `lowest` to `highest`; a blank cell reads as 0, or as wrong where 0 is too low."""

    def read(cell: Cell) -> int:
        number = _decimal(cell)
        if number != number.to_integral_value():
            raise CellError(
                f"「{cell_text(cell)[:40]}」不是整数；请填整数，不带单位",
                f"{cell_text(cell)[:40]!r} is not a whole number; write one, without a unit",
            )
        return _bounded(int(number), lowest, highest)

    return read


def read_price_yuan(cell: Cell) -> int:
    """A price in yuan with at most two decimals, as exact fen.

    Excel hands over doubles; `_decimal` goes by their shortest text, which is what was typed, so that 19.9 is 1990 fen.
    """
    minor = _decimal(cell) * 100
    if minor != minor.to_integral_value():
        raise CellError(
            f"「{cell_text(cell)[:40]}」超过两位小数；价格请精确到分",
            f"{cell_text(cell)[:40]!r} has more than two decimals; round it to the fen",
        )
    return _bounded(int(minor), 0, AMOUNT_MINOR_MAX)


_TIME_FORMS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d")


def read_time_beijing(cell: Cell) -> int:
    """A moment in Beijing time (an Excel date, or text like `2020-11-21 20:00`), as Unix milliseconds; blank is 0."""
    if cell is None or cell == "":
        return 0
    if isinstance(cell, datetime):
        return _milliseconds(cell)
    if isinstance(cell, date):
        return _milliseconds(datetime(cell.year, cell.month, cell.day, tzinfo=BEIJING))
    text = re.sub(r"[/.年月]", "-", cell_text(cell)).replace("日", "").replace("T", " ")
    for form in _TIME_FORMS:
        try:
            return _milliseconds(datetime.strptime(text, form).replace(tzinfo=BEIJING))
        except ValueError:
            continue
    raise CellError(
        f"「{cell_text(cell)[:40]}」不是时间；请按 2020-11-21 20:00 的样子填写(北京时间)",
        f"{cell_text(cell)[:40]!r} is not a time; write it like 2020-11-21 20:00 (Beijing time)",
    )


def _milliseconds(moment: datetime) -> int:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=BEIJING)
    milliseconds = round(aware.timestamp() * 1000)
    return _bounded(milliseconds, 0, UNITS_MAX * 10)


def _decimal(cell: Cell) -> Decimal:
    """A cell as an exact number; thousands separators are allowed where they stand in groups of three."""
    if cell is None or cell == "":
        return Decimal(0)
    text = unicodedata.normalize("NFKC", cell_text(cell)).lstrip("¥").strip()
    if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", text):
        text = text.replace(",", "")
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    # 30 digits is far above every bound and keeps 1e999999 from being expanded.
    if isinstance(cell, (bool, date)) or not number.is_finite() or number.adjusted() > 30:
        raise CellError(
            f"「{cell_text(cell)[:40]}」不是数字；请只填数字，不带单位",
            f"{cell_text(cell)[:40]!r} is not a number; write digits only, without a unit",
        )
    return number


def _bounded(number: int, lowest: int, highest: int) -> int:
    if not lowest <= number <= highest:
        raise CellError(
            f"{number} 超出范围；请填 {lowest} 到 {highest} 之间的数",
            f"{number} is out of range; write a number from {lowest} to {highest}",
        )
    return number


_units = whole_number(0, UNITS_MAX)
_units_per_pack = whole_number(1, UNITS_MAX)
_packs = whole_number(0, PACKS_MAX)
_minor = whole_number(0, AMOUNT_MINOR_MAX)
_moment_ms = whole_number(0, UNITS_MAX * 10)

COLUMNS: tuple[Column, ...] = (
    Column(field="pool_id", heading="pool_id", zh="库存池编码", read=read_id, required=True, of_pool=True,
           note="同一批货一个编码；几个规格可以共用。 One id for one physical stock; several offers may share it.",
           example="eggs"),
    Column(field="pool_name", heading="pool_name", zh="库存池名称", read=read_text, required=True, of_pool=True,
           note="观众和战报上看到的名字。 The name that viewers see.", example="散养土鸡蛋"),
    Column(field="base_unit", heading="base_unit", zh="基本单位", read=read_text, required=True, of_pool=True,
           note="枚、克、包、瓶……库存按它数，只用整数。 What stock is counted in, in whole numbers.", example="枚"),
    Column(field="initial_units", heading="initial_units", zh="初始库存", also_zh=("库存", "库存数量"), read=_units,
           required=True, of_pool=True,
           note="按基本单位：3 吨米粉填 3000000 克。 In base units: 3 t of noodles are 3000000 g.", example=10000),
    Column(field="sku", heading="sku", zh="商品编码", also_zh=("规格编码",), read=read_id, required=True,
           note="每个规格一个，与各平台的商家编码一致。 Unique; the seller's code on the platforms.", example="egg-30"),
    Column(field="code", heading="code", zh="下单口令", also_zh=("口令", "代码"), read=read_id,
           note="观众在评论里打的短码，例如 A2。 The short code that viewers type.", example="A2"),
    Column(field="link_no", heading="link_no", zh="链接号", also_zh=("几号链接",), read=whole_number(0, LINK_NO_MAX),
           note="购物车里的几号链接。 Its number in the shopping cart.", example=2),
    Column(field="name", heading="offer_name", zh="商品名称", also_zh=("规格名称",), read=read_text, required=True,
           note="写明规格。 Say the pack size.", example="散养土鸡蛋 30枚/托"),
    Column(field="aliases", heading="aliases", zh="别名", read=read_words,
           note="观众的叫法，用 | 隔开。 What viewers call it, split by |.", example="鸡蛋|土鸡蛋|散养鸡蛋"),
    Column(field="pack_words", heading="pack_words", zh="量词", also_zh=("包装量词",), read=read_words,
           note="一件怎么数，用 | 隔开：托|板。 How one pack is counted, split by |.", example="托|板"),
    Column(field="units_per_pack", heading="units_per_pack", zh="每件含量", also_zh=("每件数量",), read=_units_per_pack,
           required=True, note="一件含多少基本单位。 Base units in one pack.", example=30),
    Column(field="price_minor", heading="price", zh="价格(元)", also_zh=("价格", "单价", "单价(元)", "特价(元)"),
           read=read_price_yuan, required=True, note="成交价，最多两位小数。 The selling price in yuan.", example=90.0),
    Column(field="price_minor", heading="price_minor", zh="价格(分)", also_zh=("单价(分)",), read=_minor, required=True,
           in_template=False),
    Column(field="list_price_minor", heading="list_price", zh="划线价(元)", also_zh=("原价(元)", "划线价", "原价"),
           read=read_price_yuan, note="划掉的原价，不低于价格；可空。 Struck through; may be blank.", example=108.0),
    Column(field="list_price_minor", heading="list_price_minor", zh="划线价(分)", also_zh=("原价(分)",), read=_minor,
           in_template=False),
    Column(field="special_from_ms", heading="special_from", zh="特价开始", also_zh=("特价开始时间",),
           read=read_time_beijing, note="北京时间；空着就一直是特价。 Beijing time; blank: the price always holds."),
    Column(field="special_from_ms", heading="special_from_ms", zh="特价开始(毫秒)", read=_moment_ms, in_template=False),
    Column(field="special_until_ms", heading="special_until", zh="特价结束", also_zh=("特价结束时间",),
           read=read_time_beijing, note="北京时间；空着就不结束。 Beijing time; blank: no set end."),
    Column(field="special_until_ms", heading="special_until_ms", zh="特价结束(毫秒)", read=_moment_ms,
           in_template=False),
    Column(field="limit_packs", heading="limit_packs", zh="每人限购(件)", also_zh=("限购", "每人限购"), read=_packs,
           note="0 或空为不限。 Packs a buyer; 0 or blank is no limit.", example=10),
    Column(field="limit_units", heading="limit_units", zh="库存池每人限量", read=_units, of_pool=True,
           note="一个买家在整个库存池最多拿多少基本单位；0 不限。 Base units for one buyer."),
    Column(field="presale_units", heading="presale_units", zh="预售量", also_zh=("预售数量",), read=_units,
           of_pool=True, note="售罄后接着预售的量，按基本单位。 Sold ahead once the pool is gone, in base units."),
    Column(field="presale_ships_at_ms", heading="presale_ships_at", zh="预售发货时间", also_zh=("预售发货",),
           read=read_time_beijing, of_pool=True, note="有预售量就要填。北京时间。 Needed with a presale quota."),
    Column(field="presale_ships_at_ms", heading="presale_ships_at_ms", zh="预售发货时间(毫秒)", read=_moment_ms,
           of_pool=True, in_template=False),
    Column(field="supplier", heading="supplier", zh="供应商", also_zh=("供货商",), read=read_text,
           note="结算和拣货按它分。 Pick lists and settlement are split by it.", example="铜鼓县生态养殖合作社"),
    Column(field="county", heading="county", zh="县", also_zh=("县区", "产地"), read=read_text, example="铜鼓县",
           note="产地县。 County of origin."),
    Column(field="certificate_no", heading="certificate_no", zh="认证编号", also_zh=("扶贫产品认定编号",),
           read=read_text, note="产品认定证书的编号。 Number of the product's certificate.", example="JX-2020-0001"),
)  # fmt: skip


def heading_key(heading: str) -> str:
    """A heading as it is compared: full-width brackets, case, spaces and the star of a required column don't matter."""
    return re.sub(r"[\s*]", "", unicodedata.normalize("NFKC", heading)).casefold()


COLUMN_BY_HEADING: dict[str, Column] = {
    heading_key(heading): column for column in COLUMNS for heading in (column.heading, column.zh, *column.also_zh)
}
REMARK_HEADINGS = frozenset({"备注", "说明", "remark", "remarks", "note", "notes"})

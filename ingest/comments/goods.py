"""The goods of a sale as comments name them: codes, links, names and aliases, pack words, sizes and prices."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import msgspec

from ingest.comments.domain import OfferWords
from ingest.comments.normaliser import normalise
from ingest.comments.vocabulary import counters_of_pieces, grams, millilitres

PIECES: Final = "piece"
GRAMS: Final = "g"
MILLILITRES: Final = "ml"

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s?([a-z]+|[\u3400-\u9fff]+?)(?=$|/|每|装|\s)")
_CODE_PARTS = re.compile(r"(?<=[a-z])(?=\d)")


class Measure(msgspec.Struct, frozen=True, gc=False):
    """An amount of something that is not packs: grams, millilitres or pieces."""

    dimension: str
    amount: Decimal


class Goods(msgspec.Struct, frozen=True, gc=False):
    """One offer, prepared for reading.

    `base` is one base unit of its pool as a measure, None where the base unit is a pack itself. `size` is the size that
    the offer's name states (`1kg/袋`), a label and not a conversion; `size_text` is how it is written there (`1kg`).
    """

    sku: str
    pool_id: str
    pack_words: frozenset[str]
    units_per_pack: int
    base: Measure | None
    size: Measure | None
    size_text: str
    prices: tuple[Decimal, ...]


def measure(amount: Decimal, unit: str) -> Measure | None:
    """Turn an amount of a unit (斤, kg, 枚, 升 …) into grams, pieces or millilitres; None for other units."""
    if unit in grams():
        return Measure(GRAMS, amount * grams()[unit])
    if unit in millilitres():
        return Measure(MILLILITRES, amount * millilitres()[unit])
    if unit in counters_of_pieces():
        return Measure(PIECES, amount)
    return None


def _size_in(name: str) -> tuple[Measure | None, str]:
    match = _SIZE.search(name)
    return (measure(Decimal(match[1]), match[2]), match[1] + match[2]) if match else (None, "")


def _prepare(offer: OfferWords) -> Goods:
    base_unit = normalise(offer.base_unit)
    packs = {normalise(word) for word in offer.pack_words}
    base = measure(Decimal(1), base_unit)
    if base is None and offer.units_per_pack == 1:
        packs.add(base_unit)
    prices = (offer.price_minor, offer.list_price_minor)
    size, size_text = _size_in(normalise(offer.name))
    return Goods(
        sku=offer.sku,
        pool_id=offer.pool_id,
        pack_words=frozenset(packs - {""}),
        units_per_pack=offer.units_per_pack,
        base=base,
        size=size,
        size_text=size_text,
        prices=tuple(Decimal(price) / 100 for price in prices if price > 0),
    )


def _names(offer: OfferWords) -> set[str]:
    """Every spelling that names the offer: in full, by an alias, without the size (土蜂蜜), by a size per pack (10枚/盒)."""
    bare, _, size = offer.name.partition(" ")
    spoken = [offer.name, bare, *offer.aliases, *([size] if "/" in size else [])]
    names = {normalise(name) for name in spoken}
    return {form for name in names for form in (name, name.replace(" ", "")) if len(form) > 1 or not form.isascii()}


class GoodsBook:
    """All goods of a sale, by what names them. Immutable once made."""

    def __init__(self, offers: Iterable[OfferWords]) -> None:
        self.by_sku: dict[str, Goods] = {}
        self.by_link: dict[int, tuple[Goods, ...]] = {}
        self.by_code: dict[str, tuple[Goods, ...]] = {}
        self.by_name: dict[str, tuple[Goods, ...]] = {}
        codes: dict[str, list[Goods]] = defaultdict(list)
        names: dict[str, list[Goods]] = defaultdict(list)
        links: dict[int, list[Goods]] = defaultdict(list)
        for offer in offers:
            goods = _prepare(offer)
            self.by_sku[goods.sku] = goods
            if offer.link_no > 0:
                links[offer.link_no].append(goods)
            code = normalise(offer.code).replace(" ", "")
            if code:
                (codes if code.isascii() else names)[code].append(goods)
            for name in _names(offer):
                names[name].append(goods)
        self.by_code = {code: tuple(goods) for code, goods in codes.items()}
        self.by_name = {name: tuple(goods) for name, goods in names.items()}
        self.by_link = {number: tuple(goods) for number, goods in links.items()}
        self.pack_words = frozenset(word for goods in self.by_sku.values() for word in goods.pack_words)
        self.code_pattern = _code_pattern(self.by_code)


def _code_pattern(codes: Iterable[str]) -> re.Pattern[str]:
    """Match any code, longest first, a space allowed between its letters and its digits; never half of a longer number."""
    spaced = (" ?".join(map(re.escape, _CODE_PARTS.split(code))) for code in sorted(codes, key=len, reverse=True))
    alternatives = "|".join(spaced) or r"(?!)"
    return re.compile(rf"(?:{alternatives})(?!\d)")

"""How many packs of which offer a mention with its amounts means, or why it cannot be told safely."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec

from ingest.comments.folding import Part
from ingest.comments.goods import PIECES, Goods, GoodsBook, Measure, measure
from ingest.comments.vocabulary import Kind, counters_general, counters_of_pieces

QUANTITIES_MAX: Final = 6
"""More amounts behind one mention are noise; the bound keeps the comparison of amounts from growing with the comment."""

Lines = tuple[tuple[str, int], ...]


class Doubt(msgspec.Struct, frozen=True, gc=False):
    """Why an order is not read; `rule` names the reason."""

    rule: str


class Item(msgspec.Struct, gc=False):
    """A mention of goods with the amounts, measures and prices that belong to it. Filled while the parts are read."""

    goods: tuple[Goods, ...]
    is_code: bool = False
    quantities: list[Part] = []
    prices: list[Part] = []

    def has_explicit_amount(self) -> bool:
        """Whether an amount is written so that it can be nothing else: with a sign or with what it counts."""
        return any(part.signed or part.unit or part.kind is Kind.WEIGHT for part in self.quantities)


class _Reader:
    """Settles one item. `lines` gives its lines or a doubt."""

    def __init__(self, item: Item, featured: str, book: GoodsBook, packs_min: int, packs_max: int) -> None:
        self._goods = item.goods
        self._item = item
        self._featured = featured
        self._book = book
        self._packs_min = packs_min
        self._packs_max = packs_max

    def lines(self) -> Lines | Doubt:
        counts: list[Part] = []
        measures: list[Measure] = []
        for part in self._item.quantities:
            if part.kind is Kind.WEIGHT or self._is_pieces(part):
                found = self._measured(part)
                if found is None:
                    return Doubt("weight_unclear")
                measures.append(found)
            else:
                counts.append(part)
        return self._weighed(measures, counts) if measures else self._counted(counts, self._goods)

    def _is_pieces(self, part: Part) -> bool:
        """Whether an amount counts pieces of a pool that is kept in pieces: 60个 of eggs are eggs, not packs."""
        if part.kind is not Kind.AMOUNT or part.unit not in counters_of_pieces():
            return False
        by_piece = all(goods.base is not None and goods.base.dimension == PIECES for goods in self._goods)
        return by_piece and not any(part.unit in goods.pack_words for goods in self._goods)

    @staticmethod
    def _measured(part: Part) -> Measure | None:
        if part.kind is Kind.WEIGHT:
            return part.measure
        return measure(part.value or Decimal(0), part.unit)

    def _weighed(self, measures: Sequence[Measure], counts: Sequence[Part]) -> Lines | Doubt:
        if len(measures) > 1:
            return Doubt("amount_conflict")
        amount = measures[0]
        sized = tuple(goods for goods in self._goods if _pack_size(goods, amount.dimension) == amount.amount)
        if counts:
            # 5kg米粉两箱 states the size, 鸡蛋3盒30个 states the same amount twice; anything else contradicts itself.
            by_size = self._counted(counts, sized) if sized else Doubt("amount_conflict")
            if not isinstance(by_size, Doubt):
                return by_size
            lines = self._counted(counts, self._goods)
            if isinstance(lines, Doubt) or self._total(lines, amount.dimension) == amount.amount:
                return lines
            return Doubt("amount_conflict")
        return self._fewest_packs(amount, sized)

    def _total(self, lines: Lines, dimension: str) -> Decimal:
        return sum(
            ((_pack_size(self._book.by_sku[sku], dimension) or Decimal(0)) * packs for sku, packs in lines), Decimal(0)
        )

    def _fewest_packs(self, amount: Measure, sized: tuple[Goods, ...]) -> Lines | Doubt:
        exact: list[tuple[int, str]] = []
        for goods in self._goods:
            size = _base_size(goods, amount.dimension)
            if size and amount.amount > 0 and amount.amount % size == 0:
                exact.append((int(amount.amount / size), goods.sku))
        if not exact:
            # A size as the name has it (山茶油 5L/桶) names the offer; converting it (菊花茶半斤) would be a guess.
            written = {part.text.replace(" ", "") for part in self._item.quantities}
            labelled = len(sized) == 1 and sized[0].size_text in written
            return ((sized[0].sku, 1),) if labelled else Doubt("weight_not_whole_packs")
        packs, sku = min(exact)
        return self._checked(sku, packs)

    def _counted(self, counts: Sequence[Part], candidates: tuple[Goods, ...]) -> Lines | Doubt:
        lines: dict[str, int] = {}
        amounts = [part for part in counts if not _is_price(part, counts, candidates)]
        if not amounts:
            goods = self._settle_by_price(candidates)
            return goods if isinstance(goods, Doubt) else ((goods.sku, 1),)
        for part in amounts:
            if part.value is None or part.value != int(part.value):
                return Doubt("amount_fraction")
            fitting = _fitting(part.unit, candidates)
            goods = fitting if isinstance(fitting, Doubt) else self._settle_by_price(fitting)
            if isinstance(goods, Doubt):
                return goods
            if part.signed and not part.unit and part.value > 1 and part.value in goods.prices:
                return Doubt("amount_or_price")
            checked = self._checked(goods.sku, int(part.value))
            if isinstance(checked, Doubt):
                return checked
            if lines.setdefault(goods.sku, checked[0][1]) != checked[0][1]:
                return Doubt("amount_conflict")
        return tuple(lines.items())

    def _settle_by_price(self, goods: tuple[Goods, ...]) -> Goods | Doubt:
        if len(goods) == 1:
            return goods[0]
        stated = {price.value for price in self._item.prices}
        priced = tuple(each for each in goods if stated.intersection(each.prices))
        if len(priced) == 1:
            return priced[0]
        featured = [each for each in goods if each.sku == self._featured]
        return featured[0] if featured else Doubt("which_offer")

    def _checked(self, sku: str, packs: int) -> Lines | Doubt:
        if packs < self._packs_min:
            return Doubt("amount_zero")
        if packs > self._packs_max:
            return Doubt("amount_too_large")
        return ((sku, packs),)


def _is_price(part: Part, counts: Sequence[Part], candidates: Sequence[Goods]) -> bool:
    """A bare number that is the offer's price, or the price of all packs that another number asks for."""
    if part.signed or part.unit or part.value is None:
        return False
    prices = [price for goods in candidates for price in goods.prices]
    others = [other.value for other in counts if other is not part and other.value]
    return part.value in prices or any(part.value == price * packs for price in prices for packs in others if packs > 1)


def _fitting(unit: str, candidates: tuple[Goods, ...]) -> tuple[Goods, ...] | Doubt:
    """The goods that are counted by this word: their own pack word, or a word for anything."""
    if not unit:
        return candidates
    own = tuple(goods for goods in candidates if unit in goods.pack_words)
    if own:
        return own
    return candidates if unit in counters_general() else Doubt("pack_word_unknown")


def _base_size(goods: Goods, dimension: str) -> Decimal | None:
    """What a pack holds in this dimension, by the pool's own base unit; None where the pool is kept otherwise."""
    if goods.base is None or goods.base.dimension != dimension:
        return None
    return goods.base.amount * goods.units_per_pack


def _pack_size(goods: Goods, dimension: str) -> Decimal | None:
    """What a pack holds in this dimension, by the base unit or else by the size that its name states."""
    size = _base_size(goods, dimension)
    if size is None and goods.size is not None and goods.size.dimension == dimension:
        return goods.size.amount
    return size


def settle(item: Item, featured: str, book: GoodsBook, packs_min: int, packs_max: int) -> Lines | Doubt:
    """Return an item's lines, or why a person has to read it.

    `featured` settles an alias that several offers share. Packs outside `packs_min` to `packs_max` are a doubt.
    """
    if len(item.quantities) > QUANTITIES_MAX:
        return Doubt("amount_conflict")
    return _Reader(item, featured, book, packs_min, packs_max).lines()

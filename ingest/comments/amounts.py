"""How many packs of which offer a mention with its amounts means, or why it cannot be told safely."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec

from ingest.comments.folding import Part
from ingest.comments.goods import PIECES, Goods, GoodsBook, Measure, measure
from ingest.comments.vocabulary import Kind, counters_general

QUANTITIES_MAX: Final = 6
"""More amounts behind one mention are noise; the bound keeps the comparison of amounts from growing with the comment."""

Lines = tuple[tuple[str, int], ...]


class Doubt(msgspec.Struct, frozen=True):
    """Why an order is not read; `rule` names the reason."""

    rule: str


class Item(msgspec.Struct):
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
        counts = [part for part in self._item.quantities if part.kind is Kind.AMOUNT]
        measures = [found for part in self._item.quantities if (found := self._measured(part)) is not None]
        if any(part.kind is Kind.WEIGHT and part.measure is None for part in self._item.quantities):
            return Doubt("weight_unclear")
        counts = [part for part in counts if not self._is_pieces(part)]
        if measures:
            return self._weighed(measures, counts)
        return self._counted(counts)

    def _is_pieces(self, part: Part) -> bool:
        """Whether an amount counts pieces of a pool that is kept in pieces: 60个 of eggs are eggs, not packs."""
        found = measure(Decimal(1), part.unit) if part.unit and part.kind is Kind.AMOUNT else None
        by_piece = all(goods.base is not None and goods.base.dimension == PIECES for goods in self._goods)
        own_word = any(part.unit in goods.pack_words for goods in self._goods)
        return found is not None and found.dimension == PIECES and by_piece and not own_word

    def _measured(self, part: Part) -> Measure | None:
        if part.kind is Kind.WEIGHT:
            return part.measure
        return measure(part.value or Decimal(0), part.unit) if self._is_pieces(part) else None

    def _weighed(self, measures: Sequence[Measure], counts: Sequence[Part]) -> Lines | Doubt:
        if len(measures) > 1:
            return Doubt("amount_conflict")
        amount = measures[0]
        sized = tuple(goods for goods in self._goods if _pack_size(goods, amount.dimension) == amount.amount)
        if counts:
            # 5kg米粉两箱 states the size, 鸡蛋3盒30个 states the same amount twice; anything else contradicts itself.
            lines = self._counted(counts)
            if sized:
                self._goods, all_goods = sized, self._goods
                lines_of_size = self._counted(counts)
                self._goods = all_goods
                if not isinstance(lines_of_size, Doubt):
                    return lines_of_size
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

    def _counted(self, counts: Sequence[Part]) -> Lines | Doubt:
        lines: dict[str, int] = {}
        amounts = [part for part in counts if not self._is_price(part, counts)]
        if not amounts:
            goods = self._settle_by_price(self._goods)
            return goods if isinstance(goods, Doubt) else ((goods.sku, 1),)
        for part in amounts:
            if part.value is None or part.value != part.value.to_integral_value():
                return Doubt("amount_fraction")
            fitting = self._fitting(part.unit)
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

    def _is_price(self, part: Part, counts: Sequence[Part]) -> bool:
        """A bare number that is the offer's price, or the price of all packs that another number asks for."""
        if part.signed or part.unit or part.value is None:
            return False
        prices = {price for goods in self._goods for price in goods.prices}
        others = [other.value for other in counts if other is not part and other.value]
        return part.value in prices or any(
            part.value == price * packs for price in prices for packs in others if packs > 1
        )

    def _fitting(self, unit: str) -> tuple[Goods, ...] | Doubt:
        """The goods that are counted by this word: their own pack word, or a word for anything."""
        if not unit:
            return self._goods
        own = tuple(goods for goods in self._goods if unit in goods.pack_words)
        if own:
            return own
        return self._goods if unit in counters_general() else Doubt("pack_word_unknown")

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

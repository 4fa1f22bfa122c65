"""Which amount belongs to which goods, over the whole comment.

Amounts stand behind their goods (`A1两盒C1一瓶`) or before them (`3盒A1 2瓶C1`); the first one in a part of the comment says
which. `各` gives one amount to all. Where two readings are possible the answer is a doubt, never a guess.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from flashsale.domain import LINES_MAX
from ingest.comments.amounts import Doubt, Item, Lines, settle
from ingest.comments.folding import Part
from ingest.comments.goods import Goods, GoodsBook
from ingest.comments.vocabulary import Kind

QUANTITIES = frozenset((Kind.AMOUNT, Kind.WEIGHT))
_STRUCTURE = frozenset((Kind.GOODS, Kind.AMOUNT, Kind.WEIGHT, Kind.PRICE, Kind.EACH, Kind.SEPARATOR, Kind.CONJUNCTION))
_TELLING = _STRUCTURE | {Kind.UNKNOWN}
UNMET_CHARS_MAX = 12


class Asked(msgspec.Struct, gc=False):
    """What a comment asks for: its items, amounts that belong to no goods, and goods that nobody offers."""

    items: list[Item] = []
    unnamed: list[Part] = []
    prices: list[Part] = []
    unmet: list[str] = []
    doubt: str = ""


def _shared_goods(first: tuple[Goods, ...], second: tuple[Goods, ...]) -> tuple[Goods, ...]:
    return tuple(goods for goods in first if goods in second)


def _is_unmet(parts: Sequence[Part], index: int) -> bool:
    """Whether an unknown word stands where goods would: glued to an amount, apart from any goods."""
    part = parts[index]
    before = parts[index - 1] if index else None
    after = parts[index + 1] if index + 1 < len(parts) else None
    if (before and before.kind is Kind.GOODS and part.glued) or (after and after.kind is Kind.GOODS and after.glued):
        return False
    explicit = [
        each for each in (before, after) if each is not None and each.kind in QUANTITIES and (each.signed or each.unit)
    ]
    return bool(explicit) and len(part.text) <= UNMET_CHARS_MAX


class _Assigner:
    """Walks the parts once and hands each quantity to its item."""

    def __init__(self) -> None:
        self.asked = Asked(items=[], unnamed=[], prices=[], unmet=[])
        self._each: list[Part] | None = None

    def assign(self, parts: Sequence[Part]) -> Asked:
        segment: list[Part] = []
        for first, sign, last in zip(parts, parts[1:], parts[2:], strict=False):
            # A1,2 may be two packs or two codes.
            bare = last.kind is Kind.AMOUNT and not last.unit and not last.signed
            if bare and sign.kind is Kind.SEPARATOR and first.kind is Kind.GOODS:
                self.asked.doubt = "which_goods"
        for index, read in enumerate(parts):
            unmet = read.kind is Kind.UNKNOWN and _is_unmet(parts, index)
            part = Part(Kind.GOODS, read.text, read.start, read.end, glued=read.glued) if unmet else read
            if part.kind in (Kind.SEPARATOR, Kind.CONJUNCTION):
                self._segment(segment)
                segment = []
            elif part.kind in _STRUCTURE:
                segment.append(part)
        self._segment(segment)
        self._share_each()
        self.asked.items = [item for item in self.asked.items if item.goods]
        return self.asked

    def _segment(self, segment: list[Part]) -> None:
        kinds = [part.kind for part in segment]
        if Kind.EACH in kinds:
            self._share(segment)
        elif Kind.GOODS in kinds:
            self._mentions(segment, before=self._opens_with_quantity(kinds))
        else:
            self._without_goods(segment)

    @staticmethod
    def _opens_with_quantity(kinds: Sequence[Kind]) -> bool:
        first_quantity = next((index for index, kind in enumerate(kinds) if kind in QUANTITIES), len(kinds))
        return first_quantity < kinds.index(Kind.GOODS)

    def _share(self, segment: list[Part]) -> None:
        """`各`: the amount behind it belongs to every item that has none yet, before it and behind it."""
        place = next(index for index, part in enumerate(segment) if part.kind is Kind.EACH)
        before, after = segment[:place], [part for part in segment[place + 1 :] if part.kind is not Kind.EACH]
        if before:
            self._segment(before)
        self._each = [part for part in after if part.kind in QUANTITIES]
        if any(part.kind is Kind.GOODS for part in after):
            self._mentions([part for part in after if part.kind is Kind.GOODS], before=False)

    def _share_each(self) -> None:
        if self._each is None:
            return
        waiting = [item for item in self.asked.items if not item.quantities]
        if len(self._each) != 1 or not waiting:
            self.asked.doubt = self.asked.doubt or "amount_unclear"
        for item in waiting:
            item.quantities.extend(self._each)

    def _without_goods(self, segment: list[Part]) -> None:
        last = self.asked.items[-1] if self.asked.items else None
        for part in segment:
            if part.kind is Kind.PRICE:
                (last.prices if last else self.asked.prices).append(part)
            elif last is None:
                self.asked.unnamed.append(part)
            else:
                last.quantities.append(part)
                self._check_shared(last, part)

    def _mentions(self, segment: list[Part], *, before: bool) -> None:
        waiting = [*self.asked.unnamed]
        self.asked.unnamed.clear()
        previous: Part | None = None
        first_index = len(self.asked.items)
        last_mention = max(index for index, part in enumerate(segment) if part.kind is Kind.GOODS)
        for index, part in enumerate(segment):
            current = self.asked.items[-1] if len(self.asked.items) > first_index else None
            if part.kind is Kind.GOODS:
                if current is None or not self._merge(current, part, previous):
                    self._open(part)
                if waiting:
                    self.asked.items[-1].quantities.extend(waiting)
                    waiting.clear()
            elif part.kind is Kind.PRICE:
                (current.prices if current else self.asked.prices).append(part)
            elif current is None or (before and index < last_mention):
                waiting.append(part)
            else:
                current.quantities.append(part)
                self._check_shared(current, part)
            previous = part
        self._check_run(self.asked.items[first_index:])

    def _open(self, part: Part) -> None:
        item = Item(part.goods, part.is_code, quantities=[], prices=[*self.asked.prices])
        self.asked.prices.clear()
        self.asked.items.append(item)
        if not part.goods:
            self.asked.unmet.append(part.text)

    @staticmethod
    def _merge(current: Item, part: Part, previous: Part | None) -> bool:
        """`A1鸡蛋两盒` and `蜂蜜两瓶C1` name one offer twice; two names without a common offer are two items."""
        shared = _shared_goods(current.goods, part.goods)
        if not shared or (previous is not None and previous.kind in QUANTITIES and part.is_code == current.is_code):
            return False
        current.goods = shared
        current.is_code = current.is_code or part.is_code
        return True

    def _check_shared(self, item: Item, part: Part) -> None:
        """An amount behind two goods (`A1 C1 2`) may mean both, unless the word that it counts fits only the last."""
        before = self.asked.items[-2] if len(self.asked.items) > 1 else None
        if before is None or before.quantities or not before.goods:
            return
        fits_last = any(part.unit in goods.pack_words for goods in item.goods)
        fits_before = any(part.unit in goods.pack_words for goods in before.goods)
        if not fits_last or fits_before:
            self.asked.doubt = self.asked.doubt or "which_goods"

    def _check_run(self, items: Sequence[Item]) -> None:
        """In `2 A1 C1` nothing says whether the second has an amount: only an explicit one closes its goods."""
        for item, later in pairwise(items):
            if item.quantities and not later.quantities and not item.has_explicit_amount():
                self.asked.doubt = self.asked.doubt or "which_goods"


def ask(parts: Sequence[Part]) -> Asked:
    """Hand each amount in the parts to its goods."""
    telling = [part for part in parts if part.kind in _TELLING]
    if len(telling) == 2:
        # Nearly every order is one mention and one amount, and needs no rule to bring them together.
        first, second = telling
        mention, amount = (first, second) if first.kind is Kind.GOODS else (second, first)
        if mention.kind is Kind.GOODS and amount.kind in QUANTITIES:
            return Asked(items=[Item(mention.goods, mention.is_code, quantities=[amount])])
    return _Assigner().assign(parts)


def lines_of(
    items: Sequence[Item], featured: str, book: GoodsBook, *, packs_max: int, packs_min: int = 1
) -> Lines | Doubt:
    """Return the lines of all items, or the first doubt. The same offer with amounts twice is a doubt."""
    if len(items) > LINES_MAX:
        return Doubt("too_many_lines")
    lines: dict[str, int] = {}
    explicit: set[str] = set()
    for item in items:
        settled = settle(item, featured, book, packs_min, packs_max)
        if isinstance(settled, Doubt):
            return settled
        for sku, packs in settled:
            if sku in lines and (lines[sku] != packs or (item.quantities and sku in explicit)):
                return Doubt("amount_conflict")
            lines[sku] = packs
            if item.quantities:
                explicit.add(sku)
    return tuple(lines.items())

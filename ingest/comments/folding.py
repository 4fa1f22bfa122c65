"""Fold tokens into the parts that an order is made of: mentions of goods, amounts, measures and prices.

`3号链接` becomes a mention, `+2` and `两盒` an amount, `10斤` a measure, `80元` a price, `扣1` an answer to the host. What
looks like an amount and has no safe value (`2-3盒`, `半箱`, `+1+1`) becomes a doubt that names its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from ingest.comments.goods import Goods, GoodsBook, Measure, measure
from ingest.comments.lexer import Token
from ingest.comments.vocabulary import Kind

HALF: Final = Decimal("0.5")
_LINK_AFTER_NUMBER = frozenset(
    ("号链接", "号", "链接", "号品", "号宝贝", "号商品", "号产品", "号款", "号链", "号连接", "链")
)
_LINK_BEFORE_NUMBER = frozenset(("链接", "链", "link", "no.", "#链接"))
_NEUTRAL_SIGNS = frozenset(".~:=")
_MAGNITUDES = frozenset("百千万亿兆京垓秭")
_CURRENCY_SIGNS = frozenset("¥$€£₫₱฿")


class Part(msgspec.Struct, frozen=True, gc=False):
    """A part of a comment. `goods` belong to mentions, `value` and `unit` to amounts, prices and measures.

    `signed` is set for `+2` and `x2`. `rule` names what is doubtful. `glued` tells whether no space precedes.
    """

    kind: Kind
    text: str
    start: int
    end: int
    goods: tuple[Goods, ...] = ()
    value: Decimal | None = None
    unit: str = ""
    signed: bool = False
    measure: Measure | None = None
    is_code: bool = False
    rule: str = ""
    glued: bool = False


class _Folder:
    def __init__(self, tokens: Sequence[Token], book: GoodsBook, text: str) -> None:
        self._tokens = tokens
        self._book = book
        self._text = text
        self.parts: list[Part] = []

    def kind(self, index: int) -> Kind | None:
        return self._tokens[index].kind if 0 <= index < len(self._tokens) else None

    def is_number(self, index: int) -> bool:
        return self.kind(index) is Kind.NUMBER

    def value(self, index: int) -> Decimal:
        found = self._tokens[index].value
        assert found is not None, "numbers have a value"
        return found

    def is_one_pack(self, index: int) -> bool:
        """Whether a price goes on `一瓶`: it tells what one costs and asks for none."""
        glued = self.is_number(index) and self.value(index) == 1 and self._tokens[index].glued
        return glued and self.kind(index + 1) is Kind.COUNTER

    def add(
        self,
        kind: Kind,
        first: int,
        after: int,
        *,
        goods: tuple[Goods, ...] = (),
        value: Decimal | None = None,
        unit: str = "",
        signed: bool = False,
        measured: Measure | None = None,
        is_code: bool = False,
        rule: str = "",
    ) -> int:
        start, end = self._tokens[first].start, self._tokens[after - 1].end
        self.parts.append(
            Part(
                kind,
                self._text[start:end],
                start,
                end,
                goods,
                value,
                unit,
                signed,
                measured,
                is_code,
                rule,
                self._tokens[first].glued,
            )
        )
        return after

    def fold(self) -> list[Part]:
        index = 0
        while index < len(self._tokens):
            read = _READERS.get(self._tokens[index].kind)
            index = read(self, index) if read else self.plain(index)
        return self.parts

    def plain(self, index: int, kind: Kind | None = None, rule: str = "") -> int:
        token = self._tokens[index]
        return self.add(kind or token.kind, index, index + 1, goods=token.goods, is_code=token.is_code, rule=rule)

    def link(self, index: int) -> int:
        """`链接3`; any other word for a link is a word beside a mention."""
        follows = self.kind(index + 2)
        known = self._tokens[index].text in _LINK_BEFORE_NUMBER and self.is_number(index + 1)
        beside_mention = bool(self.parts) and self.parts[-1].kind is Kind.GOODS
        if known and not beside_mention and follows not in (Kind.COUNTER, Kind.LINK, Kind.WEIGHT, Kind.CURRENCY):
            return self.mention_by_link(index, index + 2, self.value(index + 1))
        return self.plain(index, None if beside_mention else Kind.UNKNOWN)

    def mention_by_link(self, first: int, after: int, number: Decimal) -> int:
        goods = self._book.by_link.get(int(number), ()) if number == int(number) else ()
        if not goods:
            return self.add(Kind.UNKNOWN, first, after, rule="unknown_link")
        return self.add(Kind.GOODS, first, after, goods=goods, is_code=True)

    def ordinal(self, index: int) -> int:
        """`第3个链接` is a mention; any other ordinal (第二件半价) counts nothing."""
        after = index + 2
        if self.kind(after) is Kind.COUNTER:
            after += 1
        if self.is_number(index + 1) and self.kind(after) is Kind.LINK:
            return self.mention_by_link(index, after + 1, self.value(index + 1))
        return self.add(Kind.UNKNOWN, index, index + 2 if self.is_number(index + 1) else index + 1)

    def number(self, index: int) -> int:
        follows = self._tokens[index + 1] if index + 1 < len(self._tokens) else None
        if follows is None:
            return self.amount(index, index, signed=False)
        if follows.kind is Kind.LINK and follows.text in _LINK_AFTER_NUMBER:
            return self.mention_by_link(index, index + 2, self.value(index))
        if follows.kind is Kind.CURRENCY:
            per_pack = index + 4 if self.is_one_pack(index + 2) else index + 2
            return self.add(Kind.PRICE, index, per_pack, value=self.value(index))
        if follows.kind is Kind.TIMES and self.kind(index + 2) is Kind.GOODS:
            return self.add(Kind.AMOUNT, index, index + 2, value=self.value(index), signed=True)
        if follows.kind is Kind.UNKNOWN and follows.glued:
            return self.plain(index, Kind.UNKNOWN)  # 3天, 五常大米
        if follows.kind in (Kind.DOUBT, Kind.MINUS) and self.is_number(index + 2) and follows.text != "减":
            after = index + 4 if self.kind(index + 3) in (Kind.COUNTER, Kind.WEIGHT) else index + 3
            return self.add(Kind.DOUBT, index, after, rule="amount_range")
        return self.amount(index, index, signed=False)

    def amount(self, first: int, number: int, *, signed: bool) -> int:
        """Read a number with what it counts, from the sign (`first`) on."""
        value, after = self.value(number), number + 1
        if self.kind(after) is Kind.WEIGHT and not signed:
            return self.weighed(first, after, value)
        if self.kind(after) is Kind.VAGUE:
            return self.add(Kind.DOUBT, first, after + 1, rule="amount_vague")
        if self.goes_on(after):
            return self.add(Kind.DOUBT, first, after + 1, rule="amount_unclear")
        unit = ""
        if self.kind(after) is Kind.COUNTER:
            unit = self._tokens[after].text
            after += 1
        if self.kind(after) is Kind.HALF and self._tokens[after].glued:
            return self.add(Kind.DOUBT, first, after + 1, rule="amount_fraction")
        if unit and value != value.to_integral_value():
            return self.add(Kind.DOUBT, first, after, rule="amount_fraction")
        return self.add(Kind.AMOUNT, first, after, value=value, unit=unit, signed=signed)

    def goes_on(self, index: int) -> bool:
        """Whether a word glued to a number makes another number of it (1e3, 1k, 1千万), or may do so."""
        if self.kind(index) not in (Kind.UNKNOWN, Kind.CURRENCY) or not self._tokens[index].glued:
            return False
        word = self._tokens[index].text
        return (word[0].isascii() and word[0].isalpha()) or _MAGNITUDES.issuperset(word)

    def weighed(self, first: int, unit: int, value: Decimal) -> int:
        after = unit + 1
        if self.kind(after) is Kind.HALF and self._tokens[after].glued:
            value, after = value + HALF, after + 1
        return self.add(Kind.WEIGHT, first, after, value=value, measured=measure(value, self._tokens[unit].text))

    def sign(self, index: int) -> int:
        """`+2`, `x2`, `加二`. A sign before goods joins them (A1+C1); a chain of signs is a doubt."""
        token = self._tokens[index]
        if self.is_number(index + 1):
            if (
                self.parts
                and self.parts[-1].kind in (Kind.AMOUNT, Kind.DOUBT)
                and self.parts[-1].signed
                and token.glued
            ):
                return self.add(Kind.DOUBT, index, index + 2, rule="amount_chain")
            return self.amount(index, index + 1, signed=True)
        if self.kind(index + 1) is Kind.GOODS and token.text in "+":
            return self.plain(index, Kind.CONJUNCTION)
        if token.text == "+":
            return self.plain(index, Kind.DOUBT, rule="amount_chain")
        return self.plain(index, Kind.UNKNOWN)

    def joins_goods(self, index: int) -> bool:
        """Whether a dash stands between two goods (A1-A2): from one to the other, or both?"""
        return self.kind(index + 1) is Kind.GOODS and bool(self.parts) and self.parts[-1].kind is Kind.GOODS

    def minus(self, index: int) -> int:
        if self.joins_goods(index):
            return self.plain(index, Kind.DOUBT, rule="which_goods")
        if not self.is_number(index + 1):
            is_word = self._tokens[index].text > "\u2fff"
            return self.plain(index, Kind.DOUBT if is_word else Kind.MARK, rule="amount_less" if is_word else "")
        after = index + 3 if self.kind(index + 2) is Kind.COUNTER else index + 2
        return self.add(Kind.DOUBT, index, after, rule="amount_negative")

    def doubt(self, index: int) -> int:
        token = self._tokens[index]
        if token.text not in _NEUTRAL_SIGNS:
            return self.plain(index, rule="amount_unclear")
        if token.text == "~" and self.joins_goods(index):
            return self.plain(index, rule="which_goods")
        dotted = token.text == "." and token.glued and self.is_number(index + 1) and self._tokens[index + 1].glued
        if dotted and self.parts and self.parts[-1].kind in (Kind.GOODS, Kind.AMOUNT):
            return self.add(Kind.DOUBT, index, index + 2, rule="amount_fraction")
        return self.plain(index, Kind.MARK)

    def half(self, index: int) -> int:
        if self.kind(index + 1) is Kind.WEIGHT:
            return self.weighed(index, index + 1, HALF)
        if self.kind(index + 1) is Kind.COUNTER:
            return self.add(Kind.DOUBT, index, index + 2, rule="amount_fraction")
        return self.plain(index, Kind.DOUBT, rule="amount_fraction")

    def vague(self, index: int) -> int:
        after = index + 2 if self.kind(index + 1) in (Kind.COUNTER, Kind.WEIGHT) else index + 1
        return self.add(Kind.DOUBT, index, after, rule="amount_vague")

    def currency(self, index: int) -> int:
        if self._tokens[index].text in _CURRENCY_SIGNS | {"rmb", "php", "thb"} and self.is_number(index + 1):
            return self.add(Kind.PRICE, index, index + 2, value=self.value(index + 1))
        return self.plain(index, Kind.UNKNOWN)

    def counter(self, index: int) -> int:
        """A counter behind an ordering verb counts one (来瓶蜂蜜); elsewhere it is a word that nothing explains."""
        token, before = self._tokens[index], self.parts[-1] if self.parts else None
        idiom = before is not None and before.kind is Kind.VERB and min(before.text[-1], token.text) > "\u2fff"
        if idiom and token.glued:
            return self.add(Kind.AMOUNT, index, index + 1, value=Decimal(1), unit=token.text)
        return self.plain(index, Kind.UNKNOWN)

    def verb(self, index: int) -> int:
        """An ordering verb with 了 behind it tells of something done (我拍了, 要了两盒)."""
        done = self.kind(index + 1) is Kind.DONE and self._tokens[index + 1].glued
        return self.add(Kind.BOUGHT, index, index + 2) if done else self.plain(index)

    def already(self, index: int) -> int:
        """已 and 刚 put the ordering word behind them in the past; alone they say when (刚才的改成3盒)."""
        done = self.kind(index + 1) in (Kind.VERB, Kind.TRIGGER) and self._tokens[index + 1].glued
        return self.add(Kind.BOUGHT, index, index + 2) if done else self.plain(index, Kind.EARLIER)

    def answer(self, index: int) -> int:
        if self.is_number(index + 1) and self.kind(index + 2) is not Kind.COUNTER:
            return self.add(Kind.ANSWER, index, index + 2, value=self.value(index + 1))
        return self.plain(index, Kind.UNKNOWN)


_READERS: Final[dict[Kind, Callable[[_Folder, int], int]]] = {
    Kind.LINK: _Folder.link,
    Kind.ORDINAL: _Folder.ordinal,
    Kind.NUMBER: _Folder.number,
    Kind.PLUS: _Folder.sign,
    Kind.TIMES: _Folder.sign,
    Kind.MINUS: _Folder.minus,
    Kind.DOUBT: _Folder.doubt,
    Kind.HALF: _Folder.half,
    Kind.VAGUE: _Folder.vague,
    Kind.CURRENCY: _Folder.currency,
    Kind.WEIGHT: lambda folder, index: folder.plain(index, Kind.UNKNOWN),
    Kind.COUNTER: _Folder.counter,
    Kind.ANSWER: _Folder.answer,
    Kind.VERB: _Folder.verb,
    Kind.ALREADY: _Folder.already,
}


def fold(tokens: Sequence[Token], book: GoodsBook, text: str) -> list[Part]:
    """Return the comment's parts in order. Each token goes into exactly one part."""
    return _Folder(tokens, book, text).fold()

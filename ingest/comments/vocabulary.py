"""The words of `words.toml`, read once and normalised like comments, and the signs between them."""

from __future__ import annotations

import tomllib
from enum import StrEnum
from functools import cache
from importlib import resources
from itertools import product
from typing import Final

from ingest.comments.normaliser import normalise


class Kind(StrEnum):
    """What a piece of a comment does. The members from VERB to FILLER are the tables of `words.toml`."""

    GOODS = "goods"
    NUMBER = "number"
    AMOUNT = "amount"
    PRICE = "price"
    PLUS = "plus"
    TIMES = "times"
    MINUS = "minus"
    SEPARATOR = "separator"
    DOUBT = "doubt"
    MARK = "mark"
    WEIGHT = "weight"
    PERSONAL = "personal"
    UNKNOWN = "unknown"
    VERB = "verb"
    WISH = "wish"
    TRIGGER = "trigger"
    SET = "set"
    EXCHANGE = "exchange"
    CANCEL = "cancel"
    REFUSE = "refuse"
    WAIT = "wait"
    QUESTION = "question"
    PLEA = "plea"
    BOUGHT = "bought"
    RECEIVED = "received"
    MISSED = "missed"
    ANSWER = "answer"
    NEGATION = "negation"
    OTHERS = "others"
    ADDRESSED = "addressed"
    EARLIER = "earlier"
    THIS = "this"
    EACH = "each"
    VAGUE = "vague"
    HALF = "half"
    CURRENCY = "currency"
    LINK = "link"
    ORDINAL = "ordinal"
    CONJUNCTION = "conjunction"
    COUNTER = "counter"
    CHAT = "chat"
    FILLER = "filler"
    ALREADY = "already"
    DONE = "done"
    VOCATIVE = "vocative"


_BUYING: Final = "拍 买 下单 付款 付 付钱 订 定 预订 预定 抢 购 购买 入 入手 囤 拿 下 买单 秒 订购 支付 抢购"
_ENDINGS_PAST: Final = "了 过 好了 完了 到了 下了 过了 完 上了 成功 走了"
_SIGNS: Final = {
    Kind.PLUS: "+ 加",
    Kind.TIMES: "x * 乘 乘以",
    Kind.MINUS: "- − – ‐ — 减 减去 少 少要",
    Kind.SEPARATOR: ", 、 ; 。 | · • \n",
    Kind.DOUBT: "/ ⁄ % ^ < > ~ \\ . : =",
    Kind.MARK: "! \" ' ( ) 「 」 《 》 『 』 【 】 [ ] { } # ` ¡ “ ” ‘ ’ 〜 _ 〈 〉",
    Kind.QUESTION: "? ¿",
}


def _past() -> dict[str, Kind]:
    """Combine buying verbs with what puts them in the past behind them: 买过, 付好了."""
    return {verb + ending: Kind.BOUGHT for verb, ending in product(_BUYING.split(), _ENDINGS_PAST.split())}


@cache
def _tables() -> dict[str, dict[str, str]]:
    text = resources.files(__package__).joinpath("words.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _words_of(table: str) -> list[str]:
    return [normalise(word.replace("_", " ")) for word in " ".join(_tables()[table].values()).split()]


def _values_of(table: str) -> dict[str, int]:
    return {normalise(word): int(value) for value, words in _tables()[table].items() for word in words.split()}


@cache
def counters_general() -> frozenset[str]:
    """Counters for any offer: 份, 件 and, since catalogues seldom name them, words for containers in other languages.

    A Chinese word for a container counts an offer only if it is one of the offer's own pack words.
    """
    return frozenset(_words_of("counter_general"))


@cache
def counters_of_pieces() -> frozenset[str]:
    """Counters that count base units where a pool's base unit is a piece (eggs): then they are not packs."""
    return frozenset(_words_of("counter_of_pieces"))


@cache
def grams() -> dict[str, int]:
    """Units of weight, in grams."""
    return _values_of("grams")


@cache
def millilitres() -> dict[str, int]:
    """Units of volume, in millilitres."""
    return _values_of("millilitres")


@cache
def spoken_numbers() -> dict[str, int]:
    """Number words in the languages that cn2an does not read, with their values."""
    return _values_of("spoken_numbers")


_OTHER_TABLES: Final = {
    "counter_general": Kind.COUNTER,
    "counter_of_pieces": Kind.COUNTER,
    "grams": Kind.WEIGHT,
    "millilitres": Kind.WEIGHT,
    "spoken_numbers": Kind.NUMBER,
}


@cache
def shared_words() -> dict[str, Kind]:
    """Return every word that all sales share, in its normalised spelling, with what it does. Read once per process."""
    words: dict[str, Kind] = {}
    for name in _tables():
        if name not in _OTHER_TABLES:
            for word in _words_of(name):
                words.setdefault(word, Kind(name))
    for word, kind in _past().items():
        words.setdefault(word, kind)
    for name, kind in _OTHER_TABLES.items():
        for word in _words_of(name):
            words.setdefault(word, kind)
    for kind, signs in _SIGNS.items():
        words |= dict.fromkeys(signs.split(" "), kind)
    return words

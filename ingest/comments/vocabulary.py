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
    DONE = "done"
    VOCATIVE = "vocative"


COUNTERS_GENERAL: Final = frozenset(
    "份 份儿 件 单 个 套 组 set sets pc pcs piece pieces order orders cái phần suất ชุด อัน piraso".split()  # noqa: SIM905
)
"""Counters for any offer. A word for a container counts an offer only if it is one of the offer's pack words."""

COUNTERS_OF_PIECES: Final = frozenset(
    (
        "枚",
        "个",
        "只",
        "颗",
        "粒",
        "pc",
        "pcs",
        "piece",
        "pieces",
        "egg",
        "eggs",
        "quả",
        "trứng",
        "ฟอง",
        "ใบ",
        "ลูก",
        "piraso",
    )
)
"""Counters that count base units where a pool's base unit is a piece (eggs): then they are not packs."""

WEIGHTS_GRAMS: Final = (
    dict.fromkeys(("斤", "市斤"), 500)
    | dict.fromkeys(("公斤", "千克", "kg", "kgs", "kilo", "kilos", "กิโล", "กก", "ký", "cân"), 1_000)
    | dict.fromkeys(("克", "g", "gram", "grams", "กรัม"), 1)
    | {"吨": 1_000_000}
)
VOLUMES_ML: Final = dict.fromkeys(("升", "公升", "l", "liter", "litre", "ลิตร"), 1_000) | dict.fromkeys(
    ("ml", "毫升"), 1
)

_SPOKEN: Final = (
    "one หนึ่ง một isa isang|two สอง hai dalawa dalawang|three สาม tatlo tatlong|four สี่ bốn apat|five ห้า năm lima limang|"
    "six หก sáu anim|seven เจ็ด bảy pito|eight แปด tám walo|nine เก้า chín siyam|ten สิบ mười sampu"
)
"""Numbers from one to ten in the languages that cn2an does not read."""

_BUYING: Final = "拍 买 下单 付款 付 付钱 订 定 预订 预定 抢 购 购买 入 入手 囤 拿 下 买单 秒 订购 支付 抢购"
_ENDINGS_PAST: Final = "了 过 好了 完了 到了 下了 过了 完 上了 成功 走了"
_OPENINGS_PAST: Final = "已 已经 刚 刚刚 刚才 早 早就 早已 都已 之前 上次 上回 昨天 昨晚 以前"
_ALSO_AFTER_OPENINGS: Final = "收 加购 收藏 拍下 有 要"

_SIGNS: Final = {
    Kind.PLUS: "+ 加",
    Kind.TIMES: "x * 乘 乘以",
    Kind.MINUS: "- − – ‐ ‑ — 减 减去 少 少要",
    Kind.SEPARATOR: ", 、 ; 。 | · • \n",
    Kind.DOUBT: "/ ⁄ % ^ < > ~ \\ . : =",
    Kind.MARK: "! \" ' ( ) 「 」 《 》 『 』 【 】 [ ] { } # ` ¡ “ ” ‘ ’ ～ 〜 … _ 〈 〉",
    Kind.QUESTION: "? ¿",
}


def _past() -> dict[str, Kind]:
    """Combine buying verbs with what puts them in the past: 已拍, 刚下单, 买过, 付好了."""
    buying = _BUYING.split()
    past = {verb + ending for verb, ending in product(buying, _ENDINGS_PAST.split())}
    opened = product(_OPENINGS_PAST.split(), [*buying, *_ALSO_AFTER_OPENINGS.split(), *sorted(past)])
    return dict.fromkeys(past | {opening + verb for opening, verb in opened}, Kind.BOUGHT)


def spoken_numbers() -> dict[str, int]:
    """Return number words that are no Chinese numerals, with their values."""
    return {normalise(word): value for value, words in enumerate(_SPOKEN.split("|"), 1) for word in words.split()}


@cache
def shared_words() -> dict[str, Kind]:
    """Return every word that all sales share, in its normalised spelling, with what it does. Read once per process."""
    tables = tomllib.loads(resources.files(__package__).joinpath("words.toml").read_text(encoding="utf-8"))
    words: dict[str, Kind] = {}
    for name, languages in tables.items():
        for word in " ".join(languages.values()).split():
            words.setdefault(normalise(word.replace("_", " ")), Kind(name))
    for word, kind in _past().items():
        words.setdefault(word, kind)
    for word in sorted(COUNTERS_GENERAL | COUNTERS_OF_PIECES):
        words.setdefault(normalise(word), Kind.COUNTER)
    words |= {normalise(word): Kind.WEIGHT for word in (*WEIGHTS_GRAMS, *VOLUMES_ML)}
    words |= dict.fromkeys(spoken_numbers(), Kind.NUMBER)
    for kind, signs in _SIGNS.items():
        words |= dict.fromkeys(signs.split(" "), kind)
    return words

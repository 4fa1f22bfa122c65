"""What a host is told: each rule in words, and each word with what it was taken for. Chinese first, then English."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from ingest.comments.domain import Word
from ingest.comments.folding import Part
from ingest.comments.vocabulary import Kind

REASONS: Final[dict[str, tuple[str, str]]] = {
    "code_and_amount": ("写明了编号或链接号和数量", "names a code or link with an amount"),
    "code_alone": ("只写编号或链接号，算一份", "a code or link alone asks for one"),
    "name_and_amount": ("写明了商品名和数量", "names goods with an amount"),
    "name_alone": ("商品名加下单的话，算一份", "names goods with an ordering word, asks for one"),
    "measured_goods": ("按斤两或个数换算，能整份发", "a weight or a count of pieces that makes whole packs"),
    "several_goods": ("一句话下了几样", "orders several goods at once"),
    "featured_and_amount": ("没写商品，按正在讲解的算", "names no goods: the offer on air is meant"),
    "featured_alone": ("只写了要，按正在讲解的算一份", "only says yes: one of the offer on air"),
    "set_amount": ("改成这个数量", "sets the amount"),
    "exchange": ("换成另一样", "exchanges goods"),
    "cancel_named": ("取消写明的商品", "cancels the goods that it names"),
    "cancel_last": ("取消这位买家最近的一单", "cancels the buyer's last claim"),
    "waitlist": ("要求候补", "asks to wait for stock"),
    "question": ("在提问，不下单", "asks, and orders nothing"),
    "answer_digits": ("回应主播扣 1，不下单", "answers the host's call for digits, orders nothing"),
    "cheer": ("刷屏助兴的数字，不下单", "digits that cheer, no order"),
    "missed_out": ("没抢到，想要有货", "missed out and would like some"),
    "wish": ("想要，但没有下单", "would like it, orders nothing"),
    "nothing_featured": (
        "想要，但没写商品，也没有正在讲解的商品",
        "wants some, but names no goods and nothing is on air",
    ),
    "platform_mode": ("订单以平台为准，评论只算意向", "orders come from the platform here; a comment is interest"),
    "trigger_missing": ("没有本场要求的下单口令", "lacks the word that this sale requires"),
    "already_bought": ("说的是已经下过的单", "tells of an order already made"),
    "already_received": ("说的是以前买的或收到的货", "tells of goods bought or received before"),
    "addressed": ("在对别人说话", "speaks to somebody else"),
    "about_others": ("说的是别人，或者是否定的话", "speaks of others, or denies"),
    "unknown_goods": ("本场没有这个商品", "names goods that this sale does not offer"),
    "unclear_words": (
        "有商品和数量，但还有看不懂的话",
        "names goods and an amount among words that are not understood",
    ),
    "not_exact": ("本场只认商品加数量的写法", "this sale takes goods and amounts only"),
    "order_and_question": ("又下单又提问，请人工确认", "orders and asks at once; a person decides"),
    "agreement": ("夸赞后面跟着数字，像是附和", "praise with a number reads like agreement"),
    "which_offer": ("这个名字有几种规格，没写哪一种", "several offers bear this name, and nothing says which"),
    "which_goods": ("看不出指的是哪一样", "does not tell which goods are meant"),
    "pack_word_unknown": ("这个商品没有这种包装", "this offer does not come in such a pack"),
    "weight_unclear": ("这个重量单位没法换算", "this measure cannot be converted"),
    "weight_not_whole_packs": ("这个重量或个数凑不成整份", "this weight or count makes no whole packs"),
    "too_many_lines": ("一条评论写了太多样", "one comment names too many goods"),
    "amount_conflict": ("同一商品写了不同的数量", "gives different amounts for one offer"),
    "amount_chain": ("加号连写，数量不清楚", "a chain of signs is no clear amount"),
    "amount_zero": ("数量是 0", "the amount is zero"),
    "amount_negative": ("数量是负数", "the amount is negative"),
    "amount_fraction": ("数量不是整数", "the amount is not whole"),
    "amount_vague": ("数量是约数", "the amount is vague"),
    "amount_range": ("数量是一个范围", "the amount is a range"),
    "amount_less": ("说的是减少，没说减到多少", "asks for less without saying how many"),
    "amount_too_large": ("数量超过上限，请人工确认", "more packs than the limit; a person decides"),
    "amount_or_price": ("这个数既像数量又像价格", "the number may be an amount or the price"),
    "amount_unclear": ("数量写得不清楚", "the amount is not clear"),
    "ignored_user": ("主播自己或被屏蔽的人，不下单", "the host's own or a blocked buyer's comment never orders"),
    "too_long": ("太长了，不像是下单", "too long to be an order"),
    "chatter": ("没有下单的意思", "nothing that orders"),
}
"""Every rule that a reading may name, as a host reads it."""

_MEANINGS: Final[dict[Kind, str]] = {
    Kind.VERB: "要买 order",
    Kind.TRIGGER: "口令 trigger",
    Kind.WISH: "想要 wish",
    Kind.SET: "改成 set",
    Kind.EXCHANGE: "换 exchange",
    Kind.CANCEL: "取消 cancel",
    Kind.REFUSE: "不要 refuse",
    Kind.WAIT: "候补 wait",
    Kind.QUESTION: "提问 question",
    Kind.PLEA: "语气 plea",
    Kind.BOUGHT: "已下单 already bought",
    Kind.RECEIVED: "以前的 earlier purchase",
    Kind.MISSED: "没抢到 missed",
    Kind.ANSWER: "回应 answer",
    Kind.NEGATION: "否定 negation",
    Kind.OTHERS: "别人 about others",
    Kind.ADDRESSED: "对别人说 addressed",
    Kind.EARLIER: "先前的 earlier",
    Kind.THIS: "正在讲的 on air",
    Kind.EACH: "各 each",
    Kind.DOUBT: "说不准 doubtful",
    Kind.CHAT: "闲聊 chat",
    Kind.FILLER: "语气客套 polite",
    Kind.PERSONAL: "个人信息 personal",
    Kind.ALREADY: "已经 already",
    Kind.DONE: "了 done",
    Kind.UNKNOWN: "不认识 unknown",
    Kind.LINK: "链接 link",
}
_SILENT: Final = frozenset((Kind.MARK, Kind.SEPARATOR, Kind.CONJUNCTION))


def _plain(value: Decimal) -> str:
    return format(value.normalize(), "f")


def _meaning(part: Part) -> str:
    if part.kind is Kind.GOODS:
        return "商品 " + "|".join(goods.sku for goods in part.goods)
    if part.value is not None and part.kind is Kind.AMOUNT:
        return f"数量 {_plain(part.value)}"
    if part.value is not None and part.kind is Kind.PRICE:
        return f"价格 {_plain(part.value)}"
    if part.measure is not None:
        return f"分量 {_plain(part.measure.amount)} {part.measure.dimension}"
    return "不认识 unknown"


def words(parts: Sequence[Part]) -> tuple[Word, ...]:
    """Tell what each word of a comment was taken for, in the comment's order; punctuation is left out."""
    return tuple(
        Word(part.text, part.start, part.end, _MEANINGS.get(part.kind) or _meaning(part))
        for part in parts
        if part.kind not in _SILENT
    )

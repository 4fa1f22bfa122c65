"""Comments that order: goods by name, or the offer on air where nothing is named."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import msgspec

from ingest.comments.context import NOTHING, PAST, Comment, Decision
from ingest.comments.domain import Intent
from ingest.comments.grammar import QUANTITIES, UNMET_CHARS_MAX, Asked, ask
from ingest.comments.vocabulary import Kind, counters_of_pieces

BARE_VERBS: Final = frozenset(
    "要 我要 拍 下单 要买 要拍 要下单 我拍 我买 就要 也要 求购 订 预订 预定 拍下 买下 拿下 喊单".split()  # noqa: SIM905
)
"""Words that order one of the offer on air when a comment says nothing else but politeness."""


def order(comment: Comment) -> Decision:
    """Decide a comment that may order; the last convention to be tried."""
    asked = ask(comment.parts)
    if not asked.items:
        return _unnamed(comment, asked)
    unclear = comment.unclear()
    if (
        unclear == "unclear_words"
        and not comment.has(Kind.DONE)
        and (_only_unmet(comment, asked) or _only_strays(comment, asked))
    ):
        unclear = ""
    unmet = tuple(asked.unmet)
    if unclear or asked.doubt:
        return msgspec.structs.replace(comment.doubtful(unclear or asked.doubt), unmet=unmet)
    if comment.has(Kind.EARLIER) and not any(item.is_code for item in asked.items):
        return comment.doubtful("which_goods")
    if not comment.has_amount and not _may_order_one(comment, asked):
        return NOTHING
    if _agrees(comment):
        return comment.doubtful("agreement")
    return comment.settled(Intent.ORDER, _rule(asked), asked.items, unmet=unmet)


def _only_unmet(comment: Comment, asked: Asked) -> bool:
    """Whether every unknown word is goods that nobody offers, with an amount of their own (草莓+1 蜂蜜+1)."""
    return len(asked.unmet) == sum(part.kind is Kind.UNKNOWN for part in comment.parts)


def _only_strays(comment: Comment, asked: Asked) -> bool:
    """Whether what is unknown stands apart, and every item is a code with an amount that can be nothing else."""
    if not all(item.is_code and item.has_explicit_amount() for item in asked.items):
        return False
    telling = QUANTITIES | {Kind.GOODS}
    clauses = ({part.kind for part in clause} for clause in comment.clauses())
    return not any(Kind.UNKNOWN in kinds and kinds & telling for kinds in clauses)


def _may_order_one(comment: Comment, asked: Asked) -> bool:
    """A code alone orders one; a name alone needs a word that orders, since names are talked about."""
    if comment.has(Kind.VERB, Kind.TRIGGER):
        return True
    # A code of digits alone says nothing (88 is also a farewell).
    digits = any(part.kind is Kind.GOODS and part.text.isdigit() for part in comment.parts)
    return all(item.is_code for item in asked.items) and not digits and not comment.has(Kind.CHAT, Kind.LINK, Kind.PLEA)


def _agrees(comment: Comment) -> bool:
    """`好吃+1` agrees with somebody: praise glued to an amount orders nothing by itself."""
    return any(
        praise.kind is Kind.CHAT and amount.kind is Kind.AMOUNT and amount.glued
        for praise, amount in pairwise(comment.parts)
    )


def _rule(asked: Asked) -> str:
    if len(asked.items) > 1:
        return "several_goods"
    item = asked.items[0]
    if any(part.kind is Kind.WEIGHT for part in item.quantities):
        return "measured_goods"
    named = "code" if item.is_code else "name"
    return f"{named}_and_amount" if item.quantities else f"{named}_alone"


# --------------------------------------------------------------------------------------------------- the offer on air


def _unnamed(comment: Comment, asked: Asked) -> Decision:
    unmet = asked.unmet or _unmet(comment)
    if unmet or (comment.has(Kind.TRIGGER) and comment.has(Kind.UNKNOWN)):
        return Decision(Intent.NONE, "unknown_goods", unmet=tuple(unmet))
    counts = bool(asked.unnamed) and _is_amount_alone(comment, asked)
    if not counts and not _is_bare_verb(comment):
        return NOTHING
    if comment.has(Kind.UNKNOWN, Kind.DONE, Kind.OTHERS, Kind.NEGATION, *PAST):
        return NOTHING
    if comment.has(Kind.CHAT) and not _cheers(comment):
        return NOTHING
    unclear = comment.unclear() or ("which_goods" if comment.has(Kind.EARLIER) else "")
    items = comment.featured_item(asked)
    if not items:
        possible = all(part.value and 0 < part.value <= comment.settings.packs_max for part in asked.unnamed)
        return Decision(Intent.INTEREST, "nothing_featured") if counts and possible and not unclear else NOTHING
    if unclear:
        return Decision(Intent.REVIEW, unclear)
    if sum(part.signed or bool(part.unit) for part in asked.unnamed) > 1:
        return Decision(Intent.REVIEW, "amount_conflict")
    return comment.settled(Intent.ORDER, "featured_and_amount" if counts else "featured_alone", items)


def _unmet(comment: Comment) -> list[str]:
    """The unknown word that an ordering word parts from its amount (车厘子来一箱), or that is weighed (苹果两斤)."""
    for part, after, last in zip(comment.parts, comment.parts[1:], [*comment.parts[2:], None], strict=False):
        amount = last if after.kind is Kind.VERB else after
        explicit = amount is not None and (amount.kind is Kind.WEIGHT or bool(amount.unit) or amount.signed)
        if part.kind is Kind.UNKNOWN and len(part.text) <= UNMET_CHARS_MAX and explicit:
            return [part.text]
    return []


def _is_amount_alone(comment: Comment, asked: Asked) -> bool:
    """Whether an amount without a name asks for packs: signed, behind an ordering word, or counted in packs."""
    amount = asked.unnamed[0]
    if amount.signed or comment.has(Kind.VERB, Kind.TRIGGER, Kind.WISH):
        return True
    # 两个 alone counts anything in the room (两个宝宝); 两份 and 两盒 are said of goods.
    counted = amount.kind is Kind.AMOUNT and bool(amount.unit) and amount.unit not in counters_of_pieces()
    return counted and not comment.has(Kind.VOCATIVE)


def _cheers(comment: Comment) -> bool:
    """`支持家乡，来两份` cheers in a part of its own and orders with a verb; `好吃+1` and `整个帅的` do neither."""
    glued = any(
        after.glued and Kind.CHAT in {part.kind, after.kind} and not QUANTITIES.isdisjoint((part.kind, after.kind))
        for part, after in pairwise(comment.parts)
    )
    return comment.has(Kind.VERB) and not glued


def _is_bare_verb(comment: Comment) -> bool:
    verbs = [part for part in comment.parts if part.kind in (Kind.VERB, Kind.TRIGGER)]
    if len(verbs) != 1 or comment.has(Kind.UNKNOWN, Kind.DONE, Kind.DOUBT, Kind.CHAT):
        return False
    return verbs[0].kind is Kind.TRIGGER or verbs[0].text in BARE_VERBS

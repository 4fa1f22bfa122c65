"""What a comment wants, from its parts: the order in which the conventions are tried, and where doubt wins.

Precision first: an order needs every word of the comment to be known (see `words.toml`). What names goods with an amount
and cannot be read safely goes to a person (`review`); everything else orders nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from ingest.comments.changes import change
from ingest.comments.context import LOUD, PAST, Comment, Decision
from ingest.comments.domain import Intent, Mode
from ingest.comments.folding import Part
from ingest.comments.grammar import QUANTITIES, ask
from ingest.comments.orders import order
from ingest.comments.vocabulary import Kind

A_NOT_A: Final = re.compile(r"([\u3400-\u9fff])[不没]\1")
"""好不好, 有没有: asks without a question word."""

_CHEERS = re.compile(r"[\d\s]*[03-9][\d\s]*")
_ANSWER_DIGITS = re.compile(r"[12\s]*[12][12\s]*")
_HOST_NAMES = frozenset(("主播", "客服", "店家", "店主", "老板", "掌柜", "小二", "host", "shop", "seller"))
_CLAIMING = frozenset((Intent.ORDER, Intent.SET, Intent.WAITLIST))


def _addressed(comment: Comment) -> Decision | None:
    if not comment.has(Kind.ADDRESSED):
        return None
    if _is_question(comment):
        return Decision(Intent.QUESTION, "question")
    place = next(index for index, part in enumerate(comment.parts) if part.kind is Kind.ADDRESSED)
    to_host = place + 1 < len(comment.parts) and comment.parts[place + 1].text in _HOST_NAMES
    return comment.doubtful("addressed") if to_host else Decision(Intent.NONE, "addressed")


def _digits(comment: Comment) -> Decision | None:
    """`111` and `扣1` answer the host, 666 cheers; neither orders, whatever is on air."""
    if comment.has(Kind.ANSWER) and comment.names_goods and comment.has_amount:
        return Decision(Intent.REVIEW, "amount_unclear")
    if comment.has(Kind.ANSWER):
        answers = any(part.kind is Kind.ANSWER and _ANSWER_DIGITS.fullmatch(str(part.value)) for part in comment.parts)
        return Decision(Intent.INTEREST, "answer_digits") if answers else Decision(Intent.NONE, "cheer")
    if comment.names_goods:
        return None
    said = "".join(part.text for part in comment.parts if part.kind not in LOUD)
    if _ANSWER_DIGITS.fullmatch(said):
        return Decision(Intent.INTEREST, "answer_digits")
    return Decision(Intent.NONE, "cheer") if _CHEERS.fullmatch(said) else None


def _is_question(comment: Comment) -> bool:
    if comment.asks or A_NOT_A.search(comment.text):
        return True
    last = next((part for part in reversed(comment.parts) if part.kind not in LOUD), None)
    if last is not None and last.kind is Kind.NEGATION and last.text in {"不", "没"}:
        return True
    return comment.has(Kind.PLEA) and not comment.has_amount and not comment.has(Kind.VERB, Kind.TRIGGER)


def _question(comment: Comment) -> Decision | None:
    if not _is_question(comment):
        return None
    # "A1+1，什么时候发货？" orders and asks: taking the order or leaving it are both wrong often enough.
    for clause in comment.clauses():
        kinds = {part.kind for part in clause}
        if Kind.GOODS in kinds and Kind.QUESTION not in kinds and any(part.signed or part.unit for part in clause):
            return Decision(Intent.REVIEW, "order_and_question")
    return Decision(Intent.QUESTION, "question")


def _past(comment: Comment) -> Decision | None:
    if not comment.has(*PAST):
        return None
    told: list[set[Kind]] = []
    now: list[set[Kind]] = []
    for clause in comment.clauses():
        kinds = {part.kind for part in clause}
        (now if PAST.isdisjoint(kinds) else told).append(kinds)
    orders = any(Kind.GOODS in kinds and kinds & QUANTITIES for kinds in now) and any(
        Kind.VERB in kinds for kinds in now
    )
    if orders and (comment.has(Kind.BOUGHT) or any(Kind.GOODS in kinds for kinds in told)):
        # "拍了A1，再来两瓶C1" tells of an order that may be the same one.
        return Decision(Intent.REVIEW, "already_bought")
    if orders:
        return None  # "收到了，再来两瓶蜂蜜" orders
    return Decision(Intent.NONE, "already_bought" if comment.has(Kind.BOUGHT) else "already_received")


def _waitlist(comment: Comment) -> Decision | None:
    if not comment.has(Kind.WAIT):
        return None
    asked = ask(comment.parts)
    unclear = comment.unclear(frozenset((Kind.NEGATION,))) or asked.doubt
    if unclear:
        return comment.doubtful(unclear)
    items = asked.items or comment.featured_item(asked)
    if not items:
        return Decision(Intent.INTEREST, "wish")
    return comment.settled(Intent.WAITLIST, "waitlist", items)


def _wish(comment: Comment) -> Decision | None:
    if comment.has(Kind.MISSED):
        return Decision(Intent.INTEREST, "missed_out")
    if not comment.has(Kind.WISH) or comment.has_amount:
        return None
    known = comment.names_goods or not comment.has(Kind.UNKNOWN)
    return Decision(Intent.INTEREST, "wish") if known else None


CONVENTIONS: Final[tuple[Callable[[Comment], Decision | None], ...]] = (
    _addressed, _digits, _question, change, _past, _waitlist, _wish, order,
)  # fmt: skip
"""The conventions in the order in which they are tried. The first that decides wins; the last always does."""


def _opens_with(parts: Sequence[Part], trigger: str) -> bool:
    for part in parts:
        if part.text == trigger or part.text.startswith(trigger + " "):
            return True
        if part.kind not in (Kind.FILLER, Kind.VOCATIVE, Kind.PERSONAL, *LOUD):
            return False
    return False


def decide(comment: Comment, *, mode: Mode, trigger: str) -> Decision:
    """Return what the comment wants, under the mode that holds for it.

    `trigger` is the sale's required word in its normalised spelling, or empty. Work is linear in the parts.
    """
    decision = next(found for convention in CONVENTIONS if (found := convention(comment)) is not None)
    if decision.intent not in _CLAIMING:
        return decision
    forbidden = ""
    if mode is Mode.PLATFORM:
        forbidden = "platform_mode"
    elif trigger and decision.intent is not Intent.SET and not _opens_with(comment.parts, trigger):
        forbidden = "trigger_missing"
    if not forbidden:
        return decision
    wanted = tuple(line for line in decision.lines if line[1] > 0)
    return Decision(Intent.INTEREST, forbidden, (), decision.unmet, wanted)

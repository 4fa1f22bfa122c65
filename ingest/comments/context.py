"""One comment while it is being decided: its parts, the sale's words and rules, and what several conventions ask of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from ingest.comments.amounts import Doubt, Item, Lines
from ingest.comments.domain import Intent, ReadingSettings, Strictness
from ingest.comments.folding import Part
from ingest.comments.goods import GoodsBook
from ingest.comments.grammar import QUANTITIES, Asked, lines_of
from ingest.comments.vocabulary import Kind

LOUD: Final = frozenset((Kind.SEPARATOR, Kind.MARK))
"""Punctuation: it parts words and says nothing."""

PAST: Final = frozenset((Kind.BOUGHT, Kind.RECEIVED))
_ABOUT_OTHERS: Final = frozenset((Kind.OTHERS, Kind.NEGATION, Kind.REFUSE, Kind.ADDRESSED))
_CHANGING: Final = (Kind.CANCEL, Kind.REFUSE, Kind.SET, Kind.EXCHANGE)
_NOT_EXACT: Final = (Kind.FILLER, Kind.VOCATIVE, Kind.CHAT, Kind.UNKNOWN)


class Decision(msgspec.Struct, frozen=True, gc=False):
    """What a comment wants, by which rule, with its lines.

    `unmet` are goods that nobody offers, `wanted` the lines that mode or trigger forbid.
    """

    intent: Intent
    rule: str
    lines: Lines = ()
    unmet: tuple[str, ...] = ()
    wanted: Lines = ()


NOTHING: Final = Decision(Intent.NONE, "chatter")


class Comment:
    """What is known of a comment before its meaning is decided.

    `text` is normalised and masked, and the parts were cut from it. `asks` tells whether a question word was found.
    `featured` and `own` keep only skus that the sale offers.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        text: str,
        *,
        asks: bool,
        featured: str,
        own: Sequence[str],
        settings: ReadingSettings,
        book: GoodsBook,
    ) -> None:
        self.parts = parts
        self.text = text
        self.asks = asks
        self.featured = featured if featured in book.by_sku else ""
        self.own = tuple(sku for sku in own if sku in book.by_sku)
        self.settings = settings
        self.book = book
        self.kinds = {part.kind for part in parts}
        self.names_goods = Kind.GOODS in self.kinds
        self.has_amount = not self.kinds.isdisjoint((*QUANTITIES, Kind.DOUBT))

    def has(self, *kinds: Kind) -> bool:
        """Whether any of these kinds occurs."""
        return not self.kinds.isdisjoint(kinds)

    def doubtful(self, rule: str) -> Decision:
        """A person decides where goods are named with an amount; otherwise nothing was ordered."""
        if self.names_goods and self.has_amount:
            return Decision(Intent.REVIEW, rule)
        return Decision(Intent.NONE, rule)

    def clauses(self) -> list[list[Part]]:
        """The parts between separators and spaces; a question or exclamation mark belongs to what stands before it."""
        clauses: list[list[Part]] = [[]]
        for part in self.parts:
            if part.kind is Kind.SEPARATOR or (not part.glued and clauses[-1] and part.text not in {"?", "!"}):
                clauses.append([])
            if part.kind is not Kind.SEPARATOR:
                clauses[-1].append(part)
        return clauses

    def unclear(self, allowed: frozenset[Kind] = frozenset()) -> str:
        """Return the rule of what makes lines unsafe (doubtful amounts, other people, unknown words), or nothing.

        `allowed` are kinds that the caller has accounted for.
        """
        for part in self.parts:
            if part.kind is Kind.DOUBT:
                return part.rule or "amount_unclear"
        if self.kinds & (_ABOUT_OTHERS - allowed):
            return "about_others"
        if self.settings.strictness is Strictness.EXACT and self.has(*_NOT_EXACT):
            return "not_exact"
        # 了 belongs to a change (不要A1了); beside an order it tells of something done.
        done = self.has(Kind.DONE) and not self.has(*_CHANGING)
        return "unclear_words" if done or self.has(Kind.UNKNOWN) else ""

    def featured_item(self, asked: Asked) -> list[Item]:
        """The offer on air with the amounts that belong to no goods; nothing where none is on air."""
        if not self.featured:
            return []
        return [Item((self.book.by_sku[self.featured],), quantities=[*asked.unnamed], prices=[*asked.prices])]

    def lines(self, items: Sequence[Item], packs_min: int = 1) -> Lines | Doubt:
        """Return the items' lines, or the first doubt."""
        return lines_of(items, self.featured, self.book, packs_max=self.settings.packs_max, packs_min=packs_min)

    def settled(
        self, intent: Intent, rule: str, items: Sequence[Item], *, packs_min: int = 1, unmet: tuple[str, ...] = ()
    ) -> Decision:
        """Decide for this intent where the items' lines are safe, else for review."""
        lines = self.lines(items, packs_min)
        if isinstance(lines, Doubt):
            return Decision(Intent.REVIEW, lines.rule, unmet=unmet)
        return Decision(intent, rule, lines, unmet)

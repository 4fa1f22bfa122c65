"""Read comments with the words of one sale.

A comment is normalised and masked, known words are found in one pass, and most comments leave there: they hold nothing
that could order, ask or cancel. The others are cut, folded and decided.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from ingest.comments.decision import NOTHING, Decision, decide
from ingest.comments.domain import Intent, Mode, OfferWords, Reading, ReadingSettings
from ingest.comments.explanation import REASONS, words
from ingest.comments.folding import fold
from ingest.comments.goods import GoodsBook
from ingest.comments.lexer import Lexer
from ingest.comments.normaliser import normalise, strip_emotes
from ingest.comments.privacy import mask
from ingest.comments.vocabulary import Kind

TEXT_CHARS_MAX: Final = 1_000
"""Longer comments are shown to their first TEXT_CHARS_MAX characters and never order. No platform lets buyers write more."""

_CUT_MARGIN_CHARS = 200
_CUT_TAIL = re.compile(r"[\w.@+-]{1,64}$")


class Lexicon:
    """The words of one sale, compiled. Immutable and safe to share between threads; make a new one per catalogue."""

    def __init__(self, book: GoodsBook, settings: ReadingSettings) -> None:
        self._book = book
        self._settings = settings
        self._trigger = normalise(settings.trigger)
        self._lexer = Lexer(book, {self._trigger: Kind.TRIGGER} if self._trigger else {})
        self._goods_words = frozenset(book.by_name) | frozenset(book.by_code)
        self._names = frozenset(book.by_name)

    @classmethod
    def compile(cls, offers: Iterable[OfferWords], settings: ReadingSettings | None = None) -> Lexicon:
        """Compile the words of a sale's offers. The first call in a process also builds the shared tables (about 0.2 s)."""
        return cls(GoodsBook(offers), settings or ReadingSettings())

    @property
    def settings(self) -> ReadingSettings:
        """The rules of reading that it was compiled with."""
        return self._settings

    def read(
        self, text: str, featured: str = "", *, mode: Mode | None = None, user_id: str = "", own: Sequence[str] = ()
    ) -> Reading:
        """Read one comment.

        `featured` is the sku on air at the comment's time, or empty. `mode` overrides the sale's, for a channel of its
        own. `user_id` is held against the ignored users. `own` are the skus that the buyer holds now; with exactly one of
        them, a change without a name means that one. Never raises; linear in the text, and bounded by TEXT_CHARS_MAX.
        """
        if len(text) > TEXT_CHARS_MAX:
            return self._shortened(text)
        normalised = strip_emotes(normalise(text), self._goods_words)
        masked = mask(normalised, self._names)
        if user_id and user_id in self._settings.ignored_users:
            return _reading(text, masked, Decision(Intent.NONE, "ignored_user"), masked != normalised)
        parts = fold(self._lexer.tokens(masked, self._lexer.hits(masked)), self._book, masked)
        if not parts:
            return _reading(text, masked, NOTHING, masked != normalised)
        decision = decide(
            parts,
            masked,
            featured=featured,
            own=own,
            mode=mode or self._settings.mode,
            trigger=self._trigger,
            settings=self._settings,
            book=self._book,
        )
        zh, en = REASONS[decision.rule]
        return Reading(
            text,
            masked,
            decision.intent,
            decision.lines,
            decision.rule,
            zh,
            en,
            words(parts),
            decision.unmet,
            decision.wanted,
            masked != normalised,
        )

    def _shortened(self, text: str) -> Reading:
        start = normalise(text[: TEXT_CHARS_MAX + _CUT_MARGIN_CHARS])[:TEXT_CHARS_MAX]
        # What the cut may have halved (a phone number) is dropped, since its half would not be recognised.
        start = _CUT_TAIL.sub("", start)
        masked = mask(start, self._names)
        return _reading(text, masked, Decision(Intent.NONE, "too_long"), True)


def _reading(text: str, masked: str, decision: Decision, is_masked: bool) -> Reading:
    zh, en = REASONS[decision.rule]
    return Reading(text, masked, decision.intent, decision.lines, decision.rule, zh, en, masked=is_masked)

"""Read comments with the words of one sale.

A comment is normalised, and most comments leave at the gate: they hold nothing that could order or change anything. The
others are masked, cut, folded and decided.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from ingest.comments.context import Comment
from ingest.comments.decision import decide
from ingest.comments.domain import Intent, Mode, OfferWords, Reading, ReadingSettings
from ingest.comments.explanation import REASONS, words
from ingest.comments.folding import fold
from ingest.comments.gate import Gate
from ingest.comments.goods import GoodsBook
from ingest.comments.lexer import Lexer, sale_words
from ingest.comments.normaliser import normalise, normaliser, strip_emotes
from ingest.comments.privacy import mask

TEXT_CHARS_MAX: Final = 1_000
"""Longer comments are shown to their first TEXT_CHARS_MAX characters and never order. No platform lets buyers write more."""

MEMORY_READINGS_MAX: Final = 32_768
MEMORY_CHARS_MAX: Final = 48
"""Short readings without personal data are remembered for each offer on air: in a rush it is the same few hundred comments
over and over. A full memory is emptied."""

_CUT_MARGIN_CHARS = 200
_CUT_TAIL = re.compile(r"[\w.@+-]{1,64}$")


class Lexicon:
    """The words of one sale, compiled. Reads the same for ever and is safe to share; make a new one per catalogue."""

    def __init__(self, book: GoodsBook, settings: ReadingSettings) -> None:
        self._book = book
        self._settings = settings
        self.normalise = normaliser()
        self._trigger = normalise(settings.trigger)
        known = sale_words(book, self._trigger)
        self._lexer = Lexer(book, known)
        self.gate = Gate(known, book.by_code)
        self._memories: dict[tuple[str, Mode], dict[str, Reading]] = {}
        self._names = frozenset(book.by_name)
        self._bracketed = frozenset(book.by_name) | frozenset(book.by_code)

    @classmethod
    def compile(cls, offers: Iterable[OfferWords], settings: ReadingSettings | None = None) -> Lexicon:
        """Compile the words of a sale's offers. The first call in a process also builds the shared tables (about 0.2 s)."""
        return cls(GoodsBook(offers), settings or ReadingSettings())

    def remembered(self) -> int:
        """How many readings are remembered; at most MEMORY_READINGS_MAX for each offer on air and mode."""
        return sum(map(len, self._memories.values()))

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
        if user_id and user_id in self._settings.ignored_users:
            return self._ignored(text)
        mode = mode or self._settings.mode
        featured = featured if featured in self._book.by_sku else ""
        if own or len(text) > MEMORY_CHARS_MAX:
            return self._read_anew(text, featured, mode, own)
        memory = self._memories.get((featured, mode))
        if memory is None:
            memory = self._memories.setdefault((featured, mode), {})
        known = memory.get(text)
        if known is None:
            known = self._read_anew(text, featured, mode, own)
            if not known.masked:
                if len(memory) >= MEMORY_READINGS_MAX:
                    memory.clear()
                memory[text] = known
        return known

    def _read_anew(self, text: str, featured: str, mode: Mode, own: Sequence[str]) -> Reading:
        if len(text) > TEXT_CHARS_MAX:
            return self._shortened(text)
        normalised = self.normalise(text)
        if "[" in normalised:
            normalised = strip_emotes(normalised, self._bracketed)
        settled = self.gate.settle(normalised, is_featured=bool(featured))
        if settled is not None:
            return Reading(text, normalised, settled.intent, (), settled.rule, *REASONS[settled.rule])
        return self.read_fully(text, normalised, featured, mode=mode, own=own)

    def read_fully(self, text: str, normalised: str, featured: str, *, mode: Mode, own: Sequence[str] = ()) -> Reading:
        """Read a comment with the whole grammar, past the gate. `normalised` is the text's one spelling."""
        masked = mask(normalised, self._names)
        hits = self._lexer.hits(masked)
        parts = fold(self._lexer.tokens(masked, hits), self._book, masked)
        comment = Comment(
            parts,
            masked,
            asks=self._lexer.asks(masked, hits),
            featured=featured,
            own=own,
            settings=self._settings,
            book=self._book,
        )
        decision = decide(comment, mode=mode, trigger=self._trigger)
        return Reading(
            text,
            masked,
            decision.intent,
            decision.lines,
            decision.rule,
            *REASONS[decision.rule],
            words=words(parts),
            unmet=decision.unmet,
            wanted=decision.wanted,
            masked=masked != normalised,
        )

    def _ignored(self, text: str) -> Reading:
        masked = mask(self._start_of(text), self._names)
        return Reading(text, masked, Intent.NONE, (), "ignored_user", *REASONS["ignored_user"], masked=True)

    def _shortened(self, text: str) -> Reading:
        masked = mask(self._start_of(text), self._names)
        return Reading(text, masked, Intent.NONE, (), "too_long", *REASONS["too_long"], masked=True)

    def _start_of(self, text: str) -> str:
        """The text, normalised and not longer than TEXT_CHARS_MAX."""
        if len(text) <= TEXT_CHARS_MAX:
            return self.normalise(text)
        start = self.normalise(text[: TEXT_CHARS_MAX + _CUT_MARGIN_CHARS])[:TEXT_CHARS_MAX]
        # What the cut may have halved (a phone number) is dropped, since its half would not be recognised.
        return _CUT_TAIL.sub("", start)

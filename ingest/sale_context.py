"""What is known of a sale when its events are read: rules, words of its offers, the featured offer, open draws.

A `SaleContext` is one immutable moment; `SaleContexts` keeps the newest for each sale and forgets it when a door
changes something that it was made of.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Sequence
from typing import Protocol

import msgspec

from flashsale.domain import SaleId
from flashsale.service import EngineFace
from flashsale.tally import Tally
from ingest.comments import Lexicon, Mode, OfferWords, ReadingSettings, Strictness
from ingest.domain import SaleSettings
from ingest.problems import Problem

CLOCK_TRUST_MS = 600_000
"""A platform time further than this from our own is a replay's or a wrong clock's, and says nothing about ours."""


class OpenDraw(msgspec.Struct, frozen=True):
    """A draw that a comment of this word enters."""

    draw_id: str
    word: str


class SaleContext(msgspec.Struct, frozen=True, kw_only=True):
    """One moment of a sale's reading rules. `featured` are (at_ms, sku) marks, oldest first."""

    settings: SaleSettings
    lexicon: Lexicon
    featured: tuple[tuple[int, str], ...] = ()
    draws: tuple[OpenDraw, ...] = ()

    def featured_at(self, occurred_at_ms: int, received_at_ms: int) -> str:
        """Return the sku that was featured when a comment was written, or empty.

        The platform's time decides while it agrees with ours within ten minutes; otherwise (a replayed evening, a wrong
        clock) the time of arrival does.
        """
        trusted = abs(received_at_ms - occurred_at_ms) <= CLOCK_TRUST_MS
        at_ms = occurred_at_ms if trusted else received_at_ms
        place = bisect_right(self.featured, at_ms, key=lambda mark: mark[0])
        return self.featured[place - 1][1] if place else ""

    def draws_of(self, text: str) -> list[str]:
        """Return the open draws that a comment of this text enters."""
        spoken = draw_word(text)
        return [draw.draw_id for draw in self.draws if draw.word == spoken] if spoken else []


class SaleFacts(Protocol):
    """Where a sale's rules, words and featured marks are kept."""

    async def settings(self, sale_id: str) -> SaleSettings:
        """Read the sale's settings."""
        ...

    async def featured(self, sale_id: str, marks_max: int = 1_000) -> list[tuple[int, str]]:
        """Read the newest featured marks, oldest first."""
        ...


class WordsOfSale(Protocol):
    """Where the words of a sale's offers are kept (the ledger's catalogue)."""

    async def offer_words(self, sale_id: str) -> Sequence[OfferWords]:
        """Read the words of all offers of a sale that the catalogue names."""
        ...


class SaleContexts:
    """The newest context of each sale, loaded once and reloaded after `forget`."""

    def __init__(self, engine: EngineFace, facts: SaleFacts, words: WordsOfSale) -> None:
        self._engine = engine
        self._facts = facts
        self._words = words
        self._known: dict[str, SaleContext] = {}
        self._versions: dict[str, int] = {}
        self._loading = asyncio.Lock()

    async def of(self, sale_id: str) -> SaleContext:
        """Return the sale's context. Raises Problem for a sale that does not exist."""
        known = self._known.get(sale_id)
        if known is not None:
            return known
        async with self._loading:
            while (known := self._known.get(sale_id)) is None:
                version = self._versions.get(sale_id, 0)
                loaded = await self._load(sale_id)
                # A door may have changed something while we read: then what we read may be half old, so read again.
                if version == self._versions.get(sale_id, 0):
                    self._known[sale_id] = loaded
            return known

    def forget(self, sale_id: str) -> None:
        """Have the sale's context read anew before its next event. To be called after every change of what it holds."""
        self._known.pop(sale_id, None)
        self._versions[sale_id] = self._versions.get(sale_id, 0) + 1

    async def _load(self, sale_id: str) -> SaleContext:
        tally = await self._engine.tally(SaleId(sale_id))
        if tally is None:
            raise Problem("unknown-sale")
        settings = await self._facts.settings(sale_id)
        words = _words_on_sale(await self._words.offer_words(sale_id), tally)
        return SaleContext(
            settings=settings,
            lexicon=Lexicon.compile(words, _reading_settings(settings)),
            featured=tuple(await self._facts.featured(sale_id)),
            draws=tuple(
                OpenDraw(draw.draw_id, draw_word(draw.word))
                for draw in tally.draws
                if draw.state == "open" and draw.word
            ),
        )


def draw_word(text: str) -> str:
    """Return a draw's word as it is compared: without space around it, and without regard to case."""
    return text.strip().casefold()


def _reading_settings(settings: SaleSettings) -> ReadingSettings:
    return ReadingSettings(
        mode=Mode(settings.mode.value),
        strictness=Strictness(settings.strictness),
        trigger=settings.trigger,
        packs_max=settings.packs_max,
    )


def _words_on_sale(words: Sequence[OfferWords], tally: Tally) -> list[OfferWords]:
    """Keep the words of offers that the engine has, and let an offer that came without a catalogue answer to its name."""
    on_sale = {offer.sku: offer for offer in tally.offers}
    base_units = {pool.pool_id: pool.base_unit for pool in tally.pools}
    known = [offer for offer in words if offer.sku in on_sale]
    named = {offer.sku for offer in known}
    unnamed = [
        OfferWords(
            sku=offer.sku,
            pool_id=offer.pool_id,
            base_unit=base_units.get(offer.pool_id, ""),
            code="",
            link_no=0,
            name=offer.name,
            aliases=(),
            pack_words=(),
            units_per_pack=offer.units_per_pack,
            price_minor=offer.price_minor,
            list_price_minor=offer.list_price_minor,
        )
        for offer in tally.offers
        if offer.sku not in named
    ]
    return known + unnamed

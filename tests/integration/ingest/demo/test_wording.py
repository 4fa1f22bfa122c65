"""What the evening's viewers type is read as they mean it, by the sale's own reader of comments."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.comments import Lexicon, Mode, OfferWords, ReadingSettings
from ingest.demo.evening import Evening, make_evening
from ingest.demo.plan import COMMENT_PLATFORMS, DRAW_WORD, MINUTE_MS, Comment
from ingest.demo.records import HostRecord
from inventory.catalogue import Catalogue, read_catalogue

CATALOGUE = Path(__file__).parents[4] / "examples" / "tonggu" / "catalogue.csv"
ORDERING = {"order", "set", "cancel", "waitlist"}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return read_catalogue(CATALOGUE.read_bytes(), CATALOGUE.name)


@pytest.fixture(scope="module")
def evening(catalogue: Catalogue) -> Evening:
    return make_evening(2020, catalogue)


@pytest.fixture(scope="module")
def lexicon(catalogue: Catalogue) -> Lexicon:
    words = (
        OfferWords(**{name: getattr(offer, name) for name in OfferWords.__struct_fields__})
        for offer in catalogue.offers
    )
    return Lexicon.compile(words, ReadingSettings())


class OnAir:
    """Which offer the host shows at a moment."""

    def __init__(self, evening: Evening) -> None:
        self._shown = [
            (record.at_ms, record.body["sku"])
            for record in evening.records
            if isinstance(record, HostRecord) and record.path == "/featured"
        ]

    def at(self, comment: Comment) -> str:
        return next((sku for at_ms, sku in reversed(self._shown) if at_ms < comment.at_ms), "")


@pytest.fixture(scope="module")
def on_air(evening: Evening) -> OnAir:
    return OnAir(evening)


def test_every_order_by_comment_is_read_as_it_was_meant(evening: Evening, lexicon: Lexicon, on_air: OnAir) -> None:
    misread = []
    for comment in evening.comments:
        if comment.person.platform not in COMMENT_PLATFORMS or comment.meaning.intent not in ORDERING:
            continue
        reading = lexicon.read(comment.text, featured=on_air.at(comment))
        if (reading.intent.value, reading.lines) != (comment.meaning.intent, comment.meaning.lines):
            misread.append((comment.text, comment.meaning, reading.intent.value, reading.lines, reading.reason))
    assert not misread


def test_no_chatter_orders_anything(evening: Evening, lexicon: Lexicon, on_air: OnAir) -> None:
    misread = []
    for text, featured in {
        (comment.text, on_air.at(comment))
        for comment in evening.comments
        if comment.meaning.intent == "none" and comment.text != DRAW_WORD
    }:
        reading = lexicon.read(text, featured=featured)
        if reading.intent.value in ORDERING or reading.lines:
            misread.append((text, featured, reading.intent.value, reading.lines, reading.reason))
    assert not misread


def test_wishes_on_shop_platforms_are_demand_and_no_orders(evening: Evening, lexicon: Lexicon) -> None:
    misread = []
    for comment in evening.comments:
        if comment.meaning.intent != "interest":
            continue
        reading = lexicon.read(comment.text, mode=Mode.PLATFORM)
        if reading.intent.value != "interest" or reading.wanted != comment.meaning.lines:
            misread.append((comment.text, comment.meaning, reading.intent.value, reading.wanted))
    assert not misread


def test_there_are_hundreds_of_different_lines_of_chatter(evening: Evening) -> None:
    chatter = {comment.text for comment in evening.comments if comment.meaning.intent == "none"}
    assert len(chatter) > 500


def test_late_comments_are_minutes_older_than_their_delivery(evening: Evening) -> None:
    late = [comment for comment in evening.comments if comment.at_ms - comment.spoken_at_ms > 2 * MINUTE_MS]
    assert len(late) == 6

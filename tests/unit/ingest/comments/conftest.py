from __future__ import annotations

import pytest

from ingest.comments import Lexicon, OfferWords
from tests.unit.ingest.comments.goods import make_offers


@pytest.fixture(scope="session")
def offers() -> tuple[OfferWords, ...]:
    return make_offers()


@pytest.fixture(scope="session")
def lexicon(offers: tuple[OfferWords, ...]) -> Lexicon:
    return Lexicon.compile(offers)

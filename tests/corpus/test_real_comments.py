"""Comments that others recorded, from rooms where our goods were not sold: none of them may order.

Of the Chinese rooms none was a selling room; the Thai ones are consumer pages. The recordings lie beside the project and
are never copied into it.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from ingest.comments import Intent, Lexicon, Mode
from ingest.comments.normaliser import normalise, strip_emotes
from tests.corpus.table import SHARED, tonggu_lexicon

DATA = SHARED / "data"
RECORDINGS = ("bilibili_live_chat.txt", "thai_brand_comments.txt", "thai_product_questions.txt", "thai_cf_orders.tsv")
TAKES_STOCK = {Intent.ORDER, Intent.SET, Intent.WAITLIST}

pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the recordings are not beside the project")


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return tonggu_lexicon()


def comments_of(name: str) -> list[str]:
    lines = (Path(DATA) / name).read_text(encoding="utf-8").splitlines()
    return [line.split("\t")[2] for line in lines[1:]] if name.endswith(".tsv") else lines


@pytest.mark.parametrize("name", RECORDINGS)
def test_no_recorded_comment_orders_anything(name: str, lexicon: Lexicon, capsys: pytest.CaptureFixture[str]) -> None:
    readings = [lexicon.read(text) for text in comments_of(name)]
    counts = Counter(reading.intent.value for reading in readings)
    false_orders = [reading.normalised for reading in readings if reading.intent in TAKES_STOCK or reading.wanted]
    with capsys.disabled():
        print(f"\n{name}: {len(readings)} comments, {len(false_orders)} false orders, {dict(counts.most_common())}")
    assert false_orders == []
    assert len(readings) > 30


@pytest.mark.parametrize("name", RECORDINGS)
def test_with_an_offer_on_air_only_plain_requests_order_it(name: str, lexicon: Lexicon) -> None:
    # "要！" and "来一个" order what is on air, in any room; nothing that says more than that may.
    orders = {
        reading.normalised
        for text in comments_of(name)
        if (reading := lexicon.read(text, "honey-500")).intent in TAKES_STOCK or reading.wanted
    }
    assert all(len(text.rstrip("!嘛")) <= 4 for text in orders)
    assert len(orders) <= 9


def test_recorded_product_questions_are_questions_or_nothing(lexicon: Lexicon) -> None:
    intents = Counter(lexicon.read(text).intent for text in comments_of("thai_product_questions.txt"))
    assert intents[Intent.QUESTION] > 0.7 * intents.total()
    assert set(intents) <= {Intent.QUESTION, Intent.NONE, Intent.INTEREST}


def test_orders_for_other_shops_goods_never_order_ours(lexicon: Lexicon) -> None:
    intents = {lexicon.read(text, "tea").intent for text in comments_of("thai_cf_orders.tsv")}
    assert intents <= {Intent.NONE, Intent.REVIEW}


@pytest.mark.parametrize("featured", ["", "honey-500"])
@pytest.mark.parametrize("name", RECORDINGS)
def test_the_gate_settles_recorded_comments_as_the_grammar_would(name: str, featured: str, lexicon: Lexicon) -> None:
    settled = 0
    for text in comments_of(name):
        normalised = strip_emotes(normalise(text), frozenset())
        decision = lexicon.gate.settle(normalised, is_featured=bool(featured))
        if decision is None:
            continue
        settled += 1
        full = lexicon.read_fully(text, normalised, featured, mode=Mode.CAPTURE)
        assert (full.intent, full.lines, full.rule, full.normalised) == (decision.intent, (), decision.rule, normalised)
    assert settled or name == "thai_cf_orders.tsv"

"""Every row of the corpus is read as it says; and how well, in numbers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from ingest.comments import Intent, Lexicon
from tests.corpus.table import SHARED, as_told, read_row, rows_of, tonggu_lexicon

OWN = Path(__file__).with_name("comments.tsv")
SAMPLE = SHARED / "corpus" / "comments.tsv"
PRECISION_MIN = 0.995
RECALL_MIN = 0.95


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return tonggu_lexicon()


def tables() -> list[object]:
    there = pytest.param(OWN, id="own")
    sample = pytest.param(
        SAMPLE,
        id="sample",
        marks=pytest.mark.skipif(not SAMPLE.exists(), reason="the shared sample is not beside the project"),
    )
    return [there, sample]


@pytest.mark.parametrize("table", tables())
def test_each_comment_is_read_as_the_corpus_says(table: Path, lexicon: Lexicon) -> None:
    misread = [
        (row["text"], row["featured"], row["mode"], "should be", row.expected(), "is", as_told(reading), reading.rule)
        for row in rows_of(table)
        if as_told(reading := read_row(lexicon, row)) != row.expected()
    ]
    assert not misread


@pytest.mark.parametrize("table", tables())
def test_order_lines_are_precise_and_complete_enough(
    table: Path, lexicon: Lexicon, capsys: pytest.CaptureFixture[str]
) -> None:
    told = meant = right = 0
    for row in rows_of(table):
        lines = {f"{sku}*{packs}" for sku, packs in read_row(lexicon, row).lines}
        is_order = read_row(lexicon, row).intent is Intent.ORDER
        expected = set(row["lines"].split(";")) - {""} if row["intent"] == "order" else set()
        found = lines if is_order else set()
        told, meant, right = told + len(found), meant + len(expected), right + len(found & expected)
    precision, recall = right / told, right / meant
    with capsys.disabled():
        print(
            f"\n{table.parent.name}/{table.name}: {meant} order lines, precision {precision:.2%}, recall {recall:.2%}"
        )
    assert precision >= PRECISION_MIN
    assert recall >= RECALL_MIN


def test_the_corpus_covers_every_intent_in_both_modes_with_many_rows() -> None:
    rows = list(rows_of(OWN))
    intents = Counter(row["intent"] for row in rows)
    assert len(rows) >= 700
    assert set(intents) == {intent.value for intent in Intent}
    assert min(intents.values()) >= 10
    assert {row["mode"] for row in rows} == {"capture", "platform"}


def test_no_comment_stands_in_the_corpus_twice() -> None:
    keys = Counter((row["text"], row["featured"], row["mode"]) for row in rows_of(OWN))
    assert [key for key, count in keys.items() if count > 1] == []

"""Every example of docs/comments.md is read as the page says."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from ingest.comments import Lexicon
from tests.corpus.table import ROOT, as_told, tonggu_lexicon

GUIDE = ROOT / "docs" / "comments.md"
HEADINGS = ("| 评论 |", "| comment |")


def examples() -> Iterator[tuple[str, str, str]]:
    within = False
    for line in GUIDE.read_text(encoding="utf-8").splitlines():
        if not line.startswith("|"):
            within = False
        elif line.startswith(HEADINGS):
            within = True
        elif within and not re.fullmatch(r"[|\- ]+", line):
            comment, featured, expected = (cell.strip() for cell in line.strip("|").split("|"))
            yield comment, featured, expected


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return tonggu_lexicon()


@pytest.mark.parametrize(("comment", "featured", "expected"), list(examples()))
def test_an_example_reads_as_the_guide_says(comment: str, featured: str, expected: str, lexicon: Lexicon) -> None:
    assert " ".join(as_told(lexicon.read(comment, featured))).strip() == expected


def test_the_guide_has_its_examples() -> None:
    assert len(list(examples())) > 60

"""How a corpus table is read, and the lexicon that its comments are read with."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from ingest.comments import Lexicon, Mode, Reading
from ingest.comments.catalogue import offer_words
from inventory.catalogue import read_catalogue

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"


class Row(dict[str, str]):
    """One row of a corpus table."""

    def expected(self) -> tuple[str, str]:
        return self["intent"], self["lines"] or ""


def rows_of(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8", newline="") as table:
        told = (line for line in table if not line.startswith("# "))
        for row in csv.DictReader(told, delimiter="\t", quoting=csv.QUOTE_NONE):
            yield Row({key: value or "" for key, value in row.items()})


def read_row(lexicon: Lexicon, row: Row) -> Reading:
    return lexicon.read(row["text"], row["featured"], mode=Mode(row["mode"] or "capture"))


def as_told(reading: Reading) -> tuple[str, str]:
    return reading.intent.value, ";".join(f"{sku}*{packs}" for sku, packs in reading.lines)


def tonggu_lexicon() -> Lexicon:
    path = ROOT / "examples" / "tonggu" / "catalogue.csv"
    return Lexicon.compile(offer_words(read_catalogue(path.read_bytes(), path.name)))

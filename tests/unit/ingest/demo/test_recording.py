from __future__ import annotations

import gzip
from pathlib import Path

from ingest.demo.evening import SEED_DEFAULT, make_evening
from ingest.demo.records import encode_lines
from inventory.catalogue import read_catalogue

TONGGU = Path(__file__).parents[4] / "examples" / "tonggu"


def test_the_committed_recording_is_what_its_seed_gives() -> None:
    catalogue = read_catalogue((TONGGU / "catalogue.csv").read_bytes(), "catalogue.csv")
    made = b"".join(encode_lines(make_evening(SEED_DEFAULT, catalogue).records))
    assert gzip.decompress((TONGGU / "evening.jsonl.gz").read_bytes()) == made


def test_the_committed_recording_is_small_and_bears_no_time_of_making() -> None:
    packed = (TONGGU / "evening.jsonl.gz").read_bytes()
    assert len(packed) < 3_000_000
    assert packed[3:8] == bytes(5), "no file name, no time"


def test_no_total_of_the_sale_stands_in_the_recording() -> None:
    content = gzip.decompress((TONGGU / "evening.jsonl.gz").read_bytes())
    assert b"32420000" not in content
    assert b"324200" not in content

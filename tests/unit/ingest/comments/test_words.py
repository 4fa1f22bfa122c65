"""The tables hold together: words, kinds, rules and reasons."""

from __future__ import annotations

import re
from pathlib import Path

import ingest.comments
from ingest.comments.bench import COMMENTS, ORDERS_PERCENT, make_stream
from ingest.comments.explanation import REASONS, words
from ingest.comments.folding import Part
from ingest.comments.normaliser import normalise
from ingest.comments.vocabulary import Kind, grams, shared_words, spoken_numbers

SOURCE = Path(ingest.comments.__file__).parent


def test_every_word_is_kept_in_its_normalised_spelling() -> None:
    assert [word for word in shared_words() if normalise(word) not in {word, word.strip()} and word != "\n"] == []


def test_words_that_decide_have_the_kind_that_they_need() -> None:
    known = shared_words()
    expected = {
        "要": Kind.VERB, "取消": Kind.CANCEL, "不要": Kind.REFUSE, "吗": Kind.QUESTION, "cf": Kind.TRIGGER, "已": Kind.ALREADY,
        "买过": Kind.BOUGHT, "候补": Kind.WAIT, "没抢到": Kind.MISSED, "两家": Kind.UNKNOWN, "+": Kind.PLUS, "斤": Kind.WEIGHT,
    }  # fmt: skip
    assert {word: known[word] for word in expected} == expected
    assert grams()["斤"] == 500
    assert spoken_numbers()["hai"] == 2


def test_every_rule_in_the_code_has_its_reason_in_both_languages() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in SOURCE.glob("*.py") if path.name != "explanation.py")
    told = {
        rule
        for rule in REASONS
        if f'"{rule}"' in code or rule.rsplit("_", 1)[0] in {"code", "name", "code_and", "name_and"}
    }
    assert set(REASONS) - told == set()
    assert all(zh and en and re.search(r"[\u4e00-\u9fff]", zh) and en.isascii() for zh, en in REASONS.values())


def test_every_kind_of_word_can_be_explained() -> None:
    for kind in Kind:
        for word in words([Part(kind, "x", 0, 1)]):
            assert word.meaning


def test_the_bench_stream_is_always_the_same_and_orders_its_share() -> None:
    stream = make_stream()
    assert stream == make_stream()
    assert len(stream) == COMMENTS
    assert stream[:200] == make_stream(200)
    assert ORDERS_PERCENT == 5
    assert len(set(stream)) > COMMENTS // 4

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.comments.normaliser import normalise, normalise_fully, strip_emotes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ａ１＋２", "a1+2"),
        ("雞蛋兩盒", "鸡蛋两盒"),
        ("  A1 \t +2  ", "a1 +2"),
        ("A1\u200b+\ufeff1", "a1+1"),
        ("1️⃣号链接", "1号链接"),
        ("A1➕2", "a1+2"),
        ("C1✖️2", "c1x2"),
        ("①号链接", "1号链接"),
        ("🌹C1🌹+1🌹", "c1+1"),
        ("CHỐT C1", "chốt c1"),
        ("A1\nC1", "a1\nc1"),
        ("½瓶", "半瓶"),
        ("主播好", "主播好"),
        ("", ""),
    ],
)
def test_what_looks_alike_gets_one_spelling(text: str, expected: str) -> None:
    assert normalise(text) == expected


def test_a_removed_emoji_never_glues_numbers_together() -> None:
    assert normalise("A1🥚2") == "a1 2"
    assert normalise("+1😀2") == "+1 2"


@given(st.text())
@example("\u2fd3\u24ce")
@example("e\u200d\u0301")
@example("ก็น้ำ")
@example("⅔")
def test_the_quick_way_gives_what_the_long_way_gives(text: str) -> None:
    assert normalise(text) == normalise_fully(text)


@given(st.text())
@example("\u85b4")
def test_normalising_twice_is_normalising_once(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_nothing_invisible_and_no_emoji_is_left(text: str) -> None:
    left = {unicodedata.category(character) for character in normalise(text) if character != "\n"}
    assert left.isdisjoint({"So", "Cf", "Cc", "Cs", "Co"})


def test_written_emoji_go_and_goods_in_brackets_stay() -> None:
    goods = frozenset({"蜂蜜"})
    assert strip_emotes("[玫瑰]a1+1[比心]", goods) == "a1+1"
    assert strip_emotes("[蜂蜜]+1", goods) == "蜂蜜+1"
    assert strip_emotes("[2]", goods) == "[2]"

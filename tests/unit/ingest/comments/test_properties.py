"""What holds for every comment, whatever it says."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from ingest.comments import Intent, Lexicon, Mode, Reading
from ingest.comments.explanation import REASONS
from ingest.comments.normaliser import normalise, strip_emotes
from ingest.comments.numerals import HAN_NUMERALS, han_value
from ingest.comments.vocabulary import shared_words, spoken_numbers
from tests.unit.ingest.comments.goods import GOODS, make_offers

LEXICON = Lexicon.compile(make_offers())
SKUS = [goods[0] for goods in GOODS]
SPOKEN = (
    "A1|c1|B2|鸡蛋|蜂蜜|米粉|3号|5号链接|+1|+2|x3|*2|两|十二|0|80|99|100|1.5|半|盒|瓶|托|箱|斤|公斤|个|元|份|各|"
    "和|，|、| |\n|。|-|/|?|!|@|加|第|要|来|拍|改成|换|取消|不要|了|候补|吗|已|没抢到|扣|草莓|小王|谢谢|主播|"
    "好吃|cf|mine|sold|chốt|รับ|帮我妈|给|13800138000|几|多少|🌹|刚才的|这个|的|你|想要"
)
PIECES = SPOKEN.split("|")
comments = st.one_of(
    st.text(),
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
    st.lists(st.sampled_from(sorted(shared_words())), max_size=8).map("".join),
)


@given(text=comments, featured=st.sampled_from(["", *SKUS]), mode=st.sampled_from(Mode))
@settings(max_examples=600, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@example(text="A1\ud800+1", featured="", mode=Mode.CAPTURE)
@example(text="\0" * 40, featured="egg-10", mode=Mode.CAPTURE)
def test_any_comment_is_read_and_its_reading_is_whole(text: str, featured: str, mode: Mode) -> None:
    reading = LEXICON.read(text, featured, mode=mode)
    assert reading.text == text
    assert reading.rule in REASONS
    assert all(sku in SKUS for sku, _ in reading.lines)
    assert all(reading.normalised[word.start : word.end] == word.text for word in reading.words)
    assert (
        bool(reading.lines) == (reading.intent in {Intent.ORDER, Intent.SET, Intent.WAITLIST})
        or reading.intent is Intent.CANCEL
    )
    if reading.intent in {Intent.ORDER, Intent.WAITLIST}:
        assert all(1 <= packs <= 99 for _, packs in reading.lines)
    if reading.intent is Intent.CANCEL:
        assert all(packs == 0 for _, packs in reading.lines)
    if mode is Mode.PLATFORM:
        assert reading.intent not in {Intent.ORDER, Intent.SET, Intent.WAITLIST}


def numbers_in(reading: Reading) -> set[int]:
    """Every number that the characters of a comment can mean, with what weights and pieces make of it."""
    text = reading.normalised
    told = {int(digits) for digits in re.findall(r"\d+", text) if len(digits) < 9}
    told |= {int(float(digits)) for digits in re.findall(r"\d+\.\d+", text) if len(digits) < 9}
    for start in range(len(text)):
        for end in range(start + 1, min(start + 6, len(text)) + 1):
            piece = text[start:end]
            value = han_value(piece) if set(piece) <= set(HAN_NUMERALS) else spoken_numbers().get(piece)
            told |= {int(value)} if value is not None else set()
    return told


def names_sku(reading: Reading, sku: str) -> bool:
    code, link, name, aliases = next((g[3], g[4], g[5], g[6]) for g in GOODS if g[0] == sku)
    text = reading.normalised.replace(" ", "")
    spellings = [code, name.split()[0], *name.split()[1:], *aliases.split("|")]
    return any(normalise(spelling) in text for spelling in spellings) or link in numbers_in(reading)


@given(
    text=st.lists(st.sampled_from(PIECES), min_size=1, max_size=10).map("".join), featured=st.sampled_from(["", *SKUS])
)
@settings(max_examples=1_500, deadline=None)
def test_nothing_is_invented(text: str, featured: str) -> None:
    reading = LEXICON.read(text, featured)
    for sku, packs in reading.lines:
        assert sku == featured or names_sku(reading, sku)
        measured = any(
            word.meaning.startswith("分量") or "个" in word.text or "枚" in word.text for word in reading.words
        )
        assert packs in {0, 1} or measured or packs in numbers_in(reading)


@given(text=comments, featured=st.sampled_from(["", "egg-10", "honey-500"]))
@settings(max_examples=800, deadline=None)
@example(text="前几天", featured="")
@example(text="主播还是那么好", featured="")
@example(text="下单", featured="egg-10")
@example(text="嗯我要", featured="egg-10")
@example(text="来瓶蜂蜜酒", featured="")
@example(text="他家在宜春市袁州区", featured="")
def test_the_gate_settles_only_what_the_grammar_would_settle_alike(text: str, featured: str) -> None:
    normalised = strip_emotes(normalise(text), frozenset())[:900]
    settled = LEXICON.gate.settle(normalised, is_featured=bool(featured))
    if settled is None:
        return
    full = LEXICON.read_fully(text, normalised, featured, mode=Mode.CAPTURE)
    assert (full.intent, full.lines, full.rule, full.normalised) == (settled.intent, (), settled.rule, normalised)


@given(text=comments, featured=st.sampled_from(["", *SKUS]))
@settings(max_examples=300, deadline=None)
def test_a_comment_reads_the_same_again_and_in_a_fresh_lexicon(text: str, featured: str) -> None:
    first = LEXICON.read(text, featured)
    assert LEXICON.read(text, featured) == first
    assert FRESH.read(text, featured) == first


FRESH = Lexicon.compile(make_offers())
ORDERS = [
    ("A1+2", (("egg-10", 2),)),
    ("C1 2瓶", (("honey-500", 2),)),
    ("蜂蜜两瓶", (("honey-500", 2),)),
    ("来三托土鸡蛋", (("egg-30", 3),)),
    ("5号链接 2件", (("honey-500", 2),)),
    ("我要C1", (("honey-500", 1),)),
    ("烟笋一包，蜂蜜两瓶", (("bamboo", 1), ("honey-500", 2))),
    ("米粉10斤", (("noodle-5", 1),)),
    ("cf c1 2", (("honey-500", 2),)),
]
POLITE_BEFORE = ["主播好，", "老板 ", "麻烦", "你好，", "谢谢，", "🌹", "[玫瑰]", "  ", "晚上好！", "给我妈"]
POLITE_AFTER = [
    "谢谢",
    " 谢谢主播",
    "！",
    "~",
    "🌹🌹",
    "[比心]",
    "  ",
    "，辛苦了",
    "吧",
    "。",
    "\u200b",
    " 电话13800138000",
]


@pytest.mark.parametrize(("order", "lines"), ORDERS)
def test_politeness_emoji_and_spaces_change_nothing(order: str, lines: tuple[tuple[str, int], ...]) -> None:
    for before in ["", *POLITE_BEFORE]:
        if before == "给我妈" and not order.startswith("来"):
            continue
        for after in ["", *POLITE_AFTER]:
            reading = LEXICON.read(before + order + after)
            assert (before + order + after, reading.intent, reading.lines) == (
                before + order + after,
                Intent.ORDER,
                lines,
            )


def full_width(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text).replace(" ", "\u3000")


@pytest.mark.parametrize(("order", "lines"), ORDERS)
def test_full_width_and_capitals_change_nothing(order: str, lines: tuple[tuple[str, int], ...]) -> None:
    for spelled in (full_width(order), order.upper(), order.lower(), full_width(order.upper())):
        assert (spelled, LEXICON.read(spelled).lines) == (spelled, lines)


@pytest.mark.parametrize(("order", "lines"), ORDERS)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_emoji_and_invisible_characters_anywhere_but_in_numbers_change_nothing(
    order: str, lines: tuple[tuple[str, int], ...], data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(order)))
    assume(not order[max(0, place - 1) : place + 1].isdecimal() or place in {0, len(order)})
    piece = data.draw(st.sampled_from(["🌹", "👍🏽", "\u200b", "\ufe0f", "❤️", "👨‍👩‍👧"]))
    assert LEXICON.read(order[:place] + piece + order[place:]).lines == lines


@pytest.mark.parametrize(("order", "lines"), ORDERS)
def test_a_question_a_denial_or_the_past_never_leaves_an_order(order: str, lines: tuple[tuple[str, int], ...]) -> None:
    for changed in (
        f"{order}吗",
        f"{order}?",
        f"已拍{order}",
        f"@小王 {order}",
        f"刚才买了{order}",
        f"别拍{order}",
        f"{order}已下单",
    ):
        assert LEXICON.read(changed).intent is not Intent.ORDER, changed

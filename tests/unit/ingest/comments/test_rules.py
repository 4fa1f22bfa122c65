"""The rule that a host is shown says why, not only that."""

from __future__ import annotations

import pytest

from ingest.comments import Intent, Lexicon

RULES = [
    ("A1+1", "", "code_and_amount"),
    ("A1", "", "code_alone"),
    ("蜂蜜两瓶", "", "name_and_amount"),
    ("要蜂蜜", "", "name_alone"),
    ("米粉10斤", "", "measured_goods"),
    ("A1 C1", "", "several_goods"),
    ("+1", "egg-10", "featured_and_amount"),
    ("要", "egg-10", "featured_alone"),
    ("A1改成3盒", "", "set_amount"),
    ("A1换C1", "", "exchange"),
    ("取消C1", "", "cancel_named"),
    ("取消", "", "cancel_last"),
    ("候补C1", "", "waitlist"),
    ("C1多少钱", "", "question"),
    ("扣1", "", "answer_digits"),
    ("666", "", "cheer"),
    ("没抢到", "", "missed_out"),
    ("想要C1", "", "wish"),
    ("+1", "", "nothing_featured"),
    ("已拍C1", "", "already_bought"),
    ("收到蜂蜜了", "", "already_received"),
    ("@小王 C1+1", "", "addressed"),
    ("别买C1", "", "about_others"),
    ("草莓+1", "", "unknown_goods"),
    ("蜂蜜水+1", "", "unclear_words"),
    ("A1+1 几点发货", "", "order_and_question"),
    ("蜂蜜好吃+1", "", "agreement"),
    ("米粉+1", "", "which_offer"),
    ("A1 C1 2", "", "which_goods"),
    ("蜂蜜两盒", "", "pack_word_unknown"),
    ("鸡蛋45个", "", "weight_not_whole_packs"),
    ("C1 2瓶 3瓶", "", "amount_conflict"),
    ("C1+1+2", "", "amount_chain"),
    ("C1+0", "", "amount_zero"),
    ("C1-1", "", "amount_negative"),
    ("C1半瓶", "", "amount_fraction"),
    ("C1两三瓶", "", "amount_vague"),
    ("C1 2-3瓶", "", "amount_range"),
    ("C1+100", "", "amount_too_large"),
    ("C1+80", "", "amount_or_price"),
    ("主播好", "", "chatter"),
]


@pytest.mark.parametrize(("comment", "featured", "rule"), RULES)
def test_a_comment_is_decided_by_the_rule_that_it_is_shown_with(
    comment: str, featured: str, rule: str, lexicon: Lexicon
) -> None:
    reading = lexicon.read(comment, featured)
    assert reading.rule == rule
    assert reading.reason
    assert reading.reason_en


@pytest.mark.parametrize(
    "comment",
    [
        "A1+1亿", "A1+1億", "A1+1 亿", "A1+一亿", "A1+二十亿", "A1 一亿盒", "A1+1千万", "A1+1兆", "A1+1亿3",
        "A1+1e3", "A1+1E3", "A1x1e3", "A1+1.5e3", "A1+1e3，C1+1", "A1+1k", "A1+1w", "A1+1m", "A1+1b9",
    ],
)  # fmt: skip
def test_an_amount_that_goes_on_behind_its_digits_is_left_to_a_person(comment: str, lexicon: Lexicon) -> None:
    reading = lexicon.read(comment)
    assert (reading.intent, reading.lines) == (Intent.REVIEW, ())


@pytest.mark.parametrize("comment", ["A1+1ok", "A1+1thx", "A1+1谢谢"])
def test_words_that_count_nothing_leave_an_amount_as_it_is(comment: str, lexicon: Lexicon) -> None:
    reading = lexicon.read(comment)
    assert reading.lines == (("egg-10", 1),)

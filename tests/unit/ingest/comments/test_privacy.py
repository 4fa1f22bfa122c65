from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.comments import Intent, Lexicon
from ingest.comments.normaliser import normalise
from ingest.comments.privacy import ACCOUNT, ADDRESS, IDENTITY, NAME, PHONE, mask

PHONES = (
    "13800138000",
    "138 0013 8000",
    "138-0013-8000",
    "1 3 8 0 0 1 3 8 0 0 0",
    "１３８００１３８０００",
    "+8613800138000",
    "86 13800138000",
    "一三八零零一三八零零零",
    "0795-1234567",
    "138****8000",
    "0912345678",
)


@pytest.mark.parametrize("phone", PHONES)
def test_phone_numbers_are_masked_however_they_are_written(phone: str) -> None:
    assert mask(normalise(f"蜂蜜两瓶 {phone}")) == f"蜂蜜两瓶 {PHONE}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("360101199001011234", IDENTITY),
        ("36010119900101123X", IDENTITY),
        ("微信 abc_123456 C1+1", f"微信 {ACCOUNT} c1+1"),
        ("加vx：zhang3333", f"加vx:{ACCOUNT}"),
        ("qq12345678", f"qq{ACCOUNT}"),
        ("邮箱 li.lei@example.com", f"邮箱 {ACCOUNT}"),
        ("收件人：李小明，电话13912345678", f"收件人:{NAME},电话{PHONE}"),
        ("张三 13800138000", f"{NAME} {PHONE}"),
        ("13800138000 李雷", f"{PHONE} {NAME}"),
        ("江西省宜春市铜鼓县永宁镇城南路12号3栋501室 A1+2", f"{ADDRESS} a1+2"),
        ("蜂蜜两瓶寄到永宁镇城南路12号", f"蜂蜜两瓶寄到{ADDRESS}"),
        ("A1两盒江西省南昌市红谷滩区世贸路1号", f"a1两盒{ADDRESS}"),
        ("地址：铜鼓县永宁镇", f"地址:{ADDRESS}"),
        ("3栋2单元501", ADDRESS),
    ],
)
def test_identity_accounts_names_and_addresses_are_masked(text: str, expected: str) -> None:
    assert mask(normalise(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "1号链接 2件",
        "3号要5袋",
        "1号2号各一份",
        "8888888",
        "1212121",
        "a1+1 c1+2",
        "超市里买的",
        "line c1 x2",
        "两瓶",
        "鸡蛋60个",
    ],
)
def test_orders_and_cheers_are_left_alone(text: str) -> None:
    assert mask(text) == text


def test_a_name_that_is_goods_is_no_name() -> None:
    assert mask("金桔 13800138000", frozenset({"金桔"})) == f"金桔 {PHONE}"


@pytest.mark.parametrize("phone", PHONES)
@pytest.mark.parametrize("order", ["C1 2瓶 {}", "{} C1 2瓶", "C1 2瓶，电话{}", "C1 {}", "C1+{}"])
def test_no_amount_is_ever_read_out_of_a_phone_number(order: str, phone: str, lexicon: Lexicon) -> None:
    reading = lexicon.read(order.format(phone))
    assert reading.lines in {(), (("honey-500", 2),), (("honey-500", 1),)}
    assert "2瓶" not in order or reading.lines != (("honey-500", 1),)
    assert not re.search(r"\d{5}", reading.normalised)


def test_what_leaves_the_parser_is_masked_and_the_original_stays(lexicon: Lexicon) -> None:
    text = "C1 2瓶 收件人：李小明 13800138000 江西省宜春市铜鼓县永宁镇城南路12号"
    reading = lexicon.read(text)
    assert reading.intent is Intent.ORDER
    assert reading.masked
    assert reading.text == text
    told = reading.normalised + "".join(word.text for word in reading.words)
    assert not any(secret in told for secret in ("李小明", "13800138000", "永宁", "城南路"))


@pytest.mark.parametrize("phone", PHONES)
def test_a_phone_number_is_masked_in_comments_that_leave_early_or_are_cut(phone: str, lexicon: Lexicon) -> None:
    for text in (f"主播好 {phone}", "哈" * 995 + phone, "x" * 3_000 + phone):
        assert normalise(phone) not in lexicon.read(text).normalised
        assert not re.search(r"\d{7}", lexicon.read(text).normalised)


@given(st.text(alphabet="0123456789 -+省市路号栋室微信a:,我张三〔〕电话址", max_size=60))
def test_masking_again_changes_nothing(text: str) -> None:
    once = mask(normalise(text))
    assert mask(once) == once


@given(st.text(alphabet="0123456789- 一二三四五六七八九零a", max_size=60))
def test_no_long_number_is_left_but_those_that_cheer(text: str) -> None:
    for digits in re.findall(r"\d{7,}", mask(normalise(text))):
        assert len(set(digits)) == 1 or set(digits) <= {"1", "2"}

from __future__ import annotations

from decimal import Decimal

import pytest

from ingest.comments.numerals import digit_number_at, han_number_at, han_value


@pytest.mark.parametrize(
    ("numeral", "value"),
    [
        ("一", 1),
        ("两", 2),
        ("俩", 2),
        ("仨", 3),
        ("十", 10),
        ("十二", 12),
        ("二十", 20),
        ("二十五", 25),
        ("廿", 20),
        ("一百零八", 108),
        ("壹", 1),
    ],
)
def test_chinese_numerals_have_their_value(numeral: str, value: int) -> None:
    assert han_value(numeral) == value


@pytest.mark.parametrize("numeral", ["两三", "三四", "二十五六", "百", "万", "一" * 20])
def test_a_numeral_without_one_value_has_none(numeral: str) -> None:
    assert han_value(numeral) is None


def test_numbers_are_read_to_their_end() -> None:
    decimal = digit_number_at("a12.5瓶", 1)
    assert decimal is not None
    assert (decimal.value, decimal.end) == (Decimal("12.5"), 5)
    found = han_number_at("来十二盒", 1)
    assert found is not None
    assert (found.value, found.end) == (12, 3)


def test_digits_of_any_script_count() -> None:
    found = digit_number_at("๒", 0)
    assert found is not None
    assert found.value == 2


def test_a_number_too_long_to_be_an_amount_is_not_computed() -> None:
    found = digit_number_at("9" * 500, 0)
    assert found is not None
    assert (found.value, found.end) == (None, 500)

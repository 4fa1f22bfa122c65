"""Numbers as buyers write them: digits of any script, and Chinese numerals through cn2an."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Final

import cn2an
import msgspec

HAN_NUMERALS: Final = "〇零一二三四五六七八九十百千万亿两俩仨廿卅幺壹贰叁肆伍陆柒捌玖拾佰仟"
NUMBER_CHARS_MAX: Final = 12
"""Longer numbers are nobody's amount and are not computed."""

_SPELLED_OUT = str.maketrans({"俩": "两", "仨": "三", "廿": "二十", "卅": "三十"})
_UNITS = frozenset("十百千万亿拾佰仟廿卅")
_HAN_NUMERAL = re.compile(rf"[{HAN_NUMERALS}]+")
_DIGITS = re.compile(r"\d+(?:\.\d+)?")


class Number(msgspec.Struct, frozen=True, gc=False):
    """A number in the text. `value` is None where it is vague (两三 is "two or three") or too long to be an amount."""

    value: Decimal | None
    end: int


@lru_cache(maxsize=4_096)
def han_value(numeral: str) -> Decimal | None:
    """Return the value of a Chinese numeral, or None where it has no single one (两三, 百)."""
    spelled = numeral.translate(_SPELLED_OUT)
    several_digits = len(spelled) > 1 and not _UNITS.intersection(spelled)
    if len(spelled) > NUMBER_CHARS_MAX or several_digits:
        return None
    try:
        return Decimal(cn2an.cn2an(spelled, "smart"))
    except (ValueError, KeyError):  # cn2an 0.5 ends 十十二 with a KeyError
        return None


def digit_number_at(text: str, start: int) -> Number | None:
    """Read the digits at `start`, with at most one decimal point."""
    match = _DIGITS.match(text, start)
    if match is None:
        return None
    digits = match[0]
    return Number(Decimal(digits) if len(digits) <= NUMBER_CHARS_MAX else None, match.end())


def han_number_at(text: str, start: int) -> Number | None:
    """Read the Chinese numeral at `start`, as far as numeral characters go."""
    match = _HAN_NUMERAL.match(text, start)
    return Number(han_value(match[0]), match.end()) if match else None

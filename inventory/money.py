"""Money as people read it. Amounts stay integers: the minor unit is only a place for the decimal point."""

from __future__ import annotations

_DECIMALS = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "ISK": 0, "KWD": 3, "BHD": 3, "JOD": 3, "OMR": 3, "TND": 3}
"""Digits after the point by ISO 4217 currency, where they are not 2."""
_SIGNS = {
    "CNY": "¥",
    "USD": "$",
    "EUR": "€",
    "GBP": "£",
    "HKD": "HK$",
    "TWD": "NT$",
    "THB": "฿",
    "VND": "₫",
    "JPY": "¥",
}
_UNIT_ZH = {"CNY": "元", "USD": "美元", "HKD": "港元", "TWD": "新台币", "THB": "泰铢", "VND": "越南盾", "JPY": "日元"}


def currency_decimals(currency: str) -> int:
    """Digits after the decimal point of a currency."""
    return _DECIMALS.get(currency, 2)


def currency_unit_zh(currency: str) -> str:
    """The currency's unit as a Chinese heading names it: 元, 美元, or the ISO code itself."""
    return _UNIT_ZH.get(currency, currency)


def plain_amount(amount_minor: int, currency: str) -> str:
    """An amount as plain digits, for files: 32420000 fen is `324200.00`."""
    return _digits(amount_minor, currency, "")


def shown_amount(amount_minor: int, currency: str) -> str:
    """An amount as shown to people: 32420000 fen is `¥324,200.00`."""
    sign = "−" if amount_minor < 0 else ""
    return f"{sign}{_SIGNS.get(currency, currency + ' ')}{_digits(abs(amount_minor), currency, ',')}"


def _digits(amount_minor: int, currency: str, group: str) -> str:
    decimals = currency_decimals(currency)
    whole, part = divmod(abs(amount_minor), 10**decimals)
    sign = "-" if amount_minor < 0 else ""
    return f"{sign}{whole:{group}}" + (f".{part:0{decimals}}" if decimals else "")

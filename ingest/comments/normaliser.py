"""One spelling for what looks alike: the text that every rule is written for.

NFKC, case folding, Traditional to Simplified, emoji and invisible characters removed, spaces squeezed. A line feed
stays, because it separates items. Normalising twice is normalising once.

Source of the script table: OpenCC's `t2s`, character by character (phrases would need the whole sentence and change
no word that a goods list or a numeral is made of).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache

import opencc

SIGNS = str.maketrans(
    {"➕": "+", "➖": "-", "✖": "x", "✕": "x", "╳": "x", "×": "x", "✗": "x", "❌": "x", "❓": "?", "❔": "?", "⁉": "?"}
    | {"🅰": "a", "🅱": "b", "🔟": "10"}
    | {"½": "半", "¼": " 1/4", "¾": " 3/4", "⅓": " 1/3", "⅔": " 2/3"}
)
"""Emoji that are read as the sign they show (all others are removed), and fractions that must not join a code before them."""

_MARKS_DROPPED = frozenset(chr(point) for point in (*range(0xFE00, 0xFE10), 0x20E3))
_DROPPED_CATEGORIES = frozenset(("So", "Cf", "Cc", "Co", "Cn", "Cs"))
_BMP = range(0x80, 0x10000)
_ASTRAL = "\U00010000-\U0010ffff"


def _is_dropped(character: str) -> bool:
    if character == "\n":
        return False
    category = unicodedata.category(character)
    return category in _DROPPED_CATEGORIES or character in _MARKS_DROPPED or (category == "Sk" and character > "\uffff")


@cache
def _simplified() -> dict[int, str]:
    """Map each Traditional character of the BMP to its Simplified one. Some 4,000 entries, made in about 20 ms."""
    han = [chr(point) for point in range(0x3400, 0xA000)]
    # One call for the whole block: OpenCC's cost is in the call, and the line feeds keep phrases from forming.
    converted = opencc.OpenCC("t2s").convert("\n".join(han)).split("\n")
    once = {ord(old): new for old, new in zip(han, converted, strict=True) if old != new}
    # A few forms are Traditional twice over; following them here makes normalising twice the same as once.
    return {point: once.get(ord(new), new) for point, new in once.items()}


def _folded(text: str) -> str:
    once = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", once).translate(_simplified())


def _character_class(points: list[int]) -> str:
    """Write code points as the ranges of a regular expression's character class."""
    ranges: list[list[int]] = []
    for point in points:
        if ranges and ranges[-1][1] == point - 1:
            ranges[-1][1] = point
        else:
            ranges.append([point, point])
    return "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in ranges)


def _is_digit_sign(character: str) -> bool:
    """Whether a character is a number set apart by its shape (①, ²), which NFKC would glue to a number beside it."""
    return unicodedata.category(character) == "No" and unicodedata.normalize("NFKC", character)[:1].isdigit()


_DIGIT_SIGNS = _character_class([point for point in range(0x80, 0x10000) if _is_digit_sign(chr(point))])
_DIGIT_SEAM = re.compile(rf"(?<=[\d{_DIGIT_SIGNS}])(?=[{_DIGIT_SIGNS}])|(?<=[{_DIGIT_SIGNS}])(?=\d)")
"""Where `A1+1①` would become eleven packs. Two numbers side by side are for a person to read."""


def _is_intricate(character: str, folded: str) -> bool:
    """Whether a character's spelling may depend on its neighbours, so that a table cannot rewrite it alone."""
    return (
        character.isspace()
        or _is_digit_sign(character)
        or any(unicodedata.combining(part) or _is_dropped(part) or part.isspace() for part in folded)
        or unicodedata.normalize("NFKC", folded) != folded
        or "\u1100" <= character <= "\u11ff"
        or character in "[]"
    )


def _plain_emoji() -> list[int]:
    """Code points beyond the BMP that are removed whatever stands beside them: most emoji."""
    ranges = (range(0x1F1E6, 0x1F200), range(0x1F300, 0x1FB00))
    return [point for points in ranges for point in points if _is_dropped(chr(point)) and point not in SIGNS]


@cache
def normaliser() -> Callable[[str], str]:
    """Return `normalise` itself with its tables built, for who calls it often."""
    table: dict[int, str] = {point: chr(point).lower() for point in range(0x41, 0x5B)}
    table |= {point: sign for point, sign in SIGNS.items() if not _is_dropped(chr(point)) and " " not in sign}
    dropped = _plain_emoji()
    intricate = [point for point in range(0x20) if point != 0x0A] + [0x5B, 0x5D, 0x7F]
    for point in _BMP:
        character = chr(point)
        if 0xAC00 <= point <= 0xD7A3:
            continue  # Hangul syllables stand for themselves
        folded = character if 0xD800 <= point <= 0xF8FF else _folded(character)
        if _is_dropped(character) and folded == character and point not in SIGNS:
            dropped.append(point)
        elif (point in SIGNS and point not in table) or _is_intricate(character, folded):
            intricate.append(point)
        elif folded != character:
            table.setdefault(point, folded)
    emoji = _character_class(sorted(dropped))
    emoji_run = re.compile(f"[{emoji}]+")
    find_emoji, drop = emoji_run.search, emoji_run.sub
    # Classes and nothing else: a search for one is a table look-up per character.
    find_changed = re.compile(f"[{_character_class(sorted(table.keys() | set(intricate)))}{emoji}{_ASTRAL}]").search
    find_intricate = re.compile(f"[{_character_class(sorted(intricate))}]|(?![{emoji}])[{_ASTRAL}]").search

    def normalise(text: str) -> str:
        if "  " in text or text[:1] == " " or text[-1:] == " ":
            return normalise_fully(text)
        first = find_changed(text)
        if first is None:
            return text
        if find_intricate(text, first.start()):
            return normalise_fully(text)
        changed = text.lower() if text.isascii() else text.translate(table)
        if find_emoji(changed):
            return _BLANKS.sub(" ", drop(_close_gap, changed)).strip(" ")
        return changed

    return normalise


_EMOTE = re.compile(r"\[([^\[\]\s\d]{1,8})\]")
_BLANKS = re.compile(r"[^\S\n]+")
_GAP = re.compile("\0+")


def normalise_fully(text: str) -> str:
    """Normalise by the long way, character by character. `normalise` gives the same and is quicker on usual text."""
    spelled = _folded(_DIGIT_SEAM.sub(" ", text).translate(SIGNS))
    kept = "".join(character if character == "\n" or not _is_dropped(character) else "\0" for character in spelled)
    glued = _GAP.sub(_close_gap, kept)
    return _BLANKS.sub(" ", _folded(glued)).strip(" ")


def _close_gap(match: re.Match[str]) -> str:
    text, start, end = match.string, match.start(), match.end()
    before, after = text[max(0, start - 1) : start], text[end : end + 1]
    # A removed emoji must not glue two numbers, or a code and its amount (A1🥚2), into another one.
    return " " if before.isdigit() and after.isdigit() else ""


def normalise(text: str) -> str:
    """Return the text in its one spelling.

    Linear in its length. The first call in a process builds the tables (about 60 ms).
    """
    return normaliser()(text)


def strip_emotes(text: str, kept: frozenset[str]) -> str:
    """Remove a platform's written emoji (`[玫瑰]`) from normalised text, but not a word of `kept` in brackets."""
    if "[" not in text:
        return text
    bare = _EMOTE.sub(lambda match: match[1] if match[1] in kept else _close_gap(match), text)
    return _BLANKS.sub(" ", bare).strip(" ")

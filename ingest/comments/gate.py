"""Let the many comments leave early that cannot order, change or cancel anything.

The gate knows the words that matter and looks for nothing else. It settles a comment only where the whole grammar would
come to the same intent, lines and rule; a test holds the two against each other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import ahocorasick

from ingest.comments.context import NOTHING, Decision
from ingest.comments.decision import A_NOT_A
from ingest.comments.domain import Intent
from ingest.comments.numerals import HAN_NUMERALS
from ingest.comments.orders import BARE_VERBS
from ingest.comments.privacy import DIGITS_NEVER_AMOUNT, PROVINCES
from ingest.comments.vocabulary import Kind

QUESTION: Final = Decision(Intent.QUESTION, "question")
_ANSWER: Final = Decision(Intent.INTEREST, "answer_digits")
_CHEER: Final = Decision(Intent.NONE, "cheer")

_MATTERING = frozenset((
    Kind.GOODS, Kind.TRIGGER, Kind.WISH, Kind.SET, Kind.EXCHANGE, Kind.CANCEL, Kind.REFUSE, Kind.WAIT, Kind.PLEA, Kind.BOUGHT,
    Kind.RECEIVED, Kind.MISSED, Kind.ADDRESSED, Kind.PERSONAL, Kind.NUMBER, Kind.ALREADY,
))  # fmt: skip
_COUNTING = frozenset((Kind.COUNTER, Kind.WEIGHT))
_PERSONAL_HINTS = "微 薇信 威信 v信 vx wx wechat whatsapp telegram line zalo qq 收件 收货 姓名 联系人 我叫 名字 地址 址"
_PLACE_MARKS = "省 市 县 区 镇 乡 村 组 街 路 巷 弄 栋 幢 室 楼 道 园 社区 单元 自治区 大厦 广场 公司 学校 医院"
"""Two of these may be an address. What stands for one of them only beside digits is left to the search for digits."""

_MATTERS, _PLACE, _ASKS, _COVERS = range(4)
"""What a hit means to the gate: look closer; a mark of place; a question word; a longer word with a question word inside."""
_ENDS_WITH_NOT = re.compile(r"[不没]\W*$")
_Search = Callable[..., re.Match[str] | None]
_BARE_CHARS_MAX = 24
"""A longer comment says more than 要 with polite words around it."""


class Gate:
    """Knows which words matter in a sale. Immutable once made; safe to share between threads."""

    def __init__(self, words: Mapping[str, Kind], codes: Iterable[str]) -> None:
        self._automaton = ahocorasick.Automaton()
        questions = [word for word, kind in words.items() if kind is Kind.QUESTION]
        roles = dict.fromkeys(_PLACE_MARKS.split(), _PLACE)
        for word, kind in words.items():
            if kind in _MATTERING:
                roles[word] = _MATTERS
            elif kind is Kind.QUESTION:
                roles[word] = _ASKS
            elif any(ask in word for ask in questions):
                roles[word] = _COVERS
        roles |= dict.fromkeys((*codes, *_PERSONAL_HINTS.split(), *PROVINCES), _MATTERS)
        for word, role in roles.items():
            self._automaton.add_word(word, (role, len(word)))
        self._automaton.make_automaton()
        self._may_have_number, self._has_number = _number_shapes(words)
        self._orders = re.compile("|".join(sorted(map(re.escape, BARE_VERBS)))).search

    def settle(self, text: str, *, is_featured: bool) -> Decision | None:
        """Return what the whole grammar would decide, or None where it has to be asked.

        `text` is normalised and not yet masked; where it may hold personal data, the answer is None.
        """
        if text.isdigit():
            return self._digits(text)
        first = self._may_have_number(text)
        if first and self._has_number(text, first.start()):
            return None
        found = self._question_in(text)
        if found is not NOTHING:
            return found
        if "不" in text or "没" in text:
            if A_NOT_A.search(text):
                return QUESTION
            if _ENDS_WITH_NOT.search(text):
                return None
        if is_featured and len(text) <= _BARE_CHARS_MAX and self._orders(text):
            return None
        return NOTHING

    def _question_in(self, text: str) -> Decision | None:
        """Return QUESTION or NOTHING by the words found, None where one of them matters to the grammar."""
        asked: list[tuple[int, int]] = []
        covered: list[tuple[int, int]] = []
        places = 0
        for last, (role, length) in self._automaton.iter(text):
            start = last + 1 - length
            if role == _MATTERS or (text[start] < "\u2e80" and not _stands_alone(text, start, last + 1)):
                return None
            if role == _ASKS:
                asked.append((start, last + 1))
            elif role == _COVERS:
                covered.append((start, last + 1))
            elif places:
                return None
            else:
                places = 1
        return QUESTION if asked and (not covered or _is_open(asked, covered)) else NOTHING

    @staticmethod
    def _digits(text: str) -> Decision | None:
        if len(text) >= DIGITS_NEVER_AMOUNT or not text.isascii():
            return None
        return _ANSWER if set(text) <= {"1", "2"} else _CHEER


def _of(words: Mapping[str, Kind], kinds: frozenset[Kind]) -> list[str]:
    return [word for word, kind in words.items() if kind in kinds]


def _is_open(asked: Sequence[tuple[int, int]], covered: Sequence[tuple[int, int]]) -> bool:
    """Whether a question word stands outside every longer word (几天 asks, 前几天 does not)."""
    return any(not any(start <= first and last <= end for start, end in covered) for first, last in asked)


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether a hit is no part of a Latin word. In doubt the answer is no, and the grammar looks."""
    before, after = text[start - 1 : start], text[end : end + 1]
    return not ((before.isalpha() and before < "\u2e80") or (after.isalpha() and after < "\u2e80"))


def _number_shapes(words: Mapping[str, Kind]) -> tuple[_Search, _Search]:
    """Make a search for any digit, and for any Chinese numeral or counter that stands where an amount would.

    The first of the two finds the characters that such a place opens with, in one class, which is several times quicker.
    """
    verbs = {word[-1] for word in _of(words, frozenset((Kind.VERB, Kind.ANSWER, Kind.WISH))) if word[0] > "\u2fff"}
    counters = "".join(sorted({word[0] for word in _of(words, _COUNTING) if word[0] > "\u2fff"})) + "号"
    before = "".join(sorted(verbs)) + "加各乘x"
    numerals = HAN_NUMERALS + "半几"
    # 下单 and 买单 end in what counts orders elsewhere (一单).
    shape = rf"[\d+*@]|[{numerals}]{{1,4}}[{counters}]|(?![下买]单)[{before}][{numerals}{counters}]|[{numerals}]{{7}}"
    return re.compile(rf"[\d+*@{numerals}{before}]").search, re.compile(shape).search

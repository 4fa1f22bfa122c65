"""Cut a normalised comment into the pieces that the grammar reads.

Leftmost and longest: known words come from one Aho-Corasick pass; numbers, codes and what is unknown are read in between.
Each character is passed a bounded number of times, so the work is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import ahocorasick
import msgspec

from ingest.comments.goods import Goods, GoodsBook
from ingest.comments.numerals import HAN_NUMERALS, Number, digit_number_at, han_number_at
from ingest.comments.privacy import MASKS
from ingest.comments.vocabulary import Kind, shared_words, spoken_numbers

WORD_CHARS_MAX: Final = 64

_BEFORE_DIGITS: Final = frozenset(
    (Kind.TRIGGER, Kind.VERB, Kind.TIMES, Kind.CURRENCY, Kind.WEIGHT, Kind.COUNTER, Kind.LINK, Kind.GOODS)
)
"""What a Latin word may be that digits follow at once (cf2, x2, 5kg2袋); any other such word is an unknown code (ba1)."""

_VAGUE_COUNTED = frozenset("个只瓶盒袋包箱枚斤克托件份单罐桶")
_VAGUE_BEFORE = frozenset("来要拍买下订定抢留拿整搞弄入囤带补十百好")

_LATIN = r"a-z\u00df-\u024f\u1e00-\u1eff"
_LATIN_RUN = re.compile(rf"[{_LATIN}]+")
_LATIN_CHARACTER = re.compile(rf"[{_LATIN}]")
_HAN_RUN = r"[\u3400-\u9fff]"
_WORD_CHARACTER = re.compile(r"\w|[\u0e30-\u0e4e]")
_BENEFICIARY = re.compile(
    rf"(?:帮|给|替|为)(?!你|您|他|她|它|大家|别人|多少)(?:我的?)?{_HAN_RUN}{{1,5}}?(?=[拍来带买下订要留捎抢寄])"
)
_BENEFICIARY_OPENINGS = frozenset("帮给替为")
_NO_BENEFICIARY = frozenset(
    (Kind.GOODS, Kind.QUESTION, Kind.BOUGHT, Kind.RECEIVED, Kind.NEGATION, Kind.OTHERS, Kind.SET)
)


class Token(msgspec.Struct, frozen=True, gc=False):
    """A piece of the text. `goods` are the offers that it may name, `value` its number, `glued` whether no space precedes."""

    kind: Kind
    text: str
    start: int
    end: int
    goods: tuple[Goods, ...] = ()
    value: Decimal | None = None
    glued: bool = False
    is_code: bool = False


Hit = tuple[Kind, int, int]
"""A known word found in the text: what it does, where it starts, where it ends."""


def sale_words(book: GoodsBook, trigger: str) -> dict[str, Kind]:
    """Return every word that a sale's comments are read with: the shared ones, its goods, pack words and trigger."""
    words = shared_words() | ({trigger: Kind.TRIGGER} if trigger else {})
    words |= dict.fromkeys(book.pack_words, Kind.COUNTER)
    words |= dict.fromkeys(book.by_name, Kind.GOODS)
    return words | dict.fromkeys(MASKS, Kind.PERSONAL)


def _is_vague(text: str, start: int) -> bool:
    """Whether 几 with a counter behind a verb or a numeral means "some" (来几瓶, 十几瓶) and asks nothing."""
    counted = text[start] == "几" and text[start + 1 : start + 2] in _VAGUE_COUNTED
    return counted and text[start - 1 : start] in _VAGUE_BEFORE


class Lexer:
    """Cuts comments with the words of one sale. Immutable once made; safe to share between threads."""

    def __init__(self, book: GoodsBook, words: Mapping[str, Kind]) -> None:
        self._book = book
        self._numbers = {word: Decimal(value) for word, value in spoken_numbers().items()}
        self._latin = {word: kind for word, kind in words.items() if _LATIN_RUN.fullmatch(word)}
        self._triggers = sorted((w for w, k in self._latin.items() if k is Kind.TRIGGER), key=len, reverse=True)
        self._automaton = ahocorasick.Automaton()
        for word, kind in words.items():
            if len(word) <= WORD_CHARS_MAX:
                self._automaton.add_word(word, (kind, len(word)))
        self._automaton.make_automaton()

    def hits(self, text: str) -> list[Hit]:
        """Find every known word, those inside others too; Latin words only where they stand alone."""
        found = []
        # `iter_long` would give the longest at once, but drops matches (seen with pyahocorasick 2.3 on 1 text in 70).
        for last, (kind, length) in self._automaton.iter(text):
            start = last + 1 - length
            if text[start] > "\u2fff" or self._stands_alone(text, start, last + 1, kind):
                found.append((kind, start, last + 1))
        return found

    @staticmethod
    def asks(text: str, hits: list[Hit]) -> bool:
        """Whether a question word was found that is no part of a longer word (几天 asks; 前几天 and 来几瓶 do not)."""
        covered = 0
        if not any(kind is Kind.QUESTION for kind, _, _ in hits):
            return False
        for kind, start, end in sorted(hits, key=lambda hit: (hit[1], -hit[2])):
            if kind is not Kind.QUESTION or _is_vague(text, start):
                covered = max(covered, end)
            elif end > covered:
                return True
        return False

    @staticmethod
    def _stands_alone(text: str, start: int, end: int, kind: Kind) -> bool:
        first, last = text[start], text[end - 1]
        before = text[start - 1] if start else ""
        after = text[end] if end < len(text) else ""
        cut_before = bool(_LATIN_CHARACTER.match(first)) and bool(before) and bool(_LATIN_CHARACTER.match(before))
        cut_after = bool(_LATIN_CHARACTER.match(last)) and bool(after) and bool(_LATIN_CHARACTER.match(after))
        numbered = after.isdigit() and bool(_LATIN_CHARACTER.match(last)) and kind not in _BEFORE_DIGITS
        return not (cut_before or cut_after or numbered)

    def tokens(self, text: str, hits: list[Hit]) -> list[Token]:
        """Cut the text into tokens without gaps (spaces excepted), given the hits in it."""
        longest: dict[int, Hit] = {}
        for hit in hits:  # in the order of their ends, so that a later one at the same start is longer
            longest[hit[1]] = hit
        tokens: list[Token] = []
        position, length = 0, len(text)
        glued = False
        while position < length:
            if text[position] == " ":
                position += 1
                glued = False
                continue
            token = self._token_at(
                text, position, longest, glued, within=bool(tokens) and tokens[-1].kind is Kind.UNKNOWN
            )
            if token.kind is Kind.UNKNOWN and tokens and glued and tokens[-1].kind is Kind.UNKNOWN:
                opened = tokens.pop()
                token = Token(Kind.UNKNOWN, opened.text + token.text, opened.start, token.end, glued=opened.glued)
            tokens.append(token)
            position = token.end
            glued = True
        return tokens

    def _token_at(self, text: str, start: int, longest: Mapping[int, Hit], glued: bool, *, within: bool) -> Token:
        character = text[start]
        hit = longest.get(start)
        if character < "\u2fff" and (character.isdigit() or _LATIN_CHARACTER.match(character)):
            return self._latin_at(text, start, hit, glued, within=within)
        if character in _BENEFICIARY_OPENINGS:
            beneficiary = self._beneficiary_at(text, start, longest)
            if beneficiary and (hit is None or beneficiary > hit[2]):
                return Token(Kind.FILLER, text[start:beneficiary], start, beneficiary, glued=glued)
        number = han_number_at(text, start) if character in HAN_NUMERALS else None
        if hit is not None and (number is None or hit[2] > start + 1 or hit[0] is Kind.GOODS):
            return self._word(text, hit, glued)
        if number is not None:
            return self._number(text, start, number, glued)
        end = start + 1
        if _WORD_CHARACTER.match(character):
            while end < len(text) and end not in longest and self._continues_unknown(text[end]):
                end += 1
        return Token(Kind.UNKNOWN, text[start:end], start, end, glued=glued)

    @staticmethod
    def _continues_unknown(character: str) -> bool:
        if character in HAN_NUMERALS or character == " " or character.isdigit():
            return False
        return character > "\u2fff" or ("\u0e00" <= character <= "\u0e7f")

    def _word(self, text: str, hit: Hit, glued: bool) -> Token:
        kind, start, end = hit
        word = text[start:end]
        if kind is Kind.QUESTION and _is_vague(text, start):
            kind = Kind.VAGUE
        goods = self._book.by_name[word] if kind is Kind.GOODS else ()
        return Token(kind, word, start, end, goods, self._numbers.get(word) if kind is Kind.NUMBER else None, glued)

    @staticmethod
    def _number(text: str, start: int, number: Number, glued: bool) -> Token:
        kind = Kind.NUMBER if number.value is not None else Kind.VAGUE
        return Token(kind, text[start : number.end], start, number.end, value=number.value, glued=glued)

    def _latin_at(self, text: str, start: int, hit: Hit | None, glued: bool, *, within: bool) -> Token:
        """Read a code, a number, a known word or a trigger glued to a code; else the whole run is unknown.

        `within` tells that an unknown word precedes: glued to its letters nothing is a code.
        """
        before = text[start - 1] if start else ""
        within_word = within and glued and bool(_LATIN_CHARACTER.match(before or " "))
        code = None if within_word else self._code_at(text, start, glued)
        if code is not None and (hit is None or hit[2] <= code.end):
            return code
        if hit is not None:
            return self._word(text, hit, glued)
        number = digit_number_at(text, start)
        if number is not None:
            return self._number(text, start, number, glued)
        if text[start] == "x" and before.isdigit() and self._code_at(text, start + 1):
            return Token(Kind.TIMES, "x", start, start + 1, glued=glued)  # 2xa1
        run = _LATIN_RUN.match(text, start)
        end = run.end() if run else start + 1
        for trigger in self._triggers:
            if text.startswith(trigger, start) and self._code_at(text, start + len(trigger)):
                return Token(Kind.TRIGGER, trigger, start, start + len(trigger), glued=glued)
        known = self._latin.get(text[start:end])
        if known is not None and (known in _BEFORE_DIGITS or not text[end : end + 1].isdigit()):
            return self._word(text, (known, start, end), glued)
        while end < len(text) and (text[end].isdigit() or _LATIN_CHARACTER.match(text[end])):
            end += 1  # an unknown code (z9) is one piece: its digits are no amount
        return Token(Kind.UNKNOWN, text[start:end], start, end, glued=glued)

    def _code_at(self, text: str, start: int, glued: bool = False) -> Token | None:
        match = self._book.code_pattern.match(text, start)
        if match is None:
            return None
        end = match.end()
        follows = text[end : end + 2]
        if follows and _LATIN_CHARACTER.match(follows[0]) and not (follows[0] == "x" and follows[1:].isdigit()):
            rest = _LATIN_RUN.match(text, end)
            # a1b2 is two codes; a1kg and a1abc are none.
            if not (self._book.code_pattern.match(text, end) or (rest and self._latin.get(rest[0]) is Kind.TIMES)):
                return None
        goods = self._book.by_code[match[0].replace(" ", "")]
        return Token(Kind.GOODS, match[0], start, end, goods=goods, glued=glued, is_code=True)

    @staticmethod
    def _beneficiary_at(text: str, start: int, longest: Mapping[int, Hit]) -> int:
        """Return where 帮…, 给… with a person ends (帮我妈, 给婆婆), or 0: who it is for changes nothing of what is ordered."""
        match = _BENEFICIARY.match(text, start)
        if match is None:
            return 0
        inside = (longest.get(position) for position in range(start + 1, match.end()))
        blocked = any(hit is not None and (hit[0] in _NO_BENEFICIARY or hit[2] > match.end()) for hit in inside)
        has_digit = any(character.isdigit() for character in match[0])
        return 0 if blocked or has_digit else match.end()

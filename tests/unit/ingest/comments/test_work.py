"""Reading takes work linear in the comment, counted and not timed, and no pattern can backtrack without bound."""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest

import ingest.comments
from ingest.comments import Intent, Lexicon
from ingest.comments.lexicon import TEXT_CHARS_MAX
from ingest.comments.normaliser import normaliser

UNBOUNDED = re._constants.MAXREPEAT  # type: ignore[attr-defined]
MODULES = [
    importlib.import_module(f"ingest.comments.{module.name}")
    for module in pkgutil.iter_modules(ingest.comments.__path__)
    if module.name not in {"bench", "cli"}
]


def lines_run(call: Callable[[], object]) -> int:
    """Count the lines of this package that a call runs: its work, whatever else the machine does."""
    count = 0

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal count
        if "ingest/comments" not in frame.f_code.co_filename:
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


HOSTILE = (
    "A1+1 |+1|1|两|鸡蛋|A1|A1C1|x|吗|前几天|不要A1|改成3|帮我妈|各一份|，|@|省市|1号|微信|〔|[|十|0.|1380|a|cf|"
    "给你|😀|\u0301|A1两盒C1一瓶|草莓+1 |ก็|不不|?|半|-|/1|要|好吃+1|换A1|候补|80元一瓶"
)


@pytest.mark.parametrize("piece", HOSTILE.split("|"))
def test_twice_the_comment_is_about_twice_the_work(piece: str, lexicon: Lexicon) -> None:
    def work(chars: int) -> int:
        text = (piece * chars)[:chars]
        normalised = lexicon.normalise(text)
        return lines_run(lambda: lexicon.read_fully(text, normalised, "egg-10", mode=lexicon.settings.mode))

    work(50)
    short, long = work(TEXT_CHARS_MAX // 4), work(TEXT_CHARS_MAX)
    assert long <= 4.6 * short + 400


def patterns() -> Iterator[tuple[str, re.Pattern[str]]]:
    seen: list[object] = [(module.__name__, vars(module)) for module in MODULES]
    lexicon = Lexicon.compile(())
    cells = [cell.cell_contents for cell in normaliser().__closure__ or ()]
    for name, held in seen:  # type: ignore[misc]
        for key, value in held.items():
            if isinstance(value, re.Pattern):
                yield f"{name}.{key}", value
    for owner in (lexicon.gate, *cells):
        held = vars(owner) if hasattr(owner, "__dict__") else {}
        for key, value in {**held, "itself": owner}.items():
            pattern = getattr(value, "__self__", value)
            if isinstance(pattern, re.Pattern):
                yield key, pattern


def repeats(tree: Any, within: bool = False) -> Iterator[bool]:
    """Yield, for each unbounded repeat in a parsed pattern, whether another one holds it."""
    for operation, argument in tree:
        name = str(operation)
        if name in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
            _, most, inner = argument
            unbounded = most == UNBOUNDED
            if unbounded:
                yield within
            yield from repeats(inner, within or unbounded)
        elif name == "SUBPATTERN":
            yield from repeats(argument[3], within)
        elif name == "BRANCH":
            for branch in argument[1]:
                yield from repeats(branch, within)
        elif name in {"ASSERT", "ASSERT_NOT"}:
            yield from repeats(argument[1], within)


def test_the_check_of_patterns_sees_a_nested_repeat() -> None:
    assert any(repeats(re._parser.parse(r"(a+b?)+$")))  # type: ignore[attr-defined]
    assert not any(repeats(re._parser.parse(r"a+b+(c{1,9}d)*")))  # type: ignore[attr-defined]


def test_no_pattern_repeats_a_repeat_without_bound() -> None:
    found = dict(patterns())
    nested = [name for name, pattern in found.items() if any(repeats(re._parser.parse(pattern.pattern)))]  # type: ignore[attr-defined]
    assert len(found) > 20
    assert nested == []


@pytest.mark.parametrize(
    "piece", ["A1+1 ", "1", "省", "微信a", "\u200b", "🌹", "一二三四五六七", "138 0013 8000 ", "a.", "江西省宜春市"]
)
def test_a_comment_of_ten_megabytes_is_put_aside_by_its_first_characters(piece: str, lexicon: Lexicon) -> None:
    text = piece * (10_000_000 // len(piece))
    small = piece * (4_000 // len(piece))
    lexicon.read(small)
    reading = lexicon.read(text)
    assert (reading.intent, reading.rule, reading.lines) == (Intent.NONE, "too_long", ())
    assert len(reading.normalised) <= 3 * TEXT_CHARS_MAX
    assert lines_run(lambda: lexicon.read(text)) <= lines_run(lambda: lexicon.read(small)) + 50


REPEATED = (
    "1|1 |1-|a|+|地址:|省|市路|微信|a@|a.|姓名|1号楼|1号楼1室|帮|帮我的|一|\u0301|[|[a|A 1+|๑|+86 |1*|〔电话〕|"
    "王〔电话〕|1 3 8 |a-|.|_a|江西"
)


@pytest.mark.parametrize("piece", REPEATED.split("|"))
@pytest.mark.parametrize("end", ["", "!", "@", "a", "〔"])
def test_hostile_comments_are_read_like_others(piece: str, end: str, lexicon: Lexicon) -> None:
    assert lexicon.read((piece * TEXT_CHARS_MAX)[: TEXT_CHARS_MAX - 1] + end, "egg-10").intent is not Intent.ORDER


def test_memory_does_not_grow_with_the_comments_read(lexicon: Lexicon) -> None:
    before = lexicon.remembered()
    for number in range(200):
        lexicon.read(f"C1 2瓶 {number}" + "哈" * 60)
        lexicon.read(f"电话138{number:08d}")
    assert lexicon.remembered() == before

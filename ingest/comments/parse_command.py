"""Comments in, readings out, a line each; and what would have changed under another catalogue or other settings.

A line is a comment in plain text, or a JSON object `{"text", "featured", "mode", "user_id"}` of which only `text` must be
there; its own `featured` and `mode` win over the caller's. Nothing is written with personal data in clear unless the caller
asks to see the original.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TextIO

import msgspec

from ingest.comments.domain import Mode, Reading
from ingest.comments.lexicon import Lexicon


class InputError(ValueError):
    """A JSON line that holds a comment and something that cannot be meant. `line_no` counts from 1."""

    def __init__(self, line_no: int, problem: str) -> None:
        self.line_no = line_no
        self.problem = problem
        super().__init__(
            f"第 {line_no} 行不是有效的评论记录：{problem}；请改正这一行再试。 "
            f"Line {line_no} is no valid comment record: {problem}. Correct that line and try again."
        )


class Spoken(msgspec.Struct, frozen=True, kw_only=True):
    """One line of input: a comment with what is known about its moment."""

    text: str
    featured: str | None = None
    mode: Mode | None = None
    user_id: str = ""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A comment that two lexicons read differently."""

    before: Reading
    after: Reading


class Reread(msgspec.Struct, frozen=True, kw_only=True):
    """How many comments were read again, and how many of them read differently."""

    comments: int
    changed: int


def spoken_line(line: str, line_no: int) -> Spoken:
    """Read one line of input. Raises InputError for a record with a `text` and a wrong `mode`, `featured` or `user_id`."""
    line = line.rstrip("\r\n").encode("utf-8", "replace").decode("utf-8")
    if not line.lstrip().startswith("{"):
        return Spoken(text=line)
    try:
        record = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return Spoken(text=line)  # a comment may open with a brace, or with thousands of them
    if not isinstance(record, dict) or "text" not in record:
        return Spoken(text=line)
    # Tables write what they do not know as an empty cell.
    record = {key: value for key, value in record.items() if value != "" or key in {"text", "featured"}}
    try:
        return msgspec.convert(record, Spoken)
    except msgspec.ValidationError as error:
        raise InputError(line_no, str(error)) from error


def _spoken(lines: Iterable[str]) -> Iterator[Spoken]:
    for line_no, line in enumerate(lines, 1):
        yield spoken_line(line, line_no)


def _read(spoken: Spoken, lexicon: Lexicon, featured: str, mode: Mode | None) -> Reading:
    return lexicon.read(
        spoken.text,
        featured=spoken.featured if spoken.featured is not None else featured,
        mode=spoken.mode or mode,
        user_id=spoken.user_id,
    )


def _lines(lines: tuple[tuple[str, int], ...]) -> list[dict[str, object]]:
    return [{"sku": sku, "packs": packs} for sku, packs in lines]


def shown(reading: Reading, *, show_text: bool = False, explain: bool = False) -> dict[str, object]:
    """Return a reading as it is written out.

    `text` is the original only where it holds no personal data or `show_text` asks for it. `explain` adds what each word
    was taken for, the English reason, unmet goods and what would have been ordered.
    """
    record: dict[str, object] = {
        "text": reading.text if show_text or not reading.masked else reading.normalised,
        "normalised": reading.normalised,
        "intent": reading.intent.value,
        "lines": _lines(reading.lines),
        "rule": reading.rule,
        "reason": reading.reason,
    }
    if explain:
        record["reason_en"] = reading.reason_en
        record["words"] = [
            {"text": w.text, "start": w.start, "end": w.end, "meaning": w.meaning} for w in reading.words
        ]
        record["unmet"] = list(reading.unmet)
        record["wanted"] = _lines(reading.wanted)
    return record


def _write(out: TextIO, record: dict[str, object]) -> None:
    out.write(msgspec.json.encode(record).decode("utf-8") + "\n")
    out.flush()  # whoever reads along sees each reading as it is made


def parse_stream(
    lines: Iterable[str],
    out: TextIO,
    lexicon: Lexicon,
    *,
    featured: str = "",
    mode: Mode | None = None,
    show_text: bool = False,
    explain: bool = False,
) -> int:
    """Read every line and write a JSON object for each, in order. Returns how many.

    `featured` and `mode` hold where a line says nothing itself. Raises InputError at the first wrong record.
    """
    count = 0
    for spoken in _spoken(lines):
        _write(out, shown(_read(spoken, lexicon, featured, mode), show_text=show_text, explain=explain))
        count += 1
    return count


def changes(
    lines: Iterable[str], before: Lexicon, after: Lexicon, *, featured: str = "", mode: Mode | None = None
) -> Iterator[Change | None]:
    """Read every line twice and give what differs in intent or lines; None for a line that reads the same.

    `mode` holds for both lexicons where a line says nothing itself; None lets each take its own.
    """
    for spoken in _spoken(lines):
        old, new = _read(spoken, before, featured, mode), _read(spoken, after, featured, mode)
        differs = (old.intent, old.lines) != (new.intent, new.lines)
        yield Change(before=old, after=new) if differs else None


def reread_stream(
    lines: Iterable[str],
    out: TextIO,
    before: Lexicon,
    after: Lexicon,
    *,
    featured: str = "",
    mode: Mode | None = None,
    show_text: bool = False,
) -> Reread:
    """Write a JSON object `{"text", "before", "after"}` for every comment that would have been read differently."""
    comments = changed = 0
    for change in changes(lines, before, after, featured=featured, mode=mode):
        comments += 1
        if change is None:
            continue
        changed += 1
        old, new = shown(change.before, show_text=show_text), shown(change.after)
        keys = ("intent", "lines", "rule", "reason")
        _write(out, {"text": old["text"], "before": {k: old[k] for k in keys}, "after": {k: new[k] for k in keys}})
    return Reread(comments=comments, changed=changed)

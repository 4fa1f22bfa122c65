"""The command `sellthrough parse`. What is heavy is imported when it runs."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from ingest.commands.exits import OK, USAGE, CommandError
from ingest.comments.domain import Mode, ReadingSettings, Strictness

if TYPE_CHECKING:
    from ingest.comments.domain import OfferWords

DATA_WRONG = 65

CatalogueFile = Annotated[
    Path, typer.Option("--catalogue", help="商品目录 Catalogue file (.csv, .xlsx).", exists=True, dir_okay=False)
]
OtherCatalogue = Annotated[
    Path | None,
    typer.Option(
        "--diff", help="换一份目录重读，只列出变化 Read again with this catalogue, show changes.", exists=True
    ),
]
OtherMode = Annotated[Mode | None, typer.Option("--diff-mode", help="换模式重读 Read again in this mode.")]
OtherStrictness = Annotated[
    Strictness | None, typer.Option("--diff-strictness", help="换严格度重读 Read again this strictly.")
]
OtherTrigger = Annotated[str | None, typer.Option("--diff-trigger", help="换口令重读 Read again with this word.")]
OtherPacksMax = Annotated[
    int | None, typer.Option("--diff-packs-max", help="换上限重读 Read again with this limit.", min=1)
]


def parse(
    *,
    catalogue: CatalogueFile,
    mode: Annotated[Mode, typer.Option(help="谁来接单 Who takes the orders.")] = Mode.CAPTURE,
    featured: Annotated[str, typer.Option(help="正在讲解的 sku The offer on air.")] = "",
    strictness: Annotated[Strictness, typer.Option(help="严格度 How much else may be said.")] = Strictness.CONTAINS,
    trigger: Annotated[str, typer.Option(help="下单口令 Word that must open an order.")] = "",
    packs_max: Annotated[int, typer.Option(help="超过就人工确认 More go to review.", min=1)] = 99,
    ignore_user: Annotated[list[str] | None, typer.Option(help="不接单的人 user_id that never orders.")] = None,
    explain: Annotated[bool, typer.Option(help="写出每个词的读法 Add what each word was taken for.")] = False,
    show_text: Annotated[bool, typer.Option(help="显示原文（含个人信息） Show originals, personal data too.")] = False,
    diff: OtherCatalogue = None,
    diff_mode: OtherMode = None,
    diff_strictness: OtherStrictness = None,
    diff_trigger: OtherTrigger = None,
    diff_packs_max: OtherPacksMax = None,
) -> None:
    """读评论。Read comments on stdin, one a line, and write what each orders, as JSON lines on stdout.

    A line is plain text, or JSON {"text","featured","mode","user_id"}. With any --diff option every comment is read twice,
    and only those are written that would have been read differently.

    Example: echo 'A1+2' | sellthrough parse --catalogue examples/tonggu/catalogue.csv

    Exit codes: 0 done, 2 wrong usage or catalogue, 65 a line is no valid record.
    """
    from ingest.comments.lexicon import Lexicon
    from ingest.comments.parse_command import parse_stream, reread_stream

    settings = ReadingSettings(
        mode=mode,
        strictness=strictness,
        trigger=trigger,
        packs_max=packs_max,
        ignored_users=frozenset(ignore_user or ()),
    )
    offers = _offers(catalogue)
    _check_featured(featured, offers)
    lexicon = Lexicon.compile(offers, settings)
    others = (diff, diff_mode, diff_strictness, diff_trigger, diff_packs_max)
    if all(other is None for other in others):
        with _pipes() as (lines, out):
            parse_stream(lines, out, lexicon, featured=featured, show_text=show_text, explain=explain)
        return
    changed = ReadingSettings(
        mode=diff_mode or mode,
        strictness=diff_strictness or strictness,
        trigger=trigger if diff_trigger is None else diff_trigger,
        packs_max=diff_packs_max or packs_max,
        ignored_users=settings.ignored_users,
    )
    after = Lexicon.compile(_offers(diff) if diff else offers, changed)
    with _pipes() as (lines, out):
        counts = reread_stream(lines, out, lexicon, after, featured=featured, show_text=show_text)
    zh = f"重读 {counts.comments} 条评论，{counts.changed} 条有变化。"
    sys.stderr.write(f"{zh} Read {counts.comments} comments again; {counts.changed} read differently.\n")


def _check_featured(featured: str, offers: tuple[OfferWords, ...]) -> None:
    if featured and featured not in {offer.sku for offer in offers}:
        known = ", ".join(offer.sku for offer in offers)
        text = f"目录里没有 {featured}；可用：{known}。 The catalogue has no {featured}; it has: {known}."
        raise CommandError(text, USAGE)


@contextmanager
def _pipes() -> Iterator[tuple[TextIO, TextIO]]:
    """Open stdin and stdout as UTF-8, whatever the locale, and turn what can go wrong with them into plain words."""
    from ingest.comments.parse_command import InputError

    # Files made on Windows open with a byte order mark.
    lines = io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8-sig", errors="replace", newline="\n")
    out = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", write_through=True)
    try:
        yield lines, out
    except InputError as error:
        raise CommandError(str(error), DATA_WRONG) from error
    except BrokenPipeError:
        # Whoever read along has gone (| head). Nothing is left to say, and closing stdout must not fail either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(OK) from None
    finally:
        lines.detach()
        out.detach()


def _offers(path: Path) -> tuple[OfferWords, ...]:
    from ingest.comments.catalogue import offer_words
    from inventory.catalogue import CatalogueError, read_catalogue

    try:
        return offer_words(read_catalogue(path.read_bytes(), path.name))
    except CatalogueError as error:
        raise CommandError(error.text(), USAGE) from error

"""The command `sellthrough demo`."""

from __future__ import annotations

import asyncio
import hashlib
import shlex
import socket
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from ingest.demo.performance import Ending, Options
    from ingest.demo.records import AnyRecord

EXIT_DIFFERS = 1
EXIT_CANNOT_BEGIN = 2
EXIT_INCOMPLETE = 3
EXIT_INTERRUPTED = 130
SPEED_DEFAULT = 60.0
PORT_DEFAULT = 8420
EXAMPLES = Path(__file__).parents[2] / "examples" / "tonggu"
DATA_DIR_DEFAULT = Path("data") / "demo"


def demo(
    *,
    speed: Annotated[
        float | None,
        typer.Option(
            min=0, help="倍速：1 为原速，60 为一分钟一秒，0 为最快。 1 as recorded, 60 a minute a second, 0 flat out."
        ),
    ] = None,
    headless: Annotated[
        bool,
        typer.Option(
            "--headless", help="不显示画面，最快跑完，核对账目，输出一行 JSON。 No picture, flat out, one JSON line."
        ),
    ] = False,
    data_dir: Annotated[Path, typer.Option(help="数据目录。 Data folder.")] = DATA_DIR_DEFAULT,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="端口，0 为任意空闲端口。 Port; 0 takes a free one.")
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="另生成一个晚上，而不是随附的录像。 Make another evening instead of the recorded one."),
    ] = None,
    recording: Annotated[Path, typer.Option(help="录像文件。 The recording.")] = EXAMPLES / "evening.jsonl.gz",
    catalogue: Annotated[Path, typer.Option(help="商品目录。 The catalogue.")] = EXAMPLES / "catalogue.csv",
    report: Annotated[
        Path | None,
        typer.Option(help="报告存到哪里（默认在数据目录）。 Where to write the report (default: the data folder)."),
    ] = None,
) -> None:
    """回放一场真实规模的县域直播专场。 Replay a county's livestream sale through the real doors.

    Starts the service on an embedded store, plays the platforms' frames at it, shows the sale here and in the browser.
    Ctrl-C stops cleanly; the same command carries on. A finished evening in the folder is followed by another one.

    Example: sellthrough demo --speed 60        Example: sellthrough demo --headless --data-dir ./evening

    Exit codes: 0 the evening ran and the books agree; 1 the books differ or something was refused that should not have
    been; 2 it could not begin; 3 the service stopped taking orders before the end; 130 interrupted.
    """
    from rich.console import Console

    from ingest.demo.performance import Options, perform
    from ingest.demo.stage import StageError

    screen = Console(stderr=True) if headless else Console()
    try:
        records, recording_sha256 = _records(recording, catalogue, seed)
        options = Options(
            records=records,
            recording_sha256=recording_sha256,
            catalogue_path=catalogue,
            data_dir=data_dir,
            report_path=report or data_dir / "report.html",
            speed=speed if speed is not None else (0.0 if headless else SPEED_DEFAULT),
            port=port if port is not None else (0 if headless else _usual_port()),
            headless=headless,
        )
        ending = _run(perform(options, screen))
    except StageError as error:
        typer.echo(f"{error.zh}\n{error.en}", err=True)
        raise typer.Exit(EXIT_CANNOT_BEGIN) from error
    raise typer.Exit(_conclude(ending, options, screen))


def _conclude(ending: Ending, options: Options, screen: Console) -> int:
    """Say how it ended; the summary goes to standard output as its last line. Returns the exit code."""
    import msgspec

    for problem in ending.problems:
        screen.print(f"问题 problem: {problem}", style="red", highlight=False, markup=False)
    if ending.summary is not None:
        typer.echo(msgspec.json.encode(ending.summary).decode())
        return 0 if ending.summary.books == "balanced" and not ending.summary.problems else EXIT_DIFFERS
    carry_on = f"sellthrough demo --data-dir {shlex.quote(str(options.data_dir))}" + (
        " --headless" if options.headless else ""
    )
    how_far = f"{ending.share:.0%}"
    if ending.interrupted:
        typer.echo(
            f"已在 {how_far} 处停下，数据都在；继续： Stopped at {how_far}, nothing lost; carry on: {carry_on}",
            err=True,
        )
        return EXIT_INTERRUPTED
    typer.echo(
        f"服务不再接单，已在 {how_far} 处停下；排除问题后继续："
        f" The service takes no more orders; stopped at {how_far}. Put it right, then carry on: {carry_on}",
        err=True,
    )
    return EXIT_INCOMPLETE


def _run(performance: Coroutine[None, None, Ending]) -> Ending:
    """Run on uvloop where there is one: the replay shares the machine with the service that it drives."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(performance)
    return uvloop.run(performance)


def _records(recording: Path, catalogue: Path, seed: int | None) -> tuple[list[AnyRecord], str]:
    """The evening to play and its fingerprint. Raises StageError where a file is missing or cannot be read."""
    from ingest.demo.evening import make_evening
    from ingest.demo.records import RecordingError, encode_lines, read_recording
    from ingest.demo.stage import StageError
    from inventory.catalogue import CatalogueError, read_catalogue

    try:
        goods = read_catalogue(catalogue.read_bytes(), catalogue.name)
        if seed is None:
            return read_recording(recording)
        records = make_evening(seed, goods).records
        return records, hashlib.sha256(b"".join(encode_lines(records))).hexdigest()
    except (RecordingError, CatalogueError, OSError) as error:
        raise StageError(
            f"读不到演示数据：{error}。请在源码目录里运行，或用 --recording、--catalogue 指定文件。",
            "Cannot read the demo's files. Run it in the source folder, or name them with --recording and --catalogue.",
        ) from error


def _usual_port() -> int:
    """The demo's usual port, so that open pages find it again; any free one where it is taken."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", PORT_DEFAULT))
        except OSError:
            return 0
    return PORT_DEFAULT

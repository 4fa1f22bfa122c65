"""One performance of the recorded evening: stage, replay, picture, and what is left of it at the end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as ProgressBar

from ingest.demo.doors import Access, ServiceDoors
from ingest.demo.loopback import LoopbackHttp
from ingest.demo.progress import Progress, ProgressFile, begin
from ingest.demo.records import AnyRecord, DeskOrder
from ingest.demo.replay import Replay
from ingest.demo.simulators import OrderDesk, TmcPlatform
from ingest.demo.stage import Pages, ServiceProcess, Shop, StageError, http_client, make_private_dir
from ingest.demo.summary import Summary, summarise
from ingest.demo.view import OrderRate, clock_text, render

SALE_ID = "tonggu-evening"
SALE_NAME = "铜鼓县农特产专场"
STOP_DEADLINE_S = 30.0
"""How long what is under way may take when the replay is asked to stop; then it is cut off and sent again next time."""
PICTURE_EVERY_S = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line asked for. `speed` 0 is as fast as the service takes it; `port` 0 any free one."""

    records: list[AnyRecord]
    recording_sha256: str
    catalogue_path: Path
    data_dir: Path
    report_path: Path
    speed: float
    port: int
    headless: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a performance ended. `summary` is None where it did not come to the end; `share` is how much had been sent."""

    summary: Summary | None = None
    share: float = 0.0
    interrupted: bool = False
    problems: tuple[str, ...] = ()


class Interrupt:
    """Ctrl-C or a polite kill: the first one calls `action`, further ones are not needed and do nothing."""

    def __init__(self, action: Callable[[], object]) -> None:
        self.asked = asyncio.Event()
        self.action = action

    def __enter__(self) -> Interrupt:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._ask)
        return self

    def __exit__(self, *exc_info: object) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().remove_signal_handler(number)

    def _ask(self) -> None:
        if not self.asked.is_set():
            self.asked.set()
            self.action()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Everything that stands while the evening is played."""

    service: ServiceProcess
    shop: Shop
    access: Access
    pages: Pages
    doors: ServiceDoors
    progress: Progress
    progress_file: ProgressFile


async def perform(options: Options, screen: Console) -> Ending:
    """Play the evening, or what is left of it, and stop the service cleanly. Raises StageError where it cannot begin."""
    make_private_dir(options.data_dir)
    this = asyncio.current_task()
    assert this is not None, "a coroutine always runs in a task"
    with Interrupt(this.cancel) as interrupt:
        try:
            async with _stage(options) as stage:
                return await _play(options, stage, screen, interrupt)
        except asyncio.CancelledError:
            if not interrupt.asked.is_set():
                raise
            this.uncancel()
            return Ending(interrupted=True)


@asynccontextmanager
async def _stage(options: Options) -> AsyncIterator[Stage]:
    progress_file = ProgressFile(options.data_dir)
    saved = progress_file.read()
    progress = begin(saved, options.recording_sha256, SALE_ID)
    async with AsyncExitStack() as stack:
        tmc = await stack.enter_async_context(TmcPlatform())
        desk_orders = [record for record in options.records if isinstance(record, DeskOrder)]
        desk = await stack.enter_async_context(OrderDesk(desk_orders))
        service = await stack.enter_async_context(ServiceProcess(options.data_dir, options.port))
        client = await stack.enter_async_context(http_client())
        shop = Shop(client, service.base_url, service.admin_token)
        access = await shop.set_up(progress.sale_id, SALE_NAME, options.catalogue_path, tmc, desk)
        progress_file.write(progress)
        loopback = await stack.enter_async_context(LoopbackHttp(service.base_url))
        doors = ServiceDoors(access, loopback, tmc)
        stack.push_async_callback(doors.close)
        yield Stage(
            service=service,
            shop=shop,
            access=access,
            pages=await shop.pages(access),
            doors=doors,
            progress=progress,
            progress_file=progress_file,
        )


async def _play(options: Options, stage: Stage, screen: Console, interrupt: Interrupt) -> Ending:
    replay = Replay(
        options.records,
        stage.doors,
        speed=options.speed,
        progress=stage.progress,
        save=stage.progress_file.write,
    )
    screen.print(f"直播画面 overlay  {stage.pages.overlay_url}", soft_wrap=True, highlight=False)
    screen.print(f"主播后台 console  {stage.pages.console_url}", soft_wrap=True, highlight=False)
    cut_off = interrupt.action
    async with AsyncExitStack() as stack:

        def come_to_rest() -> None:
            replay.stop()
            deadline = asyncio.get_running_loop().call_later(STOP_DEADLINE_S, cut_off)
            stack.callback(deadline.cancel)

        interrupt.action = come_to_rest
        picture = _headless_picture if options.headless else _live_picture
        await stack.enter_async_context(_task(picture(stage, replay, screen)))
        progress = await _run(replay, stage.service)
    interrupt.action = cut_off
    problems = tuple(replay.state.problems)
    share = replay.state.sent / max(1, replay.state.total)
    if progress is None or not progress.finished:
        interrupt.action = _nothing
        return Ending(share=share, interrupted=interrupt.asked.is_set(), problems=problems)
    summary = await _take_stock(options, stage, replay, progress.elapsed_s, screen)
    # From here on a Ctrl-C ends the waiting; it must not cut off the service's clean stop.
    interrupt.action = _nothing
    if not options.headless:
        await _linger(stage, replay, screen, interrupt)
    return Ending(summary=summary, share=1.0, problems=problems)


def _nothing() -> None:
    """What an interrupt does when everything is on its way to its end."""


@asynccontextmanager
async def _task(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run a companion as long as the body runs. A companion that fails says so at the end, not silently."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _run(replay: Replay, service: ServiceProcess) -> Progress | None:
    """Run the replay as long as the service lives. None where the service ended: nothing will be acknowledged any more."""
    running = asyncio.create_task(replay.run(), name="demo-replay")
    ended = asyncio.create_task(service.ended(), name="demo-service-ended")
    try:
        await asyncio.wait({running, ended}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            return await running
        replay.state.add_problem(f"the service ended with exit code {ended.result()}; see {service.log_path}")
        return None
    finally:
        for task in (running, ended):
            task.cancel()
        await asyncio.gather(running, ended, return_exceptions=True)


async def _headless_picture(_: Stage, replay: Replay, screen: Console) -> None:
    columns = (
        TextColumn("回放 replay"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[clock]}"),
        TimeElapsedColumn(),
    )
    with ProgressBar(*columns, console=screen, transient=True) as bar:
        task_id = bar.add_task("replay", total=replay.state.total, clock="")
        while True:
            bar.update(task_id, completed=replay.state.sent, clock=clock_text(replay.state.at_ms))
            await asyncio.sleep(PICTURE_EVERY_S)


async def _live_picture(stage: Stage, replay: Replay, screen: Console) -> None:
    rate = OrderRate()
    with Live(console=screen, refresh_per_second=4) as live:
        while True:
            try:
                tally = await stage.shop.tally(stage.access.sale_id)
            except StageError:
                # The service may be going down or busy; the replay finds out by itself, the picture only waits.
                tally = None
            if tally is not None:
                rate.add(replay.state.at_ms, tally.totals.orders)
                live.update(render(tally, replay.state, rate))
            await asyncio.sleep(PICTURE_EVERY_S)


async def _take_stock(options: Options, stage: Stage, replay: Replay, elapsed_s: float, screen: Console) -> Summary:
    """Check the books, write the report, and put the figures together."""
    began_s = time.monotonic()
    sale_id = stage.access.sale_id
    check = await stage.shop.check(sale_id)
    screen.print(check.text(), highlight=False)
    report = await stage.shop.report(sale_id)
    await asyncio.to_thread(options.report_path.write_text, report, encoding="utf-8")
    screen.print(f"报告 report  {options.report_path}", soft_wrap=True, highlight=False)
    summary = summarise(
        await stage.shop.tally(sale_id),
        await stage.shop.orders(sale_id),
        balanced=check.balanced,
        problems_count=replay.state.problems_count,
        elapsed_s=elapsed_s + time.monotonic() - began_s,
    )
    (options.data_dir / "demo-summary.json").write_bytes(msgspec.json.encode(summary))
    return summary


async def _linger(stage: Stage, replay: Replay, screen: Console, interrupt: Interrupt) -> None:
    """Keep the pages up until Ctrl-C."""
    tally = await stage.shop.tally(stage.access.sale_id)
    rate = OrderRate()
    rate.add(replay.state.at_ms, tally.totals.orders)
    screen.print(render(tally, replay.state, rate))
    screen.print("专场结束，页面继续开着；按 Ctrl-C 结束。 The evening is over; the pages stay up until Ctrl-C.")
    ended = asyncio.create_task(stage.service.ended(), name="demo-service-ended")
    asked = asyncio.create_task(interrupt.asked.wait(), name="demo-linger")
    try:
        await asyncio.wait({ended, asked}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (ended, asked):
            task.cancel()
        await asyncio.gather(ended, asked, return_exceptions=True)

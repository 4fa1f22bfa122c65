"""`sellthrough check`, `export` and `report`: what can be done with a sale's books, beside a running service or without one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from flashsale.domain import SaleId
from flashsale.embedded import EmbeddedStore, EmbeddedStoreError
from flashsale.service import Engine
from flashsale.store import StoreUnavailable
from ingest.commands.exits import DIFFERS, OK, USAGE, CommandError
from ingest.folder import FolderBusyError, locked
from ingest.settings import Settings
from inventory.check import CheckReport, check_sale
from inventory.exports import export_filename, write_export
from inventory.follower import LedgerKeeper
from inventory.ledger import Ledger, LedgerError
from inventory.report import build_report

T = TypeVar("T")
Say = Callable[[str], None]


@asynccontextmanager
async def open_books(settings: Settings) -> AsyncIterator[tuple[Engine, Ledger]]:
    """Open engine and ledger of a data folder: the running service's store if there is one, else one of our own."""
    async with AsyncExitStack() as stack:
        url = settings.store_url or await _embedded_url(settings, stack)
        engine = await stack.enter_async_context(Engine.open(url))
        ledger = await stack.enter_async_context(await Ledger.open(settings.effective_ledger_url()))
        yield engine, ledger


async def _embedded_url(settings: Settings, stack: AsyncExitStack) -> str:
    if not settings.data_dir.is_dir():
        raise CommandError(
            f"没有数据目录 {settings.data_dir}；请用 --data-dir 指定。"
            f" There is no data folder {settings.data_dir}; name it with --data-dir.",
            USAGE,
        )
    store = EmbeddedStore(settings.data_dir)
    try:
        stack.enter_context(locked(settings.data_dir))
    except FolderBusyError:
        # The service runs: ask its store, which allows any number of readers.
        return store.url
    return (await stack.enter_async_context(store)).url


async def chosen_sale(engine: Engine, sale_id: str) -> SaleId:
    """Return the sale that is meant: the one named, or the only one there is. Raises CommandError."""
    known = await engine.sale_ids()
    if sale_id:
        if sale_id not in known:
            raise CommandError(f"没有专场 {sale_id}。 There is no sale {sale_id}. ({', '.join(known) or '-'})", USAGE)
        return SaleId(sale_id)
    if len(known) == 1:
        return known[0]
    raise CommandError(
        f"请用 --sale 指明专场：{', '.join(known) or '（没有专场）'}。 Name the sale with --sale.", USAGE
    )


def run(work: Callable[[], Coroutine[None, None, T]]) -> T:
    """Run a command's work; what the stores raise becomes plain words. Raises CommandError."""
    try:
        return asyncio.run(work())
    except (EmbeddedStoreError, StoreUnavailable, LedgerError) as error:
        raise CommandError(str(error)) from error


def check(settings: Settings, sale_id: str, *, as_json: bool, say: Say) -> int:
    """Prove the books of one sale or of all; returns 0 where they balance, 1 where they differ."""

    async def work() -> list[CheckReport]:
        async with open_books(settings) as (engine, ledger):
            wanted = [await chosen_sale(engine, sale_id)] if sale_id else await engine.sale_ids()
            if not wanted:
                raise CommandError("数据目录里没有专场，无账可查。 There is no sale in this folder to check.", USAGE)
            return [await check_sale(engine, ledger, each) for each in wanted]

    findings = run(work)
    for finding in findings:
        say(msgspec.json.encode(finding).decode() if as_json else f"{finding.sale_id}\n{finding.text()}")
    return OK if all(finding.balanced for finding in findings) else DIFFERS


def export(settings: Settings, sale_id: str, kind: str, form: str, out: Path | None) -> Path:
    """Write one export into a file and return where."""

    async def work() -> Path:
        async with open_books(settings) as (engine, ledger):
            sale = await chosen_sale(engine, sale_id)
            await LedgerKeeper(engine, ledger).catch_up(sale)
            path = out or Path(export_filename(sale, kind, form))
            await write_export(ledger, sale, kind, form, path)
            return path

    return run(work)


def report(settings: Settings, sale_id: str, out: Path | None) -> tuple[Path, bool]:
    """Write a sale's report as one HTML page; returns where, and whether its books balance."""

    async def work() -> tuple[Path, bool]:
        async with open_books(settings) as (engine, ledger):
            sale = await chosen_sale(engine, sale_id)
            finding = await check_sale(engine, ledger, sale)
            path = out or Path(f"{sale}-report.html")
            path.write_text(await build_report(ledger, sale, finding), encoding="utf-8")
            return path, finding.balanced

    return run(work)

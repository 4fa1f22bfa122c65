"""The books check: proves, on a live sale, that the store, the log and the ledger tell the same story.

Three accounts are kept of every sale: the engine's counters, the log folded from nothing (`flashsale.books`), and the
ledger's rows. They are made by different code from the same events, so a fault in one of them shows as a difference.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import msgspec

from flashsale.books import Books
from flashsale.domain import Rev, SaleId
from flashsale.events import LogEntry
from flashsale.service import EngineFace
from flashsale.tally import ChannelTally, Tally
from inventory.follower import ENTRIES_A_BATCH_MAX, LedgerKeeper
from inventory.ledger import Ledger, LedgerFigures, LedgerGapError

CHANNELS_COMPARED_MAX = 64
"""Beyond so many channels the engine counts the rest as one, and the ledger does not."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Two accounts that disagree: which two and of what (`where`), the figure (`what`), and both its values."""

    where: str
    what: str
    expected: str
    found: str


class CheckReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the check found. `balanced` is True only if the sale exists and nothing differs; `rev` is where it looked."""

    sale_id: str
    balanced: bool
    rev: Rev
    entries: int = 0
    pools: int = 0
    claims: int = 0
    differences: tuple[Difference, ...] = ()

    def text(self) -> str:
        """The finding for people, Chinese first."""
        if self.balanced:
            return (
                f"账目相符：{self.pools} 个库存池、{self.claims} 笔下单、{self.entries} 条流水，"
                f"库存、流水、账本三方一致(到 {self.rev or '开头'})。\n"
                f"The books balance: {self.pools} pools, {self.claims} claims, {self.entries} log entries; store, log and"
                f" ledger agree (at {self.rev or 'the start'})."
            )
        lines = [
            f"账目不符：有 {len(self.differences)} 处差异。请保留数据目录，先不要清理，并把下面内容交给技术人员。",
            f"The books do NOT balance: {len(self.differences)} difference(s). Keep the data folder as it is and hand this on.",
        ]
        lines += [f"· {one.where} · {one.what}: {one.expected} ≠ {one.found}" for one in self.differences]
        return "\n".join(lines)


async def check_sale(engine: EngineFace, ledger: Ledger, sale_id: SaleId) -> CheckReport:
    """Prove the books of a sale, while it runs or after. Changes nothing but the ledger, which it brings up to date.

    The ledger is compared with the folded log at the ledger's place, then the log is folded on to the moment at which the
    live tally was read. Raises what engine and ledger raise where one of them does not answer.
    """
    differences: list[Difference] = []
    try:
        await LedgerKeeper(engine, ledger).catch_up(sale_id)
    except LedgerGapError as error:
        differences.append(Difference(where="ledger", what="rev", expected="-", found=str(error)))
    figures = await ledger.figures(sale_id)
    tally = await engine.tally(sale_id)
    if tally is None:
        missing = Difference(where="store", what="sale", expected=sale_id, found="unknown 没有这个专场")
        return CheckReport(sale_id=sale_id, balanced=False, rev=figures.rev, differences=(missing,))
    differences += _pool_differences(tally)
    books, entries = Books(), 0
    compared = False
    try:
        async for entry in _log_up_to(engine, sale_id, tally.rev):
            books.apply(entry)
            entries += 1
            if entry.rev == figures.rev:
                compared = True
                differences += _ledger_differences(books, figures)
    except KeyError as error:
        # The log speaks of what it never introduced: its beginning is gone, or an entry is.
        differences.append(Difference(where="log", what="events", expected=f"introduced: {error}", found="missing"))
    if not compared:
        differences.append(
            Difference(where="log ↔ ledger", what="rev", expected=str(books.rev), found=str(figures.rev) or "-")
        )
    differences += _log_differences(books, tally)
    return CheckReport(
        sale_id=sale_id,
        balanced=not differences,
        rev=tally.rev,
        entries=entries,
        pools=len(tally.pools),
        claims=len(books.claims),
        differences=tuple(differences),
    )


async def _log_up_to(engine: EngineFace, sale_id: SaleId, rev: Rev) -> AsyncIterator[LogEntry]:
    after = Rev("")
    while batch := await engine.log(sale_id, after, ENTRIES_A_BATCH_MAX):
        for entry in batch:
            yield entry
            if entry.rev == rev:
                return
        after = batch[-1].rev


def _pool_differences(tally: Tally) -> Iterator[Difference]:
    """The law of every pool: initial + adjusted = available + held + sold − oversold."""
    for pool in tally.pools:
        there, accounted = pool.initial + pool.adjusted, pool.available + pool.held + pool.sold - pool.oversold
        if there != accounted:
            yield Difference(
                where=f"store pool {pool.pool_id}",
                what="initial + adjusted = available + held + sold − oversold",
                expected=str(there),
                found=str(accounted),
            )


def _log_differences(books: Books, tally: Tally) -> Iterator[Difference]:
    if books.rev != tally.rev:
        yield Difference(where="log ↔ store", what="rev", expected=str(books.rev), found=str(tally.rev))
    for where, what, in_books, in_tally in books.differences(tally):
        yield Difference(where=f"log ↔ store {where}", what=what, expected=str(in_books), found=str(in_tally))


def _ledger_differences(books: Books, figures: LedgerFigures) -> Iterator[Difference]:
    """Compare every figure that the folded log has with the ledger's, and which rows there are."""
    where = "log ↔ ledger"
    yield from _compared(f"{where} totals", books.totals, figures.totals)
    pools = {pool.pool_id: pool for pool in figures.pools}
    offers = {offer.sku: offer for offer in figures.offers}
    channels = {channel.channel: channel for channel in figures.channels}
    yield from _same_names(f"{where} pools", set(books.pools), set(pools))
    yield from _same_names(f"{where} offers", set(books.offers), set(offers))
    for pool_id in books.pools.keys() & pools.keys():
        yield from _compared(f"{where} pool {pool_id}", books.pools[pool_id], pools[pool_id])
    for sku in books.offers.keys() & offers.keys():
        yield from _compared(f"{where} offer {sku}", books.offers[sku], offers[sku])
    if len(channels) <= CHANNELS_COMPARED_MAX:
        for name in books.channels.keys() | channels.keys():
            # A channel that only sent duplicates has a row in one account and none in the other; both mean zero.
            nothing = ChannelTally(channel=name)
            in_books = ChannelTally(channel=name, **books.channels.get(name, {}))
            yield from _compared(f"{where} channel {name}", in_books, channels.get(name, nothing))


def _same_names(where: str, expected: set[str], found: set[str]) -> Iterator[Difference]:
    if expected != found:
        yield Difference(
            where=where, what="ids", expected=" ".join(sorted(expected)) or "-", found=" ".join(sorted(found)) or "-"
        )


def _compared(where: str, expected: msgspec.Struct, found: msgspec.Struct) -> Iterator[Difference]:
    for name in expected.__struct_fields__:
        in_books, in_ledger = getattr(expected, name), getattr(found, name)
        if in_books != in_ledger:
            yield Difference(where=where, what=name, expected=str(in_books), found=str(in_ledger))

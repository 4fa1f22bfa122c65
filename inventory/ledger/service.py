"""The ledger's face: everything that the rest of the product asks of the books in SQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from functools import wraps
from itertools import pairwise
from types import TracebackType
from typing import ParamSpec, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from flashsale.domain import Rev, SaleId, rev_order
from flashsale.events import LogEntry
from inventory.catalogue import Catalogue
from inventory.ledger import figures, reading, writing
from inventory.ledger.database import Database
from inventory.ledger.domain import (
    DemandRow,
    DrawProof,
    LedgerFigures,
    LedgerGapError,
    Order,
    OrdersPage,
    RefundRow,
    SaleFacts,
    SoldRow,
    TimelinePoint,
)
from inventory.ledger.projection import UnknownRowError, fold, touches_goods

_P = ParamSpec("_P")
_R = TypeVar("_R")


def _to_its_end(method: Callable[_P, Coroutine[object, object, _R]]) -> Callable[_P, Coroutine[object, object, _R]]:
    """Let a transaction that has begun come to its end before its caller's cancellation goes on.

    A database call cut in the middle leaves a connection that has to be thrown away and, on SQLite, a thread that answers to
    an event loop which may be gone. Transactions here are short, so waiting for the end is the lesser evil.
    """

    @wraps(method)
    async def whole(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        transaction = asyncio.ensure_future(method(*args, **kwargs))
        try:
            return await asyncio.shield(transaction)
        except asyncio.CancelledError:
            await asyncio.wait([transaction])
            if not transaction.cancelled():
                transaction.exception()  # looked at, so that asyncio does not report it as lost
            raise

    return whole


class Ledger:
    """The books of all sales, as a projection of their logs. Open with `async with await Ledger.open(url) as ledger`.

    Every method is one transaction and safe to repeat. Methods that read see one moment. A cancelled call ends its
    transaction first, then raises CancelledError. Raises LedgerUnavailableError while the database does not answer.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    async def open(cls, url: str) -> Ledger:
        """Open the ledger at an SQLite or PostgreSQL URL and bring its schema up to date.

        Raises LedgerError for a URL or a driver that is not there, LedgerUnavailableError if nobody answers.
        """
        return cls(await Database.open(url))

    async def __aenter__(self) -> Ledger:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections. Safe to call twice."""
        await self._database.close()

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._database.dialect

    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A read-only transaction over one moment of the database."""
        return self._database.reading()

    def writing(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A transaction that commits at the end of the block; one writer at a time in this process."""
        return self._database.writing()

    @_to_its_end
    async def migrate(self) -> None:
        """Bring the schema to the newest revision; `open` has done so already."""
        await self._database.migrate()

    # ------------------------------------------------------------------------------------------------ the projection

    @_to_its_end
    async def place(self, sale_id: SaleId) -> Rev:
        """The last log entry of the sale that the ledger holds; "" before the first."""
        async with self.reading() as connection:
            return (await writing.load_place(connection, sale_id))[0]

    @_to_its_end
    async def project(self, sale_id: SaleId, entries: Sequence[LogEntry], *, after: Rev) -> Rev:
        """Take log entries into the books, in one transaction with the place, and return the new place.

        `entries` are what the log holds right after `after`, oldest first. Those at or before the ledger's place are
        skipped, so that the same entries may come again, from several processes too. Raises LedgerGapError, and
        writes nothing, where `after` lies beyond the place, the entries are out of order, or one speaks of a claim,
        pool, offer or draw that the ledger never heard of.
        """
        async with self.writing() as connection:
            place, orders_seen = await writing.load_place(connection, sale_id, lock=True)
            if rev_order(after) > rev_order(place):
                raise LedgerGapError(sale_id, place, f"entries begin after {after}")
            orders = [rev_order(entry.rev) for entry in entries]
            if any(later <= earlier for earlier, later in pairwise(orders)):
                raise LedgerGapError(sale_id, place, "entries are out of order")
            fresh = [entry for entry in entries if rev_order(entry.rev) > rev_order(place)]
            if not fresh:
                return place
            books = await writing.load_books(connection, sale_id, orders_seen, fresh)
            known_claims = frozenset(books.claims)
            try:
                fold(fresh, books)
            except UnknownRowError as error:
                raise LedgerGapError(sale_id, place, str(error)) from error
            await writing.store_books(connection, sale_id, books, known_claims=known_claims, goods=touches_goods(fresh))
            await writing.store_place(connection, sale_id, fresh[-1].rev, books.orders_seen)
            return fresh[-1].rev

    @_to_its_end
    async def save_catalogue(self, sale_id: SaleId, catalogue: Catalogue) -> None:
        """Keep the words and supplier facts of the sale's offers; replaces what was kept before."""
        async with self.writing() as connection:
            await writing.store_catalogue(connection, sale_id, catalogue)

    # --------------------------------------------------------------------------------------------------- the readers

    @_to_its_end
    async def catalogue(self, sale_id: SaleId) -> Catalogue:
        """The catalogue as last saved; an empty one for a sale without."""
        async with self.reading() as connection:
            return await reading.read_catalogue(connection, sale_id)

    @_to_its_end
    async def sale(self, sale_id: SaleId) -> SaleFacts | None:
        """The sale's name, state and times; None if the ledger has never heard of it."""
        async with self.reading() as connection:
            return await reading.read_sale(connection, sale_id)

    @_to_its_end
    async def figures(self, sale_id: SaleId) -> LedgerFigures:
        """All counters of the sale at the ledger's place, read at one moment."""
        async with self.reading() as connection:
            place, _ = await writing.load_place(connection, sale_id)
            return await figures.read_figures(connection, sale_id, place)

    @_to_its_end
    async def orders(self, sale_id: SaleId, after: int = 0, rows_max: int = 500) -> OrdersPage:
        """A page of at most `rows_max` orders with numbers above `after`, oldest first, taken-back ones included."""
        async with self.reading() as connection:
            return await reading.read_orders(connection, sale_id, after, rows_max)

    async def all_orders(self, sale_id: SaleId, rows_max: int = 2_000) -> AsyncIterator[Sequence[Order]]:
        """All orders, page by page; each page is its own moment, so a long export holds no transaction open."""
        after: int | None = 0
        while after is not None:
            page = await self.orders(sale_id, after, rows_max)
            if page.orders:
                yield page.orders
            after = page.next

    @_to_its_end
    async def sold(self, sale_id: SaleId) -> list[SoldRow]:
        """What was sold of each offer, in catalogue order, with its supplier; offers that sold nothing included."""
        async with self.reading() as connection:
            return await reading.read_sold(connection, sale_id)

    @_to_its_end
    async def demand(self, sale_id: SaleId) -> list[DemandRow]:
        """Packs that were wanted and not sold, by offer and reason."""
        async with self.reading() as connection:
            return await reading.read_demand(connection, sale_id)

    @_to_its_end
    async def timeline(self, sale_id: SaleId, step_ms: int) -> list[TimelinePoint]:
        """Orders and money by channel in steps of `step_ms`, oldest first; steps without orders are left out."""
        async with self.reading() as connection:
            return await reading.read_timeline(connection, sale_id, step_ms)

    @_to_its_end
    async def refunds_due(self, sale_id: SaleId) -> list[RefundRow]:
        """Money that has to be paid back, oldest first."""
        async with self.reading() as connection:
            return await reading.read_refunds(connection, sale_id)

    @_to_its_end
    async def draws(self, sale_id: SaleId) -> list[DrawProof]:
        """All draws with their entrants in byte order and their winners in the order drawn."""
        async with self.reading() as connection:
            return await reading.read_draws(connection, sale_id, with_entrants=True)

"""The ledger's database: connections, transactions and migrations, on SQLite or PostgreSQL by URL."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Table, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from inventory.ledger.domain import LedgerError, LedgerUnavailableError

BUSY_TIMEOUT_MS = 10_000
_MIGRATIONS = Path(__file__).parent / "migrations"
_MIGRATION_LOCK = 7_341_902
"""Any number, the same for all of us: processes that open one PostgreSQL at once migrate it one after the other."""
_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
}

Insert = sqlite.Insert | postgresql.Insert


class Database:
    """One open database. `reading` and `writing` are the only ways in; both end their transaction whatever happens."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.dialect = engine.dialect.name
        self._writer = asyncio.Lock()

    @classmethod
    async def open(cls, url: str) -> Database:
        """Connect and migrate to the newest schema.

        Raises LedgerError for a URL that means nothing here and LedgerUnavailableError where the database does not
        answer; both say what to do.
        """
        parsed = _normal_url(url)
        if parsed.drivername.startswith("sqlite") and parsed.database:
            await asyncio.to_thread(_check_sqlite_file, parsed.database)
        engine = _make_engine(parsed)
        database = cls(engine)
        try:
            await database.migrate()
        except BaseException:
            await engine.dispose()
            raise
        return database

    async def close(self) -> None:
        """Close all connections. Safe to call twice."""
        await self.engine.dispose()

    async def migrate(self) -> None:
        """Bring the schema to the newest revision, in one transaction; nothing happens where it is there already."""
        async with self.writing() as connection:
            if self.dialect == "postgresql":
                await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
            await connection.run_sync(_upgrade)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A read-only transaction that sees one moment of the database, whatever is written meanwhile."""
        with _unavailable():
            async with self.engine.connect() as connection:
                if self.dialect == "postgresql":
                    await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                async with connection.begin():
                    yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that commits at the end of the block and rolls back on any error, cancellation included.

        One writer at a time in this process; on SQLite the write lock is taken at once, so that what the block reads
        first is still true when it writes.
        """
        with _unavailable():
            async with self._writer, self.engine.connect() as connection:
                await connection.execution_options(sellthrough_writes=True)
                async with connection.begin():
                    yield connection


def upsert(dialect: str, table: Table, keys: Sequence[str], *, adding: Sequence[str] = ()) -> Insert:
    """An INSERT that replaces the row with the same `keys`; columns in `adding` are added to what stands there."""
    insert: Insert = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    changed = {
        column.name: column + insert.excluded[column.name] if column.name in adding else insert.excluded[column.name]
        for column in table.columns
        if column.name not in keys
    }
    if not changed:
        return insert.on_conflict_do_nothing(index_elements=list(keys))
    return insert.on_conflict_do_update(index_elements=list(keys), set_=changed)


@contextmanager
def _unavailable() -> Iterator[None]:
    """Turn the driver's "not reachable" errors into the package's own, chained; everything else passes."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise LedgerUnavailableError(str(error.orig)) from error


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _normal_url(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise LedgerError(_BAD_URL) from error
    driver = _DRIVERS.get(parsed.drivername, parsed.drivername)
    if driver not in _DRIVERS.values():
        raise LedgerError(_BAD_URL)
    return parsed.set(drivername=driver)


_BAD_URL = (
    "账本地址认不出；请写 sqlite:////目录/ledger.sqlite3 或 postgresql://用户@主机/库名。"
    " The ledger URL is not understood; write sqlite:////folder/ledger.sqlite3 or postgresql://user@host/database."
)
_NO_DRIVER = (
    "缺少 PostgreSQL 驱动；请安装 sellthrough[postgres]。"
    " The PostgreSQL driver is missing; install sellthrough[postgres]."
)


def _make_engine(url: URL) -> AsyncEngine:
    if url.drivername.startswith("postgresql"):
        try:
            return create_async_engine(url, pool_pre_ping=True)
        except ImportError as error:
            raise LedgerError(_NO_DRIVER) from error
    engine = create_async_engine(url)
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _check_sqlite_file(path: str) -> None:
    """Open the file once by hand: a connect that fails inside aiosqlite leaves a thread that outlives the attempt."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA schema_version")
    except sqlite3.DatabaseError as error:
        raise LedgerUnavailableError(f"{path}: {error}") from error


def _prepare_sqlite(connection: DBAPIConnection, _record: object) -> None:
    # The driver's own BEGIN comes too late (at the first write) and never before DDL; _begin_sqlite sends it instead.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={BUSY_TIMEOUT_MS}", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("sellthrough_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

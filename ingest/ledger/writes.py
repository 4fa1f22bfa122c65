"""The database as these tables need it, and a write that both SQLite and PostgreSQL understand."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection


class Database(Protocol):
    """An open ledger database (`inventory.ledger.Ledger`)."""

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        ...

    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """One consistent view."""
        ...

    def writing(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """One transaction, committed at the end of the block."""
        ...


def insert_once(dialect: str, table: Table, unique: Sequence[str]) -> sqlite.Insert | postgresql.Insert:
    """Build an insert that leaves a row with the same `unique` columns as it is."""
    if dialect == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing(index_elements=list(unique))
    return sqlite.insert(table).on_conflict_do_nothing(index_elements=list(unique))

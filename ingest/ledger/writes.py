"""The database as these tables need it, and writes that both SQLite and PostgreSQL understand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def insert_or_change(
    dialect: str, table: Table, unique: Sequence[str], values: Mapping[str, object]
) -> sqlite.Insert | postgresql.Insert:
    """Build an insert of `values` that changes the row with the same `unique` columns instead, if there is one."""
    changed = {name: value for name, value in values.items() if name not in unique}
    if dialect == "postgresql":
        insert = postgresql.insert(table).values(**values)
        return insert.on_conflict_do_update(index_elements=list(unique), set_=changed)
    return sqlite.insert(table).values(**values).on_conflict_do_update(index_elements=list(unique), set_=changed)

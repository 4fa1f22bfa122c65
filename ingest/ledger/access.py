"""Tokens and connections in SQL. A token is kept as its SHA-256 only; a connection's settings come sealed."""

from __future__ import annotations

from sqlalchemy import delete, insert, select

from ingest.domain import Role, Token
from ingest.ledger.tables import access_tokens, connections
from ingest.ledger.writes import Database
from inventory.ledger import upsert


class TokenLedger:
    """The tokens that are good now."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, token: Token, token_hash: str) -> None:
        """Remember a token by the hex SHA-256 of its secret."""
        row = {
            "token_id": token.token_id,
            "token_hash": token_hash,
            "role": token.role.value,
            "sale_id": token.sale_id,
            "label": token.label,
            "created_at_ms": token.created_at_ms,
        }
        async with self._database.writing() as connection:
            await connection.execute(insert(access_tokens).values(**row))

    async def remove(self, token_id: str) -> bool:
        """Forget a token. False if it was not there."""
        async with self._database.writing() as connection:
            result = await connection.execute(delete(access_tokens).where(access_tokens.c.token_id == token_id))
        return result.rowcount > 0

    async def by_hash(self) -> dict[str, Token]:
        """Read all tokens, keyed by their hash, oldest first."""
        query = select(access_tokens).order_by(access_tokens.c.created_at_ms, access_tokens.c.token_id)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        return {
            row.token_hash: Token(
                token_id=row.token_id,
                role=Role(row.role),
                sale_id=row.sale_id,
                label=row.label,
                created_at_ms=row.created_at_ms,
            )
            for row in rows
        }


class ConnectionLedger:
    """The platform feeds, with their settings sealed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, connection_id: str, adapter: str, sale_id: str, settings_sealed: bytes) -> None:
        """Add a connection or replace it whole."""
        values = {
            "connection_id": connection_id,
            "adapter": adapter,
            "sale_id": sale_id,
            "settings_sealed": settings_sealed,
        }
        async with self._database.writing() as connection:
            await connection.execute(upsert(self._database.dialect, connections, ["connection_id"]), values)

    async def remove(self, connection_id: str) -> bool:
        """Forget a connection. False if it was not there."""
        async with self._database.writing() as connection:
            result = await connection.execute(delete(connections).where(connections.c.connection_id == connection_id))
        return result.rowcount > 0

    async def all(self) -> list[tuple[str, str, str, bytes]]:
        """Read all connections by id: (connection_id, adapter, sale_id, settings_sealed)."""
        query = select(connections).order_by(connections.c.connection_id)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        return [(row.connection_id, row.adapter, row.sale_id, bytes(row.settings_sealed)) for row in rows]

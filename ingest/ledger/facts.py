"""Reversals that came before their fact, in SQL."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select

from ingest.ledger.tables import early_reversals
from ingest.ledger.writes import Database, insert_once


class FactLedger:
    """What platforms took back before they told of it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def remember(self, sale_id: str, fact_ids: Collection[str]) -> None:
        """Keep these reversals; once is enough."""
        statement = insert_once(self._database.dialect, early_reversals, ["sale_id", "fact_id"])
        async with self._database.writing() as connection:
            await connection.execute(statement, [{"sale_id": sale_id, "fact_id": fact_id} for fact_id in fact_ids])

    async def among(self, sale_id: str, fact_ids: Collection[str]) -> list[str]:
        """Return those of these facts (1,000 at most) whose reversal came early."""
        query = select(early_reversals.c.fact_id).where(
            early_reversals.c.sale_id == sale_id, early_reversals.c.fact_id.in_(fact_ids)
        )
        async with self._database.reading() as connection:
            return list((await connection.execute(query)).scalars())

"""A sale's reading rules, its featured offers over time, and the sealed seeds of its draws, in SQL."""

from __future__ import annotations

import msgspec
from sqlalchemy import insert, select

from ingest.domain import SaleSettings
from ingest.ledger.tables import draw_seeds, featured_marks, sale_settings
from ingest.ledger.writes import Database, insert_once
from inventory.ledger import upsert


class SaleLedger:
    """What the service remembers of a sale beside the engine."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def settings(self, sale_id: str) -> SaleSettings:
        """Read a sale's settings; the defaults where none were ever set."""
        query = select(sale_settings.c.settings_json).where(sale_settings.c.sale_id == sale_id)
        async with self._database.reading() as connection:
            text = (await connection.execute(query)).scalar_one_or_none()
        return SaleSettings() if text is None else msgspec.json.decode(text, type=SaleSettings)

    async def save_settings(self, sale_id: str, settings: SaleSettings) -> None:
        """Replace a sale's settings."""
        values = {"sale_id": sale_id, "settings_json": msgspec.json.encode(settings).decode()}
        async with self._database.writing() as connection:
            await connection.execute(upsert(self._database.dialect, sale_settings, ["sale_id"]), values)

    async def mark_featured(self, sale_id: str, at_ms: int, sku: str) -> None:
        """Remember that from `at_ms` on this offer is shown; an empty sku means that none is."""
        async with self._database.writing() as connection:
            await connection.execute(insert(featured_marks).values(sale_id=sale_id, at_ms=at_ms, sku=sku))

    async def featured(self, sale_id: str, marks_max: int = 1_000) -> list[tuple[int, str]]:
        """Read the newest `marks_max` featured marks as (at_ms, sku), oldest first."""
        marks = featured_marks
        query = (
            select(marks.c.at_ms, marks.c.sku)
            .where(marks.c.sale_id == sale_id)
            .order_by(marks.c.at_ms.desc(), marks.c.seq.desc())
            .limit(marks_max)
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        return [(row.at_ms, row.sku) for row in reversed(rows)]

    async def keep_seed(self, sale_id: str, draw_id: str, seed_sealed: bytes) -> bytes:
        """Keep a draw's sealed seed and return the one kept: the first of that draw stays, whatever comes later."""
        statement = insert_once(self._database.dialect, draw_seeds, ["sale_id", "draw_id"])
        values = {"sale_id": sale_id, "draw_id": draw_id, "seed_sealed": seed_sealed}
        async with self._database.writing() as connection:
            await connection.execute(statement.values(**values))
        kept = await self.seed(sale_id, draw_id)
        assert kept is not None
        return kept

    async def seed(self, sale_id: str, draw_id: str) -> bytes | None:
        """Read a draw's sealed seed; None for a draw that was not opened here."""
        query = select(draw_seeds.c.seed_sealed).where(draw_seeds.c.sale_id == sale_id, draw_seeds.c.draw_id == draw_id)
        async with self._database.reading() as connection:
            sealed = (await connection.execute(query)).scalar_one_or_none()
        return None if sealed is None else bytes(sealed)

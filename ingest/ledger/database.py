"""The service's tables behind one name, on a database that somebody else opened and will close."""

from __future__ import annotations

from ingest.ledger.access import ConnectionLedger, TokenLedger
from ingest.ledger.comments import CommentLedger
from ingest.ledger.facts import FactLedger
from ingest.ledger.sales import SaleLedger
from ingest.ledger.tables import write_probes
from ingest.ledger.writes import Database
from inventory.ledger import upsert


class ServiceLedger:
    """The service's part of the ledger. The tables are made by the migrations of `inventory.ledger`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.tokens = TokenLedger(database)
        self.connections = ConnectionLedger(database)
        self.sales = SaleLedger(database)
        self.facts = FactLedger(database)
        self.comments = CommentLedger(database)

    async def probe(self, at_ms: int) -> None:
        """Write something small; returns if the database still takes writes, raises its own error otherwise."""
        values = {"name": "intake", "at_ms": at_ms}
        async with self._database.writing() as connection:
            await connection.execute(upsert(self._database.dialect, write_probes, ["name"]), values)

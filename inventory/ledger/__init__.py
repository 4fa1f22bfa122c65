"""The ledger (账本): the books of every sale in SQL, projected from the sale's log.

Promises: what `Ledger.project` returned from is committed together with its place in the log; the same entries may come
again in any cut and change nothing; entries that do not continue the books are refused, never skipped silently. SQLite (WAL,
synchronous=FULL) or PostgreSQL by URL; `Ledger.open` runs the migrations. Others may keep tables in the same database: they
define them on `metadata` and add a revision to `migrations/versions`.
"""

from __future__ import annotations

from inventory.ledger.database import upsert
from inventory.ledger.domain import (
    DemandRow,
    DrawProof,
    LedgerError,
    LedgerFigures,
    LedgerGapError,
    LedgerUnavailableError,
    Order,
    OrderLine,
    OrdersPage,
    RefundRow,
    SaleFacts,
    SoldRow,
    TimelinePoint,
)
from inventory.ledger.schema import metadata
from inventory.ledger.service import Ledger

__all__ = [
    "DemandRow",
    "DrawProof",
    "Ledger",
    "LedgerError",
    "LedgerFigures",
    "LedgerGapError",
    "LedgerUnavailableError",
    "Order",
    "OrderLine",
    "OrdersPage",
    "RefundRow",
    "SaleFacts",
    "SoldRow",
    "TimelinePoint",
    "metadata",
    "upsert",
]

"""Reading a report's facts from the ledger."""

from __future__ import annotations

import time

from flashsale.domain import SaleId
from inventory.check import CheckReport
from inventory.ledger import Ledger
from inventory.report.domain import ReportFacts

_HOUR_MS = 3_600_000
_FINE_EXTENT_MS = 6 * _HOUR_MS


async def gather_report(ledger: Ledger, sale_id: SaleId, check: CheckReport | None) -> ReportFacts:
    """Read everything that the report shows. Raises LookupError for a sale that the ledger does not know."""
    sale = await ledger.sale(sale_id)
    if sale is None:
        raise LookupError(f"账本里没有专场 {sale_id}。 The ledger does not know the sale {sale_id}.")
    hours = await ledger.timeline(sale_id, _HOUR_MS)
    extent_ms = hours[-1].at_ms - hours[0].at_ms if hours else 0
    return ReportFacts(
        sale=sale,
        figures=await ledger.figures(sale_id),
        sold=tuple(await ledger.sold(sale_id)),
        demand=tuple(await ledger.demand(sale_id)),
        timeline=tuple(await ledger.timeline(sale_id, 1_000 if extent_ms <= _FINE_EXTENT_MS else 60_000)),
        refunds=tuple(await ledger.refunds_due(sale_id)),
        draws=tuple(await ledger.draws(sale_id)),
        check=check,
        made_at_ms=time.time_ns() // 1_000_000,
    )

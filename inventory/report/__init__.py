"""The report of a sale (专场报告): one HTML page that needs nothing else, to show, print, mail and keep.

Chinese first, English beneath. Everything in it is read from the ledger; the books check's finding stands on top. The
charts' script is inlined, no address is ever contacted, and no viewer's name is in it: winners stand by their opaque ids.
"""

from __future__ import annotations

from flashsale.domain import SaleId
from inventory.check import CheckReport
from inventory.ledger import Ledger
from inventory.report.domain import ReportFacts
from inventory.report.gathering import gather_report
from inventory.report.page import render_report

__all__ = ["ReportFacts", "build_report", "gather_report", "render_report"]


async def build_report(ledger: Ledger, sale_id: SaleId, check: CheckReport | None) -> str:
    """Read a sale from the ledger and render its report; `check` is the books check made for it, None if there was none.

    Raises LookupError for a sale that the ledger does not know.
    """
    return render_report(await gather_report(ledger, sale_id, check))

"""Files that leave the house: orders (订单), pick lists (拣货单), settlement (结算单) and unmet demand (未满足需求).

Each comes as .xlsx and as .csv (UTF-8 with a byte order mark, so that Excel reads Chinese), with Chinese headings. Rows are
streamed from the ledger: an export's memory does not grow with the sale. No cell can become a formula.
"""

from __future__ import annotations

from inventory.exports.sheets import EXPORT_KINDS, ExportKind
from inventory.exports.writing import (
    CONTENT_TYPES,
    EXPORT_FORMS,
    ExportForm,
    export_filename,
    stream_export,
    write_export,
)

__all__ = [
    "CONTENT_TYPES",
    "EXPORT_FORMS",
    "EXPORT_KINDS",
    "ExportForm",
    "ExportKind",
    "export_filename",
    "stream_export",
    "write_export",
]

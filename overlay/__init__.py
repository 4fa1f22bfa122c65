"""The live tally on its way to everybody who watches: the hub that follows each sale once, its doors, and the pages.

Promised: what a viewer sees is one moment of the sale, never a mixture of two; nothing on this path can slow the sale
down; a viewer that cannot keep up is moved to the newest state and never makes a queue grow.
"""

from overlay.domain import Gate
from overlay.hub import Hub, HubClosedError, OverlayError, SaleUnreadableError, Timing, UnknownSaleError

__all__ = ["Gate", "Hub", "HubClosedError", "OverlayError", "SaleUnreadableError", "Timing", "UnknownSaleError"]

"""What the ledger hands out, and its errors. Pure values, no I/O."""

from __future__ import annotations

import msgspec

from flashsale.domain import Rev, SaleId
from flashsale.tally import ChannelTally, DrawTally, OfferTally, PoolTally, Totals

BOUGHT_STATUSES = ("confirmed", "presale_order", "recorded")
HOLD_STATUSES = ("held", "presale_held")
WAITING_STATUS = "waitlisted"


class LedgerError(Exception):
    """Something is broken between the ledger and its caller; the message says what to do, Chinese first."""


class LedgerUnavailableError(LedgerError):
    """The database does not answer now. Nothing of the failed transaction was kept; trying again is safe."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"账本数据库现在连不上或写不进：{reason}。账目没有丢，恢复后会自动补上。"
            f" The ledger database cannot be reached or written now: {reason}. Nothing is lost; it catches up by itself."
        )


class LedgerGapError(LedgerError):
    """Log entries do not continue what the ledger holds. Nothing was written; the ledger stays at `place`."""

    def __init__(self, sale_id: str, place: Rev, problem: str) -> None:
        self.sale_id = sale_id
        self.place = place
        self.problem = problem
        super().__init__(
            f"专场 {sale_id} 的流水接不上账本(账本记到 {place or '开头'})：{problem}。账本没有改动；"
            "请核对账本与数据目录是否属于同一专场，或另建账本从流水重记。"
            f" The log of sale {sale_id} does not continue the ledger (at {place or 'the start'}): {problem}. Nothing was"
            " written; check that ledger and data folder belong together, or project the log into a new ledger."
        )


class LedgerFigures(msgspec.Struct, frozen=True, kw_only=True):
    """All counters of a sale as its books have them at log place `rev`, in the shapes of the live tally.

    What only the moment decides (an offer's special price) is left at its default.
    """

    sale_id: SaleId
    rev: Rev
    name: str = ""
    state: str = ""
    currency: str = ""
    totals: Totals = Totals()
    pools: tuple[PoolTally, ...] = ()
    offers: tuple[OfferTally, ...] = ()
    channels: tuple[ChannelTally, ...] = ()
    draws: tuple[DrawTally, ...] = ()


class OrderLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of an order. `amount_minor` is its share of what was paid, which a platform may have discounted.

    A `presale` line comes out of the presale quota and ships at `ships_at_ms`.
    """

    sku: str
    pool_id: str
    packs: int
    units: int
    unit_price_minor: int
    amount_minor: int
    presale: bool
    ships_at_ms: int


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order of a sale. `order_no` counts from 1 in the order of the log and never changes.

    `kind` is claim or fact. `status` is confirmed, presale_order (all of it ships later), recorded, or how it was taken
    back: cancelled, reversed.
    """

    order_no: int
    claim_id: str
    kind: str
    status: str
    buyer_id: str
    channel: str
    amount_minor: int
    ordered_at_ms: int
    lines: tuple[OrderLine, ...]


class OrdersPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of orders, oldest first. `next` is the cursor for the page after it, None at the end of what is known."""

    orders: tuple[Order, ...]
    next: int | None


class SoldRow(msgspec.Struct, frozen=True, kw_only=True):
    """What was sold of one offer: packs, base units and money, orders and presale apart, with who supplied it."""

    sku: str
    name: str
    pool_id: str
    base_unit: str
    supplier: str
    county: str
    certificate_no: str
    packs: int = 0
    units: int = 0
    revenue_minor: int = 0
    presale_packs: int = 0
    presale_units: int = 0
    presale_minor: int = 0
    ships_at_ms: int = 0


class DemandRow(msgspec.Struct, frozen=True, kw_only=True):
    """Packs of one offer that were wanted and not sold: refused by outcome, waiting now, or wished for in comments."""

    sku: str
    name: str
    reason: str
    claims: int
    packs: int
    units: int
    amount_minor: int
    base_unit: str


class TimelinePoint(msgspec.Struct, frozen=True, kw_only=True):
    """Orders and money of one channel within one stretch of time that begins at `at_ms`."""

    at_ms: int
    channel: str
    orders: int
    revenue_minor: int
    presale_minor: int


class SaleFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A sale's own row: its words and when it went through its states; 0 is not yet."""

    sale_id: str
    name: str
    state: str
    currency: str
    created_at_ms: int
    opened_at_ms: int
    closed_at_ms: int


class RefundRow(msgspec.Struct, frozen=True, kw_only=True):
    """Money that came for a claim without stock and has to be paid back."""

    claim_id: str
    buyer_id: str
    channel: str
    refund_due_minor: int
    refund_due_at_ms: int


class DrawProof(msgspec.Struct, frozen=True, kw_only=True):
    """All that a viewer needs to check a draw: what was published before, what after, and who took part."""

    draw: DrawTally
    entrants: tuple[str, ...]
    winners: tuple[str, ...]
    opened_at_ms: int
    closed_at_ms: int
    settled_at_ms: int

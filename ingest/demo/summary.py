"""The demo's last line: what the engine and the ledger say of the evening, as one line of JSON."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from flashsale.tally import Tally
from ingest.demo.plan import POOL_IDS_BIG
from inventory.ledger import Order

ORDER_STATUSES = ("confirmed", "recorded")
"""Orders that stand: paid claims and facts, neither taken back nor presale."""


class PoolSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A pool in base units."""

    initial: int
    adjusted: int
    sold: int
    held: int
    available: int
    presold: int
    refused: int
    oversold: int


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The evening in figures. `orders_other` are orders of goods outside the four big pools; presale stands apart.

    `books` is `balanced` where store, log and ledger agree, else `differ`.
    """

    sale_id: str
    state: str
    pools: dict[str, PoolSummary]
    orders: int
    orders_other: int
    revenue_minor: int
    presale_orders: int
    presale_minor: int
    refused: int
    duplicates_dropped: int
    comments: int
    likes: int
    problems: int
    books: str
    elapsed_s: float


def summarise(
    tally: Tally, orders: Sequence[Order], *, balanced: bool, problems_count: int, elapsed_s: float
) -> Summary:
    """Put tally, orders and the books' verdict together; adds nothing of its own."""
    totals = tally.totals
    return Summary(
        sale_id=tally.sale_id,
        state=tally.state,
        pools={
            pool.pool_id: PoolSummary(**{name: getattr(pool, name) for name in PoolSummary.__struct_fields__})
            for pool in tally.pools
        },
        orders=totals.orders,
        orders_other=sum(is_other(order) for order in orders),
        revenue_minor=totals.revenue_minor,
        presale_orders=totals.presale_orders,
        presale_minor=totals.presale_minor,
        refused=totals.refused,
        duplicates_dropped=totals.duplicates,
        comments=totals.comments,
        likes=totals.likes,
        problems=problems_count,
        books="balanced" if balanced else "differ",
        elapsed_s=round(elapsed_s, 1),
    )


def is_other(order: Order) -> bool:
    """Whether an order stands and holds nothing of the four big pools."""
    return order.status in ORDER_STATUSES and all(line.pool_id not in POOL_IDS_BIG for line in order.lines)

"""Every counter of the live tally, computed from the books' rows.

The rules are the engine's (`flashsale/lua/include`): stock and money go by the lines of living claims, refused packs count
where stock was lacking, orders that ship later as a whole are presale orders.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import msgspec
from sqlalchemy import Column, ColumnElement, Row, and_, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from flashsale.domain import Rev, SaleId
from flashsale.tally import ChannelTally, OfferTally, PoolTally, Totals
from inventory.ledger.domain import BOUGHT_STATUSES, HOLD_STATUSES, WAITING_STATUS, LedgerFigures
from inventory.ledger.reading import read_draws, read_sale
from inventory.ledger.schema import (
    adjustments,
    claim_lines,
    claims,
    observations,
    offers,
    pools,
    refusals,
    wishes,
)

_SEEN = ("comments", "likes", "gifts", "follows", "enters", "viewers")
_LIVE_STATUSES = (*BOUGHT_STATUSES, *HOLD_STATUSES, WAITING_STATUS)


class _Sum(msgspec.Struct):
    """Packs, base units and money over some lines."""

    packs: int = 0
    units: int = 0
    amount_minor: int = 0

    def add(self, row: Row[Any, Any, Any, Any, Any, Any, Any]) -> None:
        self.packs += int(row.packs)
        self.units += int(row.units)
        self.amount_minor += int(row.amount_minor)


_LineSums = dict[tuple[str, str, str, bool], _Sum]
"""By pool, sku, what the claim is (held, bought or waiting), and presale."""


async def read_figures(connection: AsyncConnection, sale_id: SaleId, place: Rev) -> LedgerFigures:
    """All counters of the sale; `place` is the log place that the caller read in the same transaction."""
    sums = await _line_sums(connection, sale_id)
    sale = await read_sale(connection, sale_id)
    channels = await _channel_figures(connection, sale_id)
    return LedgerFigures(
        sale_id=sale_id,
        rev=place,
        name=sale.name if sale else "",
        state=sale.state if sale else "",
        currency=sale.currency if sale else "",
        totals=await _total_figures(connection, sale_id, channels),
        pools=await _pool_figures(connection, sale_id, sums),
        offers=await _offer_figures(connection, sale_id, sums),
        channels=channels,
        draws=tuple(proof.draw for proof in await read_draws(connection, sale_id, with_entrants=False)),
    )


async def _line_sums(connection: AsyncConnection, sale_id: SaleId) -> _LineSums:
    lines = claim_lines
    query = (
        select(
            *(lines.c.pool_id, lines.c.sku, claims.c.status, lines.c.presale),
            func.sum(lines.c.packs).label("packs"),
            func.sum(lines.c.units).label("units"),
            func.sum(lines.c.amount_minor).label("amount_minor"),
        )
        .join(claims, and_(claims.c.sale_id == lines.c.sale_id, claims.c.claim_id == lines.c.claim_id))
        .where(lines.c.sale_id == sale_id, claims.c.status.in_(_LIVE_STATUSES))
        .group_by(lines.c.pool_id, lines.c.sku, claims.c.status, lines.c.presale)
    )
    sums: defaultdict[tuple[str, str, str, bool], _Sum] = defaultdict(_Sum)
    for row in await connection.execute(query):
        life = "bought" if row.status in BOUGHT_STATUSES else "held" if row.status in HOLD_STATUSES else "waiting"
        sums[row.pool_id, row.sku, life, bool(row.presale)].add(row)
    return sums


async def _pool_figures(connection: AsyncConnection, sale_id: SaleId, sums: _LineSums) -> tuple[PoolTally, ...]:
    units: defaultdict[tuple[str, str, bool], int] = defaultdict(int)
    for (pool_id, _, life, presale), line_sum in sums.items():
        units[pool_id, life, presale] += line_sum.units
    adjusted = await _sums_by(connection, sale_id, adjustments.c.pool_id, adjustments.c.delta_units)
    sold_out = refusals.c.outcome == "sold_out"
    refused = await _sums_by(connection, sale_id, refusals.c.pool_id, refusals.c.units, sold_out)
    query = select(pools).where(pools.c.sale_id == sale_id).order_by(pools.c.position)
    figures = []
    for row in await connection.execute(query):
        held, sold = units[row.pool_id, "held", False], units[row.pool_id, "bought", False]
        left = row.initial_units + adjusted[row.pool_id] - held - sold
        figures.append(
            PoolTally(
                pool_id=row.pool_id,
                name=row.name,
                base_unit=row.base_unit,
                initial=row.initial_units,
                adjusted=adjusted[row.pool_id],
                available=max(left, 0),
                held=held,
                sold=sold,
                oversold=max(-left, 0),
                presale_quota=row.presale_units,
                presale_held=units[row.pool_id, "held", True],
                presold=units[row.pool_id, "bought", True],
                presale_ships_at_ms=row.presale_ships_at_ms,
                waitlisted=units[row.pool_id, "waiting", False],
                refused=refused[row.pool_id],
            )
        )
    return tuple(figures)


async def _offer_figures(connection: AsyncConnection, sale_id: SaleId, sums: _LineSums) -> tuple[OfferTally, ...]:
    by_sku: defaultdict[tuple[str, str, bool], _Sum] = defaultdict(_Sum)
    for (_, sku, life, presale), line_sum in sums.items():
        by_sku[sku, life, presale] = line_sum
    sold_out = refusals.c.outcome == "sold_out"
    refused = await _sums_by(connection, sale_id, refusals.c.sku, refusals.c.packs, sold_out)
    wished = await _sums_by(connection, sale_id, wishes.c.sku, wishes.c.packs)
    query = select(offers).where(offers.c.sale_id == sale_id).order_by(offers.c.position)
    return tuple(
        OfferTally(
            sku=row.sku,
            pool_id=row.pool_id,
            name=row.name,
            units_per_pack=row.units_per_pack,
            price_minor=row.price_minor,
            list_price_minor=row.list_price_minor,
            limit_packs=row.limit_packs,
            packs_held=by_sku[row.sku, "held", False].packs + by_sku[row.sku, "held", True].packs,
            packs_sold=by_sku[row.sku, "bought", False].packs,
            packs_presold=by_sku[row.sku, "bought", True].packs,
            packs_refused=refused[row.sku],
            revenue_minor=by_sku[row.sku, "bought", False].amount_minor,
            presale_minor=by_sku[row.sku, "bought", True].amount_minor,
            demand=wished[row.sku],
        )
        for row in await connection.execute(query)
    )


async def _channel_figures(connection: AsyncConnection, sale_id: SaleId) -> tuple[ChannelTally, ...]:
    figures: defaultdict[str, dict[str, int]] = defaultdict(dict)
    bought = and_(claims.c.sale_id == sale_id, claims.c.status.in_(BOUGHT_STATUSES))
    counted = (
        select(claims.c.channel, func.count().label("orders"))
        .where(bought, claims.c.presale.is_not(true()))
        .group_by(claims.c.channel)
    )
    for row in await connection.execute(counted):
        figures[row.channel]["orders"] = row.orders
    earned = (
        select(claims.c.channel, func.sum(claim_lines.c.amount_minor).label("revenue_minor"))
        .join(claim_lines, and_(claim_lines.c.sale_id == claims.c.sale_id, claim_lines.c.claim_id == claims.c.claim_id))
        .where(bought, claim_lines.c.presale.is_not(true()))
        .group_by(claims.c.channel)
    )
    for row in await connection.execute(earned):
        figures[row.channel]["revenue_minor"] = int(row.revenue_minor)
    for channel, refused in (await _sums_by(connection, sale_id, refusals.c.channel, refusals.c.claims)).items():
        figures[channel]["refused"] = refused
    for row in await connection.execute(select(observations).where(observations.c.sale_id == sale_id)):
        figures[row.channel] |= {name: row._mapping[name] for name in _SEEN}
    return tuple(ChannelTally(channel=channel, **figures[channel]) for channel in sorted(figures))


async def _total_figures(connection: AsyncConnection, sale_id: SaleId, channels: tuple[ChannelTally, ...]) -> Totals:
    statuses = dict.fromkeys((*_LIVE_STATUSES, "refund_due"), 0)
    presale_orders = 0
    query = (
        select(claims.c.status, claims.c.presale, func.count().label("claims_count"))
        .where(claims.c.sale_id == sale_id, claims.c.status.in_(statuses))
        .group_by(claims.c.status, claims.c.presale)
    )
    for row in await connection.execute(query):
        statuses[row.status] += row.claims_count
        if row.presale and row.status in BOUGHT_STATUSES:
            presale_orders += row.claims_count
    lines = claim_lines
    presale_minor = await connection.scalar(
        select(func.coalesce(func.sum(lines.c.amount_minor), 0))
        .join(claims, and_(claims.c.sale_id == lines.c.sale_id, claims.c.claim_id == lines.c.claim_id))
        .where(lines.c.sale_id == sale_id, lines.c.presale.is_(true()), claims.c.status.in_(BOUGHT_STATUSES))
    )
    buyers = await connection.scalar(
        select(func.count(claims.c.buyer_id.distinct())).where(
            claims.c.sale_id == sale_id, claims.c.buyer_id != "", claims.c.status.in_(_LIVE_STATUSES)
        )
    )
    duplicates = await connection.scalar(
        select(func.coalesce(func.sum(observations.c.duplicates), 0)).where(observations.c.sale_id == sale_id)
    )
    return Totals(
        orders=sum(channel.orders for channel in channels),
        revenue_minor=sum(channel.revenue_minor for channel in channels),
        presale_orders=presale_orders,
        presale_minor=int(presale_minor or 0),
        buyers=buyers or 0,
        holds=sum(statuses[status] for status in HOLD_STATUSES),
        waitlisted=statuses[WAITING_STATUS],
        refused=sum(channel.refused for channel in channels),
        refunds_due=statuses["refund_due"],
        duplicates=int(duplicates or 0),
        **{name: sum(getattr(channel, name) for channel in channels) for name in _SEEN},
    )


async def _sums_by(
    connection: AsyncConnection,
    sale_id: SaleId,
    key: Column[str],
    value: Column[int],
    where: ColumnElement[bool] | None = None,
) -> defaultdict[str, int]:
    """Sums of one column of the sale's rows by another; 0 for what is not there."""
    query = select(key, func.sum(value)).where(key.table.c.sale_id == sale_id).group_by(key)
    rows = await connection.execute(query if where is None else query.where(where))
    return defaultdict(int, {name: int(total) for name, total in rows})

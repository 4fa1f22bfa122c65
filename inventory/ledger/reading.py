"""Queries over the books: the sale, its catalogue, orders, goods sold, demand and draws.

All of them read inside the caller's transaction, so that several agree with each other.
"""

from __future__ import annotations

from collections import defaultdict

import msgspec
from sqlalchemy import and_, case, func, literal, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from flashsale.domain import SaleId
from flashsale.tally import DrawTally
from inventory.catalogue import Catalogue, CatalogueOffer, CataloguePool
from inventory.ledger.domain import (
    BOUGHT_STATUSES,
    WAITING_STATUS,
    DemandRow,
    DrawProof,
    Order,
    OrderLine,
    OrdersPage,
    RefundRow,
    SaleFacts,
    SoldRow,
    TimelinePoint,
)
from inventory.ledger.schema import (
    catalogue_offers,
    catalogue_pools,
    claim_lines,
    claims,
    draws,
    entrants,
    offers,
    pools,
    refusals,
    sales,
    wishes,
)

_CLAIM_OF_LINE = and_(claims.c.sale_id == claim_lines.c.sale_id, claims.c.claim_id == claim_lines.c.claim_id)
_POOL_OF_OFFER = and_(pools.c.sale_id == offers.c.sale_id, pools.c.pool_id == offers.c.pool_id)


async def read_catalogue(connection: AsyncConnection, sale_id: SaleId) -> Catalogue:
    """The saved catalogue in its file's order."""
    pool_rows = select(catalogue_pools.c.pool_json).where(catalogue_pools.c.sale_id == sale_id)
    offer_rows = select(catalogue_offers.c.offer_json).where(catalogue_offers.c.sale_id == sale_id)
    found_pools = (await connection.execute(pool_rows.order_by(catalogue_pools.c.position))).scalars()
    found_offers = (await connection.execute(offer_rows.order_by(catalogue_offers.c.position))).scalars()
    return Catalogue(
        pools=tuple(msgspec.json.decode(row, type=CataloguePool) for row in found_pools),
        offers=tuple(msgspec.json.decode(row, type=CatalogueOffer) for row in found_offers),
    )


async def read_sale(connection: AsyncConnection, sale_id: SaleId) -> SaleFacts | None:
    """The sale's own row."""
    columns = (sales.c[name] for name in SaleFacts.__struct_fields__)
    row = (await connection.execute(select(*columns).where(sales.c.sale_id == sale_id))).first()
    return SaleFacts(**row._mapping) if row else None


async def read_orders(connection: AsyncConnection, sale_id: SaleId, after: int, rows_max: int) -> OrdersPage:
    """A page of orders by their numbers, taken-back ones included."""
    query = (
        select(claims)
        .where(claims.c.sale_id == sale_id, claims.c.order_no > after)
        .order_by(claims.c.order_no)
        .limit(rows_max + 1)
    )
    rows = (await connection.execute(query)).all()
    page = rows[:rows_max]
    lines: defaultdict[str, list[OrderLine]] = defaultdict(list)
    if page:
        in_page = and_(claims.c.order_no > after, claims.c.order_no <= page[-1].order_no)
        found = (
            select(claim_lines, pools.c.presale_ships_at_ms)
            .join(claims, _CLAIM_OF_LINE)
            .outerjoin(pools, and_(pools.c.sale_id == claim_lines.c.sale_id, pools.c.pool_id == claim_lines.c.pool_id))
            .where(claim_lines.c.sale_id == sale_id, in_page)
            .order_by(claim_lines.c.claim_id, claim_lines.c.line_no)
        )
        for row in await connection.execute(found):
            ships_at_ms = row.presale_ships_at_ms or 0 if row.presale else 0
            of_line = ("sku", "pool_id", "packs", "units", "unit_price_minor", "amount_minor", "presale")
            line = OrderLine(**{name: row._mapping[name] for name in of_line}, ships_at_ms=ships_at_ms)
            lines[row.claim_id].append(line)
    plain = ("order_no", "claim_id", "kind", "status", "buyer_id", "channel", "amount_minor", "ordered_at_ms")
    return OrdersPage(
        orders=tuple(
            Order(**{name: row._mapping[name] for name in plain}, lines=tuple(lines[row.claim_id])) for row in page
        ),
        next=page[-1].order_no if len(rows) > rows_max else None,
    )


async def read_sold(connection: AsyncConnection, sale_id: SaleId) -> list[SoldRow]:
    """Packs, units and money of each offer, orders and presale apart, with who supplied it."""
    lines = claim_lines.c
    bought = (
        select(
            lines.sku,
            *(
                func.sum(case((lines.presale.is_(presale), lines[column]), else_=0)).label(label)
                for presale, column, label in (
                    (False, "packs", "packs"),
                    (False, "units", "units"),
                    (False, "amount_minor", "revenue_minor"),
                    (True, "packs", "presale_packs"),
                    (True, "units", "presale_units"),
                    (True, "amount_minor", "presale_minor"),
                )
            ),
        )
        .join(claims, _CLAIM_OF_LINE)
        .where(lines.sale_id == sale_id, claims.c.status.in_(BOUGHT_STATUSES))
        .group_by(lines.sku)
    )
    sums = {
        row.sku: {name: int(row._mapping[name]) for name in row._fields if name != "sku"}
        for row in await connection.execute(bought)
    }
    supplied = and_(catalogue_offers.c.sale_id == offers.c.sale_id, catalogue_offers.c.sku == offers.c.sku)
    query = (
        select(
            *(offers.c.sku, offers.c.name, offers.c.pool_id, pools.c.base_unit),
            pools.c.presale_ships_at_ms.label("ships_at_ms"),
            *(
                func.coalesce(catalogue_offers.c[name], "").label(name)
                for name in ("supplier", "county", "certificate_no")
            ),
        )
        .join(pools, _POOL_OF_OFFER)
        .outerjoin(catalogue_offers, supplied)
        .where(offers.c.sale_id == sale_id)
        .order_by(offers.c.position)
    )
    return [SoldRow(**{**row._mapping, **sums.get(row.sku, {})}) for row in await connection.execute(query)]


async def read_demand(connection: AsyncConnection, sale_id: SaleId) -> list[DemandRow]:
    """Refused packs by offer and outcome, packs that wait now, and packs wished for in comments.

    `amount_minor` is what those packs would come to at the offer's price.
    """
    refused = (
        select(
            refusals.c.sku,
            refusals.c.outcome.label("reason"),
            func.sum(refusals.c.claims).label("claims"),
            func.sum(refusals.c.packs).label("packs"),
        )
        .where(refusals.c.sale_id == sale_id)
        .group_by(refusals.c.sku, refusals.c.outcome)
    )
    waiting = (
        select(
            claim_lines.c.sku,
            literal("waitlisted").label("reason"),
            func.count().label("claims"),
            func.sum(claim_lines.c.packs).label("packs"),
        )
        .join(claims, _CLAIM_OF_LINE)
        .where(claim_lines.c.sale_id == sale_id, claims.c.status == WAITING_STATUS)
        .group_by(claim_lines.c.sku)
    )
    wished = (
        select(
            wishes.c.sku,
            literal("wished").label("reason"),
            literal(0).label("claims"),
            func.sum(wishes.c.packs).label("packs"),
        )
        .where(wishes.c.sale_id == sale_id)
        .group_by(wishes.c.sku)
    )
    goods_query = select(offers, pools.c.base_unit).join(pools, _POOL_OF_OFFER).where(offers.c.sale_id == sale_id)
    goods = {row.sku: row for row in await connection.execute(goods_query)}
    demand = []
    for query in (refused, waiting, wished):
        for row in await connection.execute(query):
            offer, packs = goods.get(row.sku), int(row.packs)
            demand.append(
                DemandRow(
                    sku=row.sku,
                    name=offer.name if offer else "",
                    reason=row.reason,
                    claims=int(row.claims),
                    packs=packs,
                    units=packs * offer.units_per_pack if offer else 0,
                    amount_minor=packs * offer.price_minor if offer else 0,
                    base_unit=offer.base_unit if offer else "",
                )
            )
    places = {sku: row.position for sku, row in goods.items()}
    return sorted(demand, key=lambda row: (places.get(row.sku, len(places)), row.sku, row.reason))


async def read_timeline(connection: AsyncConnection, sale_id: SaleId, step_ms: int) -> list[TimelinePoint]:
    """Orders and money by channel and step, oldest first."""
    step = claims.c.ordered_at_ms - claims.c.ordered_at_ms % step_ms
    bought = and_(claims.c.sale_id == sale_id, claims.c.status.in_(BOUGHT_STATUSES))
    counted = select(step.label("at_ms"), claims.c.channel, func.count().label("orders")).where(
        bought, claims.c.presale.is_not(true())
    )
    earned = select(
        *(step.label("at_ms"), claims.c.channel, claim_lines.c.presale),
        func.sum(claim_lines.c.amount_minor).label("amount_minor"),
    )
    earned = earned.join(claim_lines, _CLAIM_OF_LINE).where(bought)
    points: defaultdict[tuple[int, str], dict[str, int]] = defaultdict(
        lambda: {"orders": 0, "revenue_minor": 0, "presale_minor": 0}
    )
    for row in await connection.execute(counted.group_by(step, claims.c.channel)):
        points[int(row.at_ms), row.channel]["orders"] = row.orders
    for row in await connection.execute(earned.group_by(step, claims.c.channel, claim_lines.c.presale)):
        name = "presale_minor" if row.presale else "revenue_minor"
        points[int(row.at_ms), row.channel][name] = int(row.amount_minor)
    return [TimelinePoint(at_ms=at_ms, channel=channel, **sums) for (at_ms, channel), sums in sorted(points.items())]


async def read_refunds(connection: AsyncConnection, sale_id: SaleId) -> list[RefundRow]:
    """Claims whose money has to go back, oldest first."""
    columns = [claims.c[name] for name in RefundRow.__struct_fields__]
    query = select(*columns).where(claims.c.sale_id == sale_id, claims.c.status == "refund_due")
    rows = await connection.execute(query.order_by(claims.c.refund_due_at_ms, claims.c.claim_id))
    return [RefundRow(**row._mapping) for row in rows]


async def read_draws(connection: AsyncConnection, sale_id: SaleId, *, with_entrants: bool) -> list[DrawProof]:
    """All draws, oldest first; entrants are counted always and named if asked for."""
    people = entrants.c
    counted = select(people.draw_id, func.count().label("entered")).where(people.sale_id == sale_id)
    entered = {row.draw_id: row.entered for row in await connection.execute(counted.group_by(people.draw_id))}
    proofs = []
    query = select(draws).where(draws.c.sale_id == sale_id).order_by(draws.c.opened_at_ms, draws.c.draw_id)
    for row in (await connection.execute(query)).all():
        names = select(people.buyer_id).where(people.sale_id == sale_id, people.draw_id == row.draw_id)
        winners = tuple((await connection.scalars(names.where(people.won_place > 0).order_by(people.won_place))).all())
        taking_part = (await connection.scalars(names)).all() if with_entrants else ()
        shown = ("draw_id", "prize", "state", "winners_max", "seed_hash", "seed", "condition", "word")
        proofs.append(
            DrawProof(
                draw=DrawTally(
                    **{name: row._mapping[name] for name in shown},
                    entrants=entered.get(row.draw_id, 0),
                    winners=len(winners),
                ),
                # Sorted here: databases sort text by their own collation, the proof by bytes.
                entrants=tuple(sorted(taking_part, key=str.encode)),
                winners=winners,
                opened_at_ms=row.opened_at_ms,
                closed_at_ms=row.closed_at_ms,
                settled_at_ms=row.settled_at_ms,
            )
        )
    return proofs

"""The projection's way to and from the tables: load what some entries touch, store what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

import msgspec
from sqlalchemy import Select, Table, delete, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flashsale.domain import Rev, SaleId
from flashsale.events import LogEntry
from inventory.catalogue import Catalogue
from inventory.ledger import schema
from inventory.ledger.database import upsert
from inventory.ledger.projection import (
    Books,
    ClaimRow,
    DrawRow,
    LineRow,
    OfferRow,
    PoolRow,
    SaleRow,
    claim_ids,
    reduced_claim_ids,
)

LEDGER_READER = "ledger"
"""The name under which the ledger itself keeps its place; other readers may keep theirs beside it."""
_IDS_A_QUERY_MAX = 500

RowT = TypeVar("RowT", bound=msgspec.Struct)


async def load_place(connection: AsyncConnection, sale_id: SaleId, *, lock: bool = False) -> tuple[Rev, int]:
    """The ledger's place in the sale's log and the number of orders up to there; ("", 0) at the beginning.

    With `lock`, no other process projects this sale until the transaction ends (SQLite's writers are alone anyhow).
    """
    if lock and connection.dialect.name == "postgresql":
        await connection.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": f"sellthrough:{sale_id}"}
        )
    places = schema.places
    query = select(places.c.rev, places.c.orders_seen)
    row = (await connection.execute(query.where(places.c.reader == LEDGER_READER, places.c.sale_id == sale_id))).first()
    return (Rev(row.rev), row.orders_seen) if row else (Rev(""), 0)


async def load_books(
    connection: AsyncConnection, sale_id: SaleId, orders_seen: int, entries: Sequence[LogEntry]
) -> Books:
    """Load the rows that folding `entries` may have to keep. Goods and draws come whole, claims by id."""
    books = Books(orders_seen=orders_seen, sale=SaleRow())
    for sale in await _rows(connection, schema.sales, SaleRow, sale_id):
        books.sale = sale
    books.pools = {row.pool_id: row for row in await _rows(connection, schema.pools, PoolRow, sale_id)}
    books.offers = {row.sku: row for row in await _rows(connection, schema.offers, OfferRow, sale_id)}
    books.draws = {row.draw_id: row for row in await _rows(connection, schema.draws, DrawRow, sale_id)}
    for ids in _chunks(claim_ids(entries)):
        query = _select(schema.claims, ClaimRow, sale_id).where(schema.claims.c.claim_id.in_(ids))
        books.claims |= {row.claim_id: row for row in _converted(await connection.execute(query), ClaimRow)}
    for ids in _chunks(reduced_claim_ids(entries)):
        lines = schema.claim_lines
        query = _select(lines, LineRow, sale_id).where(lines.c.claim_id.in_(ids)).order_by(lines.c.line_no)
        for line in _converted(await connection.execute(query), LineRow):
            books.lines[line.claim_id] = (*books.lines.get(line.claim_id, ()), line)
    return books


async def store_books(
    connection: AsyncConnection, sale_id: SaleId, books: Books, *, known_claims: Iterable[str], goods: bool
) -> None:
    """Store folded rows. `known_claims` stood in the ledger before, so that their old lines have to go.

    `goods` says that the sale's own row, pools, offers or draws changed too.
    """
    if goods:
        await _replace(connection, sale_id, schema.sales, ("sale_id",), [books.sale])
        await _replace(connection, sale_id, schema.pools, ("sale_id", "pool_id"), books.pools.values())
        await _replace(connection, sale_id, schema.offers, ("sale_id", "sku"), books.offers.values())
        await _replace(connection, sale_id, schema.draws, ("sale_id", "draw_id"), books.draws.values())
    await _replace(connection, sale_id, schema.claims, ("sale_id", "claim_id"), books.claims.values())
    lines = schema.claim_lines
    for ids in _chunks(set(books.lines).intersection(known_claims)):
        await connection.execute(delete(lines).where(lines.c.sale_id == sale_id, lines.c.claim_id.in_(ids)))
    new_lines = [msgspec.structs.asdict(line) for claim_lines in books.lines.values() for line in claim_lines]
    await _insert(connection, sale_id, lines, new_lines)
    await _insert(connection, sale_id, schema.adjustments, books.adjusted)
    await _store_demand(connection, sale_id, books)
    await _store_people(connection, sale_id, books)


async def store_place(connection: AsyncConnection, sale_id: SaleId, rev: Rev, orders_seen: int) -> None:
    """Move the ledger's place, in the transaction that stores what was read up to there."""
    row = {"reader": LEDGER_READER, "sale_id": sale_id, "rev": rev, "orders_seen": orders_seen}
    await connection.execute(upsert(connection.dialect.name, schema.places, ("reader", "sale_id")), row)


async def store_catalogue(connection: AsyncConnection, sale_id: SaleId, catalogue: Catalogue) -> None:
    """Replace the sale's catalogue."""
    for table in (schema.catalogue_pools, schema.catalogue_offers):
        await connection.execute(delete(table).where(table.c.sale_id == sale_id))
    pools = [
        {"pool_id": pool.pool_id, "position": position, "pool_json": msgspec.json.encode(pool).decode()}
        for position, pool in enumerate(catalogue.pools)
    ]
    offers = [
        {
            "sku": offer.sku,
            "position": position,
            "supplier": offer.supplier,
            "county": offer.county,
            "certificate_no": offer.certificate_no,
            "offer_json": msgspec.json.encode(offer).decode(),
        }
        for position, offer in enumerate(catalogue.offers)
    ]
    await _insert(connection, sale_id, schema.catalogue_pools, pools)
    await _insert(connection, sale_id, schema.catalogue_offers, offers)


async def _store_demand(connection: AsyncConnection, sale_id: SaleId, books: Books) -> None:
    dialect = connection.dialect.name
    counters = ("comments", "likes", "gifts", "follows", "enters", "duplicates")
    seen = [
        {
            "sale_id": sale_id,
            "channel": channel,
            **msgspec.structs.asdict(observation),
            "viewers": observation.viewers or 0,
        }
        for channel, observation in books.observed.items()
    ]
    # A batch that says nothing of viewers must keep the newest figure, so those rows add their 0 to it.
    silent = [
        row for row, observation in zip(seen, books.observed.values(), strict=True) if observation.viewers is None
    ]
    telling = [
        row for row, observation in zip(seen, books.observed.values(), strict=True) if observation.viewers is not None
    ]
    for rows, adding in ((silent, (*counters, "viewers")), (telling, counters)):
        if rows:
            await connection.execute(upsert(dialect, schema.observations, ("sale_id", "channel"), adding=adding), rows)
    wished = [
        {"sale_id": sale_id, "channel": channel, "sku": sku, "packs": packs}
        for (channel, sku), packs in books.wished.items()
    ]
    if wished:
        one_wish = ("sale_id", "channel", "sku")
        await connection.execute(upsert(dialect, schema.wishes, one_wish, adding=("packs",)), wished)
    refused = [
        {
            "sale_id": sale_id,
            **dict(zip(("sku", "pool_id", "channel", "outcome"), key, strict=True)),
            "claims": claims,
            "packs": books.refused_packs[key],
            "units": books.refused_units[key],
        }
        for key, claims in books.refused_claims.items()
    ]
    if refused:
        one_sum = ("sale_id", "sku", "pool_id", "channel", "outcome")
        await connection.execute(
            upsert(dialect, schema.refusals, one_sum, adding=("claims", "packs", "units")), refused
        )


async def _store_people(connection: AsyncConnection, sale_id: SaleId, books: Books) -> None:
    dialect = connection.dialect.name
    blocks, entrants = schema.blocks, schema.entrants
    let_in = [buyer_id for buyer_id, at_ms in books.blocked.items() if at_ms is None]
    for ids in _chunks(let_in):
        await connection.execute(delete(blocks).where(blocks.c.sale_id == sale_id, blocks.c.buyer_id.in_(ids)))
    blocked = [
        {"sale_id": sale_id, "buyer_id": buyer_id, "at_ms": at_ms}
        for buyer_id, at_ms in books.blocked.items()
        if at_ms is not None
    ]
    if blocked:
        await connection.execute(upsert(dialect, blocks, ("sale_id", "buyer_id")), blocked)
    entered = [
        {"draw_id": draw_id, "buyer_id": buyer_id, "entered_at_ms": at_ms, "won_place": 0}
        for (draw_id, buyer_id), at_ms in books.entered.items()
    ]
    await _insert(connection, sale_id, entrants, entered)
    for (draw_id, buyer_id), place in books.won.items():
        row = (entrants.c.sale_id == sale_id) & (entrants.c.draw_id == draw_id) & (entrants.c.buyer_id == buyer_id)
        await connection.execute(update(entrants).where(row).values(won_place=place))


async def _rows(connection: AsyncConnection, table: Table, row_type: type[RowT], sale_id: SaleId) -> list[RowT]:
    return list(_converted(await connection.execute(_select(table, row_type, sale_id)), row_type))


def _select(table: Table, row_type: type[msgspec.Struct], sale_id: SaleId) -> Select[tuple[object, ...]]:
    return select(*(table.c[name] for name in row_type.__struct_fields__)).where(table.c.sale_id == sale_id)


def _converted(rows: Iterable[object], row_type: type[RowT]) -> Iterator[RowT]:
    names = row_type.__struct_fields__
    # SQLite has no booleans of its own; SQLAlchemy has turned them back before they come here.
    return (row_type(**dict(zip(names, row, strict=True))) for row in rows)  # type: ignore[call-overload]


async def _replace(
    connection: AsyncConnection, sale_id: SaleId, table: Table, keys: Sequence[str], rows: Iterable[msgspec.Struct]
) -> None:
    values = [{"sale_id": sale_id, **msgspec.structs.asdict(row)} for row in rows]
    if values:
        await connection.execute(upsert(connection.dialect.name, table, keys), values)


async def _insert(
    connection: AsyncConnection, sale_id: SaleId, table: Table, rows: Sequence[dict[str, object]]
) -> None:
    if rows:
        await connection.execute(table.insert(), [{"sale_id": sale_id, **row} for row in rows])


def _chunks(ids: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(ids)
    while chunk := list(islice(remaining, _IDS_A_QUERY_MAX)):
        yield chunk

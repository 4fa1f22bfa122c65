"""The ledger's tables. Times are Unix milliseconds, money minor units, stock base units; all of them integers.

Buyer ids are the platforms' opaque ones; no nickname, phone number or address is ever stored here. There are no foreign
keys between the books' tables: rows are written only by the projection, in one transaction with the place in the log.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id(name: str) -> Column[str]:
    return Column(name, String(128), nullable=False)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, default="")


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, default=0)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, default=False)


places = Table(
    "places",
    metadata,
    _id("reader"),
    _id("sale_id"),
    _id("rev"),
    _count("orders_seen"),
    PrimaryKeyConstraint("reader", "sale_id"),
)
"""How far each reader has taken each sale's log into this database; `orders_seen` numbers the orders."""

sales = Table(
    "sales",
    metadata,
    Column("sale_id", String(128), primary_key=True),
    _text("name"),
    _id("state"),
    _id("currency"),
    _text("settings_json"),
    _count("created_at_ms"),
    _count("opened_at_ms"),
    _count("closed_at_ms"),
)

pools = Table(
    "pools",
    metadata,
    _id("sale_id"),
    _id("pool_id"),
    Column("position", Integer, nullable=False),
    _text("name"),
    _id("base_unit"),
    _count("initial_units"),
    _count("presale_units"),
    _count("presale_ships_at_ms"),
    _text("spec_json"),
    PrimaryKeyConstraint("sale_id", "pool_id"),
)

offers = Table(
    "offers",
    metadata,
    _id("sale_id"),
    _id("sku"),
    Column("position", Integer, nullable=False),
    _id("pool_id"),
    _text("name"),
    _count("units_per_pack"),
    _count("price_minor"),
    _count("list_price_minor"),
    _count("limit_packs"),
    _text("spec_json"),
    PrimaryKeyConstraint("sale_id", "sku"),
)

claims = Table(
    "claims",
    metadata,
    _id("sale_id"),
    _id("claim_id"),
    _id("kind"),
    _id("status"),
    _id("buyer_id"),
    _id("channel"),
    _id("outcome"),
    _count("amount_minor"),
    _flag("presale"),
    _flag("late"),
    _count("oversold_units"),
    _count("expires_at_ms"),
    _count("claimed_at_ms"),
    Column("order_no", BigInteger, nullable=True),
    _count("ordered_at_ms"),
    _count("ended_at_ms"),
    _id("ended_how"),
    _text("ended_reason"),
    _id("replaces"),
    _count("refund_due_minor"),
    _count("refund_due_at_ms"),
    PrimaryKeyConstraint("sale_id", "claim_id"),
)
"""The life of each claim and each fact (`kind`): both are named in one space of ids. `order_no` counts the sale's orders
in the log's order, from 1; it stays when an order is taken back."""
Index(None, claims.c.sale_id, claims.c.order_no, unique=True)
Index(None, claims.c.sale_id, claims.c.status)

claim_lines = Table(
    "claim_lines",
    metadata,
    _id("sale_id"),
    _id("claim_id"),
    Column("line_no", Integer, nullable=False),
    _id("sku"),
    _id("pool_id"),
    _count("packs"),
    _count("units"),
    _count("unit_price_minor"),
    _count("amount_minor"),
    _flag("presale"),
    PrimaryKeyConstraint("sale_id", "claim_id", "line_no"),
)
"""What a claim holds, waits for or bought, or did when it ended. Line amounts add up to the claim's own amount."""

adjustments = Table(
    "adjustments",
    metadata,
    _id("sale_id"),
    _id("adjust_id"),
    _id("pool_id"),
    _count("delta_units"),
    _id("reason"),
    _count("at_ms"),
    PrimaryKeyConstraint("sale_id", "adjust_id"),
)

observations = Table(
    "observations",
    metadata,
    _id("sale_id"),
    _id("channel"),
    _count("comments"),
    _count("likes"),
    _count("gifts"),
    _count("follows"),
    _count("enters"),
    _count("viewers"),
    _count("duplicates"),
    PrimaryKeyConstraint("sale_id", "channel"),
)

wishes = Table(
    "wishes",
    metadata,
    _id("sale_id"),
    _id("channel"),
    _id("sku"),
    _count("packs"),
    PrimaryKeyConstraint("sale_id", "channel", "sku"),
)
"""Packs that viewers said they want without ordering them."""

refusals = Table(
    "refusals",
    metadata,
    _id("sale_id"),
    _id("sku"),
    _id("pool_id"),
    _id("channel"),
    _id("outcome"),
    _count("claims"),
    _count("packs"),
    _count("units"),
    PrimaryKeyConstraint("sale_id", "sku", "pool_id", "channel", "outcome"),
)

blocks = Table(
    "blocks",
    metadata,
    _id("sale_id"),
    _id("buyer_id"),
    _count("at_ms"),
    PrimaryKeyConstraint("sale_id", "buyer_id"),
)
"""Buyers that are blocked now."""

draws = Table(
    "draws",
    metadata,
    _id("sale_id"),
    _id("draw_id"),
    Column("position", Integer, nullable=False),
    _text("prize"),
    _count("winners_max"),
    _id("seed_hash"),
    _id("condition"),
    _text("word"),
    _id("state"),
    _text("seed"),
    _count("entrants"),
    _count("opened_at_ms"),
    _count("closed_at_ms"),
    _count("settled_at_ms"),
    PrimaryKeyConstraint("sale_id", "draw_id"),
)

entrants = Table(
    "entrants",
    metadata,
    _id("sale_id"),
    _id("draw_id"),
    _id("buyer_id"),
    _count("entered_at_ms"),
    _count("won_place"),
    PrimaryKeyConstraint("sale_id", "draw_id", "buyer_id"),
)
"""Who took part in a draw; `won_place` counts the winners from 1, 0 is no win."""

catalogue_pools = Table(
    "catalogue_pools",
    metadata,
    _id("sale_id"),
    _id("pool_id"),
    Column("position", Integer, nullable=False),
    _text("pool_json"),
    PrimaryKeyConstraint("sale_id", "pool_id"),
)

catalogue_offers = Table(
    "catalogue_offers",
    metadata,
    _id("sale_id"),
    _id("sku"),
    Column("position", Integer, nullable=False),
    _text("supplier"),
    _text("county"),
    _text("certificate_no"),
    _text("offer_json"),
    PrimaryKeyConstraint("sale_id", "sku"),
)
"""The words and supplier facts of each offer, as the host's file gave them; the engine knows none of these."""

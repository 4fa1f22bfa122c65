"""The books of a sale: claims and their lines, stock, demand, draws, the catalogue, and the place in the log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _id(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(128), nullable=False)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def _counts(*names: str) -> list[sa.Column[int]]:
    return [_count(name) for name in names]


def _position() -> sa.Column[int]:
    return sa.Column("position", sa.Integer, nullable=False)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=f"pk_{table}")


def upgrade() -> None:
    """Make the tables."""
    _make_places_and_sales()
    _make_goods()
    _make_claims()
    _make_demand()
    _make_draws()


def _make_places_and_sales() -> None:
    op.create_table(
        "places", _id("reader"), _id("sale_id"), _id("rev"), _count("orders_seen"), _key("places", "reader", "sale_id")
    )
    op.create_table(
        "sales",
        *(_id("sale_id"), _text("name"), _id("state"), _id("currency"), _text("settings_json")),
        *_counts("created_at_ms", "opened_at_ms", "closed_at_ms"),
        _key("sales", "sale_id"),
    )


def _make_goods() -> None:
    op.create_table(
        "pools",
        *(_id("sale_id"), _id("pool_id"), _position(), _text("name"), _id("base_unit")),
        *_counts("initial_units", "presale_units", "presale_ships_at_ms"),
        _text("spec_json"),
        _key("pools", "sale_id", "pool_id"),
    )
    op.create_table(
        "offers",
        *(_id("sale_id"), _id("sku"), _position(), _id("pool_id"), _text("name")),
        *_counts("units_per_pack", "price_minor", "list_price_minor", "limit_packs"),
        _text("spec_json"),
        _key("offers", "sale_id", "sku"),
    )
    op.create_table(
        "adjustments",
        *(_id("sale_id"), _id("adjust_id"), _id("pool_id"), _count("delta_units"), _id("reason"), _count("at_ms")),
        _key("adjustments", "sale_id", "adjust_id"),
    )
    op.create_table(
        "catalogue_pools",
        *(_id("sale_id"), _id("pool_id"), _position(), _text("pool_json")),
        _key("catalogue_pools", "sale_id", "pool_id"),
    )
    op.create_table(
        "catalogue_offers",
        *(_id("sale_id"), _id("sku"), _position()),
        *(_text("supplier"), _text("county"), _text("certificate_no"), _text("offer_json")),
        _key("catalogue_offers", "sale_id", "sku"),
    )


def _make_claims() -> None:
    op.create_table(
        "claims",
        *(_id("sale_id"), _id("claim_id"), _id("kind"), _id("status"), _id("buyer_id"), _id("channel"), _id("outcome")),
        _count("amount_minor"),
        sa.Column("presale", sa.Boolean, nullable=False),
        sa.Column("late", sa.Boolean, nullable=False),
        *_counts("oversold_units", "expires_at_ms", "claimed_at_ms"),
        sa.Column("order_no", sa.BigInteger, nullable=True),
        *_counts("ordered_at_ms", "ended_at_ms"),
        *(_id("ended_how"), _text("ended_reason"), _id("replaces")),
        *_counts("refund_due_minor", "refund_due_at_ms"),
        _key("claims", "sale_id", "claim_id"),
    )
    op.create_index("ix_claims_sale_id_order_no", "claims", ["sale_id", "order_no"], unique=True)
    op.create_index("ix_claims_sale_id_status", "claims", ["sale_id", "status"])
    op.create_table(
        "claim_lines",
        *(_id("sale_id"), _id("claim_id"), sa.Column("line_no", sa.Integer, nullable=False)),
        *(_id("sku"), _id("pool_id")),
        *_counts("packs", "units", "unit_price_minor", "amount_minor"),
        sa.Column("presale", sa.Boolean, nullable=False),
        _key("claim_lines", "sale_id", "claim_id", "line_no"),
    )


def _make_demand() -> None:
    op.create_table(
        "observations",
        *(_id("sale_id"), _id("channel")),
        *_counts("comments", "likes", "gifts", "follows", "enters", "viewers", "duplicates"),
        _key("observations", "sale_id", "channel"),
    )
    op.create_table(
        "wishes",
        *(_id("sale_id"), _id("channel"), _id("sku"), _count("packs")),
        _key("wishes", "sale_id", "channel", "sku"),
    )
    op.create_table(
        "refusals",
        *(_id("sale_id"), _id("sku"), _id("pool_id"), _id("channel"), _id("outcome")),
        *_counts("claims", "packs", "units"),
        _key("refusals", "sale_id", "sku", "pool_id", "channel", "outcome"),
    )
    op.create_table("blocks", _id("sale_id"), _id("buyer_id"), _count("at_ms"), _key("blocks", "sale_id", "buyer_id"))


def _make_draws() -> None:
    op.create_table(
        "draws",
        *(_id("sale_id"), _id("draw_id"), _position(), _text("prize"), _count("winners_max"), _id("seed_hash")),
        *(_id("condition"), _text("word"), _id("state"), _text("seed")),
        *_counts("entrants", "opened_at_ms", "closed_at_ms", "settled_at_ms"),
        _key("draws", "sale_id", "draw_id"),
    )
    op.create_table(
        "entrants",
        *(_id("sale_id"), _id("draw_id"), _id("buyer_id")),
        *_counts("entered_at_ms", "won_place"),
        _key("entrants", "sale_id", "draw_id", "buyer_id"),
    )


def downgrade() -> None:
    """Drop the tables; the log can fill them again."""
    for table in (
        *("entrants", "draws", "blocks", "refusals", "wishes", "observations", "claim_lines", "claims"),
        *("catalogue_offers", "catalogue_pools", "adjustments", "offers", "pools", "sales", "places"),
    ):
        op.drop_table(table)

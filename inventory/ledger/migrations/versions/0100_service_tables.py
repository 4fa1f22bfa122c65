"""The service's own tables: access, connections, reading rules, comment traces, intake problems."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0100"
down_revision = "0001"
branch_labels = None
depends_on = None


def _text(name: str, size: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(size), nullable=False)


def _long_text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _time_ms(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def _row_number() -> sa.Column[int]:
    # SQLite counts rows up only on its own INTEGER type.
    kind = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    return sa.Column("seq", kind, primary_key=True, autoincrement=True)


def upgrade() -> None:
    """Make the tables."""
    _make_access()
    _make_sale_rules()
    _make_comments()
    _make_intake()


def downgrade() -> None:
    """Take the tables away again."""
    for table in (
        "write_probes",
        "early_reversals",
        "intake_problems",
        "comment_corrections",
        "comment_traces",
        "draw_seeds",
        "featured_marks",
        "sale_settings",
        "connections",
        "access_tokens",
    ):
        op.drop_table(table)


def _make_access() -> None:
    op.create_table(
        "access_tokens",
        sa.Column("token_id", sa.String(64), primary_key=True),
        sa.Column("token_hash", sa.String(64), nullable=False, unique=True),
        _text("role", 16),
        _text("sale_id", 128),
        _text("label", 200),
        _time_ms("created_at_ms"),
    )
    op.create_table(
        "connections",
        sa.Column("connection_id", sa.String(128), primary_key=True),
        _text("adapter", 64),
        _text("sale_id", 128),
        sa.Column("settings_sealed", sa.LargeBinary, nullable=False),
    )


def _make_sale_rules() -> None:
    op.create_table(
        "sale_settings", sa.Column("sale_id", sa.String(128), primary_key=True), _long_text("settings_json")
    )
    op.create_table("featured_marks", _row_number(), _text("sale_id", 128), _time_ms("at_ms"), _text("sku", 128))
    op.create_index("ix_featured_marks_sale", "featured_marks", ["sale_id", "at_ms"])
    op.create_table(
        "draw_seeds",
        sa.Column("sale_id", sa.String(128), primary_key=True),
        sa.Column("draw_id", sa.String(128), primary_key=True),
        sa.Column("seed_sealed", sa.LargeBinary, nullable=False),
    )


def _make_comments() -> None:
    op.create_table(
        "comment_traces",
        _row_number(),
        _text("sale_id", 128),
        _text("event_id", 200),
        _text("platform", 32),
        _text("room_id", 128),
        _text("buyer_id", 128),
        _text("nickname_masked", 16),
        _long_text("normalised"),
        _text("intent", 32),
        _text("rule", 64),
        _long_text("reason"),
        _long_text("reason_en"),
        _long_text("lines_json"),
        _text("outcome", 32),
        _time_ms("occurred_at_ms"),
        _time_ms("received_at_ms"),
        sa.Column("corrected", sa.Boolean, nullable=False),
    )
    op.create_index("ux_comment_traces_event", "comment_traces", ["sale_id", "event_id"], unique=True)
    op.create_index("ix_comment_traces_room", "comment_traces", ["sale_id", "platform", "room_id", "occurred_at_ms"])
    op.create_index("ix_comment_traces_buyer", "comment_traces", ["sale_id", "buyer_id", "seq"])
    op.create_index("ix_comment_traces_seq", "comment_traces", ["sale_id", "seq"])
    op.create_table(
        "comment_corrections",
        sa.Column("sale_id", sa.String(128), primary_key=True),
        sa.Column("correction_id", sa.String(128), primary_key=True),
        _text("event_id", 200),
        _text("claim_id", 200),
        _text("intent", 32),
        _long_text("lines_json"),
        _text("outcome", 32),
        _text("token_id", 64),
        _time_ms("at_ms"),
    )
    op.create_index("ix_comment_corrections_event", "comment_corrections", ["sale_id", "event_id"])


def _make_intake() -> None:
    op.create_table(
        "intake_problems",
        _row_number(),
        _text("sale_id", 128),
        _text("kind", 64),
        _text("ref", 200),
        _text("platform", 32),
        _long_text("detail"),
        _time_ms("at_ms"),
    )
    op.create_index("ux_intake_problems_ref", "intake_problems", ["sale_id", "kind", "ref"], unique=True)
    op.create_table(
        "early_reversals",
        sa.Column("sale_id", sa.String(128), primary_key=True),
        sa.Column("fact_id", sa.String(128), primary_key=True),
    )
    op.create_table(
        "write_probes",
        sa.Column("name", sa.String(64), primary_key=True),
        _time_ms("at_ms"),
    )

"""The service's tables. Their migration is `inventory/ledger/migrations/versions/*_service_tables.py`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, String, Table, Text

from inventory.ledger import metadata

# SQLite counts rows up only on its own INTEGER type.
_row_number = BigInteger().with_variant(Integer, "sqlite")

access_tokens = Table(
    "access_tokens",
    metadata,
    Column("token_id", String(64), primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("sale_id", String(128), nullable=False),
    Column("label", String(200), nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
)

connections = Table(
    "connections",
    metadata,
    Column("connection_id", String(128), primary_key=True),
    Column("adapter", String(64), nullable=False),
    Column("sale_id", String(128), nullable=False),
    Column("settings_sealed", LargeBinary, nullable=False),
)

sale_settings = Table(
    "sale_settings",
    metadata,
    Column("sale_id", String(128), primary_key=True),
    Column("settings_json", Text, nullable=False),
)

featured_marks = Table(
    "featured_marks",
    metadata,
    Column("seq", _row_number, primary_key=True, autoincrement=True),
    Column("sale_id", String(128), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("sku", String(128), nullable=False),
    Index("ix_featured_marks_sale", "sale_id", "at_ms"),
)

draw_seeds = Table(
    "draw_seeds",
    metadata,
    Column("sale_id", String(128), primary_key=True),
    Column("draw_id", String(128), primary_key=True),
    Column("seed_sealed", LargeBinary, nullable=False),
)

comment_traces = Table(
    "comment_traces",
    metadata,
    Column("seq", _row_number, primary_key=True, autoincrement=True),
    Column("sale_id", String(128), nullable=False),
    Column("event_id", String(200), nullable=False),
    Column("platform", String(32), nullable=False),
    Column("room_id", String(128), nullable=False),
    Column("buyer_id", String(128), nullable=False),
    Column("nickname_masked", String(16), nullable=False),
    Column("normalised", Text, nullable=False),
    Column("intent", String(32), nullable=False),
    Column("rule", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("reason_en", Text, nullable=False),
    Column("lines_json", Text, nullable=False),
    Column("outcome", String(32), nullable=False),
    Column("occurred_at_ms", BigInteger, nullable=False),
    Column("received_at_ms", BigInteger, nullable=False),
    Column("corrected", Boolean, nullable=False),
    Index("ux_comment_traces_event", "sale_id", "event_id", unique=True),
    Index("ix_comment_traces_room", "sale_id", "platform", "room_id", "occurred_at_ms"),
    Index("ix_comment_traces_buyer", "sale_id", "buyer_id", "seq"),
    Index("ix_comment_traces_seq", "sale_id", "seq"),
)

comment_corrections = Table(
    "comment_corrections",
    metadata,
    Column("sale_id", String(128), primary_key=True),
    Column("correction_id", String(128), primary_key=True),
    Column("event_id", String(200), nullable=False),
    Column("claim_id", String(200), nullable=False),
    Column("intent", String(32), nullable=False),
    Column("lines_json", Text, nullable=False),
    Column("outcome", String(32), nullable=False),
    Column("token_id", String(64), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Index("ix_comment_corrections_event", "sale_id", "event_id"),
)

intake_problems = Table(
    "intake_problems",
    metadata,
    Column("seq", _row_number, primary_key=True, autoincrement=True),
    Column("sale_id", String(128), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("ref", String(200), nullable=False),
    Column("platform", String(32), nullable=False),
    Column("detail", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Index("ux_intake_problems_ref", "sale_id", "kind", "ref", unique=True),
)

early_reversals = Table(
    "early_reversals",
    metadata,
    Column("sale_id", String(128), primary_key=True),
    Column("fact_id", String(128), primary_key=True),
)

write_probes = Table(
    "write_probes",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
)

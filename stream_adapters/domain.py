"""What an adapter hands on: one `LiveEvent` for each thing that happened in a live room.

Pure values, no I/O. Ids stay strings, because platforms use integers beyond 2^53 that break in JSON readers.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class EventKind(StrEnum):
    """What happened in the room."""

    COMMENT = "comment"
    ORDER = "order"
    LIKE = "like"
    GIFT = "gift"
    FOLLOW = "follow"
    ENTER = "enter"
    VIEWERS = "viewers"
    GAP = "gap"


class OrderStatus(StrEnum):
    """How far a platform's own order has come."""

    CREATED = "created"
    PAID = "paid"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"
    COMPLETED = "completed"


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A viewer as the platform names them. `user_id` is the platform's opaque id; `nickname` is personal data."""

    user_id: str
    nickname: str = ""
    is_host: bool = False


class OrderLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a platform's order. `sku` is the seller's own code for the offer; `packs` counts packs, at least 1."""

    sku: str
    packs: int


class PlatformOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A platform's order. `lines` is empty and `amount_minor` None where the push is thin and has to be completed."""

    order_id: str
    status: OrderStatus
    lines: tuple[OrderLine, ...] = ()
    amount_minor: int | None = None


class LiveEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event of a live room.

    `platform` and `event_id` together name the event: the same pair twice is one event delivered twice.
    `occurred_at_ms` is the platform's time, `received_at_ms` ours, both Unix milliseconds.
    `frame_hash` is the hex SHA-256 of the raw frame it came from, to find the frame again without keeping it.
    `count` is likes, gift pieces or viewers, by kind. `gap_until_ms` closes a GAP that opened at `occurred_at_ms`.
    """

    kind: EventKind
    platform: str
    room_id: str
    event_id: str
    occurred_at_ms: int
    received_at_ms: int = 0
    user: User | None = None
    text: str = ""
    count: int = 0
    value_minor: int = 0
    order: PlatformOrder | None = None
    gap_until_ms: int = 0
    frame_hash: str = ""

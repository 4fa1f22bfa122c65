"""The service's own words: roles and tokens, connections, a sale's reading rules, what became of a comment.

Pure values, no I/O.
"""

from __future__ import annotations

import hashlib
import re
from enum import StrEnum

import msgspec

from flashsale.domain import ID_BYTES_MAX, RepeatPolicy

ALL_SALES = ""
"""The binding of a token that is good for every sale."""

_NOT_IN_IDS = re.compile(r"[\x00-\x20\x7f]")


class Role(StrEnum):
    """What a token's bearer may do. `admin` may do all; `overlay` only watches and may stand in a URL."""

    ADMIN = "admin"
    HOST = "host"
    INGEST = "ingest"
    OVERLAY = "overlay"


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A bearer token as it is remembered: everything but the token itself. `sale_id` is empty for all sales."""

    token_id: str
    role: Role
    sale_id: str = ALL_SALES
    label: str = ""
    created_at_ms: int = 0

    def admits(self, sale_id: str) -> bool:
        """Tell whether the token is bound to this sale or to all."""
        return self.sale_id in (ALL_SALES, sale_id)


class SellingMode(StrEnum):
    """Who takes the orders: the platform (its orders are facts, comments are demand) or we (comments are claims)."""

    PLATFORM = "platform"
    CAPTURE = "capture"


class SaleSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a sale's comments are read and its holds kept.

    `channel_modes` overrides `mode` for single channels. `strictness` and `trigger` are the comment reader's. The last
    three are handed to the engine; None leaves the engine's own default.
    """

    mode: SellingMode = SellingMode.CAPTURE
    channel_modes: dict[str, SellingMode] = {}
    strictness: str = "contains"
    trigger: str = ""
    packs_max: int = 99
    hold_ttl_ms: int | None = None
    waitlist_ttl_ms: int | None = None
    repeat_policy: RepeatPolicy | None = None

    def mode_of(self, channel: str) -> SellingMode:
        """Return the mode that holds for a channel."""
        return self.channel_modes.get(channel, self.mode)


SettingValue = str | int | float | bool | dict[str, str] | None
"""What an adapter's setting may be, as JSON."""


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """One platform feed of one sale. `settings` hold the adapter's secrets and never leave the service."""

    connection_id: str
    adapter: str
    sale_id: str
    settings: dict[str, SettingValue] = {}


class TraceLine(msgspec.Struct, frozen=True):
    """So many packs of an offer, as a comment was read."""

    sku: str
    packs: int


class CommentTrace(msgspec.Struct, frozen=True, kw_only=True):
    """One comment: how it was read and what came of it. Kept so that a host can see why, and correct it.

    `event_id` names platform and event. `normalised` has personal data masked; the raw text is not kept. `outcome` is
    the engine's answer, or empty where nothing was asked of it. `seq` orders the traces of all sales; 0 before storing.
    """

    event_id: str
    platform: str
    room_id: str
    buyer_id: str
    nickname_masked: str
    normalised: str
    intent: str
    rule: str
    reason: str
    reason_en: str = ""
    lines: tuple[TraceLine, ...] = ()
    outcome: str = ""
    occurred_at_ms: int = 0
    received_at_ms: int = 0
    corrected: bool = False
    seq: int = 0


class IntakeProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Something that came in and could not be booked as it should: `kind` is stable, `ref` names the fact or order.

    The same kind and ref is one problem, however often it is delivered.
    """

    kind: str
    ref: str
    platform: str
    detail: str
    at_ms: int


class Handled(msgspec.Struct, frozen=True, kw_only=True):
    """What the pipeline made of some events, all of it durable: how many were new and how many came twice.

    `rejected` pairs the place of an event that was not taken with what is wrong with it.
    """

    accepted: int = 0
    duplicates: int = 0
    rejected: tuple[tuple[int, str], ...] = ()


def scoped_id(*parts: str) -> str:
    """Join id parts with colons; what the engine would not take as an id (too long, with spaces) becomes a SHA-256.

    Deterministic, so that the same event always has the same id.
    """
    joined = ":".join(parts)
    if len(joined.encode()) <= ID_BYTES_MAX and _NOT_IN_IDS.search(joined) is None:
        return joined
    return f"{parts[0][:32]}:sha256-{hashlib.sha256(joined.encode()).hexdigest()}"


def masked_nickname(nickname: str) -> str:
    """Keep the first character of a name and hide the rest, length included."""
    visible = nickname.strip()[:1]
    return f"{visible}**" if visible else ""

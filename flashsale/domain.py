"""The engine's words: sales, pools, offers, claims, holds, facts, and what came of each.

Pure values, no I/O. Everything counted is an integer: stock in base units, money in minor units, time in Unix
milliseconds. Ids are made by the sender; the same id with the same content is the same request.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NewType

import msgspec

SaleId = NewType("SaleId", str)
PoolId = NewType("PoolId", str)
Sku = NewType("Sku", str)
ClaimId = NewType("ClaimId", str)
BuyerId = NewType("BuyerId", str)
Rev = NewType("Rev", str)
"""A place in a sale's log, as the store writes it: `<ms>-<seq>`."""

ID_BYTES_MAX = 128
PACKS_MAX = 9_999
LINES_MAX = 32
BATCH_OPS_MAX = 1_000
UNITS_MAX = 10**12
AMOUNT_MINOR_MAX = 10**13


class Outcome(StrEnum):
    """What came of a request. A refusal is a value, not an exception: in a rush, sold out is the common path."""

    RESERVED = "reserved"
    PARTIAL = "partial"
    PRESOLD = "presold"
    WAITLISTED = "waitlisted"
    SOLD_OUT = "sold_out"
    LIMIT_REACHED = "limit_reached"
    NOT_ON_SALE = "not_on_sale"
    BLOCKED = "blocked"
    CONFLICT = "conflict"
    EXPIRED = "expired"
    OVERLOADED = "overloaded"
    # What the design's list lacks; docs/adr/0005-outcomes.md says why each is there.
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"
    EXTENDED = "extended"
    RECORDED = "recorded"
    APPLIED = "applied"
    IGNORED = "ignored"
    FROZEN = "frozen"
    UNKNOWN = "unknown"
    INVALID = "invalid"


class SaleState(StrEnum):
    """A sale's life: draft, open, paused and open again at will, closed for good."""

    DRAFT = "draft"
    OPEN = "open"
    PAUSED = "paused"
    CLOSED = "closed"


class RepeatPolicy(StrEnum):
    """What a buyer's later comment for the same offer does."""

    IGNORE = "ignore"
    ADD = "add"
    REPLACE = "replace"
    FROZEN = "frozen"


class AdjustReason(StrEnum):
    """Why a pool's stock changed by hand. Spoilage has happened and is not refused; a withdrawal may be."""

    RESTOCK = "restock"
    WITHDRAW = "withdraw"
    SPOILAGE = "spoilage"
    CORRECTION = "correction"


class Line(msgspec.Struct, frozen=True, array_like=True):
    """So many packs of one offer."""

    sku: Sku
    packs: int


class LineResult(msgspec.Struct, frozen=True):
    """What came of one line: `packs` is what was granted, `unit_price_minor` the price fixed for each of them."""

    sku: Sku
    packs: int
    outcome: Outcome
    unit_price_minor: int = 0


class OpResult(msgspec.Struct, frozen=True, kw_only=True):
    """The engine's answer to one operation.

    `id` repeats the sender's id. `replayed` says that this was answered before and nothing changed now.
    `expires_at_ms` is 0 where nothing is held. `rev` is the log entry that wrote it, empty for a refusal. `detail` says more
    where there is more: `late`, `refund_due`, `oversold`, or for `invalid` which field was wrong.
    """

    id: str
    outcome: Outcome
    replayed: bool = False
    amount_minor: int = 0
    expires_at_ms: int = 0
    rev: Rev = Rev("")
    lines: tuple[LineResult, ...] = ()
    detail: str = ""


class ClaimView(msgspec.Struct, frozen=True, kw_only=True):
    """A claim or fact as it stands now.

    `status`: held, presale_held, waitlisted, confirmed, presale_order, cancelled, expired, refund_due, recorded or reversed.
    `lines` are what it holds or bought now; `first` is the answer that the claim got when it was made.
    """

    claim_id: ClaimId
    status: str
    buyer_id: BuyerId
    channel: str
    lines: tuple[LineResult, ...]
    amount_minor: int
    expires_at_ms: int
    first: OpResult


# ---------------------------------------------------------------------------------------------------- operations


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A buyer's request for packs. All lines or none, unless `partial`; `waitlist` queues what cannot be had now."""

    claim_id: ClaimId
    buyer_id: BuyerId
    channel: str
    lines: tuple[Line, ...]
    partial: bool = False
    waitlist: bool = False


class Amend(msgspec.Struct, frozen=True, kw_only=True):
    """A buyer's comment, under the sale's repeat policy.

    `kind` is `order` (a comment that orders: a new claim, or what the policy makes of a repeated one), `set` (this many
    packs from now on, 0 takes the line out) or `cancel` (no lines: the buyer's last open claim).
    """

    claim_id: ClaimId
    buyer_id: BuyerId
    channel: str
    kind: str
    lines: tuple[Line, ...] = ()
    waitlist: bool = False


class Confirm(msgspec.Struct, frozen=True, kw_only=True):
    """Payment arrived: the hold becomes an order. `lines` confirms only those packs and releases the rest.

    After the deadline the stock is taken again if it is there (`reclaim`; the answer is `confirmed`, detail `late`), else the
    answer is `expired` or `cancelled` with the detail `refund_due`, and the sale counts a refund that somebody owes.
    """

    claim_id: ClaimId
    lines: tuple[Line, ...] = ()
    reclaim: bool = True


class Cancel(msgspec.Struct, frozen=True, kw_only=True):
    """End a hold, a place in the waitlist or a presale, or take back a confirmed order (`order=True`)."""

    claim_id: ClaimId
    reason: str = ""
    order: bool = False


class Extend(msgspec.Struct, frozen=True, kw_only=True):
    """Move a live hold's deadline to `expires_at_ms`, never earlier than it stands."""

    claim_id: ClaimId
    expires_at_ms: int


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """A sale that already happened elsewhere. Cannot be refused; oversells where it must, and says so.

    `amount_minor` is what the platform charged for the whole, or None for the offers' own prices.
    `reverses=True` takes the fact of that id back (platform refund or cancellation): its stock returns.
    """

    fact_id: str
    channel: str
    lines: tuple[Line, ...] = ()
    buyer_id: BuyerId = BuyerId("")
    amount_minor: int | None = None
    reverses: bool = False


class AdjustPool(msgspec.Struct, frozen=True, kw_only=True):
    """Change a pool's stock by `delta_units`, with the reason on record."""

    adjust_id: str
    pool_id: PoolId
    delta_units: int
    reason: AdjustReason


class SetPool(msgspec.Struct, frozen=True, kw_only=True):
    """Create a pool, or change its rules. `initial_units` counts only at creation; later changes go by AdjustPool.

    `limit_units` bounds one buyer over all offers of the pool; 0 is no limit. `channel_reserves` keeps units that only
    that channel may take; `channel_caps` bounds what a channel may take in all. `presale_units` opens a quota, sold once
    the pool is gone and shipped at `presale_ships_at_ms`.
    """

    pool_id: PoolId
    name: str
    base_unit: str
    initial_units: int = 0
    limit_units: int = 0
    channel_reserves: dict[str, int] = {}
    channel_caps: dict[str, int] = {}
    presale_units: int = 0
    presale_ships_at_ms: int = 0


class SetOffer(msgspec.Struct, frozen=True, kw_only=True):
    """Create an offer, or change its prices, limit and windows. Pool and `units_per_pack` freeze at the first claim.

    `price_minor` is the offer price, `list_price_minor` the struck-through one; where `special_from_ms` is set, the
    offer price holds only from there until `special_until_ms` (0: open end) and the list price holds outside.
    `sells_from_ms` and `sells_until_ms` bound the selling window; 0 is no bound. `limit_packs` 0 is no limit.
    """

    sku: Sku
    pool_id: PoolId
    name: str
    units_per_pack: int
    price_minor: int
    list_price_minor: int = 0
    special_from_ms: int = 0
    special_until_ms: int = 0
    limit_packs: int = 0
    sells_from_ms: int = 0
    sells_until_ms: int = 0


class SetSale(msgspec.Struct, frozen=True, kw_only=True):
    """Create a sale, or change its settings. None leaves a setting as it is."""

    name: str | None = None
    currency: str | None = None
    hold_ttl_ms: int | None = None
    waitlist_ttl_ms: int | None = None
    repeat_policy: RepeatPolicy | None = None


class SetSaleState(msgspec.Struct, frozen=True, kw_only=True):
    """Move the sale along its life. Closed is for good; asking for the state it has is answered `replayed`."""

    state: SaleState


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """Block a buyer, or let them in again. Blocked buyers' claims are refused; what they hold stays theirs."""

    buyer_id: BuyerId
    blocked: bool = True


class Observe(msgspec.Struct, frozen=True, kw_only=True):
    """One platform event, counted once: likes, gifts, comments, viewers (the newest counts).

    `event_id` (platform and event) is remembered by the sale; the same one again counts as a duplicate only, and the
    answer is `replayed`. `demand` counts packs that viewers said they want, by sku, without ordering them.
    """

    event_id: str
    channel: str
    comments: int = 0
    likes: int = 0
    gifts: int = 0
    follows: int = 0
    enters: int = 0
    viewers: int = -1
    demand: dict[str, int] = {}


class OpenDraw(msgspec.Struct, frozen=True, kw_only=True):
    """Open a prize draw. `seed_hash` is the hex SHA-256 of the seed, published before anybody enters.

    `condition` is `none`, `ordered` (holds or bought something) or `bought` (has a confirmed order).
    """

    draw_id: str
    prize: str
    winners_max: int
    seed_hash: str
    condition: str = "none"
    word: str = ""


class EnterDraw(msgspec.Struct, frozen=True, kw_only=True):
    """Enter a buyer into an open draw; once is enough, again is answered `replayed`."""

    draw_id: str
    buyer_id: BuyerId


class CloseDraw(msgspec.Struct, frozen=True, kw_only=True):
    """End the entries. What is in the list now takes part, nothing else ever does."""

    draw_id: str


class SettleDraw(msgspec.Struct, frozen=True, kw_only=True):
    """Publish the seed and the winners that follow from it and the entrant list (see `flashsale.draws`)."""

    draw_id: str
    seed: str
    winners: tuple[BuyerId, ...]


Op = (
    Claim
    | Amend
    | Confirm
    | Cancel
    | Extend
    | Fact
    | AdjustPool
    | SetPool
    | SetOffer
    | SetSale
    | SetSaleState
    | Block
    | Observe
    | OpenDraw
    | EnterDraw
    | CloseDraw
    | SettleDraw
)


def rev_order(rev: str) -> tuple[int, int]:
    """A place in the log as it sorts: `<ms>-<seq>` compares as two numbers, never as text; "" is before everything.

    Raises ValueError for anything else.
    """
    if not rev:
        return (-1, -1)
    milliseconds, _, sequence = rev.partition("-")
    return (int(milliseconds), int(sequence or 0))

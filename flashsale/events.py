"""The sale's log as readers see it: one entry a batch, in it one event for each thing that changed.

The tally hub and the ledger follow these. Folding all events of a sale from nothing gives the
engine's state (`flashsale.books`).
"""

from __future__ import annotations

import msgspec

from flashsale.domain import Rev


class Granted(msgspec.Struct, frozen=True, array_like=True):
    """A line as granted: packs, the price of one, the base units it takes from its pool (or its presale quota), its money."""

    sku: str
    packs: int
    unit_price_minor: int
    pool_id: str
    units: int
    presale: bool = False
    amount_minor: int = 0


class Event(msgspec.Struct, frozen=True, array_like=True):
    """Base of all log events. On the wire each is an array: its tag, then its fields in order."""


class Claimed(Event, tag="claimed", kw_only=True, frozen=True, array_like=True):
    """A claim got something. `outcome`: reserved, partial, presold or waitlisted (then `granted` is what it waits for)."""

    claim_id: str
    outcome: str
    buyer_id: str
    channel: str
    granted: tuple[Granted, ...]
    amount_minor: int
    expires_at_ms: int
    replaces: str = ""


class Confirmed(Event, tag="confirmed", kw_only=True, frozen=True, array_like=True):
    """A hold became an order. `released` went back to stock; `presale` says that it ships later."""

    claim_id: str
    buyer_id: str
    channel: str
    granted: tuple[Granted, ...]
    released: tuple[Granted, ...] = ()
    amount_minor: int
    presale: bool = False
    late: bool = False


class Ended(Event, tag="ended", kw_only=True, frozen=True, array_like=True):
    """A hold, presale hold or waitlist place ended without an order, or an order was taken back (`was=confirmed`).

    `how`: cancelled, expired or replaced. `was`: reserved, presold, waitlisted, confirmed or presale_order.
    """

    claim_id: str
    buyer_id: str
    channel: str
    how: str
    was: str
    granted: tuple[Granted, ...]
    amount_minor: int
    reason: str = ""


class Reduced(Event, tag="reduced", kw_only=True, frozen=True, array_like=True):
    """A buyer's comment took packs out of an open claim: `granted` went back, `left_minor` is what it still amounts to."""

    claim_id: str
    buyer_id: str
    channel: str
    was: str
    granted: tuple[Granted, ...]
    amount_minor: int
    left_minor: int


class Extended(Event, tag="extended", kw_only=True, frozen=True, array_like=True):
    """A hold's deadline moved."""

    claim_id: str
    expires_at_ms: int


class Promoted(Event, tag="promoted", kw_only=True, frozen=True, array_like=True):
    """A waitlisted claim got its stock: it is a hold now, until `expires_at_ms`."""

    claim_id: str
    buyer_id: str
    channel: str
    granted: tuple[Granted, ...]
    amount_minor: int
    expires_at_ms: int


class RefundDue(Event, tag="refund_due", kw_only=True, frozen=True, array_like=True):
    """Money came for a claim whose stock is gone: it has to be paid back."""

    claim_id: str
    buyer_id: str
    channel: str
    amount_minor: int


class FactRecorded(Event, tag="fact", kw_only=True, frozen=True, array_like=True):
    """A sale that happened elsewhere. `oversold_units` of its units were not in stock."""

    fact_id: str
    buyer_id: str
    channel: str
    granted: tuple[Granted, ...]
    amount_minor: int
    oversold_units: int = 0


class FactReversed(Event, tag="fact_reversed", kw_only=True, frozen=True, array_like=True):
    """A fact was taken back by its platform; its stock returned."""

    fact_id: str
    buyer_id: str
    channel: str
    granted: tuple[Granted, ...]
    amount_minor: int


class PoolAdjusted(Event, tag="adjusted", kw_only=True, frozen=True, array_like=True):
    """A pool's stock changed by hand."""

    adjust_id: str
    pool_id: str
    delta_units: int
    reason: str


class PoolSet(Event, tag="pool_set", kw_only=True, frozen=True, array_like=True):
    """A pool was created or its rules changed; `spec` has the fields of `flashsale.domain.SetPool`."""

    pool_id: str
    created: bool
    spec: dict[str, object]


class OfferSet(Event, tag="offer_set", kw_only=True, frozen=True, array_like=True):
    """An offer was created or changed; `spec` has the fields of `flashsale.domain.SetOffer`."""

    sku: str
    created: bool
    spec: dict[str, object]


class SaleSet(Event, tag="sale_set", kw_only=True, frozen=True, array_like=True):
    """The sale's settings as they stand now."""

    settings: dict[str, object]


class StateSet(Event, tag="state_set", kw_only=True, frozen=True, array_like=True):
    """The sale moved to another state."""

    state: str


class Blocked(Event, tag="blocked", kw_only=True, frozen=True, array_like=True):
    """A buyer was blocked or let in again."""

    buyer_id: str
    blocked: bool


class Observed(Event, tag="observed", kw_only=True, frozen=True, array_like=True):
    """What a channel showed besides sales, summed over the batch. `viewers` is -1 where nothing was said of it."""

    channel: str
    comments: int = 0
    likes: int = 0
    gifts: int = 0
    follows: int = 0
    enters: int = 0
    viewers: int = -1
    duplicates: int = 0
    demand: dict[str, int] = {}


class Refused(Event, tag="refused", kw_only=True, frozen=True, array_like=True):
    """Claims that got nothing, summed over the batch by offer, channel and outcome. Changes no stock: it is demand."""

    sku: str
    pool_id: str
    channel: str
    outcome: str
    claims: int
    packs: int


class DrawOpened(Event, tag="draw_opened", kw_only=True, frozen=True, array_like=True):
    """A draw opened; `seed_hash` binds the host to a seed that nobody has seen yet."""

    draw_id: str
    prize: str
    winners_max: int
    seed_hash: str
    condition: str
    word: str


class DrawEntered(Event, tag="draw_entered", kw_only=True, frozen=True, array_like=True):
    """A buyer entered a draw."""

    draw_id: str
    buyer_id: str


class DrawClosed(Event, tag="draw_closed", kw_only=True, frozen=True, array_like=True):
    """Entries ended; `entrants` is their number."""

    draw_id: str
    entrants: int


class DrawSettled(Event, tag="draw_settled", kw_only=True, frozen=True, array_like=True):
    """Seed and winners are public."""

    draw_id: str
    seed: str
    winners: tuple[str, ...]


AnyEvent = (
    Claimed
    | Confirmed
    | Ended
    | Reduced
    | Extended
    | Promoted
    | RefundDue
    | FactRecorded
    | FactReversed
    | PoolAdjusted
    | PoolSet
    | OfferSet
    | SaleSet
    | StateSet
    | Blocked
    | Observed
    | Refused
    | DrawOpened
    | DrawEntered
    | DrawClosed
    | DrawSettled
)


class LogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One batch as it stands in the log: all its events became true at `at_ms` by the store's clock."""

    rev: Rev
    at_ms: int
    events: tuple[AnyEvent, ...]

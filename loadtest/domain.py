"""The words of a load test: what was planned, what was asked and answered, and what the books say afterwards.

Pure values, no I/O. Nothing here is shared with the product: a load test knows a service by its wire alone. Money is
minor units, stock is base units. Moments of this side are microseconds of one monotonic clock (`_us`), so that they can
be compared with each other and with nothing else; moments of the service are its Unix milliseconds (`_ms`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """So many packs of one offer."""

    sku: str
    packs: int


class OfferPlan(msgspec.Struct, frozen=True, kw_only=True):
    """An offer as the test set it up. `limit_packs` bounds one buyer, 0 is no limit."""

    sku: str
    pool_id: str
    name: str
    units_per_pack: int
    price_minor: int
    limit_packs: int = 0


class PoolPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A pool as the test set it up."""

    pool_id: str
    name: str
    base_unit: str
    initial_units: int


class SalePlan(msgspec.Struct, frozen=True, kw_only=True):
    """The sale that the test rushes: open from the first ask to the last, nobody blocked, no stock but the pools' own."""

    sale_id: str
    pools: tuple[PoolPlan, ...]
    offers: tuple[OfferPlan, ...]
    hold_ttl_ms: int

    def offer(self, sku: str) -> OfferPlan:
        """Return an offer by its sku. Raises KeyError."""
        for offer in self.offers:
            if offer.sku == sku:
                return offer
        raise KeyError(sku)

    def units_by_pool(self, lines: tuple[Line, ...]) -> dict[str, int]:
        """Add up what lines ask of each pool, in base units. Skus that were never planned count nothing."""
        units: dict[str, int] = {}
        planned = {offer.sku: offer for offer in self.offers}
        for line in lines:
            offer = planned.get(line.sku)
            if offer is not None:
                units[offer.pool_id] = units.get(offer.pool_id, 0) + line.packs * offer.units_per_pack
        return units


# ----------------------------------------------------------------------------------------------- asked and answered


class Ask(StrEnum):
    """What a buyer asked for."""

    CLAIM = "claim"
    CONFIRM = "confirm"
    CANCEL = "cancel"


GRANTS: Final = frozenset({"reserved", "partial", "presold", "waitlisted"})
"""Outcomes of a claim that the service remembers. Every other answer to a claim changed nothing."""
ENDINGS: Final = frozenset({"confirmed", "cancelled", "expired"})


class LineAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one line: `packs` granted at `unit_price_minor` each."""

    sku: str
    packs: int
    outcome: str = ""
    unit_price_minor: int = 0


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The service's answer to an ask, as its JSON says it. Fields that this side does not know are dropped."""

    outcome: str
    replayed: bool = False
    amount_minor: int = 0
    expires_at_ms: int = 0
    rev: str = ""
    lines: tuple[LineAnswer, ...] = ()
    detail: str = ""


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """One ask and what came back. `lines` and `partial` are a claim's content; a confirm or cancel has none.

    `status` is the HTTP status, 0 where none came. `answer` is None where the outcome is unknown (no answer, or one that
    names no outcome): the ask may have been carried out or not. The service decided somewhere between `sent_at_us` and
    `answered_at_us`; for an unknown outcome, possibly later.
    """

    ask: Ask
    claim_id: str
    buyer_id: str
    lines: tuple[Line, ...] = ()
    partial: bool = False
    sent_at_us: int
    answered_at_us: int
    status: int
    answer: Answer | None

    @property
    def outcome(self) -> str:
        """The outcome answered, empty where it is unknown."""
        return "" if self.answer is None else self.answer.outcome

    @property
    def is_grant(self) -> bool:
        """Whether it is a claim that was granted, now or before."""
        return self.ask is Ask.CLAIM and self.outcome in GRANTS


class PoolFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A pool's counters at one moment, in base units."""

    pool_id: str
    initial: int
    adjusted: int = 0
    available: int = 0
    held: int = 0
    sold: int = 0
    oversold: int = 0

    @property
    def stock_units(self) -> int:
        """Everything that there ever was to sell."""
        return self.initial + self.adjusted


class FrameKind(StrEnum):
    """What a frame of the live stream does to its reader's state."""

    SNAPSHOT = "snapshot"
    DELTA = "delta"
    HEARTBEAT = "heartbeat"
    BROKEN = "broken"
    """Not a frame at all."""


class SeenFrame(msgspec.Struct, frozen=True, kw_only=True):
    """A frame as one connection of a watcher saw it, with the pools' figures that its reader has from then on."""

    connection: str
    arrived_at_us: int
    kind: FrameKind
    rev: str
    since: str = ""
    pools: tuple[PoolFigures, ...] = ()


class History(msgspec.Struct, frozen=True, kw_only=True):
    """All that one run saw, in the order in which it was written down.

    `watchers_len` is how many were sent to watch. `lags_ms` are samples of how late this side woke up by itself: what it
    adds to every wait that it measures.
    """

    plan: SalePlan
    exchanges: tuple[Exchange, ...]
    frames: tuple[SeenFrame, ...] = ()
    watchers_len: int = 0
    lags_ms: tuple[float, ...] = ()


# --------------------------------------------------------------------------------------------------------- the books


class OfferFigures(msgspec.Struct, frozen=True, kw_only=True):
    """An offer's counters at one moment, in packs and minor units."""

    sku: str
    packs_held: int = 0
    packs_sold: int = 0
    revenue_minor: int = 0


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """The sale's counters at one moment."""

    orders: int = 0
    revenue_minor: int = 0
    holds: int = 0
    refunds_due: int = 0


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """`GET …/tally`, as far as a verdict needs it."""

    rev: str
    at_ms: int
    totals: Totals
    pools: tuple[PoolFigures, ...]
    offers: tuple[OfferFigures, ...]


class BookedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order of `GET …/orders`."""

    claim_id: str
    status: str
    amount_minor: int
    lines: tuple[Line, ...]


class BookedClaim(msgspec.Struct, frozen=True, kw_only=True):
    """`GET …/claims/{claim_id}`: where the claim stands, what it holds or bought, and how it was answered first."""

    claim_id: str
    status: str
    buyer_id: str
    amount_minor: int
    expires_at_ms: int
    lines: tuple[LineAnswer, ...]
    first: Answer


class Books(msgspec.Struct, frozen=True, kw_only=True):
    """What the service says when all is over, read while nothing changed any more.

    `claims` holds every id that was ever asked for, None where the service does not know it.
    """

    tally: Tally
    orders: tuple[BookedOrder, ...]
    claims: Mapping[str, BookedClaim | None]


class Rule(StrEnum):
    """What must hold after every run."""

    SOLD_ABOVE_STOCK = "sold_above_stock"
    ACKNOWLEDGED_MISSING = "acknowledged_missing"
    ACKNOWLEDGED_TWICE = "acknowledged_twice"
    REPLAY_DIFFERS = "replay_differs"
    TWO_OUTCOMES = "two_outcomes"
    FALSE_SOLD_OUT = "false_sold_out"
    FALSE_REFUSAL = "false_refusal"
    REFUSED_YET_BOOKED = "refused_yet_booked"
    NOBODY_ASKED = "nobody_asked"
    POOL_UNBALANCED = "pool_unbalanced"
    BOOKS_DISAGREE = "books_disagree"
    LIMIT_EXCEEDED = "limit_exceeded"
    WRONG_AMOUNT = "wrong_amount"
    WRONG_STATUS = "wrong_status"
    FRAMES_DISAGREE = "frames_disagree"


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that did not hold, for a claim, an order, a pool or a connection (`subject`), in words."""

    rule: Rule
    subject: str
    zh: str
    en: str

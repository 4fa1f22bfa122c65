"""The books: a sale's log folded from nothing into the figures that the store must show.

This is a second, independent account. The engine changes counters as it decides; the books only read what the log says
happened. `sellthrough check` holds the two against each other, and against the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from flashsale import events as ev
from flashsale.domain import Rev
from flashsale.tally import ChannelTally, Tally, Totals

CHANNELS_MAX = 64
"""A sale counts so many channels apart; any others are counted together as `other`."""


class PoolBook(msgspec.Struct, kw_only=True):
    """A pool's figures in base units."""

    initial: int = 0
    adjusted: int = 0
    available: int = 0
    held: int = 0
    sold: int = 0
    oversold: int = 0
    presale_quota: int = 0
    presale_held: int = 0
    presold: int = 0
    waitlisted: int = 0
    refused: int = 0

    @property
    def balanced(self) -> bool:
        """Whether `initial + adjusted = available + held + sold − oversold`."""
        return self.initial + self.adjusted == self.available + self.held + self.sold - self.oversold

    def put_back(self, units: int) -> None:
        """Units return: what was oversold is made good first."""
        owed = min(self.oversold, units)
        self.oversold -= owed
        self.available += units - owed

    def take_out(self, units: int) -> None:
        """Units go, whether they are there or not."""
        there = min(self.available, units)
        self.available -= there
        self.oversold += units - there


class OfferBook(msgspec.Struct, kw_only=True):
    """An offer's figures, in packs and money."""

    pool_id: str = ""
    units_per_pack: int = 1
    packs_held: int = 0
    packs_sold: int = 0
    packs_presold: int = 0
    packs_refused: int = 0
    revenue_minor: int = 0
    presale_minor: int = 0
    demand: int = 0


class ClaimBook(msgspec.Struct, kw_only=True):
    """Where a claim or fact stands. `packs` is by sku, and empty once it has ended without a sale."""

    status: str
    buyer_id: str
    packs: dict[str, int]
    amount_minor: int
    expires_at_ms: int = 0


class Books:
    """Folds log entries, oldest first, each once. Raises KeyError where the log speaks of what it never introduced."""

    def __init__(self) -> None:
        """Begin with empty books."""
        self.rev = Rev("")
        self.state = "draft"
        self.settings: dict[str, Any] = {}
        self.pools: dict[str, PoolBook] = {}
        self.offers: dict[str, OfferBook] = {}
        self.claims: dict[str, ClaimBook] = {}
        self.channels: dict[str, dict[str, int]] = {}
        self.draws: dict[str, dict[str, Any]] = {}
        self.blocked: set[str] = set()
        self.counts: dict[str, int] = dict.fromkeys(msgspec.structs.asdict(Totals()), 0)
        self._buyer_packs: dict[str, int] = {}

    def apply(self, entry: ev.LogEntry) -> None:
        """Fold one log entry."""
        for event in entry.events:
            _FOLDS[type(event)](self, event)
        self.rev = entry.rev

    def apply_all(self, entries: Iterable[ev.LogEntry]) -> Books:
        """Fold entries in the order given; returns self."""
        for entry in entries:
            self.apply(entry)
        return self

    @property
    def totals(self) -> Totals:
        """The sale in one line, as the live tally has it."""
        viewers = sum(channel["viewers"] for channel in self.channels.values())
        buyers = sum(1 for packs in self._buyer_packs.values() if packs > 0)
        return Totals(**{**self.counts, "viewers": viewers, "buyers": buyers})

    def differences(self, tally: Tally) -> list[tuple[str, str, object, object]]:
        """Compare with a live tally of the same rev: (where, what, in the books, in the tally), empty when they agree."""
        found: list[tuple[str, str, object, object]] = []
        _compare(found, "totals", self.totals, tally.totals)
        for pool in tally.pools:
            _compare(found, f"pool {pool.pool_id}", self.pools.get(pool.pool_id), pool)
        for offer in tally.offers:
            _compare(found, f"offer {offer.sku}", self.offers.get(offer.sku), offer)
        for channel in tally.channels:
            book = self.channels.get(channel.channel, {})
            _compare(found, f"channel {channel.channel}", ChannelTally(channel=channel.channel, **book), channel)
        for name, book_ids, tally_ids in (
            ("pools", set(self.pools), {pool.pool_id for pool in tally.pools}),
            ("offers", set(self.offers), {offer.sku for offer in tally.offers}),
        ):
            if book_ids != tally_ids:
                found.append((name, "ids", sorted(book_ids), sorted(tally_ids)))
        return found

    # ------------------------------------------------------------------------------------------- small movements

    def _channel(self, name: str) -> dict[str, int]:
        if name not in self.channels and len(self.channels) >= CHANNELS_MAX:
            name = "other"
        if name not in self.channels:
            fields = [field for field in msgspec.structs.asdict(ChannelTally(channel="")) if field != "channel"]
            self.channels[name] = dict.fromkeys(fields, 0)
        return self.channels[name]

    def _buyer(self, buyer_id: str, granted: tuple[ev.Granted, ...], sign: int) -> None:
        if buyer_id:
            packs = sum(line.packs for line in granted)
            self._buyer_packs[buyer_id] = self._buyer_packs.get(buyer_id, 0) + sign * packs

    def _hold(self, granted: tuple[ev.Granted, ...]) -> None:
        for line in granted:
            pool = self.pools[line.pool_id]
            if line.presale:
                pool.presale_held += line.units
            else:
                pool.available -= line.units
                pool.held += line.units
            self.offers[line.sku].packs_held += line.packs

    def _release(self, granted: tuple[ev.Granted, ...]) -> None:
        for line in granted:
            pool = self.pools[line.pool_id]
            self.offers[line.sku].packs_held -= line.packs
            if line.presale:
                pool.presale_held -= line.units
            else:
                pool.held -= line.units
                pool.put_back(line.units)

    def _wait(self, granted: tuple[ev.Granted, ...], sign: int) -> None:
        for line in granted:
            self.pools[line.pool_id].waitlisted += sign * line.units

    def _sell_held(self, granted: tuple[ev.Granted, ...]) -> None:
        for line in granted:
            pool, offer = self.pools[line.pool_id], self.offers[line.sku]
            offer.packs_held -= line.packs
            if line.presale:
                pool.presale_held -= line.units
                pool.presold += line.units
                offer.packs_presold += line.packs
                offer.presale_minor += line.amount_minor
            else:
                pool.held -= line.units
                pool.sold += line.units
                offer.packs_sold += line.packs
                offer.revenue_minor += line.amount_minor

    def _unsell(self, granted: tuple[ev.Granted, ...]) -> None:
        for line in granted:
            pool, offer = self.pools[line.pool_id], self.offers[line.sku]
            if line.presale:
                pool.presold -= line.units
                offer.packs_presold -= line.packs
                offer.presale_minor -= line.amount_minor
            else:
                pool.sold -= line.units
                pool.put_back(line.units)
                offer.packs_sold -= line.packs
                offer.revenue_minor -= line.amount_minor

    def _order(self, channel: str, granted: tuple[ev.Granted, ...], sign: int) -> None:
        revenue = sum(line.amount_minor for line in granted if not line.presale)
        presale = sum(line.amount_minor for line in granted if line.presale)
        counts, seen = self.counts, self._channel(channel)
        counts["revenue_minor"] += sign * revenue
        counts["presale_minor"] += sign * presale
        seen["revenue_minor"] += sign * revenue
        if all(line.presale for line in granted):
            counts["presale_orders"] += sign
        else:
            counts["orders"] += sign
            seen["orders"] += sign

    # -------------------------------------------------------------------------------------------- one event each

    def _claimed(self, event: ev.Claimed) -> None:
        if event.outcome == "waitlisted":
            self._wait(event.granted, 1)
            self.counts["waitlisted"] += 1
            status = "waitlisted"
        else:
            self._hold(event.granted)
            self.counts["holds"] += 1
            status = "presale_held" if all(line.presale for line in event.granted) else "held"
        self._buyer(event.buyer_id, event.granted, 1)
        self.claims[event.claim_id] = ClaimBook(
            status=status,
            buyer_id=event.buyer_id,
            packs={line.sku: line.packs for line in event.granted},
            amount_minor=event.amount_minor,
            expires_at_ms=event.expires_at_ms,
        )

    def _promoted(self, event: ev.Promoted) -> None:
        self._wait(event.granted, -1)
        self._hold(event.granted)
        self.counts["waitlisted"] -= 1
        self.counts["holds"] += 1
        claim = self.claims[event.claim_id]
        claim.status, claim.expires_at_ms = "held", event.expires_at_ms

    def _confirmed(self, event: ev.Confirmed) -> None:
        if event.late:
            # Taken again in the call that sold it: the hold was over.
            self._hold(event.granted)
            self.counts["holds"] += 1
            self._buyer(event.buyer_id, event.granted, 1)
        self._sell_held(event.granted)
        self._release(event.released)
        self._buyer(event.buyer_id, event.released, -1)
        self._order(event.channel, event.granted, 1)
        self.counts["holds"] -= 1
        claim = self.claims[event.claim_id]
        claim.status = "presale_order" if event.presale else "confirmed"
        claim.packs = {line.sku: line.packs for line in event.granted}
        claim.amount_minor, claim.expires_at_ms = event.amount_minor, 0

    def _ended(self, event: ev.Ended) -> None:
        if event.was == "waitlisted":
            self._wait(event.granted, -1)
            self.counts["waitlisted"] -= 1
        elif event.was in ("confirmed", "presale_order"):
            self._unsell(event.granted)
            self._order(event.channel, event.granted, -1)
        else:
            self._release(event.granted)
            self.counts["holds"] -= 1
        self._buyer(event.buyer_id, event.granted, -1)
        claim = self.claims[event.claim_id]
        claim.status, claim.packs = event.how, {}

    def _reduced(self, event: ev.Reduced) -> None:
        if event.was == "waitlisted":
            self._wait(event.granted, -1)
        else:
            self._release(event.granted)
        self._buyer(event.buyer_id, event.granted, -1)
        claim = self.claims[event.claim_id]
        claim.amount_minor = event.left_minor
        for line in event.granted:
            claim.packs[line.sku] -= line.packs
            if claim.packs[line.sku] == 0:
                del claim.packs[line.sku]

    def _extended(self, event: ev.Extended) -> None:
        self.claims[event.claim_id].expires_at_ms = event.expires_at_ms

    def _refund_due(self, event: ev.RefundDue) -> None:
        self.counts["refunds_due"] += 1
        self.claims[event.claim_id].status = "refund_due"

    def _fact(self, event: ev.FactRecorded) -> None:
        for line in event.granted:
            pool, offer = self.pools[line.pool_id], self.offers[line.sku]
            pool.take_out(line.units)
            pool.sold += line.units
            offer.packs_sold += line.packs
            offer.revenue_minor += line.amount_minor
        self._buyer(event.buyer_id, event.granted, 1)
        self._order(event.channel, event.granted, 1)
        self.claims[event.fact_id] = ClaimBook(
            status="recorded",
            buyer_id=event.buyer_id,
            packs={line.sku: line.packs for line in event.granted},
            amount_minor=event.amount_minor,
        )

    def _fact_reversed(self, event: ev.FactReversed) -> None:
        self._unsell(event.granted)
        self._buyer(event.buyer_id, event.granted, -1)
        self._order(event.channel, event.granted, -1)
        claim = self.claims[event.fact_id]
        claim.status, claim.packs = "reversed", {}

    def _adjusted(self, event: ev.PoolAdjusted) -> None:
        pool = self.pools[event.pool_id]
        pool.adjusted += event.delta_units
        if event.delta_units > 0:
            pool.put_back(event.delta_units)
        else:
            pool.take_out(-event.delta_units)

    def _pool_set(self, event: ev.PoolSet) -> None:
        initial, quota = _int(event.spec, "initial_units"), _int(event.spec, "presale_units")
        if event.created:
            self.pools[event.pool_id] = PoolBook(initial=initial, available=initial)
        self.pools[event.pool_id].presale_quota = quota

    def _offer_set(self, event: ev.OfferSet) -> None:
        offer = self.offers.setdefault(event.sku, OfferBook())
        offer.pool_id = str(event.spec["pool_id"])
        offer.units_per_pack = _int(event.spec, "units_per_pack")

    def _sale_set(self, event: ev.SaleSet) -> None:
        self.settings = event.settings

    def _state_set(self, event: ev.StateSet) -> None:
        self.state = event.state

    def _blocked(self, event: ev.Blocked) -> None:
        (self.blocked.add if event.blocked else self.blocked.discard)(event.buyer_id)

    def _observed(self, event: ev.Observed) -> None:
        channel = None
        for name in ("comments", "likes", "gifts", "follows", "enters"):
            seen = getattr(event, name)
            if seen:
                channel = channel or self._channel(event.channel)
                self.counts[name] += seen
                channel[name] += seen
        if event.viewers >= 0:
            self._channel(event.channel)["viewers"] = event.viewers
        self.counts["duplicates"] += event.duplicates
        for sku, packs in event.demand.items():
            self.offers[sku].demand += packs

    def _refused(self, event: ev.Refused) -> None:
        if event.claims:
            self.counts["refused"] += event.claims
            self._channel(event.channel)["refused"] += event.claims
        if event.sku and event.outcome == "sold_out":
            offer = self.offers[event.sku]
            offer.packs_refused += event.packs
            self.pools[event.pool_id].refused += event.packs * offer.units_per_pack

    def _draw_opened(self, event: ev.DrawOpened) -> None:
        self.draws[event.draw_id] = {"state": "open", "seed_hash": event.seed_hash, "entrants": set(), "winners": ()}

    def _draw_entered(self, event: ev.DrawEntered) -> None:
        self.draws[event.draw_id]["entrants"].add(event.buyer_id)

    def _draw_closed(self, event: ev.DrawClosed) -> None:
        self.draws[event.draw_id]["state"] = "closed"

    def _draw_settled(self, event: ev.DrawSettled) -> None:
        self.draws[event.draw_id].update(state="settled", seed=event.seed, winners=event.winners)


def _int(spec: dict[str, object], name: str) -> int:
    value = spec[name]
    assert isinstance(value, int)
    return value


def _compare(found: list[tuple[str, str, object, object]], where: str, book: object, tally: object) -> None:
    if book is None:
        found.append((where, "exists", False, True))
        return
    for name in getattr(book, "__struct_fields__", ()):
        if getattr(book, name) != getattr(tally, name):
            found.append((where, name, getattr(book, name), getattr(tally, name)))


_FOLDS: dict[type, Callable[[Books, Any], None]] = {
    ev.Claimed: Books._claimed,
    ev.Promoted: Books._promoted,
    ev.Confirmed: Books._confirmed,
    ev.Ended: Books._ended,
    ev.Reduced: Books._reduced,
    ev.Extended: Books._extended,
    ev.RefundDue: Books._refund_due,
    ev.FactRecorded: Books._fact,
    ev.FactReversed: Books._fact_reversed,
    ev.PoolAdjusted: Books._adjusted,
    ev.PoolSet: Books._pool_set,
    ev.OfferSet: Books._offer_set,
    ev.SaleSet: Books._sale_set,
    ev.StateSet: Books._state_set,
    ev.Blocked: Books._blocked,
    ev.Observed: Books._observed,
    ev.Refused: Books._refused,
    ev.DrawOpened: Books._draw_opened,
    ev.DrawEntered: Books._draw_entered,
    ev.DrawClosed: Books._draw_closed,
    ev.DrawSettled: Books._draw_settled,
}

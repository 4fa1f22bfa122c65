"""Orders by comment on Weibo and Ixigua, and what the shop's payment system does with them.

The rush wants more than is free; some change their mind, some never pay; then single packs fill the pool to its last
unit. Which buyer wins is the engine's business and may differ from run to run; that the pool ends sold out and paid is not.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

from ingest.demo.plan import (
    COMMENT_PLATFORMS,
    DEMAND_FACTOR,
    LAST_SALE_MINUTE,
    LAST_SWEEP_MINUTE,
    MINUTE_MS,
    ORDERS_OTHER_BY_COMMENT,
    POOL_PLANS,
    PRESALE_LAST_MINUTE,
    PRESALE_OPENS_MINUTE,
    PRESALE_UNITS,
    Comment,
    Ids,
    Meaning,
    Payment,
    Person,
    PoolPlan,
    Shelf,
    part_rng,
    within,
)
from ingest.demo.wording import Crowd, cancel_text, order_text, set_text, waitlist_text
from inventory.catalogue import CatalogueOffer

REPEATED_SHARE = 0.10
SET_SHARE = 0.03
CANCELLED_SHARE = 0.04
UNPAID_SHARE = 0.06
WAITLISTED_BUYERS = 14
OVER_LIMIT_BUYERS = 4
TAIL_BUYERS = 50
PRESALE_DEMAND_UNITS = 4_200


@dataclass
class Captured:
    """All comments that order, and all payments, in no order yet."""

    comments: list[Comment] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)


def captured_orders(seed: int, shelf: Shelf) -> Captured:
    """Make the whole evening's orders by comment."""
    rng = part_rng(seed, "claims")
    writer = _Writer(rng, shelf)
    for plan in POOL_PLANS:
        writer.rush(plan)
        writer.waitlist(plan)
        writer.fill(plan)
        writer.tail(plan)
    writer.presale()
    writer.others()
    return writer.captured


class _Writer:
    """Writes the comments and payments of one evening."""

    def __init__(self, rng: random.Random, shelf: Shelf) -> None:
        self.captured = Captured()
        self._rng = rng
        self._shelf = shelf
        self._crowds = {platform: Crowd(rng, platform) for platform in COMMENT_PLATFORMS}
        self._ids = {"weibo": Ids(rng, 4_573_100_000_000_000), "xigua": Ids(rng, 6_897_300_000_000_000_000)}
        self._returnable_units: dict[str, int] = {}

    def rush(self, plan: PoolPlan) -> None:
        """Everybody at once: most order and pay, some repeat themselves, change, cancel or never pay."""
        wanted_units = self._shelf.free_units(plan) * DEMAND_FACTOR
        asked_units = 0
        while asked_units < wanted_units:
            roll = self._rng.random()
            fickle = roll < SET_SHARE + CANCELLED_SHARE + UNPAID_SHARE
            offer, packs = self._wish(plan, small=fickle)
            asked_units += offer.units_per_pack * packs
            on_air = offer is self._shelf.of_pool(plan.pool_id)[0]
            first = self._order(self._rush_moment(plan), self._newcomer(), offer, packs, on_air=on_air)
            if not fickle:
                self._faithful(first)
                continue
            returnable = self._returnable_units.get(plan.pool_id, 0)
            self._returnable_units[plan.pool_id] = returnable + offer.units_per_pack * packs
            if roll < SET_SHARE:
                self._changes(plan, first, offer)
            elif roll < SET_SHARE + CANCELLED_SHARE:
                self._takes_back(plan, first, offer)
            else:
                self._pay(
                    first, within(self._rng, plan.minute(plan.UNPAID_FROM), plan.minute(plan.UNPAID_UNTIL)), "cancel"
                )
        for _ in range(OVER_LIMIT_BUYERS):
            offer = self._shelf.of_pool(plan.pool_id)[0]
            self._faithful(self._order(self._rush_moment(plan), self._newcomer(), offer, offer.limit_packs + 5))

    def _faithful(self, first: Comment) -> None:
        """A buyer who pays, and may say the same thing twice before."""
        last = first
        if self._rng.random() < REPEATED_SHARE:
            last = self._say(first.at_ms + self._rng.randrange(2_000, 40_000), first.person, first.text, first.meaning)
            self._pay_soon(last, last)
        self._pay_soon(first, last)

    def _changes(self, plan: PoolPlan, first: Comment, offer: CatalogueOffer) -> None:
        packs = self._rng.choice((1, 2, 3))
        meaning = Meaning(intent="set", lines=((offer.sku, packs),))
        text = set_text(self._rng, offer, packs)
        changed = self._say(first.at_ms + self._rng.randrange(8_000, 50_000), first.person, text, meaning)
        returnable = self._returnable_units[plan.pool_id]
        self._returnable_units[plan.pool_id] = returnable + offer.units_per_pack * packs
        self._pay_soon(first, changed)
        self._pay_soon(changed, changed)

    def _takes_back(self, plan: PoolPlan, first: Comment, offer: CatalogueOffer) -> None:
        text = cancel_text(self._rng, offer)
        lines = () if text == "取消" else ((offer.sku, 0),)
        self._say(
            first.at_ms + self._rng.randrange(8_000, 50_000), first.person, text, Meaning(intent="cancel", lines=lines)
        )
        # The buyer does not pay; should the comment have come before a claim was held, the payment system ends it.
        self._pay(first, within(self._rng, plan.minute(plan.UNPAID_FROM), plan.minute(plan.UNPAID_UNTIL)), "cancel")

    def waitlist(self, plan: PoolPlan) -> None:
        """Buyers who queue for one smallest pack; they pay when, and if, their turn has come."""
        offer = self._shelf.of_pool(plan.pool_id)[0]
        for _ in range(WAITLISTED_BUYERS):
            at_ms = within(self._rng, plan.minute(plan.WAITLIST_FROM), plan.minute(plan.WAITLIST_UNTIL))
            meaning = Meaning(intent="waitlist", lines=((offer.sku, 1),))
            queued = self._say(at_ms, self._newcomer(), waitlist_text(offer), meaning)
            for minute in (plan.minute(plan.PROMOTED_PAY), plan.minute(plan.SWEEP), LAST_SWEEP_MINUTE):
                self._pay(queued, within(self._rng, minute, minute), "confirm")

    def fill(self, plan: PoolPlan) -> None:
        """Single smallest packs, more of them than can still be free: the pool sells out to the last unit.

        After the rush at most one claim's worth is left over, and everything that can come back has come back.
        """
        offers = self._shelf.of_pool(plan.pool_id)
        smallest, largest = offers[0], max(o.units_per_pack * o.limit_packs for o in offers)
        left_units_max = self._returnable_units[plan.pool_id] + largest
        for _ in range(math.ceil(left_units_max / smallest.units_per_pack * 1.1)):
            at_ms = within(self._rng, plan.minute(plan.FILL_FROM), plan.minute(plan.FILL_UNTIL))
            single = self._order(at_ms, self._newcomer(), smallest, 1)
            paid_at_ms = within(self._rng, plan.minute(plan.FILL_PAY_FROM), plan.minute(plan.FILL_PAY_UNTIL))
            self._pay(single, paid_at_ms, "confirm")

    def tail(self, plan: PoolPlan) -> None:
        """Buyers who come when nothing is left: demand that is counted and refused."""
        last_minute = PRESALE_OPENS_MINUTE - 2 if plan.pool_id == "eggs" else LAST_SALE_MINUTE
        for _ in range(TAIL_BUYERS):
            offer, packs = self._wish(plan, small=False)
            self._order(within(self._rng, plan.minute(plan.FILL_PAY_FROM), last_minute), self._newcomer(), offer, packs)

    def presale(self) -> None:
        """Eggs again, to be shipped later, all of them within the presale's quota."""
        assert PRESALE_DEMAND_UNITS <= PRESALE_UNITS, (
            "presale claims must all find room, or their sum is a matter of luck"
        )
        eggs = POOL_PLANS[0]
        left_units = PRESALE_DEMAND_UNITS
        while left_units > 0:
            offer, packs = self._wish(eggs, small=False)
            if offer.units_per_pack * packs > left_units:
                offer, packs = self._shelf.of_pool(eggs.pool_id)[0], 1
            left_units -= offer.units_per_pack * packs
            at_ms = within(self._rng, PRESALE_OPENS_MINUTE + 1, PRESALE_LAST_MINUTE)
            wish = self._order(at_ms, self._newcomer(), offer, packs)
            self._pay_soon(wish, wish)

    def others(self) -> None:
        """The other specialties: one pack each, each buyer once, all of them paid."""
        for sku, count in ORDERS_OTHER_BY_COMMENT.items():
            for _ in range(count):
                at_ms = within(self._rng, 12, LAST_SALE_MINUTE)
                wish = self._order(at_ms, self._newcomer(), self._shelf.offers[sku], 1)
                self._pay_soon(wish, wish)

    def _wish(self, plan: PoolPlan, *, small: bool) -> tuple[CatalogueOffer, int]:
        offers = self._shelf.of_pool(plan.pool_id)
        if small:
            return offers[0], self._rng.choice((1, 2))
        offer = self._rng.choices(offers, weights=[3, 2][: len(offers)])[0]
        return offer, self._rng.choices((1, 2, 3, 4, 5), weights=(40, 30, 14, 10, 6))[0]

    def _rush_moment(self, plan: PoolPlan) -> int:
        """A moment of the rush; most want to be first."""
        start_ms = plan.rush_minute * MINUTE_MS
        return start_ms + 1 + int(self._rng.triangular(0, (plan.RUSH_LENGTH - 1) * MINUTE_MS, 25_000))

    def _newcomer(self) -> Person:
        return self._crowds[self._rng.choice(COMMENT_PLATFORMS)].newcomer()

    def _order(self, at_ms: int, person: Person, offer: CatalogueOffer, packs: int, *, on_air: bool = False) -> Comment:
        meaning = Meaning(intent="order", lines=((offer.sku, packs),))
        return self._say(at_ms, person, order_text(self._rng, offer, packs, on_air=on_air), meaning)

    def _say(self, at_ms: int, person: Person, text: str, meaning: Meaning) -> Comment:
        event_id = self._ids[person.platform].next()
        comment = Comment(at_ms=at_ms, event_id=event_id, person=person, text=text, meaning=meaning)
        self.captured.comments.append(comment)
        return comment

    def _pay_soon(self, comment: Comment, after: Comment) -> None:
        """Pay one to four minutes on: never in the minute of the buyer's last word, so a barrier lies between."""
        minute = after.at_ms // MINUTE_MS + self._rng.randrange(1, 4)
        self._pay(comment, within(self._rng, minute, minute), "confirm")

    def _pay(self, comment: Comment, at_ms: int, action: str) -> None:
        self.captured.payments.append(Payment(at_ms=at_ms, claim_id=comment.claim_id, action=action))

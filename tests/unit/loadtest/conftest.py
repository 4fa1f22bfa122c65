"""An honest run, written down step by step, for tests to plant their violations in."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from loadtest.domain import (
    Answer,
    Ask,
    BookedClaim,
    BookedOrder,
    Books,
    Exchange,
    History,
    Line,
    LineAnswer,
    OfferFigures,
    OfferPlan,
    PoolFigures,
    PoolPlan,
    SalePlan,
    SeenFrame,
    Tally,
    Totals,
)

TTL_MS = 60_000
PRICES = {"egg-30": 3_980, "egg-10": 1_490}
SIZES = {"egg-30": 30, "egg-10": 10}


class Run:
    """Plays an honest service: what `claim`, `confirm` and `cancel` are told, the books know.

    Every ask takes 10 ms, one after the other, from second 0 on; `sent_us` moves the clock.
    """

    def __init__(self, stock: int = 300) -> None:
        offers = tuple(
            OfferPlan(sku=sku, pool_id="eggs", name=sku, units_per_pack=SIZES[sku], price_minor=price, limit_packs=5)
            for sku, price in PRICES.items()
        )
        pool = PoolPlan(pool_id="eggs", name="eggs", base_unit="egg", initial_units=stock)
        self.plan = SalePlan(sale_id="s", pools=(pool,), offers=offers, hold_ttl_ms=TTL_MS)
        self.exchanges: list[Exchange] = []
        self.frames: list[SeenFrame] = []
        self.claims: dict[str, BookedClaim | None] = {}
        self.orders: list[BookedOrder] = []
        self.now_us = 0
        self.revs = 0

    def ask(self, ask: Ask, claim_id: str, status: int, answer: Answer | None, **fields: Any) -> Exchange:
        self.claims.setdefault(claim_id, None)
        told = {
            "ask": ask,
            "claim_id": claim_id,
            "buyer_id": f"buyer of {claim_id}",
            "sent_at_us": self.now_us,
            "answered_at_us": self.now_us + 10_000,
            "status": status,
            "answer": answer,
        }
        exchange = Exchange(**{**told, **fields})
        self.now_us = max(self.now_us, exchange.answered_at_us + 1)
        self.exchanges.append(exchange)
        return exchange

    def claim(self, claim_id: str, packs: int = 1, sku: str = "egg-30", **fields: Any) -> Exchange:
        """Ask for packs and get them."""
        answer = self.granted(sku, packs)
        exchange = self.ask(Ask.CLAIM, claim_id, 201, answer, lines=(Line(sku=sku, packs=packs),), **fields)
        self.book(exchange, answer)
        return exchange

    def granted(self, sku: str, packs: int) -> Answer:
        self.revs += 1
        line = LineAnswer(sku=sku, packs=packs, outcome="reserved", unit_price_minor=PRICES[sku])
        return Answer(
            outcome="reserved",
            amount_minor=PRICES[sku] * packs,
            expires_at_ms=1_000_000 + TTL_MS,
            rev=f"1000000-{self.revs}",
            lines=(line,),
        )

    def book(self, exchange: Exchange, answer: Answer, status: str = "held") -> None:
        self.claims[exchange.claim_id] = BookedClaim(
            claim_id=exchange.claim_id,
            status=status,
            buyer_id=exchange.buyer_id,
            amount_minor=answer.amount_minor,
            expires_at_ms=answer.expires_at_ms,
            lines=answer.lines,
            first=answer,
        )

    def again(self, exchange: Exchange, **changes: Any) -> Exchange:
        """Ask the same again, and get the same answer, marked replayed."""
        assert exchange.answer is not None
        answer = msgspec.structs.replace(exchange.answer, **{"replayed": True, **changes})
        return self.ask(Ask.CLAIM, exchange.claim_id, 200, answer, lines=exchange.lines, buyer_id=exchange.buyer_id)

    def refused(self, claim_id: str, packs: int = 1, outcome: str = "sold_out", **fields: Any) -> Exchange:
        lines = (Line(sku="egg-30", packs=packs),)
        return self.ask(Ask.CLAIM, claim_id, 409, Answer(outcome=outcome), **{"lines": lines, **fields})

    def unanswered(self, claim_id: str, packs: int = 1) -> Exchange:
        return self.ask(Ask.CLAIM, claim_id, 0, None, lines=(Line(sku="egg-30", packs=packs),))

    def confirm(self, claim_id: str, detail: str = "") -> Exchange:
        booked = self.claims[claim_id]
        assert booked is not None
        self.stands(claim_id, "confirmed")
        lines = tuple(Line(sku=line.sku, packs=line.packs) for line in booked.lines)
        self.orders.append(
            BookedOrder(claim_id=claim_id, status="confirmed", amount_minor=booked.amount_minor, lines=lines)
        )
        answer = Answer(outcome="confirmed", amount_minor=booked.amount_minor, detail=detail)
        return self.ask(Ask.CONFIRM, claim_id, 200, answer)

    def cancel(self, claim_id: str) -> Exchange:
        self.stands(claim_id, "cancelled")
        return self.ask(Ask.CANCEL, claim_id, 200, Answer(outcome="cancelled"))

    def expire(self, claim_id: str) -> None:
        self.stands(claim_id, "expired")
        self.now_us += 2 * TTL_MS * 1_000

    def stands(self, claim_id: str, status: str) -> None:
        booked = self.claims[claim_id]
        assert booked is not None
        self.claims[claim_id] = msgspec.structs.replace(booked, status=status)

    @property
    def history(self) -> History:
        return History(plan=self.plan, exchanges=tuple(self.exchanges), frames=tuple(self.frames))

    @property
    def books(self) -> Books:
        held = [claim for claim in self.claims.values() if claim and claim.status == "held"]
        stock = self.plan.pools[0].initial_units
        held_units = sum(SIZES[line.sku] * line.packs for claim in held for line in claim.lines)
        sold_units = sum(SIZES[line.sku] * line.packs for order in self.orders for line in order.lines)
        packs_sold = {sku: sum(x.packs for o in self.orders for x in o.lines if x.sku == sku) for sku in PRICES}
        tally = Tally(
            rev=f"1000000-{self.revs}",
            at_ms=1_000_000 + 10 * TTL_MS,
            totals=Totals(
                orders=len(self.orders),
                revenue_minor=sum(order.amount_minor for order in self.orders),
                holds=len(held),
                refunds_due=sum(1 for claim in self.claims.values() if claim and claim.status == "refund_due"),
            ),
            pools=(
                PoolFigures(
                    pool_id="eggs",
                    initial=stock,
                    available=max(stock - held_units - sold_units, 0),
                    held=held_units,
                    sold=sold_units,
                    oversold=max(held_units + sold_units - stock, 0),
                ),
            ),
            offers=tuple(OfferFigures(sku=sku, packs_sold=packs) for sku, packs in packs_sold.items()),
        )
        return Books(tally=tally, orders=tuple(self.orders), claims=dict(self.claims))


@pytest.fixture
def run() -> Run:
    return Run()

"""The recorded evening through the real adapters into the real engine, doors overtaking each other between barriers.

Only the reading of comments is replaced by what their writer meant: `test_wording` proves that they are read so.
"""

from __future__ import annotations

import random
from pathlib import Path

from flashsale.books import Books
from flashsale.domain import (
    Amend,
    BuyerId,
    Cancel,
    ClaimId,
    CloseDraw,
    Confirm,
    EnterDraw,
    Fact,
    Line,
    Observe,
    Op,
    OpenDraw,
    RepeatPolicy,
    SaleId,
    SaleState,
    SetOffer,
    SetPool,
    SetSale,
    SetSaleState,
    Sku,
)
from flashsale.embedded import EmbeddedStore
from flashsale.service import Engine
from ingest.demo.connections import CONNECTION_IDS, adapter_settings
from ingest.demo.doors import fill_in_now
from ingest.demo.evening import Evening, make_evening
from ingest.demo.plan import COMMENT_PLATFORMS, DRAW_ID, DRAW_WORD
from ingest.demo.records import AnyRecord, BridgeRecord, DeskOrder, HookRecord, HostRecord, PaymentRecord
from ingest.demo.replay import segments
from ingest.demo.simulators import data_frame
from inventory.catalogue import read_catalogue
from stream_adapters.contract import PushRequest
from stream_adapters.domain import EventKind, LiveEvent, OrderStatus
from stream_adapters.registry import build
from stream_adapters.tmc.codec import decode_frame
from stream_adapters.tmc.domain import read_message, translate

CATALOGUE = Path(__file__).parents[4] / "examples" / "tonggu" / "catalogue.csv"
SALE = SaleId("tonggu")
DAY_MS = 86_400_000
RECEIVED_AT_MS = 1_700_000_000_000
KINDS = {"order": "order", "waitlist": "order", "set": "set", "cancel": "cancel"}


class Stand:
    """Turns records into operations of the engine, as the service does, but one record at a time."""

    def __init__(self, evening: Evening) -> None:
        self._adapters = {
            name: build(name, adapter_settings(name, tmc_url="ws://127.0.0.1/")) for name in CONNECTION_IDS
        }
        self._bridge = build("bridge", {})
        self._said = {comment.claim_id: comment for comment in evening.comments}
        self._desk = {
            (record.platform, record.order_id): record for record in evening.records if isinstance(record, DeskOrder)
        }

    def ops(self, record: AnyRecord) -> list[Op]:
        if isinstance(record, DeskOrder):
            return []
        if isinstance(record, HostRecord):
            return _host_ops(record)
        if isinstance(record, PaymentRecord):
            raise TypeError("a payment looks first: see _pay")
        return [op for event in self._events(record) for op in self._event_ops(event)]

    def _events(self, record: AnyRecord) -> tuple[LiveEvent, ...]:
        if isinstance(record, HookRecord):
            if record.expected != 200:
                return ()
            adapter = self._adapters[record.door.partition(":")[2]]
            return tuple(adapter.receive(PushRequest(record.headers, record.body.encode(), RECEIVED_AT_MS)).events)
        if isinstance(record, BridgeRecord):
            return tuple(self._bridge.decode(record.body, RECEIVED_AT_MS).events)
        message = read_message(decode_frame(data_frame(record, retried=0)))
        event = translate(message, RECEIVED_AT_MS)
        return (event,)

    def _event_ops(self, event: LiveEvent) -> list[Op]:
        key = f"{event.platform}:{event.event_id}"
        likes = event.count if event.kind is EventKind.LIKE else 0
        observe = Observe(
            event_id=key, channel=event.platform, likes=likes, comments=1 if event.kind is EventKind.COMMENT else 0
        )
        if event.order is not None:
            return [observe, *self._order_ops(event)]
        if event.kind is not EventKind.COMMENT:
            return [observe]
        buyer_id = BuyerId(f"{event.platform}:{event.user.user_id}")
        if event.text == DRAW_WORD:
            return [observe, EnterDraw(draw_id=DRAW_ID, buyer_id=buyer_id)]
        if event.platform not in COMMENT_PLATFORMS or self._said[key].meaning.intent not in KINDS:
            return [observe]
        meaning = self._said[key].meaning
        amend = Amend(
            claim_id=ClaimId(key),
            buyer_id=buyer_id,
            channel=event.platform,
            kind=KINDS[meaning.intent],
            lines=tuple(Line(Sku(sku), packs) for sku, packs in meaning.lines),
            waitlist=meaning.intent == "waitlist",
        )
        return [observe, amend]

    def _order_ops(self, event: LiveEvent) -> list[Op]:
        fact_id = f"{event.platform}:order:{event.order.order_id}"
        if event.order.status in (OrderStatus.CANCELLED, OrderStatus.REFUNDED):
            return [Fact(fact_id=fact_id, channel=event.platform, reverses=True)]
        if event.order.status is not OrderStatus.PAID:
            return []
        order = self._desk[event.platform, event.order.order_id]
        lines = tuple(Line(Sku(sku), packs) for sku, packs in order.lines)
        return [
            Fact(
                fact_id=fact_id,
                channel=event.platform,
                lines=lines,
                buyer_id=BuyerId(order.buyer_id),
                amount_minor=order.amount_minor,
            )
        ]


def _host_ops(record: HostRecord) -> list[Op]:
    body = fill_in_now(record.body, 1_600_000_000_000)
    what, name = [*record.path.split("/"), ""][1:3]
    if what == "pools":
        return [SetPool(pool_id=name, **body)]
    if what == "offers":
        return [SetOffer(sku=name, **body)]
    if what == "open":
        return [SetSaleState(state=SaleState.OPEN)]
    if what == "close":
        return [SetSaleState(state=SaleState.CLOSED)]
    if what == "draws":
        return [CloseDraw(draw_id=name)] if name else [OpenDraw(seed_hash="0" * 64, **body)]
    return []


async def _pay(engine: Engine, record: PaymentRecord) -> None:
    claim_id = ClaimId(record.claim_id)
    found = await engine.claim(SALE, claim_id)
    if found is None or found.status not in ("held", "presale_held"):
        return
    op = Confirm(claim_id=claim_id) if record.action == "confirm" else Cancel(claim_id=claim_id, reason="unpaid")
    await engine.apply(SALE, op)


async def _play(engine: Engine, evening: Evening, rng: random.Random) -> None:
    stand = Stand(evening)
    for start, end in segments(evening.records):
        ordered = [r for r in evening.records[start:end] if r.door in ("host", "bridge")]
        mixed = [r for r in evening.records[start:end] if r.door not in ("host", "bridge", "payment")]
        rng.shuffle(mixed)
        arrivals = mixed + ordered if rng.random() < 0.5 else ordered + mixed
        ops = [op for record in arrivals for op in stand.ops(record)]
        for at in range(0, len(ops), 500):
            await engine.apply_all(SALE, ops[at : at + 500])
        for record in evening.records[start:end]:
            if isinstance(record, PaymentRecord):
                await _pay(engine, record)


async def test_the_evening_comes_out_of_the_engine_to_the_last_unit(tmp_path: Path) -> None:
    catalogue = read_catalogue(CATALOGUE.read_bytes(), CATALOGUE.name)
    evening = make_evening(2020, catalogue)
    settings = SetSale(
        name="t", currency="CNY", hold_ttl_ms=7 * DAY_MS, waitlist_ttl_ms=7 * DAY_MS, repeat_policy=RepeatPolicy.IGNORE
    )
    async with EmbeddedStore(tmp_path) as store, Engine.open(store.url) as engine:
        await engine.apply_all(SALE, [settings, *catalogue.ops()])
        await _play(engine, evening, random.Random(3))
        tally = await engine.tally(SALE)
        books = Books()
        after = ""
        while entries := await engine.log(SALE, after):
            books.apply_all(entries)
            after = entries[-1].rev
    assert tally is not None
    sold = {pool.pool_id: pool.sold for pool in tally.pools}
    assert sold == {
        "eggs": 10_000,
        "noodles": 3_000_000,
        "honey": 500_000,
        "bamboo": 1_000,
        "tea": 40,
        "oil": 220,
        "candied": 40,
    }
    assert (tally.totals.revenue_minor, tally.totals.holds, sum(pool.oversold for pool in tally.pools)) == (
        32_420_000,
        0,
        0,
    )
    assert next(pool.presold for pool in tally.pools if pool.pool_id == "eggs") == 4_200
    assert tally.totals.presale_minor == 4_200 * 300
    assert tally.totals.likes == 1_900_000
    assert tally.totals.duplicates > 100
    assert not books.differences(tally)

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flashsale import codec
from flashsale.domain import (
    AdjustPool,
    AdjustReason,
    Amend,
    Block,
    Cancel,
    Claim,
    CloseDraw,
    Confirm,
    EnterDraw,
    Extend,
    Fact,
    Line,
    Observe,
    Op,
    OpenDraw,
    OpResult,
    Outcome,
    SaleId,
    SetOffer,
    SetPool,
    SetSale,
    SetSaleState,
    SettleDraw,
)
from flashsale.service import Engine
from flashsale.store import StoreRejected
from tests.integration.flashsale.beside_model import Rig
from tests.integration.flashsale.sales import balanced_tally, claim, sale

EGG = (Line("egg", 1),)
WHO: dict[str, Any] = {"buyer_id": "b", "channel": "douyin"}
LONG = "x" * 10_240


@pytest.mark.parametrize(
    ("op", "outcome", "detail"),
    [
        (claim("a", packs=0), Outcome.INVALID, "packs"),
        (claim("a", packs=-1), Outcome.INVALID, "packs"),
        (claim("a", packs=10_000), Outcome.INVALID, "packs"),
        (claim("a", packs=2**53), Outcome.INVALID, "packs"),
        (claim("a", packs=2**63), Outcome.INVALID, "packs"),
        (claim("a", packs=2**70), Outcome.INVALID, None),
        (claim("a", packs=-(2**70)), Outcome.INVALID, None),
        (claim("a b"), Outcome.INVALID, "claim_id"),
        (claim(""), Outcome.INVALID, "claim_id"),
        (claim("a\nb"), Outcome.INVALID, "claim_id"),
        (claim("a\0b"), Outcome.INVALID, "claim_id"),
        (claim(LONG), Outcome.INVALID, "claim_id"),
        (claim("a\ud800"), Outcome.INVALID, None),
        (claim("a", buyer_id=LONG), Outcome.INVALID, "buyer_id"),
        (claim("a", buyer_id="b b"), Outcome.INVALID, "buyer_id"),
        (claim("a", channel=""), Outcome.INVALID, "channel"),
        (Claim(claim_id="a", lines=(), **WHO), Outcome.INVALID, "lines"),
        (Claim(claim_id="a", lines=EGG * 2, **WHO), Outcome.INVALID, "sku_twice"),
        (
            Claim(claim_id="a", lines=tuple(Line(f"s{n}", 1) for n in range(33)), **WHO),
            Outcome.INVALID,
            "too_many_lines",
        ),
        (Claim(claim_id="a", lines=(Line("nothing", 1),), **WHO), Outcome.NOT_ON_SALE, ""),
        (Amend(claim_id="a", kind="order", lines=(Line("egg", 0),), **WHO), Outcome.INVALID, "packs"),
        (Amend(claim_id="a", kind="wish", lines=EGG, **WHO), Outcome.INVALID, "kind"),
        (Amend(claim_id="a", kind="set", lines=(), **WHO), Outcome.INVALID, "lines"),
        (Confirm(claim_id=LONG), Outcome.INVALID, "claim_id"),
        (Confirm(claim_id="a", lines=(Line("egg", -2),)), Outcome.INVALID, "packs"),
        (Cancel(claim_id="a", reason=LONG), Outcome.INVALID, "reason"),
        (Extend(claim_id="a", expires_at_ms=2**62), Outcome.INVALID, "expires_at_ms"),
        (Extend(claim_id="a", expires_at_ms=-5), Outcome.INVALID, "expires_at_ms"),
        (Fact(fact_id="a", channel="douyin", lines=(Line("nothing", 1),)), Outcome.INVALID, "unknown_sku"),
        (Fact(fact_id="a", channel="douyin", lines=()), Outcome.INVALID, "lines"),
        (Fact(fact_id="a", channel="douyin", lines=EGG, amount_minor=-3), Outcome.INVALID, "amount_minor"),
        (Fact(fact_id="a", channel="douyin", lines=EGG, amount_minor=10**15), Outcome.INVALID, "amount_minor"),
        (
            AdjustPool(adjust_id="a", pool_id="eggs", delta_units=0, reason=AdjustReason.RESTOCK),
            Outcome.INVALID,
            "delta_units",
        ),
        (
            AdjustPool(adjust_id="a", pool_id="eggs", delta_units=10**14, reason=AdjustReason.RESTOCK),
            Outcome.INVALID,
            "delta_units",
        ),
        (SetPool(pool_id="p p", name="", base_unit=""), Outcome.INVALID, "pool_id"),
        (SetPool(pool_id="p", name="", base_unit="", initial_units=-1), Outcome.INVALID, "initial_units"),
        (SetPool(pool_id="p", name="", base_unit="", channel_caps={"a b": 1}), Outcome.INVALID, "channel_caps"),
        (
            SetOffer(sku="s", pool_id="eggs", name="", units_per_pack=0, price_minor=1),
            Outcome.INVALID,
            "units_per_pack",
        ),
        (SetOffer(sku="s", pool_id="none", name="", units_per_pack=1, price_minor=1), Outcome.UNKNOWN, "pool"),
        (SetSale(currency="yuan"), Outcome.INVALID, "currency"),
        (SetSale(hold_ttl_ms=-1), Outcome.INVALID, "hold_ttl_ms"),
        (Observe(event_id=LONG, channel="douyin"), Outcome.INVALID, "event_id"),
        (Observe(event_id="e", channel="douyin", likes=-1), Outcome.INVALID, "count"),
        (OpenDraw(draw_id="d", prize="", winners_max=0, seed_hash="ab" * 32), Outcome.INVALID, "winners_max"),
        (OpenDraw(draw_id="d", prize="", winners_max=1, seed_hash="secret"), Outcome.INVALID, "seed_hash"),
    ],
)
async def test_malformed_operation_is_refused_alone_and_its_neighbours_are_decided(
    engine: Engine, sale_id: SaleId, op: Op, outcome: Outcome, detail: str | None
) -> None:
    await engine.apply_all(sale_id, sale())

    before, refused, after = await engine.apply_all(sale_id, [claim("before"), op, claim("after")])

    assert (before.outcome, after.outcome) == (Outcome.RESERVED, Outcome.RESERVED)
    assert refused.outcome == outcome
    assert detail is None or refused.detail == detail
    tally = await balanced_tally(engine, sale_id)
    assert tally.pools[0].held == tally.totals.holds == 2


WELL_FORMED: tuple[Op, ...] = (
    claim("c"),
    Amend(claim_id="c", kind="order", lines=EGG, **WHO),
    Confirm(claim_id="before", lines=EGG),
    Cancel(claim_id="before"),
    Extend(claim_id="before", expires_at_ms=1),
    Fact(fact_id="f", channel="douyin", lines=EGG),
    AdjustPool(adjust_id="j", pool_id="eggs", delta_units=1, reason=AdjustReason.RESTOCK),
    SetPool(pool_id="eggs", name="n", base_unit="u"),
    SetOffer(sku="egg", pool_id="eggs", name="n", units_per_pack=1, price_minor=1),
    SetSale(name="n", currency="CNY", hold_ttl_ms=5, waitlist_ttl_ms=5),
    SetSaleState(state="open"),  # type: ignore[arg-type]
    Block(buyer_id="x"),
    Observe(event_id="e", channel="douyin", demand={"egg": 1}),
    OpenDraw(draw_id="d", prize="p", winners_max=1, seed_hash="ab" * 32),
    EnterDraw(draw_id="d", buyer_id="x"),
    CloseDraw(draw_id="d"),
    SettleDraw(draw_id="d", seed="s", winners=()),
)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(),
    st.text(max_size=5),
    st.just(LONG),
    st.binary(max_size=4).map(codec.pack_string).map(msgspec.Raw),
)
junk = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=4,
)


def _spoil(op: Op, at: int, value: object) -> bytes:
    """The operation's wire form with one field replaced by something else."""
    fields = msgspec.msgpack.decode(codec.encode_op(op), type=list[msgspec.Raw])
    fields[at % len(fields)] = msgspec.Raw(msgspec.msgpack.encode(value))
    return msgspec.msgpack.encode(fields)


def test_a_wrong_type_in_any_field_leaves_the_rest_of_the_batch_decided_and_the_books_whole(store_url: str) -> None:
    with Rig(store_url) as rig:
        numbers = iter(range(10**9))

        async def check(op: Op, at: int, value: object) -> None:
            engine, sale_id = Engine(rig.store), SaleId(f"junk-{next(numbers)}-{id(numbers)}")
            await engine.apply_all(sale_id, sale())
            ops = [codec.encode_op(claim("before")), _spoil(op, at, value), codec.encode_op(claim("after"))]
            reply = await rig.store.decide(sale_id, ops, [claim("before"), op, claim("after")])
            assert reply.results[0].outcome == Outcome.RESERVED
            assert isinstance(reply.results[1], OpResult)
            if reply.results[1].outcome == Outcome.INVALID:
                assert reply.results[2].outcome == Outcome.RESERVED
                assert (await balanced_tally(engine, sale_id)).totals.holds == 2
            again = await rig.store.decide(sale_id, [ops[0]], [claim("before")])
            assert again.results[0].replayed
            await engine.close()

        @settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(st.sampled_from(WELL_FORMED), st.integers(0, 12), junk)
        def spoil(op: Op, at: int, value: object) -> None:
            rig.run(check(op, at, value))

        spoil()


@pytest.mark.parametrize(
    "foreign", [b"\xc0", b"\x00", b"\xa3abc", b"\x90", b"\x80", b"\x91\x01", b"\xcb\x7f\xf8" + b"\0" * 6]
)
async def test_what_is_no_operation_is_answered_invalid(engine: Engine, sale_id: SaleId, foreign: bytes) -> None:
    await engine.apply_all(sale_id, sale())

    for at in range(3):
        ops: list[Op] = [claim(f"a{at}"), claim(f"b{at}")]
        encoded = codec.encode_ops(ops)
        ops.insert(at, Block(buyer_id="nobody"))  # type: ignore[arg-type]
        encoded.insert(at, foreign)
        reply = await engine.store.decide(sale_id, encoded, ops)
        assert [one.outcome for one in reply.results].count(Outcome.RESERVED) == 2
        assert reply.results[at].outcome == Outcome.INVALID


@pytest.mark.parametrize("foreign", [b"\xc1", b"\xdd\xff\xff\xff\xff", b"\xd9", b"\xc7\x01\x05x", b"\x91" * 5_000])
async def test_bytes_that_are_not_messagepack_fail_their_own_caller_only(
    engine: Engine, sale_id: SaleId, foreign: bytes
) -> None:
    await engine.apply_all(sale_id, sale())
    batcher = engine.batcher(sale_id)

    good, bad, fine = await asyncio.gather(
        engine.apply(sale_id, claim("good")),
        batcher.submit_encoded([foreign], [claim("bad")]),
        engine.apply(sale_id, claim("fine")),
        return_exceptions=True,
    )

    assert isinstance(good, OpResult)
    assert isinstance(fine, OpResult)
    assert (good.outcome, fine.outcome) == (Outcome.RESERVED, Outcome.RESERVED)
    assert isinstance(bad, StoreRejected)
    assert (await balanced_tally(engine, sale_id)).totals.holds == 2


async def test_a_hundred_thousand_operations_in_one_call_are_decided_in_order(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, sale(eggs=60_000))
    claims = [claim(f"c{n}") for n in range(100_000)]

    reply = await engine.store.decide(sale_id, codec.encode_ops(claims), claims)

    outcomes = [result.outcome for result in reply.results]
    assert outcomes == [Outcome.RESERVED] * 60_000 + [Outcome.SOLD_OUT] * 40_000
    tally = await balanced_tally(engine, sale_id)
    assert (tally.pools[0].held, tally.pools[0].available, tally.totals.refused) == (60_000, 0, 40_000)


async def test_an_id_of_the_engines_own_records_is_not_a_claim(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, sale())
    await engine.apply(sale_id, AdjustPool(adjust_id="j", pool_id="eggs", delta_units=5, reason=AdjustReason.RESTOCK))  # type: ignore[arg-type]

    assert await engine.claim(sale_id, "adjust\nj") is None  # type: ignore[arg-type]


async def test_revenue_beyond_exact_integers_is_refused(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, sale(10))
    line = Line("egg", 1)  # type: ignore[arg-type]
    huge = [Fact(fact_id=f"f{n}", channel="booth", lines=(line,), amount_minor=10**13) for n in range(950)]
    outcomes = [result.outcome for result in await engine.apply_all(sale_id, huge)]
    assert outcomes == [Outcome.RECORDED] * 900 + [Outcome.INVALID] * 50

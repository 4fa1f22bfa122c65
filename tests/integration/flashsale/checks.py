"""The engine's promises as small checks: each passes on the engine and fails with the fault that it stands against."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import msgspec

from flashsale import codec
from flashsale.batcher import Batcher
from flashsale.domain import (
    Amend,
    Cancel,
    Claim,
    CloseDraw,
    Confirm,
    EnterDraw,
    Fact,
    Line,
    Observe,
    Op,
    OpenDraw,
    OpResult,
    Outcome,
    RepeatPolicy,
    SaleId,
    SetOffer,
    SetPool,
    SetSale,
    SettleDraw,
)
from flashsale.events import RefundDue
from flashsale.service import Engine
from flashsale.store import StoreUnavailable
from tests.integration.flashsale.sales import balanced_tally, claim, forward, sale, whole_log

Check = Callable[[Engine, SaleId], Awaitable[None]]
TTL_MS = 600_000


def order(claim_id: str, packs: int, kind: str = "order") -> Amend:
    """A comment of one viewer."""
    return Amend(claim_id=claim_id, buyer_id="viewer", channel="weibo", kind=kind, lines=(Line("egg", packs),))  # type: ignore[arg-type]


def basket(claim_id: str, **packs: int) -> Claim:
    """A claim of several offers; `egg` and `box` draw on the eggs, `honey` on the honey."""
    lines = tuple(Line(sku, count) for sku, count in packs.items())  # type: ignore[arg-type]
    return Claim(claim_id=claim_id, buyer_id=f"buyer-of-{claim_id}", channel="douyin", lines=lines)  # type: ignore[arg-type]


def two_pools(eggs: int, honey: int) -> list[Op]:
    """Eggs by one and by the box of ten, and honey."""
    return [
        *sale(eggs),
        SetPool(pool_id="honey", name="蜂蜜", base_unit="瓶", initial_units=honey),  # type: ignore[arg-type]
        SetOffer(sku="box", pool_id="eggs", name="盒", units_per_pack=10, price_minor=2_900),  # type: ignore[arg-type]
        SetOffer(sku="honey", pool_id="honey", name="蜂蜜", units_per_pack=1, price_minor=8_000),  # type: ignore[arg-type]
    ]


async def outcomes(engine: Engine, sale_id: SaleId, *ops: Op) -> list[Outcome]:
    """What came of operations, each in a call of its own."""
    return [(await engine.apply(sale_id, op)).outcome for op in ops]


async def a_repeated_claim_takes_no_stock(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, sale(10))
    first = await engine.apply(sale_id, claim("c", 2, partial=True))
    again = await engine.apply_all(sale_id, [claim("c", 2, partial=True)] * 3)
    assert [result.replayed for result in again] == [True] * 3
    assert {(result.outcome, result.amount_minor, result.rev) for result in [first, *again]} == {
        (Outcome.RESERVED, 600, first.rev)
    }
    assert (await balanced_tally(engine, sale_id)).pools[0].held == 2


async def a_repeated_plain_claim_takes_no_stock(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, sale(10))
    for ops in ([claim("c", 2)], [claim("c", 2)], [claim("c", 2), claim("d", 1), claim("d", 1), claim("c", 2)]):
        await engine.apply_all(sale_id, ops)
    tally = await balanced_tally(engine, sale_id)
    assert (tally.pools[0].held, tally.totals.holds) == (3, 2)


async def an_id_reused_for_other_content_is_a_conflict(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, sale(10))
    assert await outcomes(engine, sale_id, claim("c", 2), claim("c", 3)) == [Outcome.RESERVED, Outcome.CONFLICT]
    assert (await balanced_tally(engine, sale_id)).pools[0].held == 2


async def a_plain_id_reused_by_another_buyer_is_a_conflict(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, sale(10))
    one, other = claim("c", buyer_id="one"), claim("c", buyer_id="other")
    assert await outcomes(engine, sale_id, one, other) == [Outcome.RESERVED, Outcome.CONFLICT]
    assert (await balanced_tally(engine, sale_id)).pools[0].held == 1


async def a_second_click_meets_the_buyers_limit(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, [*sale(10), _limited(1)])
    clicks = [claim(f"click-{n}", 1, buyer_id="eager") for n in range(3)]
    assert await outcomes(engine, sale_id, *clicks) == [Outcome.RESERVED] + [Outcome.LIMIT_REACHED] * 2


async def clicks_in_one_batch_meet_the_buyers_limit(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, [*sale(10), _limited(1)])
    clicks = await engine.apply_all(sale_id, [claim(f"click-{n}", 1, buyer_id="eager") for n in range(3)])
    assert [click.outcome for click in clicks] == [Outcome.RESERVED] + [Outcome.LIMIT_REACHED] * 2


def _limited(packs: int) -> SetOffer:
    return SetOffer(
        sku="egg",  # type: ignore[arg-type]
        pool_id="eggs",  # type: ignore[arg-type]
        name="土鸡蛋",
        units_per_pack=1,
        price_minor=300,
        limit_packs=packs,
    )


async def a_cancelled_claim_frees_the_buyers_limit(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, [*sale(10), _limited(1)])
    ways = (claim("a", 1, buyer_id="b"), Cancel(claim_id="a"), claim("c", 1, buyer_id="b"))  # type: ignore[arg-type]
    assert await outcomes(engine, sale_id, *ways) == [Outcome.RESERVED, Outcome.CANCELLED, Outcome.RESERVED]


async def every_change_of_stock_is_in_the_log(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, sale(10))
    await engine.apply_all(sale_id, [claim("a", 2), claim("b", 1)])
    await engine.apply(sale_id, Confirm(claim_id="a"))  # type: ignore[arg-type]
    tally = await balanced_tally(engine, sale_id)
    assert (tally.pools[0].sold, tally.pools[0].held, tally.pools[0].available) == (2, 1, 7)


async def money_for_a_resold_unit_is_owed_back(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, sale(1, hold_ttl_ms=TTL_MS))
    await engine.apply(sale_id, claim("slow"))
    await forward(engine, sale_id, TTL_MS)
    assert await outcomes(engine, sale_id, claim("quick")) == [Outcome.RESERVED]
    late = await engine.apply(sale_id, Confirm(claim_id="slow"))  # type: ignore[arg-type]
    assert (late.outcome, late.detail, late.amount_minor) == (Outcome.EXPIRED, "refund_due", 300)
    tally = await balanced_tally(engine, sale_id)
    assert (tally.totals.refunds_due, tally.pools[0].held, tally.pools[0].sold) == (1, 1, 0)
    assert any(isinstance(event, RefundDue) for entry in await whole_log(engine, sale_id) for event in entry.events)


async def money_for_a_cancelled_claim_is_owed_back(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, sale(5))
    await outcomes(engine, sale_id, claim("c"), Cancel(claim_id="c"))  # type: ignore[arg-type]
    paid = await engine.apply(sale_id, Confirm(claim_id="c"))  # type: ignore[arg-type]
    assert (paid.outcome, paid.detail) == (Outcome.CANCELLED, "refund_due")
    assert (await balanced_tally(engine, sale_id)).totals.refunds_due == 1


async def a_late_payment_gets_its_stock_again_where_it_is_left(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, sale(1, hold_ttl_ms=TTL_MS))
    await engine.apply(sale_id, claim("slow"))
    await forward(engine, sale_id, TTL_MS)
    late = await engine.apply(sale_id, Confirm(claim_id="slow"))  # type: ignore[arg-type]
    assert (late.outcome, late.detail) == (Outcome.CONFIRMED, "late")
    assert (await balanced_tally(engine, sale_id)).pools[0].sold == 1


async def sold_out_ends_when_stock_returns(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, sale(1))
    ways = (claim("a"), claim("b"), Cancel(claim_id="a"), claim("b"))  # type: ignore[arg-type]
    expected = [Outcome.RESERVED, Outcome.SOLD_OUT, Outcome.CANCELLED, Outcome.RESERVED]
    assert await outcomes(engine, sale_id, *ways) == expected


async def a_refused_basket_holds_nothing_for_a_moment(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, two_pools(eggs=1, honey=0))
    refused, other = await engine.apply_all(sale_id, [basket("both", egg=1, honey=1), claim("egg-only")])
    assert (refused.outcome, other.outcome) == (Outcome.SOLD_OUT, Outcome.RESERVED)
    assert [line.packs for line in refused.lines] == [0, 0]
    assert (await balanced_tally(engine, sale_id)).totals.holds == 1


async def lines_of_one_basket_share_the_pool(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, two_pools(eggs=15, honey=0))
    assert await outcomes(engine, sale_id, basket("b", egg=6, box=1)) == [Outcome.SOLD_OUT]
    assert await outcomes(engine, sale_id, basket("c", egg=5, box=1)) == [Outcome.RESERVED]
    assert (await balanced_tally(engine, sale_id)).pools[0].available == 0


async def one_call_sees_what_the_last_one_wrote(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, sale(3))
    async with Engine.open(_url(engine)) as other:
        calls = [(engine, other)[n % 2].apply(sale_id, claim(f"c{n}")) for n in range(12)]
        found = [result.outcome for result in await asyncio.gather(*calls)]
    assert sorted(found) == [Outcome.RESERVED] * 3 + [Outcome.SOLD_OUT] * 9
    assert (await balanced_tally(engine, sale_id)).pools[0].held == 3


def _url(engine: Engine) -> str:
    return f"unix://{engine.store._client.connection_pool.connection_kwargs['path']}"


async def exactly_the_stock_is_sold_claim_by_claim(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, sale(5))
    found = await engine.apply_all(sale_id, [claim(f"c{n}") for n in range(8)])
    assert [result.outcome for result in found] == [Outcome.RESERVED] * 5 + [Outcome.SOLD_OUT] * 3


async def exactly_the_stock_is_sold_to_baskets(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, two_pools(eggs=4, honey=9))
    found = await engine.apply_all(sale_id, [basket(f"b{n}", egg=1, honey=1) for n in range(6)])
    assert [result.outcome for result in found] == [Outcome.RESERVED] * 4 + [Outcome.SOLD_OUT] * 2


async def operations_of_one_request_are_decided_with_nobody_between(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, sale(1))
    await engine.apply(sale_id, claim("held"))
    rivals = iter(range(100))

    async def decide_then_a_rival(encoded: Sequence[bytes], ops: Sequence[Op]) -> codec.Reply:
        reply = await engine.store.decide(sale_id, encoded, ops)
        rival: list[Op] = [claim(f"rival-{next(rivals)}")]
        await engine.store.decide(sale_id, codec.encode_ops(rival), rival)
        return reply

    batcher = Batcher(decide_then_a_rival)
    exchange = await batcher.submit([Cancel(claim_id="held"), claim("wanted")])  # type: ignore[arg-type]
    await batcher.close()
    assert [result.outcome for result in exchange] == [Outcome.CANCELLED, Outcome.RESERVED]


async def a_cancellation_gives_back_once(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, sale(5))
    await outcomes(engine, sale_id, claim("a", 2), claim("b", 1))
    await engine.apply_all(sale_id, [Cancel(claim_id="a")] * 2)  # type: ignore[arg-type]
    await engine.apply(sale_id, Cancel(claim_id="a"))  # type: ignore[arg-type]
    tally = await balanced_tally(engine, sale_id)
    assert (tally.pools[0].available, tally.pools[0].held, tally.totals.holds) == (4, 1, 1)


async def a_reversal_gives_back_once(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, sale(5))
    fact = Fact(fact_id="f", channel="taobao", lines=(Line("egg", 2),))  # type: ignore[arg-type]
    await outcomes(engine, sale_id, fact, *[Fact(fact_id="f", channel="taobao", reverses=True)] * 3)
    tally = await balanced_tally(engine, sale_id)
    assert (tally.pools[0].available, tally.pools[0].sold, tally.totals.orders) == (5, 0, 0)


async def a_hold_ends_at_its_deadline_by_the_clock_alone(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, sale(1, hold_ttl_ms=TTL_MS))
    await engine.apply(sale_id, claim("slow"))
    await forward(engine, sale_id, TTL_MS)
    assert await outcomes(engine, sale_id, claim("next")) == [Outcome.RESERVED]
    assert await outcomes(engine, sale_id, Confirm(claim_id="slow", reclaim=False)) == [Outcome.EXPIRED]  # type: ignore[arg-type]


async def a_hold_beyond_the_sweeps_reach_is_over_too(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, sale(5_000, hold_ttl_ms=TTL_MS))
    for start in range(0, 5_000, 500):
        await engine.apply_all(sale_id, [claim(f"c{start + n}") for n in range(500)])
    await forward(engine, sale_id, 2 * TTL_MS)
    late = await engine.apply(sale_id, Confirm(claim_id="c4999", reclaim=False))  # type: ignore[arg-type]
    assert (late.outcome, late.detail) == (Outcome.EXPIRED, "refund_due")
    await engine.expire_due(sale_id)
    assert (await balanced_tally(engine, sale_id)).pools[0].available == 5_000


async def a_cancelled_callers_answer_reaches_nobody_else(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, sale(5))
    await engine.apply(sale_id, claim("mine"))
    rev = await engine.store.last_rev(sale_id)
    waiting = asyncio.create_task(engine.store.logs_with_news({sale_id: rev}, 300))
    while not engine.store._client.connection_pool._in_use_connections:  # type: ignore[attr-defined]
        await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)  # the command is on its way
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    for _ in range(3):
        view = await engine.claim(sale_id, "mine")  # type: ignore[arg-type]
        assert view is not None
        assert view.claim_id == "mine"


async def a_lost_library_is_loaded_again_without_repeating_effects(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, sale(5))
    await engine.store._call("FUNCTION", "FLUSH", "SYNC")
    seen = Observe(event_id="", channel="douyin", likes=1)
    try:
        liked = await engine.apply(sale_id, seen)
    except Exception as error:
        raise AssertionError("a lost library was not loaded again") from error
    assert liked.outcome == Outcome.APPLIED
    assert (await balanced_tally(engine, sale_id)).totals.likes == 1


async def an_unknown_outcome_is_asked_for_again(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, sale(5))
    lost = iter([True, False, False])

    async def decide_and_lose_the_answer(encoded: Sequence[bytes], ops: Sequence[Op]) -> codec.Reply:
        reply = await engine.store.decide(sale_id, encoded, ops)
        if next(lost):
            raise StoreUnavailable("timed out")
        return reply

    batcher = Batcher(decide_and_lose_the_answer)
    try:
        (result,) = await batcher.submit([claim("c")])
    except StoreUnavailable as error:
        raise AssertionError("a timeout was read as a refusal") from error
    finally:
        await batcher.close()
    assert (result.outcome, result.replayed) == (Outcome.RESERVED, True)
    assert (await balanced_tally(engine, sale_id)).totals.holds == 1


async def an_old_comment_replayed_is_no_new_order(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, [*sale(9), SetSale(repeat_policy=RepeatPolicy.ADD)])
    await outcomes(engine, sale_id, order("m1", 1), order("m2", 2), order("m1", 1), order("m2", 2))
    tally = await balanced_tally(engine, sale_id)
    assert (tally.pools[0].held, tally.totals.holds) == (3, 2)


async def an_old_event_replayed_counts_once(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, sale(9))
    seen = Observe(event_id="e1", channel="douyin", comments=1)
    await engine.apply_all(sale_id, [seen, seen])
    await engine.apply(sale_id, seen)
    totals = (await balanced_tally(engine, sale_id)).totals
    assert (totals.comments, totals.duplicates) == (1, 2)


async def released_stock_goes_to_the_waitlist_before_anybody_else(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, sale(1))
    await outcomes(engine, sale_id, claim("held"), claim("first", waitlist=True), claim("second", waitlist=True))
    ops = [Cancel(claim_id="held"), claim("newcomer")]  # type: ignore[arg-type]
    found = await engine.apply_all(sale_id, ops)
    assert found[1].outcome == Outcome.SOLD_OUT
    views = [await engine.claim(sale_id, id) for id in ("first", "second")]  # type: ignore[arg-type]
    assert [view and view.status for view in views] == ["held", "waitlisted"]


async def holds_due_together_serve_the_waitlist_in_its_order(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, sale(2, hold_ttl_ms=TTL_MS))
    await outcomes(engine, sale_id, claim("a"), claim("b"))
    await outcomes(engine, sale_id, claim("wants-2", 2, waitlist=True), claim("wants-1", 1, waitlist=True))
    await forward(engine, sale_id, TTL_MS + 60_000)
    await engine.expire_due(sale_id)
    views = [await engine.claim(sale_id, id) for id in ("wants-2", "wants-1")]  # type: ignore[arg-type]
    assert [view and view.status for view in views] == ["held", "waitlisted"]


async def a_fact_is_recorded_and_its_oversale_shown(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, sale(1))
    await engine.apply(sale_id, claim("c"))
    fact = await engine.apply(sale_id, Fact(fact_id="f", channel="taobao", lines=(Line("egg", 2),)))  # type: ignore[arg-type]
    assert (fact.outcome, fact.detail) == (Outcome.RECORDED, "oversold")
    assert (await balanced_tally(engine, sale_id)).pools[0].oversold == 2


async def a_full_queue_sheds_with_an_answer(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, sale(100))
    batcher = Batcher(partial(engine.store.decide, sale_id), queue_ops_max=10)
    asked = [asyncio.create_task(batcher.submit([claim(f"c{n}")])) for n in range(50)]
    done, waiting = await asyncio.wait(asked, timeout=10)
    for task in waiting:
        task.cancel()
    answers: list[OpResult] = [task.result()[0] for task in done]
    await batcher.close()
    reserved = sum(answer.outcome == Outcome.RESERVED for answer in answers)
    assert len(answers) == 50
    assert {answer.outcome for answer in answers} == {Outcome.RESERVED, Outcome.OVERLOADED}
    assert (batcher.shed, (await balanced_tally(engine, sale_id)).totals.holds) == (50 - reserved, reserved)


async def a_basket_that_waits_is_promoted_once(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, two_pools(eggs=11, honey=0))
    waits = msgspec.structs.replace(basket("waits", egg=1, box=1), waitlist=True)
    await engine.apply(sale_id, claim("held", 11))
    found = await engine.apply_all(sale_id, [waits, Cancel(claim_id="held")])  # type: ignore[arg-type]
    assert [result.outcome for result in found] == [Outcome.WAITLISTED, Outcome.CANCELLED]
    tally = await balanced_tally(engine, sale_id)
    assert (tally.pools[0].held, tally.pools[0].available, tally.totals.holds) == (11, 0, 1)


async def an_exchange_gets_only_what_it_may_have(engine: Engine, sale_id: SaleId) -> None:
    """A viewer's eggs go back to those they are owed to; what is left over is no stock for the boxes."""
    await engine.apply_all(sale_id, [*two_pools(eggs=10, honey=0), SetSale(repeat_policy=RepeatPolicy.REPLACE)])
    await engine.apply(sale_id, order("m1", 10))
    await engine.apply(sale_id, Fact(fact_id="f", channel="taobao", lines=(Line("egg", 10),)))  # type: ignore[arg-type]
    swap = Amend(
        claim_id="m2",  # type: ignore[arg-type]
        buyer_id="viewer",  # type: ignore[arg-type]
        channel="weibo",
        kind="set",
        lines=(Line("egg", 0), Line("box", 1)),  # type: ignore[arg-type]
    )
    assert await outcomes(engine, sale_id, swap) == [Outcome.SOLD_OUT]
    pool = (await balanced_tally(engine, sale_id)).pools[0]
    assert (pool.available, pool.held, pool.sold, pool.oversold) == (0, 10, 10, 10)


async def a_reserve_is_kept_for_its_channel(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, sale(5, channel_reserves={"booth": 3}))
    booth = claim("booth", 3, channel="booth")
    found = await outcomes(engine, sale_id, claim("a", 2), claim("b"), booth, claim("c", channel="booth"))
    assert found == [Outcome.RESERVED, Outcome.SOLD_OUT, Outcome.RESERVED, Outcome.SOLD_OUT]


async def a_channel_stays_within_its_cap(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, sale(5, channel_caps={"douyin": 2}))
    found = await outcomes(engine, sale_id, claim("a", 2), claim("b"), claim("c", 3, channel="booth"))
    assert found == [Outcome.RESERVED, Outcome.SOLD_OUT, Outcome.RESERVED]


async def a_late_payment_keeps_within_the_presale_quota(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, two_pools(eggs=0, honey=0))
    quota = SetPool(pool_id="eggs", name="蛋", base_unit="枚", presale_units=12)  # type: ignore[arg-type]
    await engine.apply_all(sale_id, [quota, SetSale(hold_ttl_ms=TTL_MS)])
    slow = basket("slow", egg=2, box=1)
    assert await outcomes(engine, sale_id, slow) == [Outcome.PRESOLD]
    await forward(engine, sale_id, TTL_MS)
    assert await outcomes(engine, sale_id, claim("quick", 2)) == [Outcome.PRESOLD]
    late = await engine.apply(sale_id, Confirm(claim_id="slow"))  # type: ignore[arg-type]
    assert (late.outcome, late.detail) == (Outcome.EXPIRED, "refund_due")


async def a_fact_is_never_taken_for_a_claim(engine: Engine, sale_id: SaleId) -> None:
    """Their bytes can be equal: a claim without flags, a gift of amount 0."""
    await engine.apply_all(sale_id, sale(5))
    await engine.apply(sale_id, claim("x", buyer_id="b"))
    gift = Fact(fact_id="x", channel="douyin", lines=(Line("egg", 1),), buyer_id="b", amount_minor=0)  # type: ignore[arg-type]
    assert await outcomes(engine, sale_id, gift) == [Outcome.CONFLICT]


async def a_platforms_amount_is_shared_to_the_last_fen(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, two_pools(eggs=100, honey=100))
    lines = (Line("egg", 29), Line("box", 1), Line("honey", 1))  # type: ignore[arg-type]
    await engine.apply(sale_id, Fact(fact_id="f", channel="taobao", lines=lines))  # type: ignore[arg-type]
    tally = await balanced_tally(engine, sale_id)
    assert [offer.revenue_minor for offer in tally.offers] == [8_700, 2_900, 8_000]


async def who_took_the_order_back_has_not_bought(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, sale(5))
    await engine.apply(
        sale_id, OpenDraw(draw_id="d", prize="蛋", winners_max=1, seed_hash="ab" * 32, condition="bought")
    )
    await outcomes(engine, sale_id, claim("c", buyer_id="b"), Confirm(claim_id="c"))  # type: ignore[arg-type]
    await engine.apply(sale_id, Cancel(claim_id="c", order=True))  # type: ignore[arg-type]
    entered = await engine.apply(sale_id, EnterDraw(draw_id="d", buyer_id="b"))  # type: ignore[arg-type]
    assert (entered.outcome, entered.detail) == (Outcome.NOT_ON_SALE, "condition")


async def only_entrants_win_a_draw(engine: Engine, sale_id: SaleId) -> None:
    draw = OpenDraw(draw_id="d", prize="蛋", winners_max=1, seed_hash="ab" * 32)
    entries = [EnterDraw(draw_id="d", buyer_id=buyer) for buyer in ("one", "two")]  # type: ignore[arg-type]
    await engine.apply_all(sale_id, [*sale(5), draw, *entries, CloseDraw(draw_id="d")])
    friend, late, winner = await engine.apply_all(
        sale_id,
        [
            SettleDraw(draw_id="d", seed="s", winners=("a-friend",)),  # type: ignore[arg-type]
            EnterDraw(draw_id="d", buyer_id="late"),  # type: ignore[arg-type]
            SettleDraw(draw_id="d", seed="s", winners=("two",)),  # type: ignore[arg-type]
        ],
    )
    assert (friend.detail, late.detail) == ("winner_did_not_enter", "entries_closed")
    assert winner.outcome == Outcome.APPLIED


async def refused_demand_is_counted_by_the_offer_as_it_was(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, sale(0))
    smaller = msgspec.structs.replace(_limited(0), units_per_pack=7)
    await engine.apply_all(sale_id, [claim("c", 2), smaller, claim("d", 1)])
    pool = (await balanced_tally(engine, sale_id)).pools[0]
    assert pool.refused == 2 + 7


CHECKS: dict[str, Check] = {
    name: value
    for name, value in list(globals().items())
    if asyncio.iscoroutinefunction(value) and value.__module__ == __name__ and name != "outcomes"
}

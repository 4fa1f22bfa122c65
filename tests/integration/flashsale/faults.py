"""Faults of real flash-sale systems, put back on purpose: each a change of one marked place, and the check that must catch it.

The numbers are those of the project's list of failure modes. A fault in Lua is a replacement in the joined library, which is
then loaded under its own version; a fault in Python replaces one attribute.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from flashsale import batcher, library
from flashsale.batcher import Batcher, Request
from flashsale.domain import Outcome
from flashsale.store import Store, StoreRejected
from tests.integration.flashsale import checks
from tests.integration.flashsale.checks import Check

Break = Callable[[pytest.MonkeyPatch], None]


class Fault(msgspec.Struct, frozen=True):
    """A failure mode put back: its number in the list (0: ours), what is broken, how, and which checks must see it."""

    mode: int
    name: str
    put_back: Break
    caught_by: tuple[Check, ...]


def in_lua(old: str, new: str) -> Break:
    """Replace `old`, which must stand in the library exactly once."""

    def put_back(patch: pytest.MonkeyPatch) -> None:
        source, version = library.source(), library.version()
        assert source.count(old) == 1, f"the library no longer has this place exactly once; mark it anew: {old}"
        broken = source.replace(old, new)
        other = hashlib.sha256(broken.encode()).hexdigest()[:12]
        broken = broken.replace(version, other)
        patch.setattr(library, "source", lambda: broken)
        patch.setattr(library, "version", lambda: other)

    return put_back


def in_python(owner: object, name: str, value: object) -> Break:
    """Replace one attribute."""
    return lambda patch: patch.setattr(owner, name, value)


async def _repeat_after_reload(store: Store, *arguments: Any) -> object:
    try:
        return await store._call(*arguments)
    except StoreRejected:
        await store.load_library()
    await store._call(*arguments)
    return await store._call(*arguments)


async def _never_reload(store: Store, *arguments: Any) -> object:
    return await store._call(*arguments)


async def _one_call_an_operation(self: Batcher, requests: list[Request]) -> None:
    for request in requests:
        results = []
        for encoded, op in zip(request.encoded, request.ops, strict=True):
            results += (await self._ask([encoded], [op])).results
        request.answers.set_result(results)


async def _keep_the_connection(*_: Any, **__: Any) -> None:
    return None


def _silent_shed(patch: pytest.MonkeyPatch) -> None:
    honest = Batcher.submit_encoded

    async def submit_encoded(self: Batcher, encoded: list[bytes], ops: Sequence[Any]) -> Any:
        results = await honest(self, encoded, ops)
        return [
            msgspec.structs.replace(result, outcome=Outcome.RESERVED)
            if result.outcome == Outcome.OVERLOADED
            else result
            for result in results
        ]

    patch.setattr(Batcher, "submit_encoded", submit_encoded)


FAULTS = (
    Fault(
        1,
        "stock is taken before the duplicate check",
        in_lua("return replay_or_conflict(ctx, op[2], op[3]) or decide_lines", "return decide_lines"),
        (checks.a_repeated_claim_takes_no_stock, checks.an_id_reused_for_other_content_is_a_conflict),
    ),
    Fault(
        1,
        "a plain claim is decided without looking whether its id was used",
        in_lua(
            "prefetch(ctx.keys[K.claims], ctx.claims, ids)\n  local plan",
            "for i = 1, #ids do ctx.claims[ids[i]] = false end\n  local plan",
        ),
        (checks.a_plain_id_reused_by_another_buyer_is_a_conflict,),
    ),
    Fault(
        1,
        "the same id is answered as a replay whatever it asks",
        in_lua("if record[R.body] ~= body or was_fact", "if was_fact"),
        (checks.an_id_reused_for_other_content_is_a_conflict,),
    ),
    Fault(
        2,
        "what a buyer has in this batch is not seen by the buyer's next click",
        in_lua("ctx.claims[id], ctx.buyers[buyer_id] = record, holder", "ctx.claims[id] = record"),
        (checks.clicks_in_one_batch_meet_the_buyers_limit,),
    ),
    Fault(
        2,
        "what a buyer has is not stored",
        in_lua("hset_sliced(ctx.keys[K.buyers], ctx.new_buyers)", ""),
        (checks.a_second_click_meets_the_buyers_limit,),
    ),
    Fault(
        3,
        "stock is taken and the log does not say so",
        in_lua("emit(ctx, { 'claims', plan.offer.sku", "local _ = ({ 'claims', plan.offer.sku"),
        (checks.every_change_of_stock_is_in_the_log,),
    ),
    Fault(
        5,
        "an order is counted and no record of it stays",
        in_lua("hset_dirty(ctx.keys[K.claims], ctx.dirty_claims)", ""),
        (checks.a_repeated_claim_takes_no_stock,),
    ),
    Fault(6, "a full queue drops orders and says nothing", _silent_shed, (checks.a_full_queue_sheds_with_an_answer,)),
    Fault(
        10,
        "released stock goes to whoever comes next, not to those who wait",
        in_lua("if pool.waitlisted > 0 and pool.available > 0 then waiting_for", "if false then waiting_for"),
        (checks.released_stock_goes_to_the_waitlist_before_anybody_else,),
    ),
    Fault(
        8,
        "a late payment is taken although the unit is resold",
        in_lua("and fits(ctx, stock, body[2]) and fits_presale(ctx, paid)", ""),
        (checks.money_for_a_resold_unit_is_owed_back,),
    ),
    Fault(
        10,
        "one refusal marks the pool sold out for good",
        in_lua("if units > plan.free then", "if plan.pool.refused > 0 or units > plan.free then"),
        (checks.sold_out_ends_when_stock_returns,),
    ),
    Fault(
        11,
        "a basket keeps its first line when the second fails",
        in_lua(
            "if short == 0 or (partial and got > 0) then return nil end", "if short == 0 or got > 0 then return nil end"
        ),
        (checks.a_refused_basket_holds_nothing_for_a_moment,),
    ),
    Fault(
        13,
        "a call computes on, and does not write back, what another wrote",
        in_lua("hset_dirty(ctx.keys[K.pools], ctx.dirty_pools)", ""),
        (checks.one_call_sees_what_the_last_one_wrote, checks.every_change_of_stock_is_in_the_log),
    ),
    Fault(
        14,
        "off by one for a plain claim",
        in_lua("if units > plan.free then", "if units > plan.free + 1 then"),
        (checks.exactly_the_stock_is_sold_claim_by_claim,),
    ),
    Fault(
        14,
        "off by one for a basket",
        in_lua("if line.packs * size <= free then", "if line.packs * size <= free + size then"),
        (checks.exactly_the_stock_is_sold_to_baskets,),
    ),
    Fault(
        15,
        "each line is checked against stock not yet reduced by the line before",
        in_lua("local free = free_for(pool, channel) - (taken[pool.id] or 0)", "local free = free_for(pool, channel)"),
        (checks.lines_of_one_basket_share_the_pool,),
    ),
    Fault(
        16,
        "the operations of one request are decided in different transactions",
        in_python(Batcher, "_send", _one_call_an_operation),
        (checks.operations_of_one_request_are_decided_with_nobody_between,),
    ),
    Fault(
        18,
        "a cancellation gives back twice",
        in_lua(
            "if is_open(record) then\n    end_open(ctx, id, record, 'cancelled', reason)",
            "if is_open(record) or record[R.state] == ST.cancelled then\n    end_open(ctx, id, record, 'cancelled', reason)",
        ),
        (checks.a_cancellation_gives_back_once,),
    ),
    Fault(
        18,
        "a reversal gives back twice",
        in_lua(
            "if record[R.state] == ST.reversed then return ending_answer(record, true) end\n"
            "  if record[R.state] ~= ST.recorded then",
            "if false then",
        ),
        (checks.a_reversal_gives_back_once,),
    ),
    Fault(
        19,
        "stock comes back only when something sweeps, not at the deadline",
        in_lua("local more = sweep(ctx)", "local more = false"),
        (checks.a_hold_ends_at_its_deadline_by_the_clock_alone,),
    ),
    Fault(
        19,
        "a hold that the sweep has not reached is alive",
        in_lua(
            "if expires_now(record) == 0 or expires_now(record) > ctx.now then",
            "if expires_now(record) == 0 or ctx.general_only == nil then",
        ),
        (checks.a_hold_beyond_the_sweeps_reach_is_over_too,),
    ),
    Fault(
        20,
        "a cancelled call's connection is used again",
        in_python(__import__("redis").asyncio.connection.AbstractConnection, "disconnect", _keep_the_connection),
        (checks.a_cancelled_callers_answer_reaches_nobody_else,),
    ),
    Fault(
        21,
        "after the library was loaded again the call is made twice",
        in_python(Store, "_call_function", _repeat_after_reload),
        (checks.a_lost_library_is_loaded_again_without_repeating_effects,),
    ),
    Fault(
        24,
        "a lost library stays lost",
        in_python(Store, "_call_function", _never_reload),
        (checks.a_lost_library_is_loaded_again_without_repeating_effects,),
    ),
    Fault(
        25,
        "a timeout is read as no",
        in_python(batcher, "ASK_AGAIN_TRIES", 1),
        (checks.an_unknown_outcome_is_asked_for_again,),
    ),
    Fault(
        26,
        "an old comment becomes a new order",
        in_lua(
            "if known then return known end\n  if ctx.state ~= 'open' and kind",
            "if ctx.state ~= 'open' and kind",
        ),
        (checks.an_old_comment_replayed_is_no_new_order,),
    ),
    Fault(
        26,
        "seen events are not remembered",
        in_lua("if #ctx.seen_add > 0 then call_sliced('SADD', ctx.keys[K.seen], ctx.seen_add) end", ""),
        (checks.an_old_event_replayed_counts_once,),
    ),
    Fault(
        28,
        "money for a cancelled claim is kept and nobody told",
        in_lua(
            "if (state == ST.expired or state == ST.cancelled) and not order_taken_back then",
            "if state == ST.expired then",
        ),
        (checks.money_for_a_cancelled_claim_is_owed_back,),
    ),
    Fault(
        28,
        "a refund is owed and no event says so",
        in_lua("emit(ctx, { 'refund_due', id, body[1], body[2], amount })", ""),
        (checks.money_for_a_resold_unit_is_owed_back, checks.money_for_a_cancelled_claim_is_owed_back),
    ),
    Fault(
        0,
        "what falls due together is handed out one hold at a time",
        in_lua("for i = 1, #ids do end_if_due(ctx, ids[i]) end", "for i = 1, #ids do claim_now(ctx, ids[i]) end"),
        (checks.holds_due_together_serve_the_waitlist_in_its_order,),
    ),
    Fault(
        0,
        "a reserve is kept for nobody",
        in_lua("if left > 0 then free = free - left end", ""),
        (checks.a_reserve_is_kept_for_its_channel,),
    ),
    Fault(
        0,
        "a channel's cap bounds nothing",
        in_lua("if cap then free = math.min(free, cap - (pool.used[channel] or 0)) end", ""),
        (checks.a_channel_stays_within_its_cap,),
    ),
    Fault(
        0,
        "a late payment presells more than the quota",
        in_lua("if units > presale_free(pool_of(ctx, pool_id)) then return false end", ""),
        (checks.a_late_payment_keeps_within_the_presale_quota,),
    ),
    Fault(
        0,
        "a fact is answered with a claim's answer",
        in_lua(" or was_fact ~= (is_fact or false) then", " then"),
        (checks.a_fact_is_never_taken_for_a_claim,),
    ),
    Fault(
        0,
        "a friend wins who never entered",
        in_lua("return 'winner_did_not_enter'", "return nil"),
        (checks.only_entrants_win_a_draw,),
    ),
)

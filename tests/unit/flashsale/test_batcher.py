from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from flashsale import codec
from flashsale.batcher import Batcher
from flashsale.domain import BATCH_OPS_MAX, Claim, Line, Op, OpResult, Outcome
from flashsale.store import StoreRejected, StoreUnavailable


def claim(id: str) -> Claim:
    return Claim(claim_id=id, buyer_id="b", channel="douyin", lines=(Line("egg", 1),))  # type: ignore[arg-type]


class Decider:
    """A store that notes each call, answers `reserved`, and can be told to wait or to fail."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.failures: list[Exception] = []
        self.poison = ""

    async def __call__(self, encoded: Sequence[bytes], ops: Sequence[Op]) -> codec.Reply:
        ids = [codec.op_id(op) for op in ops]
        self.calls.append(ids)
        await self.may_answer.wait()
        if self.failures:
            raise self.failures.pop(0)
        if self.poison in ids:
            raise StoreRejected("poison")
        results = [OpResult(id=id, outcome=Outcome.RESERVED) for id in ids]
        return codec.Reply(now_ms=1, more_due=False, results=results)


@asynccontextmanager
async def batching(decide: Decider, queue_ops_max: int = 100) -> AsyncIterator[Batcher]:
    batcher = Batcher(decide, queue_ops_max=queue_ops_max)
    try:
        yield batcher
    finally:
        decide.may_answer.set()
        await batcher.close()


async def until_called(decide: Decider, times: int = 1) -> None:
    while len(decide.calls) < times:
        await asyncio.sleep(0)


async def test_an_idle_batcher_sends_at_once_and_arrivals_meanwhile_go_together() -> None:
    decide = Decider()
    decide.may_answer.clear()
    async with batching(decide) as batcher:
        first = asyncio.create_task(batcher.submit([claim("a")]))
        await until_called(decide)
        others = [asyncio.create_task(batcher.submit([claim(id)])) for id in "bcd"]
        await asyncio.sleep(0)
        decide.may_answer.set()
        answers = await asyncio.gather(first, *others)

    assert decide.calls == [["a"], ["b", "c", "d"]]
    assert [answer[0].id for answer in answers] == ["a", "b", "c", "d"]
    assert (batcher.batches, batcher.operations, batcher.queued_ops) == (2, 4, 0)


async def test_a_request_is_never_split_over_two_calls() -> None:
    decide = Decider()
    decide.may_answer.clear()
    async with batching(decide, queue_ops_max=3 * BATCH_OPS_MAX) as batcher:
        first = asyncio.create_task(batcher.submit([claim("first")]))
        await until_called(decide)
        sizes = (BATCH_OPS_MAX - 1, 2, BATCH_OPS_MAX)
        rest = [asyncio.create_task(batcher.submit([claim(f"{size}-{n}") for n in range(size)])) for size in sizes]
        await asyncio.sleep(0)
        decide.may_answer.set()
        await asyncio.gather(first, *rest)

    assert [len(call) for call in decide.calls] == [1, *sizes]


async def test_more_operations_than_a_batch_may_hold_are_a_callers_error() -> None:
    async with batching(Decider()) as batcher:
        with pytest.raises(ValueError, match="at most"):
            await batcher.submit([claim(str(n)) for n in range(BATCH_OPS_MAX + 1)])


async def test_a_full_queue_answers_overloaded_and_changes_nothing() -> None:
    decide = Decider()
    decide.may_answer.clear()
    async with batching(decide, queue_ops_max=2) as batcher:
        tasks = [asyncio.create_task(batcher.submit([claim("in-flight")]))]
        await until_called(decide)
        tasks += [asyncio.create_task(batcher.submit([claim(f"q{n}")])) for n in range(4)]
        await asyncio.sleep(0)
        assert (batcher.queued_ops, batcher.shed) == (2, 2)
        decide.may_answer.set()
        answers = [answer[0] for answer in await asyncio.gather(*tasks)]

    assert [answer.outcome for answer in answers] == [Outcome.RESERVED] * 3 + [Outcome.OVERLOADED] * 2
    assert [answer.id for answer in answers] == ["in-flight", "q0", "q1", "q2", "q3"]
    assert decide.calls == [["in-flight"], ["q0", "q1"]]


async def test_a_cancelled_caller_disturbs_nobody_in_its_batch() -> None:
    decide = Decider()
    decide.may_answer.clear()
    async with batching(decide) as batcher:
        first = asyncio.create_task(batcher.submit([claim("first")]))
        await until_called(decide)
        gone, stays = (asyncio.create_task(batcher.submit([claim(id)])) for id in ("gone", "stays"))
        await asyncio.sleep(0)
        gone.cancel()
        first.cancel()
        decide.may_answer.set()
        assert [answer.id for answer in await stays] == ["stays"]

    assert decide.calls == [["first"], ["gone", "stays"]]


async def test_an_unknown_outcome_is_asked_again_with_the_same_ids() -> None:
    decide = Decider()
    decide.failures = [StoreUnavailable("timed out"), StoreUnavailable("timed out")]
    async with batching(decide) as batcher:
        answers = await batcher.submit([claim("a")])

    assert answers[0].outcome == Outcome.RESERVED
    assert decide.calls == [["a"]] * 3


async def test_a_store_that_stays_away_fails_its_callers_and_serves_the_next() -> None:
    decide = Decider()
    decide.failures = [StoreUnavailable("gone")] * 3
    async with batching(decide) as batcher:
        with pytest.raises(StoreUnavailable):
            await batcher.submit([claim("a")])
        assert (await batcher.submit([claim("b")]))[0].outcome == Outcome.RESERVED


async def test_an_error_nobody_expected_fails_its_callers_and_serves_the_next() -> None:
    decide = Decider()
    decide.failures = [ZeroDivisionError()]
    async with batching(decide) as batcher:
        with pytest.raises(ZeroDivisionError):
            await batcher.submit([claim("a")])
        assert (await batcher.submit([claim("b")]))[0].outcome == Outcome.RESERVED


async def test_a_poisonous_request_fails_alone() -> None:
    decide = Decider()
    decide.poison = "bad"
    decide.may_answer.clear()
    async with batching(decide) as batcher:
        first = asyncio.create_task(batcher.submit([claim("first")]))
        await until_called(decide)
        rest = [asyncio.create_task(batcher.submit([claim(id)])) for id in ("a", "b", "bad", "c", "d")]
        await asyncio.sleep(0)
        decide.may_answer.set()
        answers = await asyncio.gather(first, *rest, return_exceptions=True)

    assert [isinstance(answer, StoreRejected) for answer in answers] == [False, False, False, True, False, False]


async def test_closing_decides_what_waits_and_takes_nothing_more() -> None:
    decide = Decider()
    decide.may_answer.clear()
    async with batching(decide) as batcher:
        tasks = [asyncio.create_task(batcher.submit([claim("a")]))]
        await until_called(decide)
        tasks.append(asyncio.create_task(batcher.submit([claim("b")])))
        await asyncio.sleep(0)
        closing = asyncio.create_task(batcher.close())
        await asyncio.sleep(0)
        late = await batcher.submit([claim("late")])
        decide.may_answer.set()
        await closing
        await batcher.close()
        answers = await asyncio.gather(*tasks)

    assert [answer[0].outcome for answer in answers] == [Outcome.RESERVED] * 2
    assert late[0].outcome == Outcome.OVERLOADED

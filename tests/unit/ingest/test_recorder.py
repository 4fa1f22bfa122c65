from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from ingest.domain import CommentTrace, IntakeProblem
from ingest.problems import Problem
from ingest.recorder import Recorder


def trace(event_id: str) -> CommentTrace:
    return CommentTrace(
        event_id=event_id, platform="p", room_id="r", buyer_id="", nickname_masked="", normalised="", intent="none",
        rule="", reason="",
    )  # fmt: skip


class SlowStore:
    """Commits when told to."""

    def __init__(self) -> None:
        self.commits: list[list[str]] = []
        self.go = asyncio.Event()
        self.begun = asyncio.Event()
        self.error: Exception | None = None

    async def record(
        self, traces: Sequence[tuple[str, CommentTrace]], _problems: Sequence[tuple[str, IntakeProblem]]
    ) -> None:
        self.begun.set()
        await self.go.wait()
        if self.error is not None:
            raise self.error
        self.commits.append([each.event_id for _, each in traces])


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_what_arrives_during_a_commit_goes_together_into_the_next() -> None:
    store = SlowStore()
    async with Recorder(store) as recorder:
        first = asyncio.create_task(recorder.record("s", [trace("1")]))
        await store.begun.wait()
        others = [asyncio.create_task(recorder.record("s", [trace(str(number))])) for number in range(2, 6)]
        await settle()
        assert not first.done()
        store.go.set()
        await asyncio.gather(first, *others)
    assert store.commits == [["1"], ["2", "3", "4", "5"]]


async def test_a_failed_commit_is_told_to_all_who_waited_and_to_nobody_else() -> None:
    store = SlowStore()
    store.error = RuntimeError("disk full")
    store.go.set()
    async with Recorder(store) as recorder:
        results = await asyncio.gather(
            recorder.record("s", [trace("1")]), recorder.record("s", [trace("2")]), return_exceptions=True
        )
        assert [str(result) for result in results] == ["disk full", "disk full"]
        store.error = None
        await recorder.record("s", [trace("3")])
    assert store.commits == [["3"]]


async def test_one_who_gives_up_does_not_take_the_commit_along() -> None:
    store = SlowStore()
    async with Recorder(store) as recorder:
        impatient = asyncio.create_task(recorder.record("s", [trace("1")]))
        patient = asyncio.create_task(recorder.record("s", [trace("2")]))
        await store.begun.wait()
        impatient.cancel()
        await settle()
        assert impatient.cancelled()
        store.go.set()
        await patient
    assert store.commits == [["1", "2"]]


async def test_closing_refuses_those_who_still_wait() -> None:
    store = SlowStore()
    async with Recorder(store) as recorder:
        waiting = [asyncio.create_task(recorder.record("s", [trace("1")]))]
        await store.begun.wait()
        waiting.append(asyncio.create_task(recorder.record("s", [trace("2")])))
        await settle()
    for task in waiting:
        with pytest.raises(Problem):
            await task
    assert store.commits == []

"""Group commit of what comments and facts leave behind: while one commit is on its way, the next one gathers.

A commit costs an fsync however many rows it has, so under load each carries many deliveries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

from ingest.domain import CommentTrace, IntakeProblem
from ingest.problems import Problem

ROWS_WAITING_MAX = 20_000
"""Beyond this many rows, deliveries wait before they add theirs: platforms then feel the database's pace."""


class TraceStore(Protocol):
    """Where traces and problems are committed."""

    async def record(
        self, traces: Sequence[tuple[str, CommentTrace]], problems: Sequence[tuple[str, IntakeProblem]]
    ) -> None:
        """Commit these rows in one transaction; rows that are there already stay as they are."""
        ...


class Recorder:
    """Commits traces and problems in groups. `record` returns when its rows are committed, or raises what went wrong."""

    def __init__(self, store: TraceStore) -> None:
        self._store = store
        self._traces: list[tuple[str, CommentTrace]] = []
        self._problems: list[tuple[str, IntakeProblem]] = []
        self._gathering: asyncio.Future[None] | None = None
        self._wake = asyncio.Event()
        self._room = asyncio.Condition()
        self._writer: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._writer = asyncio.create_task(self._write_groups(), name="recorder")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop. Deliveries that are still waiting are refused, and so never acknowledged."""
        assert self._writer is not None
        self._writer.cancel()
        await asyncio.gather(self._writer, return_exceptions=True)
        if self._gathering is not None:
            _refuse(self._gathering, Problem("stopping"))

    async def record(
        self, sale_id: str, traces: Sequence[CommentTrace], problems: Sequence[IntakeProblem] = ()
    ) -> None:
        """Commit these rows together with whatever else is waiting."""
        if not traces and not problems:
            return
        async with self._room:
            await self._room.wait_for(lambda: len(self._traces) + len(self._problems) < ROWS_WAITING_MAX)
        self._traces.extend((sale_id, trace) for trace in traces)
        self._problems.extend((sale_id, problem) for problem in problems)
        if self._gathering is None:
            self._gathering = asyncio.get_running_loop().create_future()
        self._wake.set()
        # Shielded: one caller that gives up must not cancel the commit of all the others.
        await asyncio.shield(self._gathering)

    async def _write_groups(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            traces, problems, done = self._traces, self._problems, self._gathering
            self._traces, self._problems, self._gathering = [], [], None
            if done is None:
                continue
            async with self._room:
                self._room.notify_all()
            try:
                await self._store.record(traces, problems)
            except asyncio.CancelledError:
                _refuse(done, Problem("stopping"))
                raise
            except Exception as error:
                _refuse(done, error)
            else:
                done.set_result(None)


def _refuse(done: asyncio.Future[None], error: Exception) -> None:
    done.set_exception(error)
    # Marks it as seen: where every waiting delivery has gone away, nobody asks any more, and that is no second error.
    done.exception()

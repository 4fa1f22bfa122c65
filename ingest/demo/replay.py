"""Sends a recording through the doors: each door at its own pace, all of them waiting for each other at the barriers.

Every record is sent at least once and acknowledged before the next barrier. Sending one again is harmless, because
everything in it bears an id of its sender's; so after an interruption the replay goes on from the last barrier.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from ingest.demo.progress import Progress
from ingest.demo.records import AnyRecord, DeskOrder

IN_FLIGHT_MAX: Mapping[str, int] = {"hook": 8, "payment": 8, "tmc": 200, "bridge": 1, "host": 1}
"""How many records of one door may be under way. At 1 the door keeps its order."""
PROBLEMS_KEPT_MAX = 50
SAVE_EVERY_S = 0.5


class DoorError(Exception):
    """A door did not take a record for good. `problem` says which record, what was answered and what was expected."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(problem)


class DoorClosedError(DoorError):
    """A door takes nothing at present, however often it is asked: the replay stops there and can be carried on later."""


class Doors(Protocol):
    """Whatever takes records."""

    async def send(self, record: AnyRecord) -> None:
        """Send one record and return when it is acknowledged.

        Raises DoorError where this record never will be, DoorClosedError where none is at present.
        """
        ...


@dataclass(slots=True)
class ReplayState:
    """How a replay stands, for whoever watches it."""

    total: int
    sent: int = 0
    at_ms: int = 0
    problems: list[str] = field(default_factory=list)
    problems_count: int = 0

    def add_problem(self, problem: str) -> None:
        """Keep a problem, or only count it where there are too many."""
        self.problems_count += 1
        if len(self.problems) < PROBLEMS_KEPT_MAX:
            self.problems.append(problem)


class Replay:
    """One replay of a recording. `speed` 1 is as recorded, 60 a minute in a second, 0 as fast as the doors take it."""

    def __init__(
        self,
        records: Sequence[AnyRecord],
        doors: Doors,
        *,
        speed: float,
        progress: Progress,
        save: Callable[[Progress], None],
    ) -> None:
        self._records = records
        self._doors = doors
        self._speed = speed
        self._progress = progress
        self._save = save
        self._saved_at_s = 0.0
        self._stop = asyncio.Event()
        self._done: set[int] = set(progress.sent)
        self.state = ReplayState(total=len(records), sent=progress.next_index + len(progress.sent))

    def stop(self) -> None:
        """Ask the replay to end: what is under way is finished, nothing new is sent."""
        self._stop.set()

    async def run(self) -> Progress:
        """Send everything that is left. Returns the progress at the end: finished, or where it was stopped."""
        began_s = time.monotonic()
        first_ms = (
            self._records[self._progress.next_index].at_ms if self._progress.next_index < len(self._records) else 0
        )
        elapsed_before_s = self._progress.elapsed_s
        for start, end in segments(self._records, self._progress.next_index):
            await self._send_segment(start, end, began_s, first_ms)
            stopped = self._stop.is_set()
            whole = not stopped or len(self._done) == end - start
            self._progress = msgspec.structs.replace(
                self._progress,
                next_index=end if whole else start,
                sent=() if whole else tuple(sorted(self._done)),
                finished=whole and end == len(self._records),
                elapsed_s=round(elapsed_before_s + time.monotonic() - began_s, 3),
            )
            self._save_now_and_then(always=stopped or self._progress.finished)
            self._done = set()
            if stopped:
                break
        return self._progress

    def _save_now_and_then(self, *, always: bool) -> None:
        # A lost save costs only the sending of a few records again.
        if always or time.monotonic() - self._saved_at_s > SAVE_EVERY_S:
            self._save(self._progress)
            self._saved_at_s = time.monotonic()

    async def _send_segment(self, start: int, end: int, began_s: float, first_ms: int) -> None:
        lanes: dict[str, deque[int]] = {}
        for index in range(start, end):
            record = self._records[index]
            if isinstance(record, DeskOrder):
                self._done.add(index)  # the order desk has it already
            elif index not in self._done:
                lanes.setdefault(record.door, deque()).append(index)
        async with asyncio.TaskGroup() as tasks:
            for door, lane in lanes.items():
                for worker in range(min(IN_FLIGHT_MAX[door.partition(":")[0]], len(lane))):
                    tasks.create_task(self._work(lane, began_s, first_ms), name=f"replay-{door}-{worker}")
        self.state.sent = start + len(self._done)

    async def _work(self, lane: deque[int], began_s: float, first_ms: int) -> None:
        while lane and not self._stop.is_set():
            index = lane.popleft()
            record = self._records[index]
            if self._speed > 0 and await self._stopped_before(
                began_s + (record.at_ms - first_ms) / 1_000 / self._speed
            ):
                return
            try:
                await self._doors.send(record)
            except DoorClosedError as error:
                self.state.add_problem(error.problem)
                self.stop()
                return
            except DoorError as error:
                self.state.add_problem(error.problem)
            self._done.add(index)
            self.state.sent += 1
            self.state.at_ms = max(self.state.at_ms, record.at_ms)

    async def _stopped_before(self, due_s: float) -> bool:
        """Wait until a record is due. Returns whether the replay was stopped meanwhile."""
        wait_s = due_s - time.monotonic()
        if wait_s > 0:
            try:
                async with asyncio.timeout(wait_s):
                    await self._stop.wait()
            except TimeoutError:
                return False
        return self._stop.is_set()


def segments(records: Sequence[AnyRecord], first: int = 0) -> list[tuple[int, int]]:
    """The index ranges between barriers, from index `first` on; `first` must itself begin a segment."""
    starts = [first] + [i for i in range(first + 1, len(records)) if records[i].barrier]
    return [(start, end) for start, end in zip(starts, [*starts[1:], len(records)], strict=True) if start < end]

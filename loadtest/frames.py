"""What watchers saw: frames read into figures, judged, and timed against the claims that caused them. Pure."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import msgspec

from loadtest.domain import Books, FrameKind, History, PoolFigures, Rule, SeenFrame, Violation
from loadtest.stock import figures_problem

JsonObject = dict[str, Any]


class FrameReader:
    """One connection's state: the tally that a viewer's page would show."""

    def __init__(self, connection: str) -> None:
        """`connection` names the watcher and which of its connections this is."""
        self._connection = connection
        self._tally: JsonObject = {}
        self._rev = ""

    def read(self, text: str | bytes, arrived_at_us: int) -> SeenFrame:
        """Take a frame in, and return it with the figures that hold from now on; of kind `broken` if it is none."""
        try:
            return self._read(text, arrived_at_us)
        except (ValueError, KeyError, TypeError, AttributeError):
            return SeenFrame(
                connection=self._connection, arrived_at_us=arrived_at_us, kind=FrameKind.BROKEN, rev=self._rev
            )

    def _read(self, text: str | bytes, arrived_at_us: int) -> SeenFrame:
        frame = json.loads(text)
        kind = FrameKind(frame["type"])
        match kind:
            case FrameKind.SNAPSHOT:
                self._tally = dict(frame["tally"])
            case FrameKind.DELTA:
                self._tally = merged(self._tally, frame["patch"])
            case FrameKind.HEARTBEAT:
                pass
            case FrameKind.BROKEN:
                raise ValueError("no frame calls itself broken")
        self._rev = str(frame["rev"])
        place(self._rev)  # Raises for what is no place in a log.
        pools = self._tally.get("pools", {})
        return SeenFrame(
            connection=self._connection,
            arrived_at_us=arrived_at_us,
            kind=kind,
            rev=self._rev,
            since=str(frame.get("since", "")),
            pools=tuple(msgspec.convert(pool, PoolFigures) for pool in pools.values()),
        )


def merged(target: JsonObject, patch: JsonObject) -> JsonObject:
    """Return `target` as a JSON merge patch (RFC 7396) makes it; neither is changed."""
    result = dict(target)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            before = result.get(name)
            result[name] = merged(before if isinstance(before, dict) else {}, value)
        else:
            result[name] = value
    return result


def place(rev: str) -> tuple[int, int]:
    """Return a rev (`<ms>-<seq>`) as something that sorts; (0, 0) for an empty log. Raises ValueError."""
    if not rev:
        return (0, 0)
    milliseconds, _, sequence = rev.partition("-")
    return int(milliseconds), int(sequence or 0)


def check_frames(history: History, books: Books) -> Iterator[Violation]:
    """Yield where what was shown could not be true: gaps, steps back, unbalanced pools, an end unlike the books'."""
    by_connection: dict[str, list[SeenFrame]] = defaultdict(list)
    for frame in history.frames:
        by_connection[frame.connection].append(frame)
    saw = {connection.partition("/")[0] for connection in by_connection}
    if len(saw) < history.watchers_len:
        yield _disagree(
            "watchers",
            f"{history.watchers_len} 位观众中只有 {len(saw)} 位收到过画面",
            f"only {len(saw)} of {history.watchers_len} watchers ever got a frame",
        )
    for connection, frames in by_connection.items():
        yield from _check_connection(connection, frames, books)


def _check_connection(connection: str, frames: list[SeenFrame], books: Books) -> Iterator[Violation]:
    stands_at: str | None = None
    for frame in frames:
        problem = _frame_problem(stands_at, frame)
        if problem:
            yield _disagree(connection, *problem)
            return  # One wrong frame makes all after it wrong; the first one says it.
        stands_at = frame.rev
    last = frames[-1]
    final = {pool.pool_id: pool for pool in books.tally.pools}
    for pool in last.pools:
        if last.rev == books.tally.rev and pool != final.get(pool.pool_id, pool):
            yield _disagree(
                connection,
                f"最后一帧 {pool} 与战报不同",
                f"the last frame shows {pool}, the tally at the same rev does not",
            )


def _frame_problem(stands_at: str | None, frame: SeenFrame) -> tuple[str, str] | None:
    if frame.kind is FrameKind.BROKEN:
        return "收到的不是战报帧", "got something that is no frame"
    if stands_at is None and frame.kind is not FrameKind.SNAPSHOT:
        return f"第一帧是 {frame.kind}，不是快照", f"the first frame is a {frame.kind} and not a snapshot"
    if stands_at is not None and place(frame.rev) < place(stands_at):
        return f"流水倒退：{stands_at} 之后来了 {frame.rev}", f"a step back: {frame.rev} came after {stands_at}"
    if frame.kind is FrameKind.DELTA and frame.since != stands_at:
        return (
            f"增量从 {frame.since} 起算，观众却停在 {stands_at}",
            f"a delta from {frame.since} for a reader that stands at {stands_at}",
        )
    for pool in frame.pools:
        problem = figures_problem(pool)
        if problem:
            return f"画面上库存不平：{problem}", f"a pool on screen does not balance: {problem}"
        if pool.oversold:
            return f"画面上卖超 {pool.oversold}", f"the screen shows {pool.oversold} units oversold"
    return None


def _disagree(connection: str, zh: str, en: str) -> Violation:
    return Violation(rule=Rule.FRAMES_DISAGREE, subject=connection, zh=zh, en=en)


def delays_ms(history: History) -> list[float]:
    """Return, for each granted claim and watcher, the time from sending the claim to the first frame that shows it.

    Sorted, in milliseconds. A connection that had seen the claim's place before it opened, or that ended before it came,
    is left out. Both ends are timed on this side, so this side's own load is in the figures.
    """
    seen: dict[str, tuple[list[tuple[int, int]], list[int]]] = {}
    for frame in history.frames:
        places, arrivals = seen.setdefault(frame.connection, ([], []))
        places.append(place(frame.rev))
        arrivals.append(frame.arrived_at_us)
    delays: list[float] = []
    for exchange in history.exchanges:
        answer = exchange.answer
        if answer is None or not exchange.is_grant or answer.replayed or not answer.rev:
            continue
        wanted = place(answer.rev)
        for places, arrivals in seen.values():
            index = bisect_left(places, wanted)
            if 0 < index < len(places):
                delays.append((arrivals[index] - exchange.sent_at_us) / 1_000)
    return sorted(delays)

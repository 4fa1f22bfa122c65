"""The batcher: operations of one sale, from every source of this process, meet here and go to the store together.

While a batch is in flight, arrivals queue (bounded); then all that waited go in one call. An idle batcher sends at once. One
sync to disk covers the batch, which is what makes durable writes cheap.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from flashsale import codec
from flashsale.domain import BATCH_OPS_MAX, Op, OpResult, Outcome
from flashsale.store import StoreRejected, StoreUnavailable

Decide = Callable[[Sequence[bytes], Sequence[Op]], Awaitable[codec.Reply]]
QUEUE_OPS_MAX = 20_000
ASK_AGAIN_TRIES = 3


class Request:
    """Operations that must stay together, in order, and the future that waits for their answers."""

    __slots__ = ("answers", "encoded", "ops")

    def __init__(self, encoded: list[bytes], ops: Sequence[Op], answers: asyncio.Future[list[OpResult]]) -> None:
        """Hold what `Batcher.submit` made."""
        self.encoded = encoded
        self.ops = ops
        self.answers = answers


class Batcher:
    """Decides one sale's operations in batches. Not thread-safe: one event loop owns it.

    A caller that is cancelled loses its answer, not its effect: the batch goes on, and asking again with the same ids
    gives the first answer. `batches` and `operations` count what was sent, for metrics.
    """

    def __init__(self, decide: Decide, *, queue_ops_max: int = QUEUE_OPS_MAX) -> None:
        """`decide` is the store's call, bound to the sale. At most `queue_ops_max` operations wait; more are shed."""
        self._decide = decide
        self._queue: deque[Request] = deque()
        self._queued_ops = 0
        self._queue_ops_max = queue_ops_max
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self.batches = 0
        self.operations = 0
        self.shed = 0
        self.more_due = False

    @property
    def queued_ops(self) -> int:
        """Operations that wait now."""
        return self._queued_ops

    async def submit(self, ops: Sequence[Op]) -> list[OpResult]:
        """Decide `ops` in order, in one batch. All `overloaded`, with nothing changed, when the queue is full."""
        if len(ops) > BATCH_OPS_MAX:
            message = f"{len(ops)} operations in one request, at most {BATCH_OPS_MAX}"
            raise ValueError(message)
        return await self.submit_encoded(codec.encode_ops(ops), ops)

    async def submit_encoded(self, encoded: list[bytes], ops: Sequence[Op]) -> list[OpResult]:
        """Like `submit`, for operations that are encoded already."""
        if self._closing or self._queued_ops + len(encoded) > self._queue_ops_max:
            self.shed += len(encoded)
            return [OpResult(id=codec.op_id(op), outcome=Outcome.OVERLOADED) for op in ops]
        loop = asyncio.get_running_loop()
        request = Request(encoded, ops, loop.create_future())
        self._queue.append(request)
        self._queued_ops += len(encoded)
        self._wake.set()
        if self._task is None:
            self._task = loop.create_task(self._run(), name="batcher")
        return await request.answers

    async def close(self) -> None:
        """Take nothing more, decide what waits, end. Safe to call twice."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        while self._queue or not self._closing:
            if not self._queue:
                self._wake.clear()
                await self._wake.wait()
                continue
            await self._send(self._take())

    def _take(self) -> list[Request]:
        """Requests that fit one call, oldest first. A request is never split: its operations are decided together."""
        taken: list[Request] = []
        count = 0
        while self._queue and (not taken or count + len(self._queue[0].encoded) <= BATCH_OPS_MAX):
            request = self._queue.popleft()
            count += len(request.encoded)
            taken.append(request)
        self._queued_ops -= count
        return taken

    async def _send(self, requests: list[Request]) -> None:
        requests = _columns_together(requests)
        encoded = [op for request in requests for op in request.encoded]
        ops = [op for request in requests for op in request.ops]
        try:
            reply = await self._ask(encoded, ops)
        except StoreRejected as error:
            await self._send_apart(requests, error)
            return
        except Exception as error:
            for request in requests:
                _fail(request, error)
            return
        self.batches += 1
        self.operations += len(encoded)
        self.more_due = reply.more_due
        start = 0
        for request in requests:
            end = start + len(request.ops)
            if not request.answers.done():
                request.answers.set_result(reply.results[start:end])
            start = end

    async def _ask(self, encoded: list[bytes], ops: list[Op]) -> codec.Reply:
        """Ask, and ask again with the same ids where the outcome is unknown: a first answer is repeated, not redone."""
        for attempt in range(ASK_AGAIN_TRIES):
            try:
                return await self._decide(encoded, ops)
            except StoreUnavailable:
                if attempt == ASK_AGAIN_TRIES - 1:
                    raise
                await asyncio.sleep(0.05 * 2**attempt)
        raise AssertionError  # the loop returns or raises

    async def _send_apart(self, requests: list[Request], error: StoreRejected) -> None:
        """One request made the call fail as a whole, with nothing written: find it, decide the others."""
        if len(requests) == 1:
            _fail(requests[0], error)
            return
        middle = len(requests) // 2
        await self._send(requests[:middle])
        await self._send(requests[middle:])


def _fail(request: Request, error: Exception) -> None:
    if not request.answers.done():
        request.answers.set_exception(error)
        # A caller that went away must not leave an unread exception behind.
        with contextlib.suppress(asyncio.CancelledError):
            request.answers.exception()


def _columns_together(requests: list[Request]) -> list[Request]:
    """Put claims of one column side by side. Requests that wait together came at the same time: none has to be first."""
    columns: dict[tuple[str, str], list[Request]] = {}
    others: list[Request] = []
    for request in requests:
        column = codec.column_of(request.ops[0]) if len(request.ops) == 1 else None
        (others if column is None else columns.setdefault(column, [])).append(request)
    for column_requests in columns.values():
        others.extend(column_requests)
    return others

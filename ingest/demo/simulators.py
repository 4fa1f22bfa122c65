"""The platforms' side of the wire, on loopback: Taobao's message channel and the shops' order desk.

Both keep a platform's promises: a message that was not confirmed is sent again, an unknown order is a 404.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Generator, Iterable
from types import TracebackType
from typing import Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from ingest.demo import tmc_frames
from ingest.demo.frames import DEMO_TMC_APP_KEY, DEMO_TMC_APP_SECRET
from ingest.demo.plan import EVENING_STARTS_AT_MS
from ingest.demo.records import DeskOrder, TmcRecord
from ingest.demo.tmc_frames import Date, Int8, TmcFrame, TmcFrameError

LOOPBACK = "127.0.0.1"
TMC_TOKEN = "demo-session"  # noqa: S105 - opens nothing but the demo
REDELIVER_AFTER_MS = 15_000
"""How long a message may stay unconfirmed before it is sent again; the real platform waits minutes."""
REDELIVER_FAILED_AFTER_MS = 1_000


class OrderDesk:
    """Answers `GET /orders/{platform}/{order_id}` for every order of the recording. Async context manager."""

    def __init__(self, orders: Iterable[DeskOrder]) -> None:
        self._orders = {(order.platform, order.order_id): order for order in orders}
        self._socket = socket.create_server((LOOPBACK, 0))
        app = Starlette(routes=[Route("/orders/{platform}/{order_id}", self._order)])
        config = uvicorn.Config(app, lifespan="off", access_log=False, log_config=None, ws="none")
        self._server = _QuietServer(config)
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """The desk's address, for a connection's `order_desk_url`."""
        return f"http://{LOOPBACK}:{self._socket.getsockname()[1]}"

    async def __aenter__(self) -> Self:
        # The socket listens already: who asks before the server runs is answered when it does.
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]), name="demo-order-desk")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None, "left without having been entered"
        self._server.should_exit = True
        await self._task
        self._socket.close()

    async def _order(self, request: Request) -> JSONResponse:
        order = self._orders.get((request.path_params["platform"], request.path_params["order_id"]))
        if order is None:
            return JSONResponse({"title": "unknown order"}, status_code=404, media_type="application/problem+json")
        lines = [{"sku": sku, "packs": packs} for sku, packs in order.lines]
        return JSONResponse(
            {
                "order_id": order.order_id,
                "buyer_id": order.buyer_id,
                "amount_minor": order.amount_minor,
                "lines": lines,
            }
        )


class _QuietServer(uvicorn.Server):
    """A server inside another program: signals stay that program's own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave signals alone."""
        yield


class _Message:
    """A message that the platform has to deliver."""

    def __init__(self, record: TmcRecord) -> None:
        self.record = record
        self.confirmed = asyncio.get_running_loop().create_future()
        self.due_at_s = 0.0
        self.sent_count = 0


class TmcPlatform:
    """Taobao's message channel for one app. Async context manager; `push` returns once the client has confirmed.

    Only one client is served at a time: a new connection takes the place of the old one and is sent all that is
    unconfirmed. `refused_count` counts connections with a wrong sign, `resent_count` messages sent more than once.
    """

    def __init__(self, *, redeliver_after_ms: int = REDELIVER_AFTER_MS) -> None:
        self.refused_count = 0
        self.resent_count = 0
        self._redeliver_after_s = redeliver_after_ms / 1_000
        self._unconfirmed: dict[int, list[_Message]] = {}
        self._client: ServerConnection | None = None
        self._server: Server | None = None
        self._redelivery: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()

    @property
    def url(self) -> str:
        """The channel's address, for the connection's `url`."""
        assert self._server is not None, "the channel has no address before it is entered"
        port: int = next(iter(self._server.sockets)).getsockname()[1]
        return f"ws://{LOOPBACK}:{port}/"

    async def __aenter__(self) -> Self:
        self._server = await serve(self._serve, LOOPBACK, 0, compression=None)
        self._redelivery = asyncio.create_task(self._redeliver(), name="demo-tmc-redelivery")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        assert self._redelivery is not None, "left without having been entered"
        self._redelivery.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._redelivery
        self._server.close()
        await self._server.wait_closed()

    async def push(self, record: TmcRecord) -> None:
        """Deliver a message: send it, again and again if need be, until it is confirmed."""
        message = _Message(record)
        waiting = self._unconfirmed.setdefault(record.message_id, [])
        waiting.append(message)
        try:
            await self._send(message)
            await message.confirmed
        finally:
            if message in waiting:  # cancelled
                waiting.remove(message)

    async def drop_client(self) -> None:
        """Cut the connection, as networks do."""
        if self._client is not None:
            await self._client.close(code=1012)

    async def _send(self, message: _Message) -> None:
        message.due_at_s = time.monotonic() + self._redeliver_after_s
        self._wake.set()
        if self._client is None:
            return
        if message.sent_count:
            self.resent_count += 1
        message.sent_count += 1
        with contextlib.suppress(ConnectionClosed):  # the next connection is sent all that is unconfirmed
            await self._client.send(data_frame(message.record, retried=message.sent_count - 1))

    async def _serve(self, connection: ServerConnection) -> None:
        try:
            if not await self._signed_in(connection):
                return
            self._client = connection
            for message in self._all_unconfirmed():
                await self._send(message)
            async for raw in connection:
                self._receive(tmc_frames.decode(raw if isinstance(raw, bytes) else raw.encode()))
        except (ConnectionClosed, TmcFrameError):
            await connection.close(code=1002)
        finally:
            if self._client is connection:
                self._client = None

    async def _signed_in(self, connection: ServerConnection) -> bool:
        raw = await connection.recv()
        frame = tmc_frames.decode(raw if isinstance(raw, bytes) else raw.encode())
        told = {name: str(frame.custom.get(name, "")) for name in ("app_key", "group_name", "timestamp", "sign")}
        right = tmc_frames.connect_sign(
            DEMO_TMC_APP_SECRET,
            app_key=told["app_key"],
            group_name=told["group_name"],
            timestamp=told["timestamp"],
        )
        if frame.kind != tmc_frames.CONNECT or told["app_key"] != DEMO_TMC_APP_KEY or told["sign"] != right:
            self.refused_count += 1
            await connection.send(tmc_frames.encode(tmc_frames.CONNECT_ACK, {}, status=(401, "invalid sign")))
            await connection.close()
            return False
        await connection.send(tmc_frames.encode(tmc_frames.CONNECT_ACK, {}, token=TMC_TOKEN))
        return True

    def _receive(self, frame: TmcFrame) -> None:
        message_id, kind = frame.custom.get("id"), frame.custom.get("__kind")
        if not isinstance(message_id, int) or frame.token != TMC_TOKEN:
            return
        waiting = self._unconfirmed.get(message_id, [])
        if frame.kind == tmc_frames.SEND and kind == tmc_frames.KIND_CONFIRM and waiting:
            message = waiting.pop(0)
            if not waiting:
                del self._unconfirmed[message_id]
            if not message.confirmed.done():
                message.confirmed.set_result(None)
        elif kind == tmc_frames.KIND_FAILED:
            for message in waiting:
                message.due_at_s = time.monotonic() + REDELIVER_FAILED_AFTER_MS / 1_000
            self._wake.set()

    def _all_unconfirmed(self) -> list[_Message]:
        return [message for waiting in self._unconfirmed.values() for message in waiting]

    async def _redeliver(self) -> None:
        """Send again what has been due for confirmation too long; sleep until the next is."""
        while True:
            now_s = time.monotonic()
            for message in self._all_unconfirmed():
                if message.due_at_s <= now_s:
                    await self._send(message)
            due_s = [message.due_at_s for message in self._all_unconfirmed()]
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, min(due_s) - time.monotonic()) if due_s else None):
                    await self._wake.wait()


def data_frame(record: TmcRecord, *, retried: int) -> bytes:
    """Make the binary frame that carries a message to the client."""
    return tmc_frames.encode(
        tmc_frames.SEND,
        {
            "__kind": Int8(tmc_frames.KIND_DATA),
            "id": record.message_id,
            "topic": record.topic,
            "content": record.content,
            "time": Date(EVENING_STARTS_AT_MS + record.at_ms),
            "dataid": record.dataid,
            "userid": str(record.userid),
            "nick": record.nick,
            "retried": retried,
        },
        token=TMC_TOKEN,
    )

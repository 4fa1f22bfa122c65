"""The bridge door: programs send arrays of live events over a WebSocket, and get an ack for each once it is durable.

One message is in flight a socket: the next is read when the one before is answered, so a sender that is faster than the
sale feels it. A message that could not be made safe is answered with a `problem` and has to be sent again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import msgspec
import structlog
from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from flashsale.domain import SaleId
from ingest.auth import SUBPROTOCOL_PREFIX, presented
from ingest.domain import Handled, Role
from ingest.order_desk import CompletedOrder, OrderDesk
from ingest.problems import Problem, ProblemDocument
from ingest.service import Service
from stream_adapters.bridge import decode_bridge_message
from stream_adapters.contract import BridgeBatch, FrameError
from stream_adapters.domain import PlatformOrder

SENDERS: Final = frozenset({Role.INGEST})
SUBPROTOCOL: Final = "sellthrough.ingest.v1"
CLOSE_NOT_ADMITTED: Final = 4401
CLOSE_UNKNOWN: Final = 4404
log = structlog.get_logger("bridge")


class RejectedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event of the message that was not taken: its index, and what is wrong with it."""

    index: int
    problem: str


class BridgeAck(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to one message, in order. With a `problem` nothing is acknowledged: send the message again."""

    batch_id: str | None
    accepted: int
    duplicates: int
    rejected: tuple[RejectedEvent, ...]
    problem: ProblemDocument | None = None


_encode = msgspec.json.Encoder().encode


def bridge_routes(service: Service, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> APIRouter:
    """Return the route of bridges."""
    router = APIRouter(tags=["bridge"])

    @router.websocket("/v1/sales/{sale_id}/ingest")
    async def ingest(socket: WebSocket, sale_id: str, connection_id: str = "") -> None:
        secret, in_url = presented(socket.headers, socket.url.query)
        # Accepted before it is judged: only an accepted socket can be told why it is closed.
        await socket.accept(subprotocol=_chosen(socket))
        try:
            service.tokens.allow(secret, sale_id, SENDERS, in_url=in_url)
            await service.sales.tally(sale_id)
            desk = _desk(service, sale_id, connection_id)
            bridge = _Bridge(service, SaleId(sale_id), secret, desk, now_ms)
            await bridge.serve(socket)
        except Problem as problem:
            code = CLOSE_UNKNOWN if problem.status == 404 else CLOSE_NOT_ADMITTED
            await socket.close(code, problem.kind.title_en)
        except service.troubles.kinds as error:
            await socket.close(1013, service.troubles.noted(error).kind.title_en)
        except WebSocketDisconnect:
            log.info("bridge left", sale_id=sale_id)

    return router


class _Bridge:
    """One admitted socket."""

    def __init__(
        self, service: Service, sale_id: SaleId, secret: str, desk: OrderDesk, now_ms: Callable[[], int]
    ) -> None:
        self._service = service
        self._sale_id = sale_id
        self._secret = secret
        self._desk = desk
        self._now_ms = now_ms

    async def serve(self, socket: WebSocket) -> None:
        """Answer messages, one after the other, until the sender leaves. Raises Problem once its token is revoked."""
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            # Asked for every message, so that a revoked token is out at once.
            self._service.tokens.allow(self._secret, self._sale_id, SENDERS)
            started = time.perf_counter()
            ack = await self._handled(message.get("text") or message.get("bytes") or b"")
            await socket.send_text(_encode(ack).decode())
            outcome = ack.problem.type.removeprefix("/problems/") if ack.problem else "taken"
            self._service.metrics.request("bridge", outcome, time.perf_counter() - started)

    async def _handled(self, content: str | bytes) -> BridgeAck:
        batch = BridgeBatch(events=())
        try:
            batch = decode_bridge_message(content, self._now_ms())
            handled = await self._service.pipeline.handle(self._sale_id, batch.events, self._desk, reject_thin=True)
        except FrameError as error:
            return _ack(batch, problem=Problem("malformed", error.zh, error.en))
        except Problem as problem:
            return _ack(batch, problem=problem)
        except self._service.troubles.kinds as error:
            return _ack(batch, problem=self._service.troubles.noted(error))
        return _ack(batch, handled)


def _ack(batch: BridgeBatch, handled: Handled | None = None, problem: Problem | None = None) -> BridgeAck:
    handled = handled or Handled()
    return BridgeAck(
        batch_id=batch.batch_id,
        accepted=handled.accepted,
        duplicates=handled.duplicates,
        rejected=tuple(RejectedEvent(index=index, problem=words) for index, words in _rejected(batch, handled)),
        problem=problem.document() if problem else None,
    )


def _rejected(batch: BridgeBatch, handled: Handled) -> list[tuple[int, str]]:
    """Put together what could not be read and what could not be taken, by index in the message as it came."""
    unread = {index for index, _ in batch.rejected}
    index_of = [index for index in range(len(batch.events) + len(unread)) if index not in unread]
    return sorted([*batch.rejected, *((index_of[place], words) for place, words in handled.rejected)])


class _NoDesk:
    """Stands where a socket has no order desk, and says how it gets one at this door."""

    async def complete(self, platform: str, order: PlatformOrder) -> CompletedOrder:
        """Raise Problem (`order-desk`)."""
        raise Problem(
            "order-desk",
            "已付款订单没有 lines，而本连接没有订单接口；请带上 lines 重发，或改连 …/ingest?connection_id=…，"
            "指向一个设置了 order_desk_url 的 bridge 连接。",
            f"The paid {platform} order has no lines, and this socket has no order desk; send it with lines, or connect to "
            "…/ingest?connection_id=… naming a bridge connection that has an order_desk_url.",
            id=order.order_id,
        )


def _desk(service: Service, sale_id: str, connection_id: str) -> OrderDesk:
    if not connection_id:
        return _NoDesk()
    feed = service.connections.feed(connection_id)
    if feed is None or feed.connection.sale_id != sale_id or feed.info.transport != "bridge":
        raise Problem("unknown-thing", id=connection_id)
    return feed.desk or _NoDesk()


def _chosen(socket: WebSocket) -> str | None:
    """Choose the subprotocol to answer with. Browsers carry their token as one, and it must not be echoed."""
    offered = [name for name in socket.scope.get("subprotocols", []) if not name.startswith(SUBPROTOCOL_PREFIX)]
    return SUBPROTOCOL if SUBPROTOCOL in offered else (offered[0] if offered else None)

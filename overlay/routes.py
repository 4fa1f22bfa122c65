"""The doors of the live tally: WebSocket, server-sent events, the overlay and console pages and what they load.

A page needs no token, it holds no data; every stream does. Refusals of a WebSocket are close codes, because a browser
shows its page nothing else: 4401 not admitted, 4404 no such sale, 1001 the server is going, 1013 the store is away.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Annotated, Final

from fastapi import APIRouter, Header, HTTPException, Query, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from flashsale.domain import SaleId
from overlay.admission import Admissions, Bearer
from overlay.domain import Gate
from overlay.hub import Hub, HubClosedError, OverlayError, SaleUnreadableError, UnknownSaleError, Watcher
from overlay.pages import ASSET_HEADERS, Page, load_pages

SUBPROTOCOL: Final = "sellthrough.live.v1"
BEARER_PREFIX: Final = "bearer."
QUERY_ROLES: Final = frozenset({"overlay"})
"""A token in a URL ends up in histories and screenshots, so only the read-only kind is taken from there."""
HEADER_ROLES: Final = frozenset({"overlay", "host", "admin"})

CLOSE_GOING_AWAY: Final = 1001
CLOSE_ABNORMAL: Final = 1006
CLOSE_TRY_LATER: Final = 1013
CLOSE_NOT_ADMITTED: Final = 4401
CLOSE_UNKNOWN_SALE: Final = 4404

NOT_ADMITTED: Final = (
    "令牌缺失、失效，或不能查看这个专场；请向管理员要一个新的链接。"
    "The token is missing, revoked, or not for this sale; ask the administrator for a new link."
)
UNKNOWN_SALE: Final = "没有这个专场；请检查链接里的专场编号。There is no such sale; check the sale id in the link."
TRY_LATER: Final = "暂时读不到战报，请稍后再试。The tally cannot be read right now; try again in a moment."


def live_routes(hub: Hub, gate: Gate) -> APIRouter:
    """Return the router of everything that is seen live.

    `hub` has to be open while requests are served. `gate` is asked when a stream opens and every few seconds while it
    stays open, so a token that was revoked goes dark.
    """
    router = APIRouter(tags=["live"])
    admissions = Admissions(gate)
    _add_streams(router, hub, admissions)
    _add_pages(router)
    return router


def _add_streams(router: APIRouter, hub: Hub, admissions: Admissions) -> None:
    @router.websocket("/v1/sales/{sale_id}/live")
    async def live(websocket: WebSocket, sale_id: str, since: str = "") -> None:
        bearer, subprotocol = _bearer_of_socket(websocket)
        # Accepted before it is judged: only an accepted socket can be told why it is closed.
        await websocket.accept(subprotocol=subprotocol)
        if not await admissions.admits(bearer, sale_id):
            await websocket.close(CLOSE_NOT_ADMITTED, "not admitted")
            return
        try:
            async with hub.watch(SaleId(sale_id), since) as watcher:
                code = await _stream(websocket, watcher, admissions, bearer, sale_id)
        except UnknownSaleError:
            code = CLOSE_UNKNOWN_SALE
        except SaleUnreadableError:
            code = CLOSE_TRY_LATER
        except HubClosedError:
            code = CLOSE_GOING_AWAY
        except WebSocketDisconnect:
            return
        with suppress(RuntimeError, WebSocketDisconnect):  # The other side may be gone already; then all is said.
            await websocket.close(code)

    @router.get(
        "/v1/sales/{sale_id}/live.sse",
        summary="战报推送 Live tally as server-sent events",
        response_class=EventSourceResponse,
        responses={
            200: {
                "description": "Events `snapshot`, `delta` (merge patch, RFC 7396) and `heartbeat`; `id` is the rev.",
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            },
            401: {"description": "Not admitted"},
            404: {"description": "No such sale"},
        },
    )
    async def live_events(
        request: Request,
        sale_id: str,
        since: Annotated[str, Query(description="Resume from this rev.")] = "",
        last_event_id: Annotated[str, Header(description="The same, as browsers send it on a reconnect.")] = "",
    ) -> EventSourceResponse:
        """Send a snapshot, then deltas as they come, at most ten a second, and a heartbeat when all is quiet."""
        bearer = _bearer_of_headers(request.headers, request.query_params)
        if not await admissions.admits(bearer, sale_id):
            raise HTTPException(401, NOT_ADMITTED, headers={"WWW-Authenticate": "Bearer"})
        try:
            is_known = await hub.knows(SaleId(sale_id))
        except SaleUnreadableError as problem:
            raise HTTPException(503, TRY_LATER, headers={"Retry-After": "2"}) from problem
        if not is_known:
            raise HTTPException(404, UNKNOWN_SALE)
        return EventSourceResponse(
            _events(hub, admissions, bearer, SaleId(sale_id), last_event_id or since),
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )


def _add_pages(router: APIRouter) -> None:
    pages = load_pages()

    @router.get("/", include_in_schema=False)
    async def root() -> RedirectResponse:
        return RedirectResponse("/console", status_code=307)

    @router.get("/console", include_in_schema=False)
    async def console() -> Response:
        return _html(pages.console)

    @router.get("/overlay", include_in_schema=False)
    async def overlay_without_widget() -> Response:
        return _html(pages.unknown_widget)

    @router.get("/overlay/{widget}", include_in_schema=False)
    async def overlay(widget: str) -> Response:
        return _html(pages.overlay if widget in pages.widgets else pages.unknown_widget)

    @router.get("/assets/{digest}/{path:path}", include_in_schema=False)
    async def asset(digest: str, path: str) -> Response:
        found = pages.assets.get(path) if digest == pages.digest else None
        if found is None:
            raise HTTPException(404, "没有这个文件；请刷新页面。There is no such file; reload the page.")
        return Response(found.content, media_type=found.content_type, headers=ASSET_HEADERS)


def _html(page: Page) -> HTMLResponse:
    return HTMLResponse(page.content, status_code=page.status, headers=dict(page.headers))


async def _stream(websocket: WebSocket, watcher: Watcher, admissions: Admissions, bearer: Bearer, sale_id: str) -> int:
    """Send frames until the viewer leaves, the hub ends or the token dies; return the close code that says which."""
    reader = asyncio.create_task(_read_until_closed(websocket), name="overlay-socket-reader")
    # Without a reader a viewer that left would be noticed only by a failing send, and a shutdown would wait for it.
    reader.add_done_callback(lambda _: watcher.leave())
    try:
        async for frame in watcher:
            if not await admissions.still_admits(bearer, sale_id):
                return CLOSE_NOT_ADMITTED
            try:
                await websocket.send_text(frame.text)
            except (RuntimeError, OSError) as problem:
                # The server hung up by itself: a viewer that answers no pings, a shutdown. Servers say it in their own ways.
                raise WebSocketDisconnect(CLOSE_ABNORMAL) from problem
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
    return CLOSE_GOING_AWAY


async def _read_until_closed(websocket: WebSocket) -> None:
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass  # Viewers have nothing to say; what they send is dropped.


async def _events(
    hub: Hub, admissions: Admissions, bearer: Bearer, sale_id: SaleId, since: str
) -> AsyncIterator[ServerSentEvent]:
    with suppress(OverlayError):  # The stream ends, and the browser comes back on its own.
        async with hub.watch(sale_id, since) as watcher:
            async for frame in watcher:
                if not await admissions.still_admits(bearer, sale_id):
                    return
                yield ServerSentEvent(data=frame.text, event=frame.kind, id=frame.rev)


def _bearer_of_socket(websocket: WebSocket) -> tuple[Bearer, str | None]:
    """Return the token and the subprotocol to accept. Browsers set no header on a socket, but they can offer these."""
    offered: list[str] = websocket.scope.get("subprotocols", [])
    for protocol in offered:
        if protocol.startswith(BEARER_PREFIX):
            # A browser hangs up unless one of its offers is accepted; better the one that isn't a secret.
            accepted = SUBPROTOCOL if SUBPROTOCOL in offered else protocol
            return Bearer(token=protocol.removeprefix(BEARER_PREFIX), roles=HEADER_ROLES), accepted
    accepted_plain = SUBPROTOCOL if SUBPROTOCOL in offered else None
    return _bearer_of_headers(websocket.headers, websocket.query_params), accepted_plain


def _bearer_of_headers(headers: Mapping[str, str], query: Mapping[str, str]) -> Bearer:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return Bearer(token=token.strip(), roles=HEADER_ROLES)
    return Bearer(token=query.get("token", ""), roles=QUERY_ROLES)

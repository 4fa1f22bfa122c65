"""Platform webhooks: the signature is checked on the raw body, and the platform is told "taken" once all is durable."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import Annotated, cast

import structlog
from fastapi import APIRouter, Path, Request, Response

from ingest.bodies import read_body
from ingest.connections import Feed
from ingest.domain import IntakeProblem
from ingest.problems import Problem
from ingest.routes.contract import answers
from ingest.service import Service
from stream_adapters.contract import (
    BODY_BYTES_MAX,
    FrameError,
    PushAdapter,
    PushRequest,
    Receipt,
    Reply,
    SignatureError,
)

log = structlog.get_logger("hooks")

_DOCUMENTED = {
    **answers({}, 404, 408, open_door=True),
    200: {"description": "Taken and durable, in the platform's own words."},
    400: {"description": "The frame cannot be read; in the platform's words."},
    401: {"description": "The signature is not the platform's; in the platform's words."},
    413: {"description": "The body is over the limit; in the platform's words."},
    503: {"description": "Not taken, send again; in the platform's words."},
}


def hook_routes(service: Service, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> APIRouter:
    """Return the route of platform webhooks."""
    router = APIRouter(tags=["hooks"])

    @router.post("/v1/hooks/{adapter}/{connection_id}", responses=_DOCUMENTED)
    async def take_push(
        adapter: Annotated[str, Path(description="The adapter's name.")],
        connection_id: Annotated[str, Path(description="The connection.")],
        request: Request,
    ) -> Response:
        """Take a platform's push. Needs no token: its signature proves the sender."""
        feed = service.connections.feed(connection_id)
        if feed is None or feed.connection.adapter != adapter or feed.info.transport != "push":
            raise Problem(
                "unknown-thing",
                f"没有适配器 {adapter} 的连接 {connection_id}。",
                f"There is no connection {connection_id} of adapter {adapter}.",
                id=connection_id,
            )
        return _in_their_words(await _taken(service, feed, _push_adapter(feed), request, now_ms()))

    return router


async def _taken(service: Service, feed: Feed, adapter: PushAdapter, request: Request, at_ms: int) -> Reply:
    connection = feed.connection
    try:
        body = await read_body(request.receive, BODY_BYTES_MAX)
        receipt = adapter.receive(
            PushRequest(
                headers={name.lower(): value for name, value in request.headers.items()},
                body=body,
                received_at_ms=at_ms,
                query=dict(request.query_params),
            )
        )
        await service.pipeline.handle(connection.sale_id, receipt.events, feed.desk)
        await _note_skipped(service, feed, receipt, body, at_ms)
    except SignatureError as error:
        service.metrics.problem("bad-signature")
        log.warning("bad signature", connection_id=connection.connection_id, adapter=connection.adapter)
        return adapter.refuse(error.problem, 401)
    except FrameError as error:
        service.metrics.problem("bad-frame")
        log.warning(
            "bad frame", connection_id=connection.connection_id, adapter=connection.adapter, problem=error.problem
        )
        return adapter.refuse(error.problem, 400)
    except Problem as problem:
        # A sale that does not exist yet, a desk or store that is away: it may work next time, so have it sent again.
        return adapter.refuse(problem.detail, problem.status if problem.status in (408, 413) else 503)
    except service.troubles.kinds as error:
        return adapter.refuse(service.troubles.noted(error).detail, 503)
    return receipt.reply


async def _note_skipped(service: Service, feed: Feed, receipt: Receipt, body: bytes, at_ms: int) -> None:
    if not receipt.skipped:
        return
    service.metrics.problem("skipped")
    problem = IntakeProblem(
        kind="skipped",
        ref=f"{feed.connection.connection_id}:{hashlib.sha256(body).hexdigest()}",
        platform=feed.info.platform,
        detail=f"{receipt.skipped}: " + "; ".join(receipt.problems),
        at_ms=at_ms,
    )
    await service.recorder.record(feed.connection.sale_id, (), [problem])


def _push_adapter(feed: Feed) -> PushAdapter:
    adapter = feed.adapter
    assert hasattr(adapter, "receive"), "an adapter of transport push has to receive"
    assert hasattr(adapter, "refuse"), "an adapter of transport push has to refuse"
    return cast("PushAdapter", adapter)


def _in_their_words(reply: Reply) -> Response:
    return Response(reply.body, reply.status, media_type=reply.content_type)

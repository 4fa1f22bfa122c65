"""Composition root: opens what the service is made of, in order, and builds its doors."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import httpx
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from flashsale.embedded import EmbeddedStore
from flashsale.service import Engine
from ingest.answers import answer_problem
from ingest.auth import Tokens
from ingest.bodies import CATALOGUE_BYTES_MAX
from ingest.claims_door import ClaimsDoor
from ingest.connections import Connections
from ingest.corrections import Corrections
from ingest.docs_page import docs_routes
from ingest.domain import Role
from ingest.edge import Edge
from ingest.folder import locked
from ingest.hot_path import AsgiApp, HotPath, Message, Receive, Scope, Send
from ingest.intake import Intake
from ingest.keepers import Keepers
from ingest.ledger import ServiceLedger
from ingest.metrics import Metrics
from ingest.openapi import openapi_of
from ingest.pipeline import Pipeline
from ingest.problems import SLUG_OF_STATUS, Problem
from ingest.pulls import Pulls
from ingest.recorder import Recorder
from ingest.reversals import Reversals
from ingest.routes.bridge import bridge_routes
from ingest.routes.catalogue import catalogue_routes
from ingest.routes.claims import claim_routes
from ingest.routes.comments import comment_routes
from ingest.routes.connections import connection_routes
from ingest.routes.contract import to_response
from ingest.routes.draws import draw_routes
from ingest.routes.exports import export_routes
from ingest.routes.facts import fact_routes
from ingest.routes.health import health_routes
from ingest.routes.hooks import hook_routes
from ingest.routes.sales import sale_routes
from ingest.routes.tokens import token_routes
from ingest.sale_context import SaleContexts
from ingest.sales import Sales
from ingest.seal import Seal, write_private
from ingest.service import Service
from ingest.settings import Settings
from ingest.trouble import Troubles
from ingest.words import CatalogueWords
from inventory.ledger import Ledger
from overlay.hub import Hub
from overlay.routes import live_routes

ADMIN_TOKEN_FILE: Final = "admin-token"  # noqa: S105 - a file name


def now_ms() -> int:
    """Return this machine's clock, Unix milliseconds. Nothing that decides a sale is taken from it."""
    return time.time_ns() // 1_000_000


@asynccontextmanager
async def open_service(settings: Settings) -> AsyncIterator[Service]:
    """Open everything on the settings' data folder; on exit, in reverse order, close it cleanly.

    Raises FolderBusyError where another process has the folder, and what the parts raise, each in words for the operator.
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(locked(settings.data_dir))
        embedded = None if settings.store_url else EmbeddedStore(settings.data_dir, keep_running=True)
        if embedded is not None:
            await stack.enter_async_context(embedded)
        engine = await stack.enter_async_context(Engine.open(embedded.url if embedded else settings.store_url))
        ledger = await stack.enter_async_context(await Ledger.open(settings.effective_ledger_url()))
        http = await stack.enter_async_context(_client())
        service = await _assembled(settings, embedded, engine, ledger, http, stack)
        await stack.enter_async_context(service.hub)
        await stack.enter_async_context(service.keepers)
        try:
            yield service
        finally:
            await service.stop_intake()


async def _assembled(
    settings: Settings,
    embedded: EmbeddedStore | None,
    engine: Engine,
    ledger: Ledger,
    http: httpx.AsyncClient,
    stack: AsyncExitStack,
) -> Service:
    own_ledger, intake, metrics = ServiceLedger(ledger), Intake(), Metrics()
    troubles, seal = Troubles(intake), Seal.of_folder(settings.data_dir)
    tokens = Tokens(own_ledger.tokens, now_ms)
    await tokens.load()
    connections = Connections(own_ledger.connections, seal, http, settings.order_desk_timeout_ms)
    await connections.load()
    contexts = SaleContexts(engine, own_ledger.sales, CatalogueWords(ledger))
    recorder = await stack.enter_async_context(Recorder(own_ledger.comments))
    pipeline = Pipeline(
        engine=engine,
        contexts=contexts,
        recorder=recorder,
        reversals=Reversals(engine, own_ledger.facts),
        comments_before=own_ledger.comments,
        intake=intake,
        metrics=metrics,
        late_comment_ms=settings.late_comment_ms,
    )
    return Service(
        settings=settings,
        admin_secret=await _admin_secret(settings.data_dir, tokens),
        embedded=embedded,
        engine=engine,
        ledger=ledger,
        own_ledger=own_ledger,
        seal=seal,
        tokens=tokens,
        connections=connections,
        contexts=contexts,
        sales=Sales(
            engine=engine, ledger=ledger, own_ledger=own_ledger.sales, contexts=contexts, seal=seal, now_ms=now_ms
        ),
        corrections=Corrections(engine, own_ledger.comments, now_ms),
        recorder=recorder,
        pipeline=pipeline,
        claims_door=ClaimsDoor(engine, tokens, intake, troubles),
        hub=Hub(engine),
        keepers=Keepers(
            engine=engine,
            ledger=ledger,
            own_ledger=own_ledger,
            pulls=Pulls(connections, pipeline, metrics),
            intake=intake,
            troubles=troubles,
            metrics=metrics,
            now_ms=now_ms,
            holder=_holder(settings),
            lease_ttl_ms=settings.lease_ttl_ms,
            sweep_every_ms=settings.sweep_every_ms,
        ),
        intake=intake,
        troubles=troubles,
        metrics=metrics,
        http=http,
    )


def doors_of(service: Service) -> AsgiApp:
    """Build the ASGI app of an open service: the hot path in front, the documented routes behind it."""
    return HotPath(Edge(documented_app(service), service.metrics), service.claims_door, service.metrics)


def documented_app(service: Service) -> FastAPI:
    """Build the FastAPI app alone. It holds every route, the hot path's too."""
    app = FastAPI(
        openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False, max_body_size=CATALOGUE_BYTES_MAX
    )
    _add_problem_handlers(app, service)
    for routes in (
        sale_routes,
        catalogue_routes,
        claim_routes,
        fact_routes,
        hook_routes,
        bridge_routes,
        comment_routes,
        draw_routes,
        export_routes,
        token_routes,
        connection_routes,
        health_routes,
    ):
        app.include_router(routes(service))
    app.include_router(live_routes(service.hub, service.tokens))
    document = openapi_of(app, version("sellthrough"))
    app.include_router(docs_routes(document))
    return app


def create_app(settings: Settings) -> AsgiApp:
    """Build an ASGI app that opens the service at lifespan startup and closes it at shutdown, for any ASGI server."""
    return _Lifespan(settings)


class _Lifespan:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._doors: AsgiApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        assert self._doors is not None, "the server has to run the lifespan protocol first"
        await self._doors(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            async with open_service(self._settings) as service:
                self._doors = doors_of(service)
                await send({"type": "lifespan.startup.complete"})
                await receive()
        except Exception as error:
            failed: Message = {"type": "lifespan.startup.failed" if self._doors is None else "lifespan.shutdown.failed"}
            await send({**failed, "message": str(error)})
            return
        await send({"type": "lifespan.shutdown.complete"})


def _add_problem_handlers(app: FastAPI, service: Service) -> None:
    async def on_problem(_: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return to_response(answer_problem(error))

    async def on_invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        lines = tuple(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        return to_response(answer_problem(Problem("malformed", errors=lines)))

    async def on_http(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return to_response(answer_problem(_problem_of_status(error)))

    async def on_fault(_: Request, _error: Exception) -> Response:
        return to_response(answer_problem(Problem("internal")))

    async def on_trouble(_: Request, error: Exception) -> Response:
        return to_response(answer_problem(service.troubles.noted(error)))

    handlers: Sequence[tuple[type[Exception], Any]] = (
        (Problem, on_problem),
        (RequestValidationError, on_invalid),
        (HTTPException, on_http),
        (Exception, on_fault),
        *((kind, on_trouble) for kind in service.troubles.kinds),
    )
    for kind, handler in handlers:
        app.add_exception_handler(kind, handler)


def _problem_of_status(error: HTTPException) -> Problem:
    slug = SLUG_OF_STATUS.get(error.status_code, "malformed" if error.status_code < 500 else "internal")
    if slug == "not-found" and error.detail != HTTPStatus.NOT_FOUND.phrase:
        slug = "unknown-thing"
    said = error.detail not in {status.phrase for status in HTTPStatus}
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    return Problem(slug, error.detail if said else "", " " if said else "", headers=headers)


async def _admin_secret(data_dir: Path, tokens: Tokens) -> str:
    """Return the folder's admin token, making it at the first start; empty if the operator took it away since."""
    path = data_dir / ADMIN_TOKEN_FILE
    if path.exists():
        kept = path.read_text(encoding="ascii").strip()
        return kept if tokens.find(kept) is not None else ""
    if any(token.role is Role.ADMIN for token in tokens.all()):
        return ""
    _, secret = await tokens.make(Role.ADMIN, label="first start")
    write_private(path, f"{secret}\n".encode("ascii"))
    return secret


def _holder(settings: Settings) -> str:
    # The embedded store belongs to one process at a time (the folder is locked), so a restart may go on at once instead
    # of waiting until the lease of the process before has run out.
    return f"process-{secrets.token_hex(8)}" if settings.store_url else "embedded"


def _client() -> httpx.AsyncClient:
    # The environment's proxies are for the way out to the internet; an order desk is named by address on purpose.
    return httpx.AsyncClient(
        trust_env=False, follow_redirects=False, headers={"accept": "application/json"}, max_redirects=0
    )

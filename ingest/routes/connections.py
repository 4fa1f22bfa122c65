"""Connections: which platform feeds which sale. Settings go in and never come out again."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Path, Response

from ingest.answers import answer_json
from ingest.connections import Feed
from ingest.domain import Connection
from ingest.problems import Problem
from ingest.routes.contract import ADMINS, allowed, answers, body_of, takes, to_response
from ingest.routes.tokens import Revoked
from ingest.service import Service
from ingest.wire import ConnectionIn

ConnectionIdPath = Annotated[str, Path(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="The connection.")]


class ConnectionView(msgspec.Struct, frozen=True, kw_only=True):
    """A connection without its secrets: `settings_set` names what was set. `hook_path` is where a platform pushes to."""

    connection_id: str
    adapter: str
    platform: str
    transport: str
    sale_id: str
    settings_set: tuple[str, ...]
    hook_path: str = ""


class ConnectionList(msgspec.Struct, frozen=True, kw_only=True):
    """All connections, by id."""

    connections: tuple[ConnectionView, ...]


def connection_routes(service: Service) -> APIRouter:
    """Return the routes of connections."""
    router = APIRouter(tags=["connections"], dependencies=[Depends(allowed(service.tokens, ADMINS))])

    @router.put(
        "/v1/connections/{connection_id}",
        responses=answers({200: ConnectionView}, 404),
        openapi_extra=takes(ConnectionIn),
    )
    async def put_connection(
        connection_id: ConnectionIdPath, wanted: Annotated[ConnectionIn, body_of(ConnectionIn)]
    ) -> Response:
        """Add a connection, or replace it whole; in effect at once. Settings that are wrong are named."""
        await service.sales.tally(wanted.sale_id)
        connection = Connection(
            connection_id=connection_id, adapter=wanted.adapter, sale_id=wanted.sale_id, settings=wanted.settings
        )
        return to_response(answer_json(_view(await service.connections.put(connection))))

    @router.get("/v1/connections", responses=answers({200: ConnectionList}))
    async def list_connections() -> Response:
        """List the connections, without their secrets."""
        views = tuple(map(_view, service.connections.all()))
        return to_response(answer_json(ConnectionList(connections=views)))

    @router.delete("/v1/connections/{connection_id}", responses=answers({200: Revoked}, 404))
    async def remove_connection(connection_id: ConnectionIdPath) -> Response:
        """Remove a connection: its platform is answered 404 from now on, or hung up on."""
        if not await service.connections.remove(connection_id):
            raise Problem(
                "unknown-thing",
                f"没有连接 {connection_id}。",
                f"There is no connection {connection_id}.",
                id=connection_id,
            )
        return to_response(answer_json(Revoked(id=connection_id)))

    return router


def _view(feed: Feed) -> ConnectionView:
    connection = feed.connection
    pushed = feed.info.transport == "push"
    return ConnectionView(
        connection_id=connection.connection_id,
        adapter=connection.adapter,
        platform=feed.info.platform,
        transport=feed.info.transport,
        sale_id=connection.sale_id,
        settings_set=tuple(sorted(connection.settings)),
        hook_path=f"/v1/hooks/{connection.adapter}/{connection.connection_id}" if pushed else "",
    )

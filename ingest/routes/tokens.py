"""Tokens: made, listed and revoked by admins."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Path, Response

from ingest.answers import answer_json
from ingest.domain import Role, Token
from ingest.problems import Problem
from ingest.routes.contract import ADMINS, HOSTS, allowed, answers, body_of, takes, to_response
from ingest.service import Service
from ingest.wire import TokenIn


class TokenView(msgspec.Struct, frozen=True, kw_only=True):
    """A token without its secret. `sale_id` is empty for all sales."""

    token_id: str
    role: Role
    sale_id: str
    label: str
    created_at_ms: int


class TokenMade(msgspec.Struct, frozen=True, kw_only=True):
    """A new token. `token` is shown this once and cannot be read again."""

    token_id: str
    token: str
    role: Role
    sale_id: str
    label: str


class TokenList(msgspec.Struct, frozen=True, kw_only=True):
    """All tokens that are good now, oldest first."""

    tokens: tuple[TokenView, ...]


class Revoked(msgspec.Struct, frozen=True, kw_only=True):
    """What was removed."""

    id: str


def token_routes(service: Service) -> APIRouter:
    """Return the routes of tokens."""
    router = APIRouter(tags=["tokens"])
    admin, host = Depends(allowed(service.tokens, ADMINS)), Depends(allowed(service.tokens, HOSTS))

    @router.post(
        "/v1/tokens",
        responses=answers({201: TokenMade}, 404),
        openapi_extra=takes(TokenIn),
        status_code=201,
        dependencies=[host],
    )
    async def make_token(wanted: Annotated[TokenIn, body_of(TokenIn)], maker: Token = host) -> Response:
        """Make a token. Its secret is in this answer only. A host may make overlay links for sales of their own."""
        if not maker.admits(wanted.sale_id) or (maker.role is not Role.ADMIN and wanted.role is not Role.OVERLAY):
            raise Problem("forbidden")
        if wanted.sale_id:
            await service.sales.tally(wanted.sale_id)
        token, secret = await service.tokens.make(wanted.role, wanted.sale_id, wanted.label)
        made = TokenMade(
            token_id=token.token_id, token=secret, role=token.role, sale_id=token.sale_id, label=token.label
        )
        return to_response(answer_json(made, 201))

    @router.get("/v1/tokens", responses=answers({200: TokenList}), dependencies=[admin])
    async def list_tokens() -> Response:
        """List the tokens that are good now, without their secrets."""
        views = tuple(
            TokenView(
                token_id=token.token_id,
                role=token.role,
                sale_id=token.sale_id,
                label=token.label,
                created_at_ms=token.created_at_ms,
            )
            for token in service.tokens.all()
        )
        return to_response(answer_json(TokenList(tokens=views)))

    @router.delete("/v1/tokens/{token_id}", responses=answers({200: Revoked}, 404), dependencies=[admin])
    async def revoke_token(token_id: Annotated[str, Path(description="The token's id.")]) -> Response:
        """Revoke a token: nothing that comes after gets in with it."""
        if not await service.tokens.revoke(token_id):
            raise Problem("unknown-thing", f"没有令牌 {token_id}。", f"There is no token {token_id}.", id=token_id)
        return to_response(answer_json(Revoked(id=token_id)))

    return router

"""Sales: create, look at, change, open and close, show an offer, block a buyer."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Response

from flashsale.domain import Block, BuyerId, OpResult, Outcome, SaleId, SaleState, SetSaleState
from flashsale.tally import Tally
from ingest.answers import OpAnswer, answer_json, answer_op
from ingest.domain import Token
from ingest.problems import Problem
from ingest.routes.contract import HOSTS, WATCHERS, SaleIdPath, allowed, answers, body_of, takes, to_response
from ingest.sales import SaleView
from ingest.service import Service
from ingest.wire import BlockIn, FeaturedIn, SaleIn, SalePatch


class SaleSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A sale in a list."""

    sale_id: str
    name: str
    state: SaleState
    currency: str
    rev: str


class SaleList(msgspec.Struct, frozen=True, kw_only=True):
    """The sales that the token is good for."""

    sales: tuple[SaleSummary, ...]


class FeaturedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The offer that is shown now, and since when."""

    sku: str
    since_ms: int


def sale_routes(service: Service) -> APIRouter:
    """Return the routes of sales as such."""
    router = APIRouter(tags=["sales"])
    _add_reading(router, service)
    _add_changing(router, service)
    _add_states(router, service)
    return router


def _add_reading(router: APIRouter, service: Service) -> None:
    watcher = Depends(allowed(service.tokens, WATCHERS))

    @router.get("/v1/sales", responses=answers({200: SaleList}))
    async def list_sales(token: Token = watcher) -> Response:
        """List the sales that the token is good for, oldest first."""
        found: list[SaleSummary] = []
        for sale_id in await service.engine.sale_ids():
            tally = await service.engine.tally(sale_id) if token.admits(sale_id) else None
            if tally is not None:
                found.append(
                    SaleSummary(
                        sale_id=sale_id, name=tally.name, state=tally.state, currency=tally.currency, rev=tally.rev
                    )
                )
        return to_response(answer_json(SaleList(sales=tuple(found))))

    @router.get("/v1/sales/{sale_id}", responses=answers({200: SaleView}, 404), dependencies=[watcher])
    async def get_sale(sale_id: SaleIdPath) -> Response:
        """Look at a sale: state, settings, the offer that is shown."""
        return to_response(answer_json(await service.sales.view(sale_id)))

    @router.get("/v1/sales/{sale_id}/tally", responses=answers({200: Tally}, 404), dependencies=[watcher])
    async def get_tally(sale_id: SaleIdPath) -> Response:
        """Read all live counters (战报) at one moment."""
        return to_response(answer_json(await service.sales.tally(sale_id)))


def _add_changing(router: APIRouter, service: Service) -> None:
    host = Depends(allowed(service.tokens, HOSTS))

    @router.post(
        "/v1/sales",
        responses=answers({201: SaleView, 200: SaleView}, 409),
        openapi_extra=takes(SaleIn),
        status_code=201,
        dependencies=[host],
    )
    async def create_sale(wanted: Annotated[SaleIn, body_of(SaleIn)], token: Token = host) -> Response:
        """Create a sale, in state draft. The same request again answers 200; another one of that id is refused."""
        if not token.admits(wanted.sale_id):
            raise Problem("forbidden")
        view, is_new = await service.sales.create(wanted)
        return to_response(answer_json(view, 201 if is_new else 200))

    @router.patch(
        "/v1/sales/{sale_id}",
        responses=answers({200: SaleView}, 404, 409),
        openapi_extra=takes(SalePatch),
        dependencies=[host],
    )
    async def change_sale(sale_id: SaleIdPath, wanted: Annotated[SalePatch, body_of(SalePatch)]) -> Response:
        """Change a sale's name or settings; in effect for the next comment."""
        return to_response(answer_json(await service.sales.change(sale_id, wanted.name, wanted.settings)))

    @router.put(
        "/v1/sales/{sale_id}/featured",
        responses=answers({200: FeaturedAnswer}, 404),
        openapi_extra=takes(FeaturedIn),
        dependencies=[host],
    )
    async def feature(sale_id: SaleIdPath, wanted: Annotated[FeaturedIn, body_of(FeaturedIn)]) -> Response:
        """Say which offer is being shown: comments that name none mean this one."""
        since_ms = await service.sales.feature(sale_id, wanted.sku)
        return to_response(answer_json(FeaturedAnswer(sku=wanted.sku, since_ms=since_ms)))

    @router.post(
        "/v1/sales/{sale_id}/blocked",
        responses=answers({200: OpAnswer}, 404, refusal=OpAnswer),
        openapi_extra=takes(BlockIn),
        dependencies=[host],
    )
    async def block(sale_id: SaleIdPath, wanted: Annotated[BlockIn, body_of(BlockIn)]) -> Response:
        """Block a buyer, or let them in again. What they hold stays theirs."""
        await service.sales.tally(sale_id)
        op = Block(buyer_id=BuyerId(wanted.buyer_id), blocked=wanted.blocked)
        return to_response(answer_op(await service.engine.apply(SaleId(sale_id), op)))


_STATE_OF_VERB = {
    "open": SaleState.OPEN,
    "pause": SaleState.PAUSED,
    "resume": SaleState.OPEN,
    "close": SaleState.CLOSED,
}
_WORDS_OF_VERB = {
    "open": "Open the sale: claims are taken from now on.",
    "pause": "Pause the sale: claims are refused as `not_on_sale` until it is resumed.",
    "resume": "Go on after a pause. A sale that was never opened is not resumed.",
    "close": "Close the sale, for good.",
}


def _add_states(router: APIRouter, service: Service) -> None:
    host = Depends(allowed(service.tokens, HOSTS))

    def add(verb: str, state: SaleState) -> None:
        @router.post(
            f"/v1/sales/{{sale_id}}/{verb}",
            responses=answers({200: OpAnswer}, 404, refusal=OpAnswer),
            dependencies=[host],
            name=f"{verb}_sale",
            description=_WORDS_OF_VERB[verb],
        )
        async def move(sale_id: SaleIdPath) -> Response:
            if verb == "resume" and (await service.sales.tally(sale_id)).state is SaleState.DRAFT:
                # To the engine this is opening; a host who means to go on has not opened this sale, or has the wrong one.
                return to_response(answer_op(OpResult(id="", outcome=Outcome.CONFLICT, detail=SaleState.DRAFT.value)))
            result = await service.engine.apply(SaleId(sale_id), SetSaleState(state=state))
            service.contexts.forget(sale_id)
            return to_response(answer_op(result))

    for verb, state in _STATE_OF_VERB.items():
        add(verb, state)

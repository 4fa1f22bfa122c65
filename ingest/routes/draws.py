"""Prize draws: the host is bound to a seed before anybody enters, and anybody can check who won."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Path, Response

from flashsale.domain import Outcome, SaleId
from ingest.answers import DoorAnswer, OpAnswer, answer_json, answer_op, status_of
from ingest.problems import Problem
from ingest.routes.contract import HOSTS, SaleIdPath, allowed, answers, body_of, takes, to_response
from ingest.service import Service
from ingest.wire import DrawIn, SettleIn

DrawIdPath = Annotated[str, Path(description="The draw (抽奖).")]


class DrawAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A draw as it stands. `seed` and `winners` are empty until it is settled."""

    draw_id: str
    state: str
    prize: str
    seed_hash: str
    entrants: int
    seed: str = ""
    winners: tuple[str, ...] = ()


class DrawProofAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """All that a viewer needs to compute the winners again: seed, its hash published before, and who took part.

    Ranks are SHA-256(seed + ":" + draw_id + ":" + buyer_id), UTF-8, as hex; the lowest `winners_max` ranks win.
    """

    draw_id: str
    prize: str
    winners_max: int
    seed_hash: str
    seed: str
    entrants: tuple[str, ...]
    winners: tuple[str, ...]


def draw_routes(service: Service) -> APIRouter:
    """Return the routes of draws."""
    router = APIRouter(tags=["draws"])
    _add_running(router, service)
    _add_proof(router, service)
    return router


def _add_running(router: APIRouter, service: Service) -> None:
    host = Depends(allowed(service.tokens, HOSTS))

    @router.post(
        "/v1/sales/{sale_id}/draws",
        responses=answers({201: DrawAnswer, 200: DrawAnswer}, 404, refusal=OpAnswer),
        openapi_extra=takes(DrawIn),
        status_code=201,
        dependencies=[host],
    )
    async def open_draw(sale_id: SaleIdPath, wanted: Annotated[DrawIn, body_of(DrawIn)]) -> Response:
        """Open a draw and publish the hash of its seed: from here on nobody can choose who wins."""
        result = await service.sales.open_draw(sale_id, wanted)
        if result.outcome is not Outcome.APPLIED:
            return to_response(answer_op(result))
        return to_response(await _as_it_stands(service, sale_id, wanted.draw_id, 200 if result.replayed else 201))

    @router.post(
        "/v1/sales/{sale_id}/draws/{draw_id}/close",
        responses=answers({200: DrawAnswer}, 404, refusal=OpAnswer),
        dependencies=[host],
    )
    async def close_draw(sale_id: SaleIdPath, draw_id: DrawIdPath) -> Response:
        """End the entries; where the service keeps the seed, draw the winners and publish seed and winners."""
        result = await service.sales.close_draw(sale_id, draw_id)
        if status_of(result) != 200:
            return to_response(answer_op(result))
        return to_response(await _as_it_stands(service, sale_id, draw_id))

    @router.post(
        "/v1/sales/{sale_id}/draws/{draw_id}/settle",
        responses=answers({200: DrawAnswer}, 404, refusal=OpAnswer),
        openapi_extra=takes(SettleIn),
        dependencies=[host],
    )
    async def settle_draw(
        sale_id: SaleIdPath, draw_id: DrawIdPath, wanted: Annotated[SettleIn, body_of(SettleIn)]
    ) -> Response:
        """Publish a seed that the host kept, and draw the winners by it."""
        result = await service.sales.settle_draw(sale_id, draw_id, wanted.seed)
        if status_of(result) != 200:
            return to_response(answer_op(result))
        return to_response(await _as_it_stands(service, sale_id, draw_id))


def _add_proof(router: APIRouter, service: Service) -> None:
    @router.get(
        "/v1/sales/{sale_id}/draws/{draw_id}/proof",
        responses=answers({200: DrawProofAnswer}, 404, 409),
        dependencies=[Depends(allowed(service.tokens, HOSTS))],
    )
    async def draw_proof(sale_id: SaleIdPath, draw_id: DrawIdPath) -> Response:
        """Read all that is needed to compute the winners again. There once the draw is settled."""
        draw = await service.sales.draw(sale_id, draw_id)
        if draw.state != "settled":
            raise Problem("refused", "抽奖尚未开奖，还没有证明。", "The draw is not settled yet, so there is no proof.")
        entrants = await service.engine.entrants(SaleId(sale_id), draw_id)
        return to_response(
            answer_json(
                DrawProofAnswer(
                    draw_id=draw_id,
                    prize=draw.prize,
                    winners_max=draw.winners_max,
                    seed_hash=draw.seed_hash,
                    seed=draw.seed,
                    entrants=tuple(entrants),
                    winners=service.sales.winners_of(draw, entrants),
                )
            )
        )


async def _as_it_stands(service: Service, sale_id: str, draw_id: str, status: int = 200) -> DoorAnswer:
    draw = await service.sales.draw(sale_id, draw_id)
    winners: tuple[str, ...] = ()
    if draw.state == "settled":
        winners = service.sales.winners_of(draw, await service.engine.entrants(SaleId(sale_id), draw_id))
    answer = DrawAnswer(
        draw_id=draw_id,
        state=draw.state,
        prize=draw.prize,
        seed_hash=draw.seed_hash,
        entrants=draw.entrants,
        seed=draw.seed,
        winners=winners,
    )
    return answer_json(answer, status)

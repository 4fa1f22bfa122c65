"""Is it alive, is it ready, what does it count, and what does a problem mean."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Response
from prometheus_client import CONTENT_TYPE_LATEST

from ingest.answers import answer_json
from ingest.problems import KINDS, Problem, ProblemKind
from ingest.routes.contract import answers, to_response
from ingest.service import Service


class Alive(msgspec.Struct, frozen=True, kw_only=True):
    """The process answers."""

    status: str


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Whether anything may come in, and if not, why in words, by where the trouble is."""

    ready: bool
    store: str
    ledger: str
    stopping: bool
    keeper: bool


def health_routes(service: Service) -> APIRouter:
    """Return the routes of health, metrics and problem descriptions."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz", responses=answers({200: Alive}, open_door=True))
    async def healthz() -> Response:
        """Answer as long as the process lives."""
        return to_response(answer_json(Alive(status="ok")))

    @router.get("/readyz", responses=answers({200: Readiness, 503: Readiness}, open_door=True))
    async def readyz() -> Response:
        """Say whether claims and pushes are taken now; asks the store."""
        store, ledger = await _store_words(service), service.intake.troubles.get("ledger", "ok")
        readiness = Readiness(
            ready=store == "ok" and ledger == "ok" and not service.intake.stopping,
            store=store,
            ledger=ledger,
            stopping=service.intake.stopping,
            keeper=service.keepers.leading,
        )
        return to_response(answer_json(readiness, 200 if readiness.ready else 503))

    @router.get("/metrics", responses={200: {"description": "Prometheus text.", "content": {"text/plain": {}}}})
    async def metrics() -> Response:
        """Counters for Prometheus."""
        batchers = list(service.engine.batchers.values())
        service.metrics.batching(
            batches=sum(batcher.batches for batcher in batchers),
            operations=sum(batcher.operations for batcher in batchers),
            shed=sum(batcher.shed for batcher in batchers),
            waiting=sum(batcher.queued_ops for batcher in batchers),
        )
        return Response(service.metrics.exposition(), media_type=CONTENT_TYPE_LATEST)

    @router.get("/problems/{slug}", responses=answers({200: ProblemKind}, 404, open_door=True))
    async def describe_problem(
        slug: Annotated[str, Path(description="The last part of a problem's `type`.")],
    ) -> Response:
        """Describe a kind of problem."""
        if slug not in KINDS:
            raise Problem("unknown-thing", id=slug)
        return to_response(answer_json(KINDS[slug]))

    return router


async def _store_words(service: Service) -> str:
    if service.embedded is not None and service.embedded.trouble:
        return service.embedded.trouble
    troubled = service.intake.troubles.get("store")
    if troubled is not None:
        return troubled
    try:
        await service.engine.info()
    except service.troubles.kinds as error:
        service.troubles.noted(error)
        return str(error)
    return "ok"

"""Claims: the documented twin of the hot path, looking a claim up, and changing it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response

from flashsale.domain import BATCH_OPS_MAX, Cancel, ClaimId, ClaimView, Confirm, Extend, Outcome, SaleId
from ingest.answers import JSON_TYPE, NDJSON_TYPE, ClaimAnswer, answer_change, answer_json
from ingest.auth import SELLERS, bearer_of
from ingest.bodies import BATCH_BYTES_MAX, JSON_BYTES_MAX, read_body
from ingest.problems import Problem
from ingest.routes.contract import SaleIdPath, allowed, answers, body_of, schema_of, takes, to_response
from ingest.service import Service
from ingest.wire import CancelIn, ClaimIn, ConfirmIn, ExtendIn, domain_lines

ClaimIdPath = Annotated[str, Path(description="The claim (下单请求), by the id its sender made.")]

_MANY_IN: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            JSON_TYPE: {
                "schema": {"type": "array", "minItems": 1, "maxItems": BATCH_OPS_MAX, "items": schema_of(ClaimIn)}
            },
            NDJSON_TYPE: {"schema": schema_of(ClaimIn)},
        },
    }
}
_MANY_OUT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "An answer for each claim, in the order given; see each one's `outcome`.",
        "content": {
            JSON_TYPE: {"schema": {"type": "array", "items": schema_of(ClaimAnswer)}},
            NDJSON_TYPE: {"schema": schema_of(ClaimAnswer)},
        },
    }
}


def claim_routes(service: Service) -> APIRouter:
    """Return the routes of claims."""
    router = APIRouter(tags=["claims"])
    _add_making(router, service)
    _add_looking_up(router, service)
    _add_changing(router, service)
    return router


def _add_making(router: APIRouter, service: Service) -> None:
    @router.post(
        "/v1/sales/{sale_id}/claims",
        responses=answers({201: ClaimAnswer, 200: ClaimAnswer}, 404, 408, 413, refusal=ClaimAnswer),
        openapi_extra=takes(ClaimIn),
        status_code=201,
    )
    async def make_claim(sale_id: SaleIdPath, request: Request) -> Response:
        """Claim packs: 201 reserved, partial, presold or waitlisted; 200 the same again; 409 refused (see `outcome`)."""
        body = await read_body(request.receive, JSON_BYTES_MAX)
        secret = bearer_of(request.headers.get("authorization", ""))
        return to_response(await service.claims_door.one(sale_id, secret, body))

    @router.post(
        "/v1/sales/{sale_id}/claims/batch",
        responses={**answers({}, 404, 408, 413), **_MANY_OUT},
        openapi_extra=_MANY_IN,
    )
    async def make_claims(sale_id: SaleIdPath, request: Request) -> Response:
        """Make up to 1,000 claims, as an array or a line each. A malformed one is answered alone, as `invalid`."""
        body = await read_body(request.receive, BATCH_BYTES_MAX)
        secret = bearer_of(request.headers.get("authorization", ""))
        content_type = request.headers.get("content-type", "")
        return to_response(await service.claims_door.many(sale_id, secret, body, content_type))


def _add_looking_up(router: APIRouter, service: Service) -> None:
    @router.get(
        "/v1/sales/{sale_id}/claims/{claim_id:path}",
        responses=answers({200: ClaimView}, 404),
        dependencies=[Depends(allowed(service.tokens, SELLERS))],
    )
    async def get_claim(sale_id: SaleIdPath, claim_id: ClaimIdPath) -> Response:
        """Look a claim or fact up as it stands now."""
        view = await service.engine.claim(SaleId(sale_id), ClaimId(claim_id))
        if view is None:
            raise Problem("unknown-claim", id=claim_id)
        return to_response(answer_json(view))


def _add_changing(router: APIRouter, service: Service) -> None:
    seller = Depends(allowed(service.tokens, SELLERS))
    documented = answers({200: ClaimAnswer}, 404, refusal=ClaimAnswer)

    @router.post(
        "/v1/sales/{sale_id}/claims/{claim_id:path}/confirm",
        responses=documented,
        openapi_extra=takes(ConfirmIn, required=False),
        dependencies=[seller],
    )
    async def confirm_claim(
        sale_id: SaleIdPath, claim_id: ClaimIdPath, wanted: Annotated[ConfirmIn, body_of(ConfirmIn)]
    ) -> Response:
        """Make an order of a hold: its payment arrived. 409 where it ended otherwise; see `detail` for a refund due."""
        op = Confirm(claim_id=ClaimId(claim_id), lines=domain_lines(wanted.lines), reclaim=wanted.reclaim)
        return to_response(answer_change(await service.engine.apply(SaleId(sale_id), op), Outcome.CONFIRMED))

    @router.post(
        "/v1/sales/{sale_id}/claims/{claim_id:path}/cancel",
        responses=documented,
        openapi_extra=takes(CancelIn, required=False),
        dependencies=[seller],
    )
    async def cancel_claim(
        sale_id: SaleIdPath, claim_id: ClaimIdPath, wanted: Annotated[CancelIn, body_of(CancelIn)]
    ) -> Response:
        """End a hold or a place in the waitlist; with `order`, take back a confirmed order."""
        op = Cancel(claim_id=ClaimId(claim_id), reason=wanted.reason, order=wanted.order)
        return to_response(answer_change(await service.engine.apply(SaleId(sale_id), op), Outcome.CANCELLED))

    @router.post(
        "/v1/sales/{sale_id}/claims/{claim_id:path}/extend",
        responses=documented,
        openapi_extra=takes(ExtendIn),
        dependencies=[seller],
    )
    async def extend_claim(
        sale_id: SaleIdPath, claim_id: ClaimIdPath, wanted: Annotated[ExtendIn, body_of(ExtendIn)]
    ) -> Response:
        """Move a hold's deadline, never to an earlier time."""
        op = Extend(claim_id=ClaimId(claim_id), expires_at_ms=wanted.expires_at_ms)
        return to_response(answer_change(await service.engine.apply(SaleId(sale_id), op), Outcome.EXTENDED))

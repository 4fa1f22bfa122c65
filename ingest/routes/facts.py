"""Facts: sales that already happened elsewhere. They cannot be refused, only recorded."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Response

from flashsale.domain import BATCH_OPS_MAX, SaleId
from ingest.answers import (
    JSON_TYPE,
    OpAnswer,
    answer_json,
    answer_op,
    answer_problem,
    is_unknown_sale,
    op_answer,
)
from ingest.auth import SELLERS
from ingest.bodies import BATCH_BYTES_MAX
from ingest.problems import Problem
from ingest.routes.contract import SaleIdPath, allowed, answers, body_of, schema_of, to_response
from ingest.service import Service
from ingest.wire import FactIn


class FactsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer for each fact, in the order given."""

    results: tuple[OpAnswer, ...]


_ONE_OR_MANY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            JSON_TYPE: {
                "schema": {
                    "anyOf": [
                        schema_of(FactIn),
                        {"type": "array", "minItems": 1, "maxItems": BATCH_OPS_MAX, "items": schema_of(FactIn)},
                    ]
                }
            }
        },
    }
}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    201: {"description": "Recorded.", "content": {JSON_TYPE: {"schema": schema_of(OpAnswer)}}},
    200: {
        "description": "One fact: there already, or reversed. Several: an answer for each.",
        "content": {JSON_TYPE: {"schema": {"anyOf": [schema_of(OpAnswer), schema_of(FactsAnswer)]}}},
    },
}


def fact_routes(service: Service) -> APIRouter:
    """Return the route of facts."""
    router = APIRouter(tags=["facts"])

    @router.post(
        "/v1/sales/{sale_id}/facts",
        responses={**answers({}, 404, 413, refusal=OpAnswer), **_ANSWERS},
        openapi_extra=_ONE_OR_MANY,
        status_code=201,
        dependencies=[Depends(allowed(service.tokens, SELLERS))],
    )
    async def record_facts(
        sale_id: SaleIdPath,
        facts: Annotated[FactIn | list[FactIn], body_of(FactIn | list[FactIn], BATCH_BYTES_MAX)],
    ) -> Response:
        """Record a sale that happened elsewhere, or several. May oversell, and then says so; `reverses` takes one back."""
        service.intake.require_open(ledger=False)
        if isinstance(facts, FactIn):
            return to_response(answer_op(await service.engine.apply(SaleId(sale_id), facts.op())))
        if not 1 <= len(facts) <= BATCH_OPS_MAX:
            raise Problem(
                "malformed", f"一批须有 1 到 {BATCH_OPS_MAX} 条。", f"A batch holds 1 to {BATCH_OPS_MAX} facts."
            )
        results = await service.engine.apply_all(SaleId(sale_id), [fact.op() for fact in facts])
        if is_unknown_sale(results[0]):
            return to_response(answer_problem(Problem("unknown-sale")))
        return to_response(answer_json(FactsAnswer(results=tuple(map(op_answer, results)))))

    return router

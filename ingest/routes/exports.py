"""Taking orders out: pages of orders, files for suppliers and couriers, the report, the books check.

What makes Excel files and charts is imported with the first of them: it would double the time that a start takes.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import HTMLResponse, StreamingResponse

from flashsale.domain import SaleId
from ingest.answers import XLSX_TYPE, answer_json
from ingest.problems import Problem
from ingest.routes.contract import ADMINS, HOSTS, WATCHERS, SaleIdPath, allowed, answers, to_response
from ingest.service import Service
from inventory.check import CheckReport, check_sale
from inventory.follower import LedgerKeeper
from inventory.ledger import OrdersPage

Kind = Literal["orders", "picklist", "settlement", "demand"]
Form = Literal["xlsx", "csv"]
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file.", "content": {XLSX_TYPE: {}, "text/csv; charset=utf-8": {}}}
}
_PAGE: dict[int | str, dict[str, Any]] = {200: {"description": "One HTML page.", "content": {"text/html": {}}}}
REPORT_POLICY: Final = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"


def export_routes(service: Service) -> APIRouter:
    """Return the routes that take orders out."""
    router = APIRouter(tags=["orders"])
    _add_orders(router, service)
    _add_papers(router, service)
    _add_campaigns(router, service)
    return router


def _add_orders(router: APIRouter, service: Service) -> None:
    host = Depends(allowed(service.tokens, HOSTS))

    @router.get("/v1/sales/{sale_id}/orders", responses=answers({200: OrdersPage}, 404), dependencies=[host])
    async def list_orders(
        sale_id: SaleIdPath,
        after: Annotated[int, Query(ge=0, le=2**53, description="The `next` of the page before.")] = 0,
        rows_max: Annotated[int, Query(ge=1, le=2_000, description="At most this many.")] = 500,
    ) -> Response:
        """Page through the orders, oldest first, with their lines. Everything sold before the call is in."""
        await _caught_up(service, sale_id)
        return to_response(answer_json(await service.ledger.orders(SaleId(sale_id), after, rows_max)))

    @router.get(
        "/v1/sales/{sale_id}/exports/{kind}.{form}", responses={**answers({}, 404), **_FILE}, dependencies=[host]
    )
    async def export(
        sale_id: SaleIdPath,
        kind: Annotated[Kind, Path(description="Which file.")],
        form: Annotated[Form, Path(description="Excel, or CSV that Excel reads.")],
    ) -> Response:
        """Fetch orders, pick list, settlement or demand as a file."""
        from inventory.exports import CONTENT_TYPES, ExportForm, export_filename, stream_export

        await _caught_up(service, sale_id)
        return StreamingResponse(
            stream_export(service.ledger, SaleId(sale_id), kind, form),
            media_type=CONTENT_TYPES[ExportForm(form)],
            headers={"content-disposition": _attachment(export_filename(SaleId(sale_id), kind, form))},
        )


def _add_papers(router: APIRouter, service: Service) -> None:
    host = Depends(allowed(service.tokens, HOSTS))

    @router.get(
        "/v1/sales/{sale_id}/report",
        responses={**answers({}, 404), **_PAGE},
        response_class=HTMLResponse,
        dependencies=[host],
    )
    async def report(sale_id: SaleIdPath) -> Response:
        """Fetch the sale's report as one HTML page, with the books check's finding in it."""
        from inventory.report import build_report

        await service.sales.tally(sale_id)
        finding = await check_sale(service.engine, service.ledger, SaleId(sale_id))
        page = await build_report(service.ledger, SaleId(sale_id), finding)
        return HTMLResponse(page, headers={"content-security-policy": REPORT_POLICY})

    @router.get("/v1/sales/{sale_id}/check", responses=answers({200: CheckReport}, 404), dependencies=[host])
    async def check(sale_id: SaleIdPath) -> Response:
        """Prove the books on the running sale: store, log and ledger have to tell the same story."""
        await service.sales.tally(sale_id)
        return to_response(answer_json(await check_sale(service.engine, service.ledger, SaleId(sale_id))))


def _add_campaigns(router: APIRouter, service: Service) -> None:
    @router.get("/v1/campaigns", responses=answers({}, 501), dependencies=[Depends(allowed(service.tokens, ADMINS))])
    async def list_campaigns() -> Response:
        """List campaigns. Not built yet."""
        raise Problem("not-built")

    @router.get(
        "/v1/campaigns/{campaign_id}/summary",
        responses=answers({}, 501),
        dependencies=[Depends(allowed(service.tokens, WATCHERS))],
    )
    async def campaign_summary(campaign_id: Annotated[str, Path(description="The campaign.")]) -> Response:
        """Sum a campaign up. Not built yet."""
        raise Problem("not-built", id=campaign_id)


def _attachment(filename: str) -> str:
    # Headers are Latin-1; a Chinese file name travels percent-encoded (RFC 6266).
    return f"attachment; filename*=UTF-8''{quote(filename)}"


async def _caught_up(service: Service, sale_id: str) -> None:
    """Bring the ledger up to now, so that nobody packs from a list that lacks the last orders."""
    await service.sales.tally(sale_id)
    await LedgerKeeper(service.engine, service.ledger).catch_up(SaleId(sale_id))

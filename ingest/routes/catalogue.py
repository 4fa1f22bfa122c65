"""What is on sale: catalogue files, pools, offers, and stock changed by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from fastapi import APIRouter, Depends, Path, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException

from flashsale.domain import AdjustPool, PoolId, SaleId, SetOffer, SetPool, Sku
from ingest.answers import XLSX_TYPE, OpAnswer, answer_json, answer_op
from ingest.bodies import CATALOGUE_BYTES_MAX, read_body, too_large
from ingest.problems import Problem
from ingest.routes.contract import HOSTS, SaleIdPath, allowed, answers, body_of, takes, to_response
from ingest.service import Service
from ingest.wire import AdjustIn, OfferIn, PoolIn

if TYPE_CHECKING:
    from inventory.catalogue import Catalogue

CSV_TYPE: Final = "text/csv"
MULTIPART_TYPE: Final = "multipart/form-data"
ERRORS_MAX: Final = 50


class CatalogueAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A catalogue that is on sale now. `warnings` say what stayed otherwise than the file has it, and what to do."""

    pools: int
    offers: int
    warnings: tuple[str, ...] = ()


_UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            CSV_TYPE: {"schema": {"type": "string"}},
            XLSX_TYPE: {"schema": {"type": "string", "format": "binary"}},
            MULTIPART_TYPE: {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
        },
    }
}


def catalogue_routes(service: Service) -> APIRouter:
    """Return the routes of catalogue, pools and offers."""
    router = APIRouter(tags=["catalogue"])
    _add_files(router, service)
    _add_single(router, service)
    return router


def _add_files(router: APIRouter, service: Service) -> None:
    @router.post(
        "/v1/sales/{sale_id}/catalogue",
        responses=answers({200: CatalogueAnswer}, 404, 409, 413),
        openapi_extra=_UPLOAD,
        dependencies=[Depends(allowed(service.tokens, HOSTS))],
    )
    async def upload_catalogue(sale_id: SaleIdPath, request: Request) -> Response:
        """Put a catalogue (.xlsx or .csv, as a raw body or as form field `file`) on sale. All mistakes are told at once."""
        content, filename = await _uploaded(request)
        catalogue = await run_in_threadpool(_read, content, filename)
        warnings = await service.sales.take_catalogue(sale_id, catalogue)
        answer = CatalogueAnswer(pools=len(catalogue.pools), offers=len(catalogue.offers), warnings=warnings)
        return to_response(answer_json(answer))

    @router.get(
        "/v1/catalogue-template.xlsx",
        responses={200: {"description": "OK", "content": {XLSX_TYPE: {}}}},
        response_class=Response,
    )
    async def template() -> Response:
        """Fetch an empty catalogue with Chinese headings, an example and notes."""
        content = await run_in_threadpool(_template)
        return Response(
            content,
            media_type=XLSX_TYPE,
            headers={"content-disposition": 'attachment; filename="catalogue-template.xlsx"'},
        )


async def _uploaded(request: Request) -> tuple[bytes, str]:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == MULTIPART_TYPE:
        return await _from_form(request)
    content = await read_body(request.receive, CATALOGUE_BYTES_MAX)
    # Excel files are zip archives; what a sender calls them matters less than what they are.
    return content, "catalogue.xlsx" if content_type == XLSX_TYPE or content[:2] == b"PK" else "catalogue.csv"


async def _from_form(request: Request) -> tuple[bytes, str]:
    if int(request.headers.get("content-length") or 0) > CATALOGUE_BYTES_MAX:
        raise too_large(CATALOGUE_BYTES_MAX)
    try:
        async with request.form(max_files=1, max_fields=10) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise Problem("malformed", "表单缺少文件字段 file。", "The form has no file field `file`.")
            content = await file.read(CATALOGUE_BYTES_MAX + 1)
            if len(content) > CATALOGUE_BYTES_MAX:
                raise too_large(CATALOGUE_BYTES_MAX)
            return content, file.filename or "catalogue.csv"
    except MultiPartException as error:
        raise Problem("malformed", "表单无法读取。", "The form cannot be read.") from error


def _template() -> bytes:
    from inventory.catalogue import catalogue_template

    return catalogue_template()


def _read(content: bytes, filename: str) -> Catalogue:
    # Excel's readers take a while to import, and a start must not wait for them.
    from inventory.catalogue import CatalogueError, read_catalogue

    try:
        return read_catalogue(content, filename)
    except CatalogueError as error:
        lines = tuple(f"{problem.text_zh()} {problem.text_en()}" for problem in error.problems[:ERRORS_MAX])
        raise Problem("bad-catalogue", errors=lines) from error


def _add_single(router: APIRouter, service: Service) -> None:
    host = Depends(allowed(service.tokens, HOSTS))

    @router.put(
        "/v1/sales/{sale_id}/pools/{pool_id}",
        responses=answers({200: OpAnswer}, 404, refusal=OpAnswer),
        openapi_extra=takes(PoolIn),
        dependencies=[host],
    )
    async def put_pool(
        sale_id: SaleIdPath,
        pool_id: Annotated[str, Path(description="The pool (库存池).")],
        wanted: Annotated[PoolIn, body_of(PoolIn)],
    ) -> Response:
        """Create a pool, or replace its rules. `initial_units` counts only when it is new."""
        op = SetPool(pool_id=PoolId(pool_id), **msgspec.structs.asdict(wanted))
        return to_response(answer_op((await service.sales.set_up(sale_id, [op]))[0]))

    @router.put(
        "/v1/sales/{sale_id}/offers/{sku}",
        responses=answers({200: OpAnswer}, 404, refusal=OpAnswer),
        openapi_extra=takes(OfferIn),
        dependencies=[host],
    )
    async def put_offer(
        sale_id: SaleIdPath,
        sku: Annotated[str, Path(description="The offer (商品规格).")],
        wanted: Annotated[OfferIn, body_of(OfferIn)],
    ) -> Response:
        """Create an offer, or replace its prices, limit and windows."""
        values = msgspec.structs.asdict(wanted)
        op = SetOffer(sku=Sku(sku), pool_id=PoolId(values.pop("pool_id")), **values)
        return to_response(answer_op((await service.sales.set_up(sale_id, [op]))[0]))

    @router.post(
        "/v1/sales/{sale_id}/pools/{pool_id}/adjust",
        responses=answers({200: OpAnswer}, 404, refusal=OpAnswer),
        openapi_extra=takes(AdjustIn),
        dependencies=[host],
    )
    async def adjust_pool(
        sale_id: SaleIdPath,
        pool_id: Annotated[str, Path(description="The pool (库存池).")],
        wanted: Annotated[AdjustIn, body_of(AdjustIn)],
    ) -> Response:
        """Change a pool's stock, with the reason on record. The same `adjust_id` again changes nothing."""
        op = AdjustPool(
            adjust_id=wanted.adjust_id,
            pool_id=PoolId(pool_id),
            delta_units=wanted.delta_units,
            reason=wanted.reason,
        )
        return to_response(answer_op(await service.engine.apply(SaleId(sale_id), op)))

"""The part of the service's HTTP contract that the console calls, over a sale played by hand."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Header, HTTPException, Request
from fastapi.responses import JSONResponse, Response

from flashsale.domain import SaleState
from tests.unit.overlay.played_sale import START_MS, PlayedSale

STATES = {
    "open": SaleState.OPEN,
    "pause": SaleState.PAUSED,
    "resume": SaleState.OPEN,
    "close": SaleState.CLOSED,
}


class HostApi:
    """Remembers what the console asked for. `refusal` answers the next change with that status and body."""

    def __init__(self, sale: PlayedSale) -> None:
        self.sale = sale
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.comments: list[dict[str, Any]] = []
        self.refusal: tuple[int, dict[str, Any]] | None = None

    def routes(self) -> APIRouter:
        router = APIRouter()

        @router.get("/v1/sales")
        async def sales(authorization: str = Header("")) -> dict[str, Any]:
            if authorization != "Bearer st_host_1":
                raise HTTPException(401, "令牌无效。The token is not valid.")
            return {
                "sales": [
                    {"sale_id": sale_id, "name": tally.name, "state": tally.state}
                    for sale_id, tally in self.sale.tallies.items()
                ]
            }

        @router.get("/v1/sales/{sale_id}")
        async def one(sale_id: str) -> dict[str, Any]:
            return {"sale_id": sale_id, "featured": "egg-30"}

        @router.get("/v1/sales/{sale_id}/comments")
        async def comments(since: str = "") -> dict[str, Any]:
            start = int(since or 0)
            return {"comments": self.comments[start:], "next": str(len(self.comments))}

        @router.get("/v1/sales/{sale_id}/report")
        async def report() -> Response:
            return Response("<!doctype html><title>战报</title>", media_type="text/html")

        @router.api_route("/v1/{path:path}", methods=["POST", "PUT"])
        async def change(path: str, request: Request) -> Response:
            self.asked.append((f"{request.method} {path}", await request.json()))
            if self.refusal is not None:
                status, body = self.refusal
                return JSONResponse(body, status, media_type="application/problem+json")
            verb = path.rpartition("/")[2]
            if verb in STATES:
                await self.sale.set_state(STATES[verb])
            return JSONResponse({"token": "st_overlay_1", "outcome": "applied"})

        return router


def comment(number: int, text: str, **fields: Any) -> dict[str, Any]:
    """A comment as the service shows it."""
    return {
        "event_id": f"douyin:{number}",
        "platform": "douyin",
        "nickname_masked": "山**",
        "normalised": text,
        "intent": "order",
        "rule": "code+packs",
        "reason": "商品码加数量",
        "reason_en": "offer code and a number",
        "lines": [{"sku": "egg-10", "packs": 2}],
        "outcome": "reserved",
        "corrected": False,
        "occurred_at_ms": START_MS + number * 1_000,
        **fields,
    }

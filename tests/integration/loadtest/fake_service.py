"""A small service with the wire of the real one and its books in memory, honest or with faults planted.

It takes the arguments of `sellthrough serve`, and `--fault NAME` any number of times. It is what shows that a burst
against a service that oversells, forgets or repeats itself ends with a verdict that says so; the real one cannot be asked to.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import time
from pathlib import Path
from typing import Any

import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

FAULTS = (
    "oversells",
    "forgets",
    "repeats_itself",
    "says_sold_out",
    "answers_by_mood",
    "sells_twice",
    "shows_nonsense",
)
EVERY = 10
"""A fault strikes once in so many claims, as faults do; each at its own, so that none hides another."""


class Books:
    """One sale in memory; single-threaded, so every method is atomic."""

    def __init__(self, faults: frozenset[str]) -> None:
        self.faults = faults
        self.revs = 0
        self.last_rev = ""
        self.asked = 0
        self.claims: dict[str, dict[str, Any]] = {}
        self.orders: list[dict[str, Any]] = []
        self.offers: dict[str, dict[str, Any]] = {}
        self.pool: dict[str, Any] = {}
        self.hold_ttl_ms = 0

    def strikes(self, fault: str) -> bool:
        return fault in self.faults and self.asked % EVERY == FAULTS.index(fault)

    def rev(self) -> str:
        self.revs += 1
        return f"{now_ms()}-{self.revs}"

    def units(self, lines: list[dict[str, Any]]) -> int:
        return sum(self.offers[line["sku"]]["units_per_pack"] * line["packs"] for line in lines)

    def taken(self, *statuses: str) -> int:
        return sum(self.units(c["lines"]) for c in self.claims.values() if c["status"] in statuses)

    def available(self) -> int:
        return int(self.pool["initial_units"]) - self.taken("held", "confirmed")

    def sweep(self) -> None:
        for claim in self.claims.values():
            if claim["status"] == "held" and 0 < claim["expires_at_ms"] <= now_ms():
                claim["status"] = "expired"
                self.last_rev = self.rev()

    def has_packs(self, buyer_id: str, sku: str) -> int:
        mine = [c for c in self.claims.values() if c["buyer_id"] == buyer_id and c["status"] in ("held", "confirmed")]
        return sum(line["packs"] for claim in mine for line in claim["lines"] if line["sku"] == sku)

    def claim(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.asked += 1
        self.sweep()
        known = self.claims.get(asked["claim_id"])
        if known is not None:
            if known["asked"] != asked:
                return 409, {"outcome": "conflict"}
            if self.strikes("repeats_itself"):
                return 201, known["first"]
            if "answers_by_mood" in self.faults:
                return 200, {**known["first"], "replayed": True, "expires_at_ms": 1}
            return 200, {**known["first"], "replayed": True}
        return self.decide(asked)

    def decide(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        lines = [dict(line) for line in asked["lines"]]
        if self.strikes("says_sold_out"):
            return 409, {"outcome": "sold_out"}
        if self.units(lines) > self.available() and "oversells" not in self.faults:
            if not asked["partial"] or len(lines) > 1:
                return 409, {"outcome": "sold_out"}
            lines[0]["packs"] = max(self.available(), 0) // self.offers[lines[0]["sku"]]["units_per_pack"]
            if not lines[0]["packs"]:
                return 409, {"outcome": "sold_out"}
        for line in lines:
            limit = self.offers[line["sku"]]["limit_packs"]
            if limit and self.has_packs(asked["buyer_id"], line["sku"]) + line["packs"] > limit:
                return 409, {"outcome": "limit_reached"}
        self.last_rev = self.rev()
        expires = now_ms() + self.hold_ttl_ms if self.hold_ttl_ms else 0
        answered = [
            {**line, "outcome": "reserved", "unit_price_minor": self.offers[line["sku"]]["price_minor"]}
            for line in lines
        ]
        first = {
            "claim_id": asked["claim_id"],
            "outcome": "reserved" if lines == asked["lines"] else "partial",
            "replayed": False,
            "amount_minor": sum(line["packs"] * line["unit_price_minor"] for line in answered),
            "expires_at_ms": expires,
            "rev": self.last_rev,
            "lines": answered,
        }
        if not self.strikes("forgets"):
            self.claims[asked["claim_id"]] = {
                "claim_id": asked["claim_id"],
                "status": "held",
                "buyer_id": asked["buyer_id"],
                "amount_minor": first["amount_minor"],
                "expires_at_ms": expires,
                "lines": answered,
                "first": first,
                "asked": asked,
                "detail": "",
            }
        return 201, first

    def end(self, claim_id: str, verb: str) -> tuple[int, dict[str, Any]]:
        self.sweep()
        claim = self.claims.get(claim_id)
        if claim is None:
            return 404, {"type": "/problems/unknown-claim", "status": 404, "outcome": "unknown"}
        outcome = self.ended(claim, verb)
        return (200 if outcome == verb else 409), {
            "outcome": outcome,
            "amount_minor": claim["amount_minor"] if outcome == "confirmed" else 0,
            "detail": claim["detail"],
        }

    def ended(self, claim: dict[str, Any], verb: str) -> str:
        status = claim["status"]
        if status == "held":
            self.settle(claim, verb)
        elif status == "expired" and verb == "confirmed" and self.units(claim["lines"]) <= self.available():
            claim["detail"] = "late"
            self.settle(claim, verb)
        elif status in ("expired", "cancelled") and verb == "confirmed":
            claim["status"], claim["detail"], claim["as"] = "refund_due", "refund_due", status
        return str(claim["as"] if claim["status"] == "refund_due" else claim["status"])

    def settle(self, claim: dict[str, Any], verb: str) -> None:
        claim["status"] = verb
        self.last_rev = self.rev()
        if verb == "confirmed":
            order = {key: claim[key] for key in ("claim_id", "status", "amount_minor", "lines")}
            self.orders += [order, order] if "sells_twice" in self.faults and len(self.orders) % EVERY == 0 else [order]

    def tally(self) -> dict[str, Any]:
        self.sweep()
        sold = self.taken("confirmed")
        available = self.available()
        statuses = [claim["status"] for claim in self.claims.values()]
        return {
            "rev": self.last_rev,
            "at_ms": now_ms(),
            "totals": {
                "orders": len(self.orders),
                "revenue_minor": sum(order["amount_minor"] for order in self.orders),
                "holds": statuses.count("held"),
                "refunds_due": statuses.count("refund_due"),
            },
            "pools": [
                {
                    "pool_id": "eggs",
                    "initial": self.pool["initial_units"],
                    "available": max(available, 0),
                    "held": self.taken("held"),
                    "sold": sold,
                    "oversold": max(-available, 0),
                }
            ],
            "offers": [],
        }


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def app_of(books: Books) -> Starlette:
    async def sales(request: Request) -> Response:
        books.hold_ttl_ms = (await request.json())["settings"]["hold_ttl_ms"]
        return JSONResponse({}, 201)

    async def pool(request: Request) -> Response:
        books.pool = await request.json()
        return JSONResponse({})

    async def offer(request: Request) -> Response:
        books.offers[request.path_params["sku"]] = await request.json()
        return JSONResponse({})

    async def nothing(request: Request) -> Response:
        return JSONResponse({"token_id": "t", "token": "secret"})

    async def claim(request: Request) -> Response:
        status, answer = books.claim(await request.json())
        return JSONResponse(answer, status)

    async def end(request: Request) -> Response:
        verb = {"confirm": "confirmed", "cancel": "cancelled"}[request.path_params["verb"]]
        status, answer = books.end(request.path_params["claim_id"], verb)
        return JSONResponse(answer, status)

    async def look_up(request: Request) -> Response:
        found = books.claims.get(request.path_params["claim_id"])
        return JSONResponse(found, 200 if found else 404)

    async def tally(request: Request) -> Response:
        return JSONResponse(books.tally())

    async def orders(request: Request) -> Response:
        return JSONResponse({"orders": books.orders, "next": None})

    async def live(socket: WebSocket) -> None:
        await socket.accept()
        rev: str | None = None
        try:
            while True:
                shown = books.tally()
                shown["pools"] = {pool["pool_id"]: pool for pool in shown["pools"]}
                if "shows_nonsense" in books.faults:
                    shown["pools"]["eggs"]["available"] += 1
                if rev is None:
                    await socket.send_json({"type": "snapshot", "rev": shown["rev"], "tally": shown})
                elif rev != shown["rev"]:
                    await socket.send_json({"type": "delta", "since": rev, "rev": shown["rev"], "patch": shown})
                rev = shown["rev"]
                await asyncio.sleep(0.1)
        except (WebSocketDisconnect, RuntimeError):
            return

    sale = "/v1/sales/{sale_id}"
    return Starlette(
        routes=[
            Route("/v1/sales", sales, methods=["POST"]),
            Route("/v1/tokens", nothing, methods=["POST"]),
            Route("/v1/tokens/{token_id}", nothing, methods=["DELETE"]),
            Route(sale + "/pools/{pool_id}", pool, methods=["PUT"]),
            Route(sale + "/offers/{sku}", offer, methods=["PUT"]),
            Route(sale + "/open", nothing, methods=["POST"]),
            Route(sale + "/close", nothing, methods=["POST"]),
            Route(sale + "/claims", claim, methods=["POST"]),
            Route(sale + "/claims/{claim_id}/{verb}", end, methods=["POST"]),
            Route(sale + "/claims/{claim_id}", look_up, methods=["GET"]),
            Route(sale + "/tally", tally, methods=["GET"]),
            Route(sale + "/orders", orders, methods=["GET"]),
            WebSocketRoute(sale + "/live", live),
        ]
    )


async def serve(ready_file: Path, faults: frozenset[str]) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(app_of(Books(faults)), log_level="warning", access_log=False, timeout_graceful_shutdown=1)
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # Until uvicorn puts its own handlers in place.
    draft = ready_file.with_suffix(".tmp")
    draft.write_text(json.dumps({"port": listener.getsockname()[1], "admin_token": "admin", "host": "127.0.0.1"}))
    os.replace(draft, ready_file)
    await server.serve([listener])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data-dir")
    parser.add_argument("--port")
    parser.add_argument("--ready-file", type=Path, required=True)
    parser.add_argument("--fault", choices=FAULTS, action="append", default=[])
    arguments = parser.parse_args()
    uvloop.run(serve(arguments.ready_file, frozenset(arguments.fault)))


if __name__ == "__main__":
    main()

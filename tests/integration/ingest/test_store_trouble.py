"""A store that goes away: nothing is acknowledged, the doors say why, and all goes on when it is back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from flashsale.embedded import EmbeddedStore
from ingest.app import doors_of, open_service
from ingest.settings import Settings
from inventory.ledger import LedgerUnavailableError
from tests.integration.ingest.house import CATALOGUE, House, claim_of, is_problem
from tests.integration.ingest.test_hooks import comments, frames


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await condition():
            await asyncio.sleep(0.05)


async def prepared(house: House) -> None:
    await house.ask("POST", "/v1/sales", json={"sale_id": "s", "name": "专场"}, expect=201)
    await house.ask(
        "POST", "/v1/sales/s/catalogue", content=CATALOGUE, headers={"content-type": "text/csv"}, expect=200
    )
    await house.ask("POST", "/v1/sales/s/open", expect=200)
    live = {"adapter": "douyin_live", "sale_id": "s", "settings": {"secrets": frames.DEMO_DOUYIN_LIVE_SECRETS}}
    await house.ask("PUT", "/v1/connections/live", json=live, expect=200)


async def ready(house: House) -> bool:
    return (await house.ask("GET", "/readyz")).status_code == 200


async def test_while_the_store_is_away_nothing_is_acknowledged_and_afterwards_all_goes_on(tmp_path: Path) -> None:
    async with EmbeddedStore(tmp_path / "store") as store:
        settings = Settings(data_dir=tmp_path / "data", store_url=store.url, lease_ttl_ms=500)
        async with (
            open_service(settings) as service,
            httpx.AsyncClient(transport=httpx.ASGITransport(doors_of(service)), base_url="http://sale") as client,
        ):
            house = House(service, client)
            await prepared(house)
            assert (await house.claim("s", "before")).status_code == 201
            await store.stop()

            refused = await house.claim("s", "during")
            assert is_problem(refused, "store-unavailable")
            assert refused.headers["retry-after"]
            frame = comments(("1", "u1", "C1+2"))
            pushed = await house.ask(
                "POST", "/v1/hooks/douyin_live/live", content=frame.body.encode(), headers=frame.headers
            )
            assert pushed.status_code == 503
            said = await house.ask("GET", "/readyz", expect=503)
            assert said.json()["store"] != "ok"
            assert is_problem(await house.ask("GET", "/v1/sales/s/tally"), "store-unavailable")
            assert (await house.ask("GET", "/healthz")).status_code == 200

            await store.start()
            await until(lambda: ready(house))
            assert (await house.claim("s", "during")).status_code == 201
            again = await house.ask(
                "POST", "/v1/hooks/douyin_live/live", content=frame.body.encode(), headers=frame.headers
            )
            assert again.status_code == 200
            assert (await house.ask("GET", "/v1/sales/s/claims/before")).json()["status"] == "held"
            assert (await house.ask("GET", "/v1/sales/s/check")).json()["balanced"] is True


async def test_a_push_is_not_acknowledged_while_its_trace_cannot_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        open_service(Settings(data_dir=tmp_path)) as service,
        httpx.AsyncClient(transport=httpx.ASGITransport(doors_of(service)), base_url="http://sale") as client,
    ):
        house = House(service, client)
        await prepared(house)
        frame = comments(("1", "u1", "C1+2"))

        async def full(*_: object) -> None:
            raise LedgerUnavailableError("database or disk is full")

        async def push() -> int:
            response = await house.ask(
                "POST", "/v1/hooks/douyin_live/live", content=frame.body.encode(), headers=frame.headers
            )
            return response.status_code

        with monkeypatch.context() as patched:
            patched.setattr(service.own_ledger.comments, "record", full)
            patched.setattr(service.own_ledger, "probe", full)
            assert await push() == 503
            assert (await house.ask("GET", "/readyz", expect=503)).json()["ledger"] != "ok"
            # Claims wait for the store alone: a ledger that is away must not stop the selling.
            await house.ask("POST", "/v1/sales/s/claims", json=claim_of("x"), expect=201)
        await until(lambda: ready(house))
        assert await push() == 200
        traces = (await house.ask("GET", "/v1/sales/s/comments")).json()["comments"]
        assert [(trace["event_id"], trace["outcome"]) for trace in traces] == [("douyin:1", "reserved")]
        assert (await house.ask("GET", "/v1/sales/s/tally")).json()["totals"]["holds"] == 2


async def test_holds_end_at_their_deadline_without_anybody_asking(tmp_path: Path) -> None:
    async with (
        open_service(Settings(data_dir=tmp_path, sweep_every_ms=20)) as service,
        httpx.AsyncClient(transport=httpx.ASGITransport(doors_of(service)), base_url="http://sale") as client,
    ):
        house = House(service, client)
        await prepared(house)
        await house.ask("PATCH", "/v1/sales/s", json={"settings": {"hold_ttl_ms": 50}}, expect=200)
        await house.claim("s", "short")

        async def is_over() -> bool:
            return any(
                event.claim_id == "short"
                for entry in await service.engine.log("s", "")
                for event in entry.events
                if type(event).__name__ == "Ended"
            )

        await until(is_over)
        late = await house.ask("POST", "/v1/sales/s/claims/short/confirm", json={"reclaim": False}, expect=409)
        assert late.json()["outcome"] == "expired"

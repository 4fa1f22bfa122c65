"""The live doors on a real server, over the real engine and a real store."""

import asyncio
import contextlib
import re
import socket

import httpx
import msgspec
import pytest
import uvicorn
import websockets
from fastapi import FastAPI

from flashsale.domain import Claim, Confirm, Fact, Line, SaleState, SetOffer, SetPool, SetSale, SetSaleState
from flashsale.embedded import EmbeddedStore
from flashsale.service import Engine
from overlay import Hub, Timing
from overlay.admission import ADMITTED_FOR_S
from overlay.domain import keyed
from overlay.merge_patch import apply
from overlay.pages import WIDGETS
from overlay.routes import live_routes

TIMING = Timing(frame_interval_ms=20, heartbeat_ms=200)
ROLES = {"st_overlay_1": "overlay", "st_host_1": "host", "st_ingest_1": "ingest"}


class TokenBook:
    def __init__(self):
        self.revoked = set()
        self.questions = 0

    async def admits(self, token, sale_id, roles):
        self.questions += 1
        return token not in self.revoked and ROLES.get(token) in roles and sale_id != "secret"


class House:
    """A served app over an engine, with one open sale of 100 eggs in boxes of ten."""

    def __init__(self, engine, port, hub, gate):
        self.engine, self.port, self.hub, self.gate = engine, port, hub, gate
        self.http = f"http://127.0.0.1:{port}"
        self.ws = f"ws://127.0.0.1:{port}"

    async def make_sale(self, sale_id="tonggu"):
        await self.engine.apply_all(
            sale_id,
            [
                SetSale(name="铜鼓县助农专场", currency="CNY", hold_ttl_ms=600_000),
                SetPool(pool_id="eggs", name="散养土鸡蛋", base_unit="枚", initial_units=100),
                SetOffer(sku="egg-10", pool_id="eggs", name="散养土鸡蛋 10枚/盒", units_per_pack=10, price_minor=3_000),
                SetSaleState(state=SaleState.OPEN),
            ],
        )

    async def order(self, number, packs=1):
        claim = Claim(
            claim_id=f"c{number}", buyer_id=f"weibo:u{number}", channel="weibo", lines=(Line("egg-10", packs),)
        )
        return await self.engine.apply_all("tonggu", [claim, Confirm(claim_id=f"c{number}")])

    def socket(self, path="/v1/sales/tonggu/live?token=st_overlay_1", **options):
        return websockets.connect(self.ws + path, **options)


@contextlib.asynccontextmanager
async def served(engine):
    hub, gate = Hub(engine, timing=TIMING), TokenBook()
    app = FastAPI()
    app.include_router(live_routes(hub, gate))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off", ws="websockets-sansio"))
        async with hub:
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            while not server.started:
                await asyncio.sleep(0.01)
            yield House(engine, listener.getsockname()[1], hub, gate)
            await hub.close()
            server.should_exit = True
            await serving


@pytest.fixture
async def house(tmp_path):
    async with EmbeddedStore(tmp_path) as store, Engine.open(store.url) as engine, served(engine) as house:
        await house.make_sale()
        yield house


async def frame(live):
    async with asyncio.timeout(10):
        return msgspec.json.decode(await live.recv())


async def data_frame(live):
    found = await frame(live)
    while found["type"] == "heartbeat":
        found = await frame(live)
    return found


async def close_code(live):
    async with asyncio.timeout(15):
        with contextlib.suppress(websockets.ConnectionClosedError):
            async for _ in live:
                pass
        await live.wait_closed()
    return live.close_code


async def test_snapshot_and_deltas_lead_to_what_the_engine_says(house):
    async with house.socket() as live:
        tally = (await data_frame(live))["tally"]
        for number in range(12):
            await house.order(number)
        newest = await house.engine.tally("tonggu")
        while tally["rev"] != newest.rev:
            delta = await data_frame(live)
            assert delta["since"] == tally["rev"]
            tally = apply(delta["patch"], tally)
    expected = keyed(newest)
    assert tally | {"at_ms": 0} == expected | {"at_ms": 0}
    assert tally["pools"]["eggs"]["available"] == 0
    assert tally["totals"]["orders"] == 10


async def test_an_oversell_by_a_fact_reaches_the_viewer(house):
    async with house.socket() as live:
        tally = (await data_frame(live))["tally"]
        await house.engine.apply("tonggu", Fact(fact_id="f1", channel="douyin", lines=(Line("egg-10", 11),)))
        while tally["pools"]["eggs"]["oversold"] == 0:
            tally = apply((await data_frame(live))["patch"], tally)
    assert tally["pools"]["eggs"]["oversold"] == 10


async def test_the_last_orders_are_there_when_a_page_opens_and_name_nobody(house):
    await house.order(1)
    async with house.socket() as live:
        found = await data_frame(live)
    assert found["type"] == "snapshot"
    assert [(order["sku"], order["packs"], order["kind"]) for order in found["recent"]] == [("egg-10", 1, "order")]
    assert re.fullmatch(r"#\d{4}", found["recent"][0]["buyer"])


async def test_a_socket_resumes_from_its_rev(house):
    async with house.socket() as live:
        left_at = (await data_frame(live))["rev"]
    await house.order(1)
    async with house.socket(f"/v1/sales/tonggu/live?token=st_overlay_1&since={left_at}") as live:
        found = await data_frame(live)
        while "totals" not in found["patch"]:
            found = await data_frame(live)
    assert found["type"] == "delta"
    assert found["patch"]["totals"]["orders"] == 1


async def test_server_sent_events_carry_the_same_frames_and_resume_by_last_event_id(house):
    address = f"{house.http}/v1/sales/tonggu/live.sse"
    headers = {"Authorization": "Bearer st_host_1"}

    async def first_data(client, **more):
        async with client.stream("GET", address, headers=headers | more) as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            event = {}
            async for line in answer.aiter_lines():
                name, _, value = line.partition(": ")
                if name in ("id", "event", "data"):
                    event[name] = value
                if not line and event.get("event") in ("snapshot", "delta"):
                    return event
        raise AssertionError("the stream ended")

    async with httpx.AsyncClient(timeout=10) as client:
        snapshot = await first_data(client)
        body = msgspec.json.decode(snapshot["data"])
        assert (snapshot["event"], snapshot["id"]) == ("snapshot", body["rev"])
        assert body["tally"]["pools"]["eggs"]["name"] == "散养土鸡蛋"
        again = await first_data(client, **{"Last-Event-ID": snapshot["id"]})
        assert again["event"] == "delta"


async def test_a_token_in_the_address_may_only_be_the_read_only_kind(house):
    async with house.socket("/v1/sales/tonggu/live?token=st_host_1") as live:
        assert await close_code(live) == 4401
    async with house.socket("/v1/sales/tonggu/live", additional_headers={"Authorization": "Bearer st_host_1"}) as live:
        assert (await frame(live))["type"] == "snapshot"


async def test_a_browser_may_hand_over_its_token_as_a_subprotocol_and_does_not_get_it_back(house):
    offered = ["sellthrough.live.v1", "bearer.st_host_1"]
    async with house.socket("/v1/sales/tonggu/live", subprotocols=offered) as live:
        assert live.subprotocol == "sellthrough.live.v1"
        assert (await frame(live))["type"] == "snapshot"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/sales/tonggu/live",
        "/v1/sales/tonggu/live?token=",
        "/v1/sales/tonggu/live?token=st_overlay_2",
        "/v1/sales/tonggu/live?token=st_ingest_1",
        "/v1/sales/secret/live?token=st_overlay_1",
    ],
)
async def test_nobody_gets_in_without_the_right_token(house, path):
    async with house.socket(path) as live:
        assert await close_code(live) == 4401
    async with httpx.AsyncClient() as client:
        assert (await client.get(house.http + path.replace("/live", "/live.sse"))).status_code == 401


async def test_an_unknown_sale_is_told_from_a_wrong_token(house):
    async with house.socket("/v1/sales/nowhere/live?token=st_overlay_1") as live:
        assert await close_code(live) == 4404
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{house.http}/v1/sales/nowhere/live.sse?token=st_overlay_1")
    assert answer.status_code == 404


async def test_a_revoked_token_loses_its_open_sockets(house, monkeypatch):
    monkeypatch.setattr("overlay.admission.ADMITTED_FOR_S", 0.0)
    async with house.socket() as live:
        await frame(live)
        house.gate.revoked.add("st_overlay_1")
        assert await close_code(live) == 4401


async def test_many_sockets_on_one_token_do_not_ask_the_gate_for_each_frame(house):
    async with house.socket() as one, house.socket() as two:
        for live in (one, two, one, two, one):
            await frame(live)
    assert ADMITTED_FOR_S > 1
    assert house.gate.questions == 2


async def test_sockets_are_closed_as_going_away_when_the_hub_closes(house):
    async with house.socket() as live:
        await frame(live)
        await house.hub.close()
        assert await close_code(live) == 1001
    async with house.socket() as late:
        assert await close_code(late) == 1001


async def test_a_viewer_that_leaves_is_let_go_and_what_it_says_is_dropped(house):
    async with house.socket() as live:
        await frame(live)
        await live.send("DROP TABLE sales")
        assert (await frame(live))["type"] in ("heartbeat", "delta")
    async with asyncio.timeout(10):
        while house.hub.watchers_len_by_sale["tonggu"]:
            await asyncio.sleep(0.01)


async def test_pages_are_fenced_and_load_only_files_that_exist(house):
    async with httpx.AsyncClient(base_url=house.http) as client:
        for path, ancestors in [(f"/overlay/{widget}", "'self'") for widget in WIDGETS] + [("/console", "'none'")]:
            page = await client.get(path)
            policy = page.headers["content-security-policy"]
            assert page.status_code == 200
            assert "default-src 'self'" in policy
            assert "connect-src 'self'" in policy
            assert f"frame-ancestors {ancestors}" in policy
            assert "unsafe" not in policy
            assert page.headers["referrer-policy"] == "no-referrer"
            assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", page.text)
            linked = re.findall(r'(?:src|href)="(/assets/[^"]+)"', page.text)
            assert len(linked) >= 4
            for address in linked:
                found = await client.get(address)
                assert found.status_code == 200
                assert "immutable" in found.headers["cache-control"]


async def test_scripts_import_only_files_that_exist(house):
    async with httpx.AsyncClient(base_url=house.http) as client:
        waiting = re.findall(r'src="(/assets/[^"]+)"', (await client.get("/console")).text)
        waiting += re.findall(r'src="(/assets/[^"]+)"', (await client.get("/overlay/all")).text)
        seen = set()
        while waiting:
            address = httpx.URL(waiting.pop())
            if address in seen:
                continue
            seen.add(address)
            script = await client.get(address)
            assert script.status_code == 200, address
            assert script.headers["content-type"].startswith("text/javascript")
            waiting += [str(address.join(name)) for name in re.findall(r'from "(\.[^"]+)"', script.text)]
    assert len(seen) > 15


async def test_an_unknown_widget_is_answered_with_the_names_of_those_that_exist(house):
    async with httpx.AsyncClient(base_url=house.http) as client:
        for path in ("/overlay/sold-out", "/overlay"):
            page = await client.get(path)
            assert page.status_code == 404
            assert all(f"/overlay/{widget}" in page.text for widget in WIDGETS)


@pytest.mark.parametrize("path", ["/assets/0000000000000000/js/overlay.js", "/assets/x/../../domain.py"])
async def test_nothing_but_assets_of_this_release_is_served(house, path):
    async with httpx.AsyncClient(base_url=house.http) as client:
        assert (await client.get(path)).status_code == 404


async def test_the_root_leads_to_the_console(house):
    async with httpx.AsyncClient(base_url=house.http) as client:
        answer = await client.get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/console")

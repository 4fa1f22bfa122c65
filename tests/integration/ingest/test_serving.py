"""The service as a process: start, bridge sockets, stop, and going on with the same numbers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.integration.ingest.house import CATALOGUE, claim_of

SALE = "/v1/sales/s"
pytestmark = pytest.mark.asyncio(loop_scope="module")


class Serving:
    """One `sellthrough serve` process."""

    def __init__(self, process: asyncio.subprocess.Process, ready: dict[str, Any]) -> None:
        self.process = process
        self.ready = ready
        self.url: str = ready["url"]
        self.token: str = ready["admin_token"]
        self.http = httpx.AsyncClient(
            base_url=self.url, headers={"authorization": f"Bearer {self.token}"}, trust_env=False, timeout=20
        )

    async def ask(self, method: str, path: str, **more: Any) -> Any:
        response = await self.http.request(method, path, **more)
        assert response.is_success, response.text
        return response.json()

    async def prepare(self) -> None:
        await self.ask("POST", "/v1/sales", json={"sale_id": "s", "name": "专场"})
        await self.ask("POST", f"{SALE}/catalogue", content=CATALOGUE, headers={"content-type": "text/csv"})
        await self.ask("POST", f"{SALE}/open")

    def bridge(self, token: str | None = None) -> connect:
        return connect(
            f"{self.url.replace('http', 'ws')}{SALE}/ingest",
            additional_headers={"authorization": f"Bearer {self.token if token is None else token}"},
            proxy=None,
        )

    async def said(self) -> str:
        assert self.process.stdout is not None
        return (await self.process.stdout.read()).decode()

    async def stop(self, number: int = signal.SIGTERM) -> int:
        await self.http.aclose()
        self.process.send_signal(number)
        return await self.process.wait()


async def launch(data_dir: Path, *more: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ingest.cli", "serve", "--data-dir", str(data_dir), "--port", "0", *more,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, umask=0o022,
    )  # fmt: skip


@contextlib.asynccontextmanager
async def serving(data_dir: Path) -> AsyncIterator[Serving]:
    ready_file = data_dir.with_name(f"{data_dir.name}-ready.json")
    ready_file.unlink(missing_ok=True)
    process = await launch(data_dir, "--ready-file", str(ready_file))
    try:
        async with asyncio.timeout(60):
            while not ready_file.exists():
                assert process.returncode is None, (await process.communicate())[1].decode()
                await asyncio.sleep(0.05)
        service = Serving(process, json.loads(ready_file.read_text()))
        yield service
        await service.http.aclose()
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.communicate()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Serving]:
    """One process for the tests that do not stop it, with a sale that is open."""
    async with serving(tmp_path_factory.mktemp("serving") / "data") as service:
        await service.prepare()
        yield service


def comment(event_id: str, words: str, *, platform: str = "weibo") -> dict[str, Any]:
    return {
        "kind": "comment",
        "platform": platform,
        "room_id": "r",
        "event_id": event_id,
        "occurred_at_ms": 1_606_000_000_000,
        "user": {"user_id": f"u-{event_id}", "nickname": "小红"},
        "text": words,
    }


async def answered(socket: ClientConnection, message: Any) -> dict[str, Any]:
    await socket.send(message if isinstance(message, str | bytes) else json.dumps(message))
    async with asyncio.timeout(20):
        ack: dict[str, Any] = json.loads(await socket.recv())
    return ack


async def test_a_bridge_is_acknowledged_message_by_message(running: Serving) -> None:
    async with running.bridge() as socket:
        batch = {"batch_id": "b1", "events": [comment("1", "C1+2"), comment("2", "好吃"), {"kind": "comment"}]}
        first = await answered(socket, batch)
        assert (first["batch_id"], first["accepted"], first["duplicates"]) == ("b1", 2, 0)
        assert [rejected["index"] for rejected in first["rejected"]] == [2]
        again = await answered(socket, [comment("1", "C1+2")])
        assert (again["batch_id"], again["accepted"], again["duplicates"]) == (None, 0, 1)
        broken = await answered(socket, "{")
        assert broken["problem"]["type"] == "/problems/malformed"
        thin = comment("3", "") | {"kind": "order", "order": {"order_id": "9", "status": "paid"}}
        whole = comment("5", "") | {
            "kind": "order",
            "order": {"order_id": "10", "status": "paid", "lines": [{"sku": "egg-10", "packs": 1}]},
        }
        mixed = await answered(socket, [{"kind": "comment"}, comment("6", "好吃"), thin, whole])
        assert (mixed["accepted"], [rejected["index"] for rejected in mixed["rejected"]]) == (2, [0, 2])
        assert "connection_id" in mixed["rejected"][1]["problem"]
        assert (await answered(socket, [comment("4", "A2+1")]))["accepted"] == 1
    claim = await running.ask("GET", f"{SALE}/claims/weibo:1")
    assert (claim["status"], claim["buyer_id"]) == ("held", "weibo:u-1")
    assert (await running.ask("GET", f"{SALE}/claims/weibo:order:10"))["status"] == "recorded"
    assert (await running.ask("GET", f"{SALE}/tally"))["totals"]["duplicates"] == 1


def order(event_id: str, order_id: str, status: str, sku: str, packs: int, amount_minor: int) -> dict[str, Any]:
    content = {"order_id": order_id, "status": status, "lines": [{"sku": sku, "packs": packs}]}
    return comment(event_id, "") | {"kind": "order", "order": content | {"amount_minor": amount_minor}}


async def test_a_partial_refund_leaves_the_order_and_a_host_can_read_what_it_was(running: Serving) -> None:
    async with running.bridge() as socket:
        await answered(socket, [order("p1", "P", "paid", "egg-10", 2, 6_000)])
        await answered(socket, [order("p2", "P", "refunded", "egg-10", 1, 3_000)])
        assert (await running.ask("GET", f"{SALE}/claims/weibo:order:P"))["status"] == "recorded"
        await answered(socket, [order("p3", "P", "refunded", "egg-10", 2, 6_000)])
    assert (await running.ask("GET", f"{SALE}/claims/weibo:order:P"))["status"] == "reversed"
    found = (await running.ask("GET", f"{SALE}/problems"))["problems"]
    partial = [each for each in found if each["kind"] == "partial-refund"]
    assert [each["ref"] for each in partial] == ["weibo:p2"]
    assert "order_id P, status refunded, lines egg-10 × 1, amount_minor 3000" in partial[0]["detail"]


async def test_an_order_of_unknown_goods_is_booked_when_it_comes_again_with_the_goods_on_sale(running: Serving) -> None:
    unknown = order("q1", "Q", "paid", "tea-1", 1, 500)
    async with running.bridge() as socket:
        assert (await answered(socket, [unknown]))["accepted"] == 1
        tea = b"tea,tea,g,100,tea-1,T1,9,tea 1g,tea,pack,1,500,0\n"
        await running.ask("POST", f"{SALE}/catalogue", content=CATALOGUE + tea, headers={"content-type": "text/csv"})
        assert (await answered(socket, [unknown]))["duplicates"] == 1
    assert (await running.ask("GET", f"{SALE}/claims/weibo:order:Q"))["status"] == "recorded"


async def test_a_bridge_needs_the_right_token_and_loses_it_at_once(running: Serving) -> None:
    await running.ask("POST", "/v1/sales", json={"sale_id": "other", "name": "别的专场"})
    made = [
        await running.ask("POST", "/v1/tokens", json=body)
        for body in (
            {"role": "ingest", "sale_id": "s"},
            {"role": "ingest", "sale_id": "other"},
            {"role": "overlay", "sale_id": "s"},
        )
    ]
    for token in ("", "st_ingest_wrong", made[1]["token"], made[2]["token"]):
        async with running.bridge(token) as socket:
            with pytest.raises(ConnectionClosed) as closed:
                await answered(socket, [comment("t1", "C1+2")])
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4401
    async with running.bridge(made[0]["token"]) as socket:
        assert (await answered(socket, [comment("t2", "C1+2")]))["accepted"] == 1
        await running.ask("DELETE", f"/v1/tokens/{made[0]['token_id']}")
        with pytest.raises(ConnectionClosed):
            await answered(socket, [comment("t3", "C1+2")])


async def test_a_restart_goes_on_with_the_same_numbers_and_says_no_secret_again(tmp_path: Path) -> None:
    async with serving(tmp_path / "data") as service:
        await service.prepare()
        token = (await service.ask("POST", "/v1/tokens", json={"role": "ingest", "sale_id": "s"}))["token"]
        for number in range(20):
            await service.ask("POST", f"{SALE}/claims", json=claim_of(f"c{number}"))
        await service.ask("POST", f"{SALE}/claims/c0/confirm")
        async with service.bridge(token) as socket:
            await answered(socket, [comment("1", "C1+2")])
        before = await service.ask("GET", f"{SALE}/tally")
        assert await service.stop() == 0
        assert "/console#token=st_admin_" in await service.said()
    async with serving(tmp_path / "data") as service:
        after = await service.ask("GET", f"{SALE}/tally")
        assert {**after, "at_ms": 0} == {**before, "at_ms": 0}
        assert (await service.ask("POST", f"{SALE}/claims", json=claim_of("c1")))["replayed"] is True
        async with service.bridge(token) as socket:
            assert (await answered(socket, [comment("1", "C1+2")]))["duplicates"] == 1
        assert (await service.ask("GET", f"{SALE}/check"))["balanced"] is True
        await service.stop()
        assert "st_admin_" not in await service.said()


async def test_a_kill_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    async with serving(tmp_path / "data") as service:
        await service.prepare()
        acknowledged = [
            (await service.ask("POST", f"{SALE}/claims", json=claim_of(f"c{number}")))["claim_id"]
            for number in range(30)
        ]
        service.process.kill()
        await service.process.wait()
    async with serving(tmp_path / "data") as service:
        for claim_id in acknowledged:
            assert (await service.ask("GET", f"{SALE}/claims/{claim_id}"))["status"] == "held"
        assert (await service.ask("GET", f"{SALE}/check"))["balanced"] is True


async def test_one_ctrl_c_stops_it_cleanly_with_sockets_open(tmp_path: Path) -> None:
    async with serving(tmp_path / "data") as service:
        await service.prepare()
        async with service.bridge() as socket:
            await answered(socket, [comment("1", "C1+2")])
            assert await service.stop(signal.SIGINT) == 0
            with pytest.raises(ConnectionClosed):
                await answered(socket, [comment("2", "C1+2")])


async def test_a_folder_in_use_is_said_in_plain_words(running: Serving) -> None:
    second = await launch(Path(running.ready["data_dir"]))
    _, said = await second.communicate()
    assert second.returncode == 69
    assert str(running.process.pid) in said.decode()
    assert "--data-dir" in said.decode()
    assert "Traceback" not in said.decode()


async def test_keys_and_tokens_are_their_owner_s_alone(running: Serving) -> None:
    data_dir = Path(running.ready["data_dir"])
    for path in (data_dir.with_name("data-ready.json"), data_dir / "admin-token", data_dir / "secret.key"):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert (data_dir / "admin-token").read_text().strip() == running.token


async def test_nobody_else_can_read_who_bought_what(running: Serving) -> None:
    data_dir = Path(running.ready["data_dir"])
    kept = list(data_dir.rglob("*"))
    assert {"ledger.sqlite3", "appendonlydir"} <= {path.name for path in kept}
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    assert [path for path in kept if stat.S_IMODE(path.stat().st_mode) & 0o077] == []


async def test_the_books_can_be_checked_beside_the_running_service(running: Serving) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ingest.cli", "check", "--json", "--sale", "s", "--data-dir", running.ready["data_dir"],
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode == 0
    assert json.loads(said)["balanced"] is True

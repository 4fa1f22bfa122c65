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
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.integration.ingest.house import CATALOGUE, claim_of

SALE = "/v1/sales/s"


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

    async def stop(self, number: int = signal.SIGTERM) -> int:
        await self.http.aclose()
        self.process.send_signal(number)
        return await self.process.wait()


async def launch(data_dir: Path, *more: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ingest.cli", "serve", "--data-dir", str(data_dir), "--port", "0", *more,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
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


async def test_a_bridge_is_acknowledged_message_by_message(tmp_path: Path) -> None:
    async with serving(tmp_path / "data") as service:
        await service.prepare()
        async with service.bridge() as socket:
            batch = {"batch_id": "b1", "events": [comment("1", "C1+2"), comment("2", "好吃"), {"kind": "comment"}]}
            first = await answered(socket, batch)
            assert (first["batch_id"], first["accepted"], first["duplicates"]) == ("b1", 2, 0)
            assert [rejected["index"] for rejected in first["rejected"]] == [2]
            again = await answered(socket, [comment("1", "C1+2")])
            assert (again["batch_id"], again["accepted"], again["duplicates"]) == (None, 0, 1)
            broken = await answered(socket, "{")
            assert broken["problem"]["type"] == "/problems/malformed"
            thin = comment("3", "") | {"kind": "order", "order": {"order_id": "9", "status": "paid"}}
            unfinished = await answered(socket, [thin])
            assert unfinished["problem"]["type"] == "/problems/order-desk"
            assert (await answered(socket, [comment("4", "A2+1")]))["accepted"] == 1
        claim = await service.ask("GET", f"{SALE}/claims/weibo:1")
        assert (claim["status"], claim["buyer_id"]) == ("held", "weibo:u-1")
        assert (await service.ask("GET", f"{SALE}/tally"))["totals"]["duplicates"] == 1


async def test_a_bridge_needs_the_right_token_and_loses_it_at_once(tmp_path: Path) -> None:
    async with serving(tmp_path / "data") as service:
        await service.prepare()
        made = [
            await service.ask("POST", "/v1/tokens", json=body)
            for body in (
                {"role": "ingest", "sale_id": "s"},
                {"role": "ingest", "sale_id": "other"},
                {"role": "overlay", "sale_id": "s"},
            )
        ]
        for token in ("", "st_ingest_wrong", made[1]["token"], made[2]["token"]):
            async with service.bridge(token) as socket:
                with pytest.raises(ConnectionClosed) as closed:
                    await answered(socket, [comment("1", "C1+2")])
                assert closed.value.rcvd is not None
                assert closed.value.rcvd.code == 4401
        async with service.bridge(made[0]["token"]) as socket:
            assert (await answered(socket, [comment("1", "C1+2")]))["accepted"] == 1
            await service.ask("DELETE", f"/v1/tokens/{made[0]['token_id']}")
            with pytest.raises(ConnectionClosed):
                await answered(socket, [comment("2", "C1+2")])


async def test_a_restart_goes_on_with_the_same_numbers(tmp_path: Path) -> None:
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
    async with serving(tmp_path / "data") as service:
        after = await service.ask("GET", f"{SALE}/tally")
        assert {**after, "at_ms": 0} == {**before, "at_ms": 0}
        assert (await service.ask("POST", f"{SALE}/claims", json=claim_of("c1")))["replayed"] is True
        async with service.bridge(token) as socket:
            assert (await answered(socket, [comment("1", "C1+2")]))["duplicates"] == 1
        assert (await service.ask("GET", f"{SALE}/check"))["balanced"] is True


async def test_a_kill_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    async with serving(tmp_path / "data") as service:
        await service.prepare()
        acknowledged = [
            (await service.ask("POST", f"{SALE}/claims", json=claim_of(f"c{number}")))["claim_id"] for number in range(30)
        ]
        service.process.kill()
        await service.process.wait()
    async with serving(tmp_path / "data") as service:
        for claim_id in acknowledged:
            assert (await service.ask("GET", f"{SALE}/claims/{claim_id}"))["status"] == "held"
        assert (await service.ask("GET", f"{SALE}/check"))["balanced"] is True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_one_signal_stops_it_cleanly_with_sockets_open(tmp_path: Path, number: int) -> None:
    async with serving(tmp_path / "data") as service:
        await service.prepare()
        async with service.bridge() as socket:
            await answered(socket, [comment("1", "C1+2")])
            assert await service.stop(number) == 0
            with pytest.raises(ConnectionClosed):
                await answered(socket, [comment("2", "C1+2")])


async def test_a_folder_in_use_is_said_in_plain_words(tmp_path: Path) -> None:
    async with serving(tmp_path / "data") as service:
        second = await launch(tmp_path / "data")
        _, said = await second.communicate()
        assert second.returncode == 69
        assert str(service.process.pid) in said.decode()
        assert "--data-dir" in said.decode()
        assert "Traceback" not in said.decode()


async def test_the_ready_file_and_the_admin_token_are_their_owner_s_alone(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    async with serving(data_dir) as service:
        for path in (tmp_path / "data-ready.json", data_dir / "admin-token", data_dir / "secret.key"):
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        assert (data_dir / "admin-token").read_text().strip() == service.token


async def test_the_admin_link_is_said_at_the_first_start_only(tmp_path: Path) -> None:
    said = []
    for _ in range(2):
        async with serving(tmp_path / "data") as service:
            await service.stop()
            assert service.process.stdout is not None
            said.append((await service.process.stdout.read()).decode())
    assert "/console#token=st_admin_" in said[0]
    assert "st_admin_" not in said[1]

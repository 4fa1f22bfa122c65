"""The replay's way to the service, against a small server that misbehaves as networks and full services do."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest

from ingest.demo import doors as doors_module
from ingest.demo.doors import Access, ServiceDoors
from ingest.demo.loopback import LoopbackHttp, NoAnswerError
from ingest.demo.records import HookRecord, HostRecord, PaymentRecord
from ingest.demo.replay import DoorClosedError, DoorError
from ingest.demo.simulators import TmcPlatform

Respond = Callable[[str, bytes], bytes]


def answer(status: int, body: str = "{}", *headers: str) -> bytes:
    head = [f"HTTP/1.1 {status} X", f"content-length: {len(body.encode())}", *headers, "", ""]
    return "\r\n".join(head).encode() + body.encode()


class Server:
    """Answers each request with what `respond(request line, body)` gives; empty bytes close the connection."""

    def __init__(self, respond: Respond) -> None:
        self.requests: list[str] = []
        self.connections = 0
        self.closes_after_first = False
        self._respond = respond

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = next(
                    int(line.split(":")[1]) for line in head.split("\r\n") if line.startswith("content-length")
                )
                body = await reader.readexactly(length)
                line = head.split("\r\n")[0].rsplit(" ", 1)[0]
                self.requests.append(line)
                said = self._respond(line, body)
                if not said:
                    break
                writer.write(said)
                await writer.drain()
                if self.closes_after_first and len(self.requests) == 1:
                    break
        writer.close()


@contextlib.asynccontextmanager
async def serving(respond: Respond) -> AsyncIterator[tuple[Server, LoopbackHttp, ServiceDoors]]:
    server = Server(respond)
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
        base_url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        access = Access(
            base_url=base_url, sale_id="s", host_token="h", ingest_token="i", connection_ids={"doudian": "tonggu"}
        )
        async with LoopbackHttp(base_url, timeout_s=30) as client:
            yield server, client, ServiceDoors(access, client, TmcPlatform())


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors_module, "PAUSE_FIRST_S", 0.0)


HOOK = HookRecord(at_ms=1, door="hook:doudian", headers={"event-sign": "x"}, body="[]")


async def test_connections_are_kept_and_used_again() -> None:
    async with serving(lambda line, body: answer(200, body.decode())) as (server, client, _):
        for _ in range(5):
            assert (await client.request("POST", "/x", {}, "蛋".encode())).body == "蛋".encode()
        assert server.connections == 1


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort", b"nonsense\r\n\r\n", answer(200)[:12]]
)
async def test_a_broken_answer_is_no_answer_and_its_connection_is_not_used_again(said: bytes) -> None:
    answers = iter([said])

    def respond(line: str, body: bytes) -> bytes:
        return next(answers, answer(200))

    async with serving(respond) as (server, client, _):
        server.closes_after_first = True
        with pytest.raises(NoAnswerError):
            await client.request("GET", "/x", {}, b"")
        assert (await client.request("GET", "/x", {}, b"")).status == 200
        assert server.connections == 2


async def test_a_push_that_is_shed_is_sent_again_until_it_is_taken() -> None:
    answers = iter([answer(503, "{}", "retry-after: 0"), b"", answer(429), answer(200)])
    async with serving(lambda line, body: next(answers)) as (server, _, doors):
        await doors.send(HOOK)
        assert server.requests == ["POST /v1/hooks/doudian/tonggu"] * 4


async def test_a_door_that_never_opens_is_called_closed() -> None:
    async with serving(lambda line, body: answer(503, '{"detail":"disk full"}')) as (_, _, doors):
        with pytest.raises(DoorClosedError, match="disk full"):
            await doors.send(HOOK)


async def test_an_unexpected_answer_is_a_problem() -> None:
    async with serving(lambda line, body: answer(401)) as (_, _, doors):
        with pytest.raises(DoorError, match="answered 401, expected"):
            await doors.send(HOOK)
        await doors.send(HookRecord(at_ms=1, door="hook:doudian", headers={}, body="[]", expected=401))


@pytest.mark.parametrize(
    ("status", "action", "asked"),
    [
        ("held", "confirm", ["POST /v1/sales/s/claims/weibo%3A1/confirm"]),
        ("presale_held", "confirm", ["POST /v1/sales/s/claims/weibo%3A1/confirm"]),
        ("held", "cancel", ["POST /v1/sales/s/claims/weibo%3A1/cancel"]),
        ("waitlisted", "confirm", []),
        ("confirmed", "confirm", []),
        ("cancelled", "cancel", []),
    ],
)
async def test_only_what_is_held_is_paid_or_cancelled(status: str, action: str, asked: list[str]) -> None:
    async with serving(lambda line, body: answer(200, f'{{"status":"{status}"}}')) as (server, _, doors):
        await doors.send(PaymentRecord(at_ms=1, door="payment", claim_id="weibo:1", action=action))
        assert server.requests == ["GET /v1/sales/s/claims/weibo%3A1", *asked]


async def test_a_refused_claim_is_not_paid() -> None:
    async with serving(lambda line, body: answer(404)) as (server, _, doors):
        await doors.send(PaymentRecord(at_ms=1, door="payment", claim_id="weibo:1", action="confirm"))
        assert len(server.requests) == 1


async def test_a_draw_opened_before_is_no_problem_and_any_other_conflict_is() -> None:
    async with serving(lambda line, body: answer(409)) as (_, _, doors):
        await doors.send(HostRecord(at_ms=1, door="host", method="POST", path="/draws"))
        with pytest.raises(DoorError):
            await doors.send(HostRecord(at_ms=1, door="host", method="PUT", path="/pools/eggs"))

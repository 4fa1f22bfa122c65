"""The TMC client against a server that keeps the platform's rules, over a real socket.

The server's codec below is its own, written from the protocol and apart from the adapter's.
"""

import asyncio
import contextlib
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import msgspec
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from stream_adapters.contract import LinkReport, LinkState
from stream_adapters.domain import LiveEvent
from stream_adapters.reconnecting import Pauses
from stream_adapters.tmc import TmcClient, TmcSettings, TmcTiming

QUICK = TmcTiming(pull_interval_ms=20, sign_in_ms=2_000, close_ms=200, pauses=Pauses(first_ms=5, most_ms=20))
WAIT_S = 20


def pack(value: Any) -> bytes:
    """A typed value: int8 as (8, n), int64 as (64, n), None, or text."""
    if value is None:
        return b"\x00"
    if isinstance(value, tuple):
        width, number = value
        return {8: b"\x02", 64: b"\x05", 0: b"\x06"}[width] + number.to_bytes(
            1 if width == 8 else 8, "little", signed=True
        )
    text = value.encode()
    return b"\x01" + len(text).to_bytes(4, "little") + text


def make_frame(kind: int, *, token: str = "", code: int = 0, phrase: str = "", **custom: Any) -> bytes:
    out = bytes([2, kind])
    if code:
        out += b"\x02\x00" + code.to_bytes(4, "little")
    for mark, text in ((b"\x03\x00", phrase), (b"\x05\x00", token)):
        if text:
            out += mark + pack(text)[1:]
    for name, value in custom.items():
        out += b"\x01\x00" + pack(name)[1:] + pack(value)
    return out + b"\x00\x00"


def read_frame(raw: bytes) -> tuple[int, dict[str, Any]]:
    """Frame type and custom headers; the token is put beside them as `token`."""
    at, found = 2, {}

    def number(size: int) -> int:
        nonlocal at
        at += size
        return int.from_bytes(raw[at - size : at], "little", signed=True)

    def text() -> str:
        nonlocal at
        size = number(4)
        at += size
        return raw[at - size : at].decode()

    while header := number(2):
        if header == 5:
            found["token"] = text()
            continue
        assert header == 1, header
        name, form = text(), number(1)
        found[name] = {1: text, 2: lambda: number(1), 5: lambda: number(8)}[form]()
    assert at == len(raw)
    return raw[1], found


class Platform:
    """The platform's side: checks the sign-in, pushes what is unconfirmed on sign-in and on every pull."""

    def __init__(self, secret: str = "sec") -> None:
        self.secret = secret
        self.outbox: dict[int, dict[str, Any]] = {}
        self.confirmed: list[int] = []
        self.failed: list[int] = []
        self.sign_ins = 0
        self.pulls = 0
        self.raw_first: list[bytes | str] = []
        self.cut_mid_frame = False
        self.drop_next = False
        self.connections: set[ServerConnection] = set()
        self.changed = asyncio.Condition()

    def post(self, message_id: int, topic: str = "taobao_trade_TradeBuyerPay", content: str | None = None) -> None:
        body = content if content is not None else json.dumps({"tid": message_id, "payment": "39.80"})
        self.outbox[message_id] = {"topic": topic, "content": body, "dataid": f"d{message_id}"}

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S), self.changed:
            await self.changed.wait_for(reached)

    async def note(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def serve(self, connection: ServerConnection) -> None:
        self.connections.add(connection)
        with contextlib.suppress(ConnectionClosed):
            await self._talk(connection)
        self.connections.discard(connection)

    async def _talk(self, connection: ServerConnection) -> None:
        frame_type, said = read_frame(await self._receive(connection))
        assert frame_type == 0
        joined = "".join(f"{name}{said[name]}" for name in ("app_key", "group_name", "timestamp"))
        right = hashlib.md5(f"{self.secret}{joined}{self.secret}".encode()).hexdigest().upper()
        self.sign_ins += 1
        await self.note()
        if said["sign"] != right:
            await connection.send(make_frame(1, code=400, phrase="Invalid signature"))
            return
        await connection.send(make_frame(1, token="tok-1"))
        for raw in self.raw_first:
            await connection.send(raw)
        await self._push(connection)
        while True:
            await self._answer(connection, *read_frame(await self._receive(connection)))

    async def _receive(self, connection: ServerConnection) -> bytes:
        raw = await connection.recv()
        assert isinstance(raw, bytes)
        return raw

    async def _answer(self, connection: ServerConnection, frame_type: int, said: dict[str, Any]) -> None:
        assert said["token"] == "tok-1"
        if (frame_type, said["__kind"]) == (2, 1):
            self.pulls += 1
            await self._push(connection)
        elif (frame_type, said["__kind"]) == (2, 2):
            self.confirmed.append(said["id"])
            self.outbox.pop(said["id"], None)
        else:
            assert (frame_type, said["__kind"]) == (3, 20)
            self.failed.append(said["id"])
        await self.note()

    async def _push(self, connection: ServerConnection) -> None:
        if self.cut_mid_frame:
            self.cut_mid_frame = False
            connection.transport.write(b"\x82\x7e\x01\x00" + b"\x02\x02half a frame")
            connection.transport.close()
            return
        for message_id, body in list(self.outbox.items()):
            await connection.send(
                make_frame(2, __kind=(8, 3), id=(64, message_id), time=(0, 1_763_750_000_000), **body)
            )
            if self.drop_next:
                self.drop_next = False
                connection.transport.abort()
                return


class Pipeline:
    """Our side behind the client: keeps what was delivered, and fails on demand."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.safe: list[LiveEvent] = []
        self.batches: list[int] = []
        self.refuse: Callable[[Sequence[LiveEvent]], bool] = lambda events: False
        self.reports: list[LinkReport] = []
        self.confirmed_before_safe: list[int] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def deliver(self, events: Sequence[LiveEvent]) -> None:
        await self.gate.wait()
        known = {order_id(event) for event in self.safe}
        self.confirmed_before_safe += [number for number in self.platform.confirmed if number not in known]
        self.batches.append(len(events))
        if self.refuse(events):
            raise ConnectionError("store away")
        self.safe += events
        await self.platform.note()

    def states(self) -> list[LinkState]:
        return [report.state for report in self.reports]

    def problems(self) -> str:
        return " ".join(report.problem for report in self.reports)


def order_id(event: LiveEvent) -> int:
    assert event.order is not None
    return int(event.order.order_id)


@contextlib.asynccontextmanager
async def running(platform: Platform, *, secret: str = "sec", timing: TmcTiming = QUICK) -> AsyncIterator[Pipeline]:
    pipeline = Pipeline(platform)
    async with serve(platform.serve, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        client = TmcClient(TmcSettings(app_key="1023", app_secret=secret, url=f"ws://127.0.0.1:{port}/"), timing=timing)
        task = asyncio.create_task(client.connect(pipeline.deliver, pipeline.reports.append))
        try:
            yield pipeline
            assert not task.done(), task
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def test_messages_are_delivered_and_then_confirmed() -> None:
    platform = Platform()
    big = 4_160_600_490_938_325_004
    platform.post(1)
    platform.post(big)
    async with running(platform) as pipeline:
        await platform.until(lambda: set(platform.confirmed) == {1, big})
    assert {(order_id(event), event.event_id) for event in pipeline.safe} == {
        (1, "order:taobao_trade_TradeBuyerPay:d1"),
        (big, f"order:taobao_trade_TradeBuyerPay:d{big}"),
    }
    assert pipeline.states() == [LinkState.CONNECTED]


async def test_nothing_is_confirmed_before_it_is_safe() -> None:
    platform = Platform()
    platform.post(1)
    async with running(platform) as pipeline:
        pipeline.gate.clear()
        await platform.until(lambda: platform.pulls >= 3)
        assert platform.confirmed == []
        pipeline.gate.set()
        await platform.until(lambda: 1 in platform.confirmed)
    assert pipeline.confirmed_before_safe == []


async def test_message_that_cannot_be_stored_is_given_back_and_comes_again() -> None:
    platform = Platform()
    platform.post(1)
    async with running(platform) as pipeline:
        pipeline.refuse = lambda events: not platform.failed
        await platform.until(lambda: 1 in platform.confirmed)
    assert platform.failed[0] == 1
    assert order_id(pipeline.safe[0]) == 1
    assert LinkState.UNDELIVERED in pipeline.states()
    assert "store away" not in pipeline.problems()


async def test_one_event_that_cannot_be_stored_does_not_hold_back_the_others() -> None:
    platform = Platform()
    for number in range(1, 21):
        platform.post(number)
    async with running(platform) as pipeline:
        pipeline.refuse = lambda events: any(order_id(event) == 7 for event in events)
        await platform.until(lambda: set(platform.confirmed) >= set(range(1, 21)) - {7} and 7 in platform.failed)
    assert 7 not in platform.confirmed
    assert set(platform.failed) == {7}


async def test_what_piled_up_during_a_slow_write_is_delivered_in_one_batch_in_order() -> None:
    platform = Platform()
    for number in range(1, 51):
        platform.post(number)
    async with running(platform) as pipeline:
        pipeline.gate.clear()
        await platform.until(lambda: platform.pulls >= 2)
        pipeline.gate.set()
        await platform.until(lambda: set(platform.confirmed) == set(range(1, 51)))
    first_seen = list(dict.fromkeys(order_id(event) for event in pipeline.safe))
    assert first_seen == list(range(1, 51))
    assert 1 < max(pipeline.batches) <= 100


async def test_flood_is_taken_whole_and_in_order_through_a_bounded_queue() -> None:
    platform = Platform()
    flood = range(1, 2_501)
    for number in flood:
        platform.post(number)
    # One pull only: a server that pushes everything again at every pull would flood itself.
    async with running(platform, timing=msgspec.structs.replace(QUICK, pull_interval_ms=60_000)) as pipeline:
        await platform.until(lambda: set(platform.confirmed) == set(flood))
    assert list(dict.fromkeys(order_id(event) for event in pipeline.safe)) == list(flood)
    assert max(pipeline.batches) <= 100


@pytest.mark.parametrize("how", ["drop_next", "cut_mid_frame"])
async def test_dropped_connection_is_taken_up_again_and_loses_nothing(how: str) -> None:
    platform = Platform()
    setattr(platform, how, True)
    for number in (1, 2, 3):
        platform.post(number)
    async with running(platform) as pipeline:
        await platform.until(lambda: set(platform.confirmed) == {1, 2, 3})
    assert platform.sign_ins >= 2
    assert {order_id(event) for event in pipeline.safe} == {1, 2, 3}
    assert pipeline.states()[:3] == [LinkState.CONNECTED, LinkState.DROPPED, LinkState.CONNECTED]


async def test_event_ids_stay_the_same_over_redelivery() -> None:
    platform = Platform()
    platform.post(1)
    async with running(platform) as pipeline:
        pipeline.refuse = lambda events: pipeline.safe.extend(events) is None and len(pipeline.batches) < 3
        await platform.until(lambda: 1 in platform.confirmed)
    assert len(pipeline.safe) >= 3
    assert len({event.event_id for event in pipeline.safe}) == 1


async def test_refused_sign_in_is_reported_and_tried_again_without_giving_the_secret_away() -> None:
    platform = Platform(secret="right-secret")
    platform.post(1)
    async with running(platform, secret="wrong-secret") as pipeline:
        await platform.until(lambda: platform.sign_ins >= 3)
    assert pipeline.safe == []
    assert set(pipeline.states()) == {LinkState.REFUSED}
    assert "400 Invalid signature" in pipeline.problems()
    assert "secret-" not in pipeline.problems()
    assert "-secret" not in pipeline.problems()


async def test_sign_in_succeeds_once_the_platform_accepts_it() -> None:
    platform = Platform(secret="other")
    platform.post(1)
    async with running(platform):
        await platform.until(lambda: platform.sign_ins >= 1)
        platform.secret = "sec"
        await platform.until(lambda: platform.confirmed == [1])


async def test_frames_that_cannot_be_read_are_passed_over_and_named() -> None:
    platform = Platform()
    platform.raw_first = [
        b"",
        b"\x02",
        b"\x02\x02\x63\x00",
        "text",
        make_frame(3),
        make_frame(2, __kind=(8, 3), topic="t"),
    ]
    platform.post(1)
    async with running(platform) as pipeline:
        await platform.until(lambda: platform.confirmed == [1])
    assert pipeline.states() == [LinkState.CONNECTED] + [LinkState.SKIPPED] * 5


async def test_unreadable_message_is_confirmed_so_that_it_does_not_come_for_ever() -> None:
    platform = Platform()
    platform.post(1, content='{"tid":')
    platform.post(2, topic="taobao_item_ItemUpdate", content="{}")
    platform.post(3)
    async with running(platform) as pipeline:
        await platform.until(lambda: set(platform.confirmed) == {1, 2, 3})
    assert {order_id(event) for event in pipeline.safe} == {3}
    assert "taobao_trade_TradeBuyerPay 1" in pipeline.problems()


async def test_server_that_is_not_there_is_tried_again_until_it_is() -> None:
    platform = Platform()
    async with serve(platform.serve, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
    settings = TmcSettings(app_key="1023", app_secret="sec", url=f"ws://127.0.0.1:{port}/")
    pipeline = Pipeline(platform)
    refused = asyncio.Event()

    def report(told: LinkReport) -> None:
        pipeline.reports.append(told)
        refused.set()

    task = asyncio.create_task(TmcClient(settings, timing=QUICK).connect(pipeline.deliver, report))
    async with asyncio.timeout(WAIT_S):
        await refused.wait()
    assert pipeline.states()[0] is LinkState.DROPPED
    platform.post(1)
    async with serve(platform.serve, "127.0.0.1", port, reuse_address=True):
        await platform.until(lambda: platform.confirmed == [1])
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_cancelling_closes_the_connection() -> None:
    platform = Platform()
    async with running(platform):
        await platform.until(lambda: platform.pulls >= 1)
        (connection,) = platform.connections
    async with asyncio.timeout(WAIT_S):
        await connection.wait_closed()


async def test_defect_of_ours_comes_out_instead_of_being_retried() -> None:
    platform = Platform()
    async with serve(platform.serve, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        settings = TmcSettings(app_key="1023", app_secret="sec", url=f"ws://127.0.0.1:{port}/")

        def broken_clock() -> int:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await TmcClient(settings, timing=QUICK, now_ms=broken_clock).connect(Pipeline(platform).deliver)

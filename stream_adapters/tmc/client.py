"""The TMC connection: sign in, take what is pushed, make it safe, confirm it; come back when it drops.

A message is confirmed only after `deliver` returned. What was not confirmed, for whatever reason, the platform sends
again some minutes later.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from stream_adapters.contract import (
    BODY_BYTES_MAX,
    AdapterSettings,
    Deliver,
    FrameError,
    LinkReport,
    LinkState,
    Report,
    Secret,
    SettingsError,
    SignatureError,
    ignore_report,
)
from stream_adapters.domain import LiveEvent
from stream_adapters.reconnecting import Established, Pauses, stay_connected
from stream_adapters.tmc.codec import (
    MessageType,
    TmcFrame,
    decode_frame,
    encode_confirm,
    encode_connect,
    encode_failed,
    encode_pull,
)
from stream_adapters.tmc.domain import TmcMessage, read_message, translate

ARRIVED_MAX = 1_000
"""Messages read and not yet delivered. When full, reading stops, and so does the platform's sending; nothing is lost."""
BATCH_MAX = 100


class TmcSettings(AdapterSettings, frozen=True, kw_only=True):
    """The app's key and secret, its message group, and the address of the message channel."""

    app_key: Secret
    app_secret: Secret
    group_name: Secret = "default"
    url: str = "ws://mc.api.taobao.com/"


class TmcTiming(msgspec.Struct, frozen=True, kw_only=True):
    """All waits of a connection. The pull interval is that of the official client."""

    pull_interval_ms: int = 30_000
    sign_in_ms: int = 10_000
    ping_interval_ms: int = 30_000
    ping_timeout_ms: int = 30_000
    close_ms: int = 2_000
    pauses: Pauses = Pauses()


def unix_ms() -> int:
    """Our own clock in Unix milliseconds."""
    return time.time_ns() // 1_000_000


class _Arrival(msgspec.Struct, frozen=True):
    message: TmcMessage
    received_at_ms: int


class TmcClient:
    """A `PullAdapter` for Taobao trade and live orders. One object may serve one `connect` at a time."""

    def __init__(
        self, settings: TmcSettings, *, timing: TmcTiming | None = None, now_ms: Callable[[], int] = unix_ms
    ) -> None:
        parts = urlsplit(settings.url)
        if parts.scheme not in ("ws", "wss") or not parts.hostname:
            raise SettingsError(
                "url 应以 ws:// 或 wss:// 开头，例如 ws://mc.api.taobao.com/。",
                "url must begin with ws:// or wss://, for example ws://mc.api.taobao.com/.",
            )
        self._settings = settings
        self._timing = timing or TmcTiming()
        self._now_ms = now_ms

    async def connect(self, deliver: Deliver, report: Report = ignore_report) -> None:
        """Hand on order events until cancelled (see `PullAdapter.connect`)."""

        async def session(established: Established) -> None:
            await self._session(deliver, report, established)

        await stay_connected(session, lost_on=(OSError, WebSocketException), pauses=self._timing.pauses, report=report)

    async def _session(self, deliver: Deliver, report: Report, established: Established) -> None:
        timing = self._timing
        async with connect(
            self._settings.url,
            proxy=None,  # a proxy of the environment would see the orders, which travel unencrypted
            compression=None,
            max_size=BODY_BYTES_MAX,
            open_timeout=timing.sign_in_ms / 1_000,
            # A connection that looks open and carries nothing is the worst failure: the ping finds it out.
            ping_interval=timing.ping_interval_ms / 1_000,
            ping_timeout=timing.ping_timeout_ms / 1_000,
            close_timeout=timing.close_ms / 1_000,
        ) as socket:
            token = await self._sign_in(socket)
            established()
            arrivals: asyncio.Queue[_Arrival] = asyncio.Queue(ARRIVED_MAX)
            settler = _Settler(socket, token, deliver, report)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pull(socket, token), name="tmc-pull")
                tasks.create_task(settler.run(arrivals), name="tmc-settle")
                await self._read(socket, arrivals, report)

    async def _sign_in(self, socket: ClientConnection) -> str:
        settings = self._settings
        await socket.send(encode_connect(settings.app_key, settings.app_secret, settings.group_name, self._now_ms()))
        async with asyncio.timeout(self._timing.sign_in_ms / 1_000):
            answer = _decode(await socket.recv())
        if answer.type is not MessageType.CONNECT_ACK:
            raise FrameError("TMC 未应答登录。", "TMC did not answer the sign-in.")
        if answer.status_code or not answer.token:
            said = f"{answer.status_code} {(answer.status_phrase or '')[:200]}".strip()
            raise SignatureError(
                f"淘宝拒绝登录（{said}）。请核对 app_key、app_secret、group_name 和本机时钟；将继续重试。",
                f"Taobao refused the sign-in ({said}). Check app_key, app_secret, group_name and this machine's clock; "
                "trying again.",
            )
        return answer.token

    async def _pull(self, socket: ClientConnection, token: str) -> None:
        # The server pushes by itself; the pull makes it send what it held back while we were away.
        while True:
            await socket.send(encode_pull(token))
            await asyncio.sleep(self._timing.pull_interval_ms / 1_000)

    async def _read(self, socket: ClientConnection, arrivals: asyncio.Queue[_Arrival], report: Report) -> None:
        # `recv` rather than iteration: a close must raise, so that the task group ends the other tasks too.
        while True:
            try:
                message = read_message(_decode(await socket.recv()))
            except FrameError as error:
                report(LinkReport(state=LinkState.SKIPPED, problem=str(error)))
                continue
            if message is not None:
                await arrivals.put(_Arrival(message, self._now_ms()))


class _Settler:
    """Makes arrived messages safe, in order, and tells the platform what became of each."""

    def __init__(self, socket: ClientConnection, token: str, deliver: Deliver, report: Report) -> None:
        self._socket = socket
        self._token = token
        self._deliver = deliver
        self._report = report

    async def run(self, arrivals: asyncio.Queue[_Arrival]) -> None:
        """Settle whatever has arrived, as one delivery, for ever: a busy minute costs few writes."""
        while True:
            batch = [await arrivals.get()]
            while len(batch) < BATCH_MAX and not arrivals.empty():
                batch.append(arrivals.get_nowait())
            await self._settle([(arrival.message.message_id, self._translate(arrival)) for arrival in batch])

    def _translate(self, arrival: _Arrival) -> LiveEvent | None:
        try:
            return translate(arrival.message, arrival.received_at_ms)
        except FrameError as error:
            # Confirmed all the same: sent again it would be as unreadable, for ever. The report names it.
            self._report(LinkReport(state=LinkState.SKIPPED, problem=str(error)))
            return None

    async def _settle(self, batch: Sequence[tuple[int, LiveEvent | None]]) -> None:
        events = [event for _, event in batch if event is not None]
        try:
            if events:
                await self._deliver(events)
        except Exception as error:  # whatever it was, the events are not safe and the platform must send them again
            if len(batch) > 1:
                # One event that cannot be made safe must not hold back the others of its batch.
                for single in batch:
                    await self._settle([single])
                return
            await self._give_back(batch[0][0], error)
        else:
            for message_id, _ in batch:
                await self._socket.send(encode_confirm(self._token, message_id))

    async def _give_back(self, message_id: int, error: Exception) -> None:
        what = f"{message_id}: {type(error).__name__}"
        self._report(
            LinkReport(
                state=LinkState.UNDELIVERED,
                problem=f"消息未能落盘，已退回平台重发（{what}）。 Not stored, given back to be sent again ({what}).",
            )
        )
        await self._socket.send(encode_failed(self._token, message_id, "not stored"))


def _decode(raw: str | bytes) -> TmcFrame:
    if isinstance(raw, str):
        raise FrameError("TMC 发来了文本帧，已忽略。", "TMC sent a text frame; it was passed over.")
    return decode_frame(raw)

"""The service's real doors, as platforms, the bridge, the host and the payment system come to them over the network."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from ingest.demo.loopback import Answer, LoopbackHttp, NoAnswerError
from ingest.demo.records import AnyRecord, BridgeRecord, HookRecord, HostRecord, PaymentRecord, TmcRecord
from ingest.demo.replay import DoorClosedError, DoorError
from ingest.demo.simulators import TmcPlatform

TRIES_MAX = 8
PAUSE_FIRST_S = 0.1
PAUSE_MAX_S = 5.0
BRIDGE_ACK_TIMEOUT_S = 60.0
MESSAGE_BYTES_MAX = 1_048_576

_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_NOW = re.compile(r"\$now(?:\+(\d+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Where the service is and the tokens to come in with."""

    base_url: str
    sale_id: str
    host_token: str
    ingest_token: str
    connection_ids: Mapping[str, str]
    """The connection of each adapter."""


class ServiceDoors:
    """Takes records to a running service, over an HTTP client that it does not own.

    As a platform would, it sends again what was answered with 429 or 5xx or not at all, with growing pauses.
    """

    def __init__(self, access: Access, client: LoopbackHttp, tmc: TmcPlatform) -> None:
        self._access = access
        self._client = client
        self._tmc = tmc
        self._bridge = _Bridge(access)

    async def send(self, record: AnyRecord) -> None:
        """Send one record through its door (see `replay.Doors`)."""
        if isinstance(record, HookRecord):
            await self._hook(record)
        elif isinstance(record, BridgeRecord):
            await self._bridge.send(record)
        elif isinstance(record, TmcRecord):
            await self._tmc.push(record)
        elif isinstance(record, PaymentRecord):
            await self._payment(record)
        elif isinstance(record, HostRecord):
            await self._host(record)

    async def close(self) -> None:
        """Close the bridge's socket; safe to call again."""
        await self._bridge.close()

    async def _hook(self, record: HookRecord) -> None:
        adapter = record.door.partition(":")[2]
        path = f"/v1/hooks/{adapter}/{self._access.connection_ids[adapter]}"
        again = _TRY_AGAIN.difference({record.expected})
        answer = await self._call("POST", path, record.headers, record.body.encode(), again=again)
        if answer.status != record.expected:
            raise DoorError(_unexpected(record, answer, (record.expected,)))

    async def _payment(self, record: PaymentRecord) -> None:
        """Look before paying, as a payment system does that takes money only for what is held."""
        path = self._sale_path(f"/claims/{quote(record.claim_id, safe='')}")
        headers = _json_headers(self._access.ingest_token)
        found = await self._call("GET", path, headers)
        if found.status == 404:
            return
        if found.status != 200:
            raise DoorError(_unexpected(record, found, (200, 404)))
        if json.loads(found.body)["status"] not in {"held", "presale_held"}:
            return
        body = {"reason": "unpaid"} if record.action == "cancel" else {}
        done = await self._call("POST", f"{path}/{record.action}", headers, json.dumps(body).encode())
        if done.status not in {200, 201}:
            raise DoorError(_unexpected(record, done, (200,)))

    async def _host(self, record: HostRecord) -> None:
        body = fill_in_now(record.body, time.time_ns() // 1_000_000)
        headers = _json_headers(self._access.host_token)
        answer = await self._call(record.method, self._sale_path(record.path), headers, json.dumps(body).encode())
        # A draw that was opened just before an interruption has its seed already and refuses another: it was done.
        opened_before = answer.status == 409 and record.path == "/draws"
        if answer.status not in {200, 201, 204} and not opened_before:
            raise DoorError(_unexpected(record, answer, (200,)))

    def _sale_path(self, path: str) -> str:
        return f"/v1/sales/{quote(self._access.sale_id, safe='')}{path}"

    async def _call(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        again: frozenset[int] = _TRY_AGAIN,
    ) -> Answer:
        """Send a request until it has a final answer. Raises DoorClosedError where there is none after all tries."""
        pause_s, last = PAUSE_FIRST_S, ""
        for _ in range(TRIES_MAX):
            asked_pause_s = 0.0
            try:
                answer = await self._client.request(method, path, headers, body)
            except NoAnswerError as error:
                last = f"no answer ({error})"
            else:
                if answer.status not in again:
                    return answer
                asked_pause_s = _retry_after_s(answer)
                last = f"answered {answer.status}: {answer.body[:300].decode(errors='replace')}"
            await asyncio.sleep(min(PAUSE_MAX_S, max(pause_s, asked_pause_s)))
            pause_s *= 2
        raise DoorClosedError(f"{method} {path}: {TRIES_MAX} tries; the last: {last}")


class _Bridge:
    """The bridge's WebSocket: one message under way, sent again on a new connection if the old one broke."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._socket: ClientConnection | None = None

    async def send(self, record: BridgeRecord) -> None:
        pause_s = PAUSE_FIRST_S
        for attempt in range(1, TRIES_MAX + 1):
            try:
                ack = await self._exchange(record.body)
            except (OSError, WebSocketException, TimeoutError) as error:
                await self.close()
                if attempt == TRIES_MAX:
                    raise DoorClosedError(f"bridge at {record.at_ms} ms: no ack ({error!r})") from error
                await asyncio.sleep(min(PAUSE_MAX_S, pause_s))
                pause_s *= 2
            else:
                self._check(record, ack)
                return

    async def close(self) -> None:
        if self._socket is not None:
            socket, self._socket = self._socket, None
            await socket.close()

    async def _exchange(self, body: str) -> dict[str, Any]:
        if self._socket is None:
            address = self._access.base_url.replace("http", "ws", 1)
            self._socket = await connect(
                f"{address}/v1/sales/{quote(self._access.sale_id, safe='')}/ingest",
                additional_headers={"Authorization": f"Bearer {self._access.ingest_token}"},
                proxy=None,
                compression=None,
                max_size=MESSAGE_BYTES_MAX,
            )
        await self._socket.send(body)
        async with asyncio.timeout(BRIDGE_ACK_TIMEOUT_S):
            ack = json.loads(await self._socket.recv())
        if not isinstance(ack, dict):
            raise DoorError(f"bridge: an ack that is no object: {ack!r}")
        return ack

    def _check(self, record: BridgeRecord, ack: dict[str, Any]) -> None:
        message = json.loads(record.body)
        if ack.get("batch_id") != message["batch_id"]:
            raise DoorError(f"bridge at {record.at_ms} ms: batch {message['batch_id']} was answered with {ack}")
        answered = ack.get("accepted", 0) + ack.get("duplicates", 0) + len(ack.get("rejected", []))
        if answered != len(message["events"]):
            raise DoorError(f"bridge at {record.at_ms} ms: {len(message['events'])} events, ack says {ack}")


def fill_in_now(body: Mapping[str, Any], now_ms: int) -> dict[str, Any]:
    """Put the moment of sending in the place of `$now` and `$now+<ms>`."""
    filled = {}
    for name, value in body.items():
        match = _NOW.fullmatch(value) if isinstance(value, str) else None
        filled[name] = now_ms + int(match[1] or 0) if match else value
    return filled


def _json_headers(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}", "content-type": "application/json"}


def _retry_after_s(answer: Answer) -> float:
    asked = answer.headers.get("retry-after", "")
    return float(asked) if asked.isdigit() else 0.0


def _unexpected(record: AnyRecord, answer: Answer, expected: tuple[int, ...]) -> str:
    said = answer.body[:300].decode(errors="replace")
    return f"{record.door} at {record.at_ms} ms: answered {answer.status}, expected {expected}: {said}"

"""A small HTTP/1.1 client for loopback, with connections kept open.

The replay sends some ten thousand requests from the same two processors that the service runs on; a general client's
connection pool and middle layers would cost more than the service's own work. It speaks what our service answers:
bodies with a Content-Length, no redirects, no compression.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

HEAD_BYTES_MAX = 65_536
BODY_BYTES_MAX = 8 * 1024 * 1024


class NoAnswerError(Exception):
    """The connection could not be made, broke, or carried something that is no HTTP answer. The outcome is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer; `headers` have lower-case names."""

    status: int
    headers: dict[str, str]
    body: bytes


class LoopbackHttp:
    """Sends requests to one service. Async context manager; safe to use from many tasks at once."""

    def __init__(self, base_url: str, *, timeout_s: float = 30.0) -> None:
        parts = urlsplit(base_url)
        assert parts.scheme == "http", "loopback needs no encryption"
        self._host = parts.hostname or ""
        self._port = parts.port or 80
        self._timeout_s = timeout_s
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._idle:
            _, writer = self._idle.pop()
            await _close(writer)

    async def request(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a request and read its answer. Raises NoAnswerError where there is none; then the outcome is unknown."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._exchange(method, path, headers, body)
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError, TimeoutError) as error:
            raise NoAnswerError(f"{method} {path}: {error!r}") from error

    async def _exchange(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        reader, writer = await self._connection()
        kept = False
        try:
            lines = [f"{method} {path} HTTP/1.1", f"host: {self._host}:{self._port}", f"content-length: {len(body)}"]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            writer.write("\r\n".join([*lines, "", ""]).encode() + body)
            answer = await _read_answer(reader)
            kept = answer.headers.get("connection", "").lower() != "close"
            return answer
        finally:
            # A connection whose answer was not read to its end must never serve another request.
            if kept:
                self._idle.append((reader, writer))
            else:
                writer.close()

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof():  # the service closes what has been idle for some seconds
                return reader, writer
            await _close(writer)
        return await asyncio.open_connection(self._host, self._port, limit=HEAD_BYTES_MAX)


async def _read_answer(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    _, status, _ = (head[0] + " ").split(" ", 2)
    headers: dict[str, str] = {}
    for line in head[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    length = int(headers.get("content-length", "0"))
    if not 0 <= length <= BODY_BYTES_MAX or "transfer-encoding" in headers:
        raise ValueError("an answer without a bounded Content-Length")
    return Answer(status=int(status), headers=headers, body=await reader.readexactly(length))


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()

"""Request bodies: read with limits on size and time, decoded with words that a sender can act on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeVar

import msgspec

from ingest.problems import Problem

BODY_TIMEOUT_S: Final = 15.0
JSON_BYTES_MAX: Final = 65_536
BATCH_BYTES_MAX: Final = 4_194_304
CATALOGUE_BYTES_MAX: Final = 16_777_216

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
T = TypeVar("T")


class SenderGone(Exception):  # noqa: N818 - nobody is left to be told of an error
    """The client closed the connection before its request was whole."""


async def read_body(receive: Receive, bytes_max: int, timeout_s: float = BODY_TIMEOUT_S) -> bytes:
    """Read a request's body from ASGI.

    Raises Problem where it is over the limit or too slow, SenderGone where the client left.
    """
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        body: bytes = message.get("body", b"")
        if len(body) > bytes_max:
            raise too_large(bytes_max)
        return body
    try:
        async with asyncio.timeout(timeout_s):
            return await _read_parts(message, receive, bytes_max)
    except TimeoutError as error:
        raise Problem("slow-request") from error


async def _read_parts(message: MutableMapping[str, Any], receive: Receive, bytes_max: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        if message["type"] != "http.request":
            raise SenderGone
        part = message.get("body", b"")
        size += len(part)
        if size > bytes_max:
            raise too_large(bytes_max)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)
        message = await receive()


def too_large(bytes_max: int) -> Problem:
    """Return the problem of a body over its limit."""
    return Problem(
        "too-large",
        f"请求内容超过 {bytes_max} 字节的上限，未做任何更改；请分批发送。",
        f"The body is over the limit of {bytes_max} bytes; nothing was changed. Send less at a time.",
    )


def decoded(decoder: msgspec.json.Decoder[T], body: bytes | msgspec.Raw) -> T:
    """Decode JSON; raises Problem (`malformed`) saying where it does not fit."""
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise malformed(error) from error


def malformed(error: Exception) -> Problem:
    """Return the problem of a body that does not fit the contract."""
    words = str(error) if isinstance(error, msgspec.DecodeError) else "not readable as UTF-8 JSON"
    return Problem(
        "malformed",
        "请求内容与接口约定不符，未做任何更改；请按 errors 修正。",
        "The request does not fit the contract; nothing was changed. Correct what `errors` says.",
        errors=(words,),
    )

"""The claims door as raw ASGI, in front of FastAPI: its own handling costs four times as much as the rest together.

Answers `POST /v1/sales/{sale_id}/claims` and `…/claims/batch`; passes everything else on. The same routes stand in FastAPI for
the documentation, and a contract test holds the two to the same answers.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final

from ingest.answers import DoorAnswer, answer_problem
from ingest.auth import bearer_of
from ingest.bodies import BATCH_BYTES_MAX, JSON_BYTES_MAX, SenderGone, read_body, too_large
from ingest.claims_door import ClaimsDoor
from ingest.metrics import Metrics
from ingest.problems import Problem

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

PREFIX: Final = "/v1/sales/"
ONE: Final = "/claims"
MANY: Final = "/claims/batch"


class HotPath:
    """An ASGI app that answers claims itself and leaves all else to `rest`."""

    def __init__(self, rest: AsgiApp, door: ClaimsDoor, metrics: Metrics) -> None:
        self._rest = rest
        self._door = door
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] != "POST":
            return await self._rest(scope, receive, send)
        path: str = scope["path"]
        if not path.startswith(PREFIX):
            return await self._rest(scope, receive, send)
        if path.endswith(ONE):
            sale_id, many = path[len(PREFIX) : -len(ONE)], False
        elif path.endswith(MANY):
            sale_id, many = path[len(PREFIX) : -len(MANY)], True
        else:
            return await self._rest(scope, receive, send)
        if not sale_id or "/" in sale_id:
            return await self._rest(scope, receive, send)
        started = time.perf_counter()
        try:
            answer = await self._answer(scope["headers"], receive, sale_id, many=many)
        except SenderGone:
            return None
        await send_answer(send, answer)
        door = "claims_batch" if many else "claims"
        self._metrics.request(door, answer.outcome, time.perf_counter() - started)
        return None

    async def _answer(
        self, headers: Iterable[tuple[bytes, bytes]], receive: Receive, sale_id: str, *, many: bool
    ) -> DoorAnswer:
        secret = content_type = ""
        bytes_max = BATCH_BYTES_MAX if many else JSON_BYTES_MAX
        try:
            for name, value in headers:
                if name == b"authorization":
                    secret = bearer_of(value.decode("latin-1"))
                elif name == b"content-type":
                    content_type = value.decode("latin-1")
                elif name == b"content-length" and int(value) > bytes_max:
                    raise too_large(bytes_max)
            body = await read_body(receive, bytes_max)
        except Problem as problem:
            return answer_problem(problem)
        if many:
            return await self._door.many(sale_id, secret, body, content_type)
        return await self._door.one(sale_id, secret, body)


async def send_answer(send: Send, answer: DoorAnswer) -> None:
    """Send a whole answer over ASGI."""
    headers = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
        *((name.encode(), value.encode()) for name, value in answer.headers.items()),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})

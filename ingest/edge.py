"""The outermost layer of the HTTP side: counts every request, and lets no error out but as a problem document."""

from __future__ import annotations

import time
from collections.abc import MutableMapping
from typing import Any, Final

import structlog

from ingest.answers import answer_problem
from ingest.bodies import SenderGone
from ingest.hot_path import AsgiApp, Message, Receive, Scope, Send, send_answer
from ingest.logs import frames_of
from ingest.metrics import Metrics
from ingest.problems import Problem

UNROUTED: Final = "unrouted"
log = structlog.get_logger("edge")


class Edge:
    """Wraps the documented app."""

    def __init__(self, app: AsgiApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or serve one socket."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        watched = _Watched(send)
        try:
            await self._app(scope, receive, watched.send)
        except SenderGone:
            return
        except Exception as error:
            log.error("request failed", door=_door(scope), frames=frames_of(error))  # noqa: TRY400 - no values in logs
            if not watched.status:
                await send_answer(watched.send, answer_problem(Problem("internal")))
            elif not watched.finished:
                # The answer is half out: cutting the connection is the only honest way to end it.
                raise
        self._metrics.request(_door(scope), str(watched.status), time.perf_counter() - started)


class _Watched:
    """Passes an answer on, remembering its status and adding the headers that every answer has."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0
        self.finished = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = list(message.get("headers", []))
            headers.append((b"x-content-type-options", b"nosniff"))
            message = {**message, "headers": headers}
        elif message["type"] == "http.response.body":
            self.finished = not message.get("more_body", False)
        await self._send(message)


def _door(scope: MutableMapping[str, Any]) -> str:
    # Only the route's template: a path has ids in it, and every id would become a time series of its own.
    route = scope.get("route")
    path = getattr(route, "path_format", None) or getattr(route, "path", None)
    return path if isinstance(path, str) else UNROUTED

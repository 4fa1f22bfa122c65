"""Runs the outgoing connections: one task each, started, replaced and ended as the operator changes them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, cast

import structlog

from ingest.connections import Connections, Feed
from ingest.logs import frames_of
from ingest.metrics import Metrics
from ingest.pipeline import Pipeline
from stream_adapters.contract import LinkReport, PullAdapter
from stream_adapters.domain import LiveEvent

RESTART_PAUSE_S: Final = 5.0
log = structlog.get_logger("pulls")


class Pulls:
    """Keeps every connection of transport `pull` connected."""

    def __init__(self, connections: Connections, pipeline: Pipeline, metrics: Metrics) -> None:
        self._connections = connections
        self._pipeline = pipeline
        self._metrics = metrics
        self._running: dict[str, tuple[Feed, asyncio.Task[None]]] = {}

    async def run(self) -> None:
        """Run until cancelled; then all connections end first."""
        try:
            while True:
                self._connections.changed.clear()
                await self._match()
                await self._connections.changed.wait()
        finally:
            tasks = [task for _, task in self._running.values()]
            self._running.clear()
            await _ended(tasks)

    async def _match(self) -> None:
        wanted = {
            feed.connection.connection_id: feed for feed in self._connections.all() if feed.info.transport == "pull"
        }
        gone = [key for key, (feed, _) in self._running.items() if wanted.get(key) is not feed]
        # The old link ends before the new one begins: two at once would fight over the platform's messages.
        await _ended([self._running.pop(key)[1] for key in gone])
        for key, feed in wanted.items():
            if key not in self._running:
                task = asyncio.create_task(self._keep_connected(feed), name=f"pull-{key}")
                self._running[key] = (feed, task)

    async def _keep_connected(self, feed: Feed) -> None:
        connection = feed.connection

        async def deliver(events: Sequence[LiveEvent]) -> None:
            await self._pipeline.handle(connection.sale_id, events, feed.desk)

        def report(link: LinkReport) -> None:
            self._metrics.link(connection.connection_id, link.state.value)
            log.info(
                "link", connection_id=connection.connection_id, adapter=connection.adapter, state=link.state.value,
                problem=link.problem, retry_in_ms=link.retry_in_ms,
            )  # fmt: skip

        while True:
            try:
                await _as_pull(feed).connect(deliver, report)
            except Exception as error:
                # The adapter reconnects by itself; whatever still comes out of it must not end the other links.
                log.error(  # noqa: TRY400 - no values in logs
                    "link failed",
                    connection_id=connection.connection_id,
                    adapter=connection.adapter,
                    frames=frames_of(error),
                )
            await asyncio.sleep(RESTART_PAUSE_S)


def _as_pull(feed: Feed) -> PullAdapter:
    adapter = feed.adapter
    assert hasattr(adapter, "connect"), "an adapter of transport pull has to connect"
    return cast("PullAdapter", adapter)


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

"""The app under any ASGI server: the service lives from lifespan startup to shutdown."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from ingest.app import create_app, open_service
from ingest.folder import FolderBusyError
from ingest.settings import Settings


class Lifespan:
    """The server's side of the lifespan protocol."""

    def __init__(self, app: Any) -> None:
        self.to_app: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        self.from_app: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        self.task = asyncio.create_task(app({"type": "lifespan"}, self.to_app.get, self.from_app.put))

    async def say(self, kind: str) -> MutableMapping[str, Any]:
        await self.to_app.put({"type": f"lifespan.{kind}"})
        async with asyncio.timeout(60):
            return await self.from_app.get()


async def test_the_app_serves_between_startup_and_shutdown(tmp_path: Path) -> None:
    app = create_app(Settings(data_dir=tmp_path))
    lifespan = Lifespan(app)
    assert (await lifespan.say("startup"))["type"] == "lifespan.startup.complete"
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://sale") as client:
        assert (await client.get("/readyz")).status_code == 200
    with pytest.raises(FolderBusyError):
        async with open_service(Settings(data_dir=tmp_path)):
            pass
    assert (await lifespan.say("shutdown"))["type"] == "lifespan.shutdown.complete"
    await lifespan.task


async def test_a_start_that_fails_is_told_in_words(tmp_path: Path) -> None:
    lifespan = Lifespan(create_app(Settings(data_dir=tmp_path, ledger_url="nonsense")))
    answer = await lifespan.say("startup")
    assert answer["type"] == "lifespan.startup.failed"
    assert "sqlite" in answer["message"]
    await lifespan.task

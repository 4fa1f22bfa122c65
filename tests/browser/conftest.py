"""A real Chromium, and the live routes on a real server over a sale that the test plays by hand."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
import uvicorn
from fastapi import FastAPI
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from overlay import Hub, Timing
from overlay.routes import live_routes
from tests.unit.overlay.played_sale import PlayedSale, county_tally

CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
TOKENS = {"st_overlay_1": frozenset({"overlay"}), "st_host_1": frozenset({"host"})}


class TokenBook:
    """A gate that knows the tokens above until they are revoked."""

    def __init__(self) -> None:
        self.revoked: set[str] = set()

    async def admits(self, token: str, sale_id: str, roles: frozenset[str]) -> bool:
        return token not in self.revoked and bool(TOKENS.get(token, frozenset()) & roles)


class Stall:
    """A server with the live routes, that a test can stop and start again on the same port."""

    def __init__(self, sale: PlayedSale, timing: Timing) -> None:
        self.sale = sale
        self.gate = TokenBook()
        self.port = _free_port()
        self.api: Any = None
        self._timing = timing
        self._server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self.hub = Hub(self.sale, timing=self._timing)

        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            async with self.hub:
                yield

        app = FastAPI(lifespan=lifespan)
        app.include_router(live_routes(self.hub, self.gate))
        if self.api is not None:
            app.include_router(self.api)
        config = uvicorn.Config(
            app, port=self.port, log_level="warning", ws="websockets-sansio", timeout_graceful_shutdown=2
        )
        self._server = uvicorn.Server(config)
        self._serving = asyncio.create_task(self._server.serve())
        while not self._server.started:
            if self._serving.done():
                await self._serving
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        if self._server is None or self._serving is None:
            return
        await self.hub.close()
        self._server.should_exit = True
        await self._serving
        self._server = None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def chromium_path() -> str:
    for path in (os.environ.get("SELLTHROUGH_CHROMIUM"), "/usr/bin/chromium", shutil.which("chromium")):
        if path and os.path.exists(path):
            return path
    pytest.fail(
        "没有找到 Chromium，请安装或设置 SELLTHROUGH_CHROMIUM。No Chromium: install it or set SELLTHROUGH_CHROMIUM."
    )


# One browser for the whole run: starting Chromium costs more than most of the tests. It lives on the session's loop, and so
# must all that touches it.
@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium_path: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=chromium_path, args=CHROMIUM_ARGS)
        yield started
        await started.close()


@pytest_asyncio.fixture(loop_scope="session")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    made = await browser.new_context(viewport={"width": 1920, "height": 1080}, timezone_id="Asia/Shanghai")
    yield made
    await made.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(context: BrowserContext) -> Page:
    return await context.new_page()


@pytest.fixture
def sale() -> PlayedSale:
    return PlayedSale(county_tally())


@pytest.fixture
def timing() -> Timing:
    return Timing(frame_interval_ms=20, heartbeat_ms=300)


@pytest_asyncio.fixture(loop_scope="session")
async def stall(sale: PlayedSale, timing: Timing) -> AsyncIterator[Stall]:
    made = Stall(sale, timing)
    await made.start()
    yield made
    await made.stop()

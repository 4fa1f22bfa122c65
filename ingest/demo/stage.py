"""Sets the stage: starts the service as its own process, and makes the sale, tokens and connections over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx
import msgspec

from flashsale.domain import SaleState
from flashsale.tally import Tally
from ingest.demo.connections import CONNECTION_IDS, connection_settings
from ingest.demo.doors import Access
from ingest.demo.plan import SHOP_PLATFORMS
from ingest.demo.simulators import LOOPBACK, OrderDesk, TmcPlatform
from inventory.check import CheckReport
from inventory.ledger import Order, OrdersPage

READY_FILE = "service-ready.json"
SERVICE_LOG = "service.log"
START_DEADLINE_S = 90.0
STOP_DEADLINE_S = 40.0
READY_POLL_S = 0.05
PAPER_DEADLINE_S = 120.0
"""How long the books check and the report may take."""
HOLD_TTL_MS = 7 * 24 * 60 * 60 * 1_000
"""A week, so that an evening which was interrupted today can be carried on tomorrow."""


class StageError(Exception):
    """The demo cannot run. `zh` and `en` say what happened and what to do."""

    def __init__(self, zh: str, en: str) -> None:
        self.zh = zh
        self.en = en
        super().__init__(f"{zh}\n{en}")


class _Ready(msgspec.Struct):
    """What the service writes when its doors are open."""

    host: str
    port: int
    admin_token: str


class ServiceProcess:
    """`sellthrough serve` as a child process on a data folder. Async context manager: entered when the doors are open.

    Leaving asks it to drain and waits. It has a session of its own, so a Ctrl-C in the terminal reaches only the demo,
    which stops the service when the replay has come to rest.
    """

    def __init__(self, data_dir: Path, port: int) -> None:
        self.base_url = ""
        self.admin_token = ""
        self._data_dir = data_dir
        self._port = port
        self._process: asyncio.subprocess.Process | None = None
        self._log_from = 0

    @property
    def log_path(self) -> Path:
        """Where the service's own output goes."""
        return self._data_dir / SERVICE_LOG

    async def __aenter__(self) -> Self:
        ready_path = self._data_dir / READY_FILE
        ready_path.unlink(missing_ok=True)
        with self.log_path.open("ab") as log:
            self._log_from = log.tell()
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", "from ingest.cli import main; main()", "serve"),
                *("--data-dir", str(self._data_dir), "--host", LOOPBACK, "--port", str(self._port)),
                *("--ready-file", str(ready_path)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            ready = await self._wait_until_ready(ready_path)
        except BaseException:
            await self._end()
            raise
        self.base_url = f"http://{ready.host}:{ready.port}"
        self.admin_token = ready.admin_token
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    async def ended(self) -> int:
        """Wait until the process has ended; its exit code."""
        assert self._process is not None, "the service was never started"
        return await self._process.wait()

    async def _wait_until_ready(self, ready_path: Path) -> _Ready:
        assert self._process is not None
        try:
            async with asyncio.timeout(START_DEADLINE_S):
                while (ready := _read_ready(ready_path)) is None:
                    if self._process.returncode is not None:
                        raise StageError(
                            f"服务没有启动（退出码 {self._process.returncode}）：{self._last_words()}",
                            f"The service did not start (exit code {self._process.returncode}); see {self.log_path}",
                        )
                    await asyncio.sleep(READY_POLL_S)
        except TimeoutError as error:
            raise StageError(
                f"服务在 {START_DEADLINE_S:.0f} 秒内没有就绪，请看 {self.log_path}",
                f"The service was not ready within {START_DEADLINE_S:.0f} s; see {self.log_path}",
            ) from error
        return ready

    def _last_words(self) -> str:
        with self.log_path.open("rb") as log:
            log.seek(self._log_from)
            lines = log.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "-"

    async def _end(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(STOP_DEADLINE_S):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """What to open in a browser."""

    overlay_url: str
    console_url: str


class Shop:
    """The sale's administration over HTTP, with the admin token. Everything here may be done again on a restart."""

    def __init__(self, client: httpx.AsyncClient, base_url: str, admin_token: str) -> None:
        self._client = client
        self._base_url = base_url
        self._headers = {"authorization": f"Bearer {admin_token}"}

    async def set_up(self, sale_id: str, name: str, catalogue_path: Path, tmc: TmcPlatform, desk: OrderDesk) -> Access:
        """Create the sale, load its catalogue, make tokens and connections; return the way in for everybody.

        A sale that has left its draft has been set up before: its catalogue is not loaded again, since that would undo
        what the host changed meanwhile.
        """
        state = await self._create_sale(sale_id, name)
        if state == SaleState.DRAFT:
            content = await asyncio.to_thread(catalogue_path.read_bytes)
            headers = {"content-type": "text/csv; charset=utf-8"}
            await self._call("POST", _sale(sale_id, "/catalogue"), content=content, headers=headers)
        for adapter, connection_id in CONNECTION_IDS.items():
            settings = connection_settings(adapter, tmc_url=tmc.url, order_desk_url=desk.url)
            body = {"adapter": adapter, "sale_id": sale_id, "settings": settings}
            await self._call("PUT", f"/v1/connections/{connection_id}", json=body)
        return Access(
            base_url=self._base_url,
            sale_id=sale_id,
            host_token=await self.token("host", sale_id),
            ingest_token=await self.token("ingest", sale_id),
            connection_ids=CONNECTION_IDS,
        )

    async def pages(self, access: Access) -> Pages:
        """The overlay and console of the sale, with tokens in the addresses."""
        overlay_token = await self.token("overlay", access.sale_id)
        query = f"sale={quote(access.sale_id, safe='')}&token={quote(overlay_token, safe='')}"
        return Pages(
            overlay_url=f"{self._base_url}/overlay/all?{query}",
            console_url=f"{self._base_url}/console#token={access.host_token}",
        )

    async def token(self, role: str, sale_id: str) -> str:
        """Make a token of a role for the sale."""
        body = {"role": role, "sale_id": sale_id, "label": "demo"}
        return str((await self._call("POST", "/v1/tokens", json=body)).json()["token"])

    async def tally(self, sale_id: str) -> Tally:
        """The live counters."""
        answer = await self._call("GET", _sale(sale_id, "/tally"))
        return msgspec.json.decode(answer.content, type=Tally)

    async def report(self, sale_id: str) -> str:
        """The sale's report as one HTML page."""
        return (await self._call("GET", _sale(sale_id, "/report"), timeout=PAPER_DEADLINE_S)).text

    async def check(self, sale_id: str) -> CheckReport:
        """The books check: store, log and ledger against each other."""
        answer = await self._call("GET", _sale(sale_id, "/check"), timeout=PAPER_DEADLINE_S)
        return msgspec.json.decode(answer.content, type=CheckReport)

    async def orders(self, sale_id: str) -> list[Order]:
        """All orders of the sale, page by page."""
        found: list[Order] = []
        after: int | None = 0
        while after is not None:
            answer = await self._call("GET", _sale(sale_id, "/orders"), params={"after": after})
            page = msgspec.json.decode(answer.content, type=OrdersPage)
            found += page.orders
            after = page.next
        return found

    async def _create_sale(self, sale_id: str, name: str) -> str:
        """Create the sale, or find it as it was created before; its state."""
        settings = {
            "mode": "capture",
            "channel_modes": dict.fromkeys(SHOP_PLATFORMS, "platform"),
            "repeat_policy": "ignore",
            "hold_ttl_ms": HOLD_TTL_MS,
            "waitlist_ttl_ms": HOLD_TTL_MS,
        }
        body = {"sale_id": sale_id, "name": name, "currency": "CNY", "settings": settings}
        return str((await self._call("POST", "/v1/sales", json=body)).json()["state"])

    async def _call(self, method: str, path: str, **request: Any) -> httpx.Response:
        headers = {**self._headers, **request.pop("headers", {})}
        try:
            answer = await self._client.request(method, self._base_url + path, headers=headers, **request)
        except httpx.TransportError as error:
            raise StageError(
                f"服务没有应答 {method} {path}（{error!r}）", f"The service did not answer {method} {path}"
            ) from error
        if answer.is_error:
            raise StageError(
                f"服务拒绝了 {method} {path}：{answer.status_code} {answer.text[:400]}",
                f"The service refused {method} {path} with {answer.status_code}",
            )
        return answer


def _read_ready(path: Path) -> _Ready | None:
    """What the service wrote when its doors opened; None before that. The file appears whole."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Ready)
    except FileNotFoundError:
        return None


def _sale(sale_id: str, path: str) -> str:
    return f"/v1/sales/{quote(sale_id, safe='')}{path}"


def http_client() -> httpx.AsyncClient:
    """An HTTP client for loopback only: no proxy of the environment comes in between."""
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
    return httpx.AsyncClient(trust_env=False, timeout=30.0, limits=limits)


def make_private_dir(path: Path) -> None:
    """Make a data folder that only its owner can read. Raises StageError where that cannot be done."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not os.access(path, os.W_OK):
            raise PermissionError(f"{path} is not writable")
    except OSError as error:
        raise StageError(
            f"不能使用数据目录 {path}：{error}。请换一个目录（--data-dir）。",
            f"Cannot use the data folder {path}: {error}. Choose another with --data-dir.",
        ) from error

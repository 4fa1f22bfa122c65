"""`sellthrough serve`: opens the service, serves it with uvicorn, and stops it without losing an acknowledgement."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Final

import msgspec
import uvicorn

from flashsale.embedded import EmbeddedStoreError
from flashsale.store import StoreUnavailable
from ingest.app import ADMIN_TOKEN_FILE, doors_of, open_service
from ingest.commands.exits import INTERRUPTED, OK, CommandError, not_built
from ingest.folder import FolderBusyError
from ingest.seal import SealError, write_private
from ingest.service import Service
from ingest.settings import Settings
from inventory.ledger import LedgerError
from stream_adapters.contract import BODY_BYTES_MAX

BACKLOG: Final = 2_048
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
Say = Callable[[str], None]


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """What the ready file says. `admin_token` is empty where the operator has revoked the first one."""

    host: str
    port: int
    url: str
    pid: int
    data_dir: str
    admin_token: str


def serve(settings: Settings, say: Say) -> int:
    """Serve until SIGINT or SIGTERM; returns the exit code. Raises CommandError where it cannot start."""
    if settings.workers != 1:
        raise not_built("serve --workers")
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(_serve(settings, say))
    except (FolderBusyError, EmbeddedStoreError, StoreUnavailable, LedgerError, SealError, OSError) as error:
        raise CommandError(f"服务无法启动。 The service cannot start.\n{error}") from error


async def _serve(settings: Settings, say: Say) -> int:
    stop = _Stop()
    with stop.on_signals():
        try:
            first_start = not (settings.data_dir / ADMIN_TOKEN_FILE).exists()
            listener = _listener(settings)
            with contextlib.closing(listener):
                async with open_service(settings) as service:
                    server = _Server(_config(settings, service), service, stop)
                    server.on_open = lambda: _announce(settings, service, listener, say, first_start=first_start)
                    await server.serve(sockets=[listener])
        except asyncio.CancelledError:
            if not stop.asked:
                raise
            return INTERRUPTED
    say("已停止，已确认的数据都已落盘。 Stopped; all that was acknowledged is on disk.")
    return OK


class _Stop:
    """A stop that a signal asked for: cancels while the service opens, and ends the server's loop once it serves."""

    def __init__(self) -> None:
        self.asked = False
        self.server: _Server | None = None

    @contextlib.contextmanager
    def on_signals(self) -> Iterator[None]:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def ask() -> None:
            self.asked = True
            if self.server is not None:
                self.server.should_exit = True
            else:
                task.cancel()

        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, ask)
        try:
            yield
        finally:
            for number in STOP_SIGNALS:
                loop.remove_signal_handler(number)


class _Server(uvicorn.Server):
    """uvicorn's server with our own signals, and a stop that closes the intake before the sockets."""

    def __init__(self, config: uvicorn.Config, service: Service, stop: _Stop) -> None:
        super().__init__(config)
        self._service = service
        self._stop = stop
        self.on_open: Callable[[], None] = lambda: None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `_Stop`: uvicorn would raise them again after a clean stop."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the doors, then say so."""
        await super().startup(sockets)
        self._stop.server = self
        self.should_exit = self.should_exit or self._stop.asked
        if self.started:
            self.on_open()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop the intake, let the viewers go, drain what is under way, close the sockets."""
        await self._service.stop_intake()
        await super().shutdown(sockets)


def _config(settings: Settings, service: Service) -> uvicorn.Config:
    return uvicorn.Config(
        doors_of(service),
        http="httptools",
        ws="websockets-sansio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=max(settings.drain_ms // 1_000, 1),
        ws_max_size=BODY_BYTES_MAX,
        # Frames are small and sockets many: ten thousand compression windows would cost more than they save.
        ws_per_message_deflate=False,
    )


def _listener(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise CommandError(
            f"无法监听 {settings.host}:{settings.port}（{error.strerror}）；请用 --port 指定别的端口。"
            f" Cannot listen on {settings.host}:{settings.port} ({error.strerror}); name another --port."
        ) from error
    listener.setblocking(False)
    return listener


def _announce(settings: Settings, service: Service, listener: socket.socket, say: Say, *, first_start: bool) -> None:
    port: int = listener.getsockname()[1]
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    url = f"http://{host}:{port}"
    if settings.ready_file is not None:
        ready = Ready(
            host=settings.host,
            port=port,
            url=url,
            pid=os.getpid(),
            data_dir=str(settings.data_dir),
            admin_token=service.admin_secret,
        )
        write_private(settings.ready_file, msgspec.json.encode(ready))
    # The link is said once: whoever reads an old terminal or log later must not find the key to everything in it.
    link = f"{url}/console#token={service.admin_secret}" if first_start and service.admin_secret else f"{url}/console"
    say(f"控制台 console   {link}")
    say(f"接口 API         {url}/docs")
    if not first_start:
        say(f"管理员令牌 admin token: {settings.data_dir / ADMIN_TOKEN_FILE}")


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop

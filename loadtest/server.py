"""A service of one's own for a run: `sellthrough serve` as another process, on a temporary folder and a free port."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

READY_WAIT_S: Final = 30.0
STOP_WAIT_S: Final = 20.0
_POLL_S: Final = 0.05


class Address(msgspec.Struct, frozen=True):
    """What the service writes into its ready file, as far as a load test needs it."""

    port: int
    admin_token: str
    host: str = "127.0.0.1"

    @property
    def url(self) -> str:
        """The service's HTTP address without a path."""
        return f"http://{self.host}:{self.port}"


class ServerError(Exception):
    """The service did not start or did not stop cleanly; `log` is the end of what it wrote."""

    def __init__(self, what: str, log: str) -> None:
        """Keep the end of the service's own words."""
        self.log = log
        super().__init__(f"{what}\n{log}" if log else what)


def serve_command() -> list[str]:
    """Return the command that starts the service: the one installed beside this Python, else on the path.

    Raises ServerError where there is none.
    """
    beside = Path(sys.executable).parent
    found = shutil.which("sellthrough", path=os.pathsep.join([str(beside), os.environ.get("PATH", "")]))
    if found is None:
        raise ServerError(
            "没有找到 sellthrough 命令；请先 make install。No `sellthrough` command; run `make install`.", ""
        )
    return [found, "serve"]


@contextmanager
def serving(command: Sequence[str] | None = None) -> Iterator[Address]:
    """Start the service, yield its address, stop it and remove its data.

    `command` is extended by `--data-dir`, `--port 0` and `--ready-file`. Raises ServerError if the service does not come
    up, or does not end with exit code 0 when told to stop: a run that breaks the service has not passed.
    """
    with tempfile.TemporaryDirectory(prefix="sellthrough-burst-") as folder:
        log_path, ready_path = Path(folder, "serve.log"), Path(folder, "ready.json")
        places = ["--data-dir", str(Path(folder, "data")), "--port", "0", "--ready-file", str(ready_path)]
        with log_path.open("wb") as log:
            # A session of its own: Ctrl-C ends the run first, and the run then stops the service in order.
            process = subprocess.Popen(  # noqa: S603 - our own command
                [*(command or serve_command()), *places], stdout=log, stderr=log, start_new_session=True
            )
        try:
            yield _wait_until_ready(process, ready_path, log_path)
        finally:
            code = _stop(process)
        if code != 0:
            raise ServerError(
                f"服务没有正常停止（退出码 {code}）。The service did not stop cleanly (exit code {code}).",
                _end_of(log_path),
            )


def _wait_until_ready(process: subprocess.Popen[bytes], ready_path: Path, log_path: Path) -> Address:
    deadline_s = time.monotonic() + READY_WAIT_S
    while time.monotonic() < deadline_s:
        if ready_path.exists():  # It appears whole: the service renames it into place.
            return msgspec.json.decode(ready_path.read_bytes(), type=Address)
        if process.poll() is not None:
            raise ServerError(
                f"服务没有启动（退出码 {process.returncode}）。"
                f"The service did not start (exit code {process.returncode}).",
                _end_of(log_path),
            )
        time.sleep(_POLL_S)
    raise ServerError(
        f"服务 {READY_WAIT_S:.0f} 秒内没有就绪。The service was not ready within {READY_WAIT_S:.0f} s.",
        _end_of(log_path),
    )


def _stop(process: subprocess.Popen[bytes]) -> int:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        return process.wait(STOP_WAIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _end_of(log_path: Path, characters_max: int = 4_000) -> str:
    return log_path.read_text(errors="replace")[-characters_max:]

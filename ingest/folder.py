"""The data folder belongs to one process at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

LOCK_FILE: Final = "lock"


class FolderBusyError(Exception):
    """Another process works on the folder."""

    def __init__(self, data_dir: Path, owner: str) -> None:
        self.data_dir = data_dir
        self.owner = owner
        whose = f"（进程 {owner}）" if owner else ""
        by = f" (process {owner})" if owner else ""
        super().__init__(
            f"数据目录 {data_dir} 正被另一个服务使用{whose}；请先停止它，或用 --data-dir 指定别的目录。"
            f" The data folder {data_dir} is in use by another service{by}; stop that one, or name another --data-dir."
        )


@contextmanager
def locked(data_dir: Path) -> Iterator[None]:
    """Hold the folder's lock; a folder that is missing is made, for its owner alone.

    The lock goes with the process, however that ends. Raises FolderBusyError.
    """
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(data_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FolderBusyError(data_dir, os.read(descriptor, 32).decode("ascii", "replace").strip()) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)

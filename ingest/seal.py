"""Sealing of secrets at rest: platform secrets and draw seeds are stored encrypted with a key in the data folder."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet, InvalidToken

KEY_FILE: Final = "secret.key"


class SealError(Exception):
    """What was sealed cannot be opened with this data folder's key."""


class Seal:
    """Encrypts and opens small secrets with one Fernet key."""

    def __init__(self, key: bytes) -> None:
        self._fernet = Fernet(key)

    @classmethod
    def of_folder(cls, data_dir: Path) -> Seal:
        """Take the data folder's key, making it (mode 0600) if there is none yet."""
        path = data_dir / KEY_FILE
        with contextlib.suppress(FileExistsError):
            write_private(path, Fernet.generate_key(), replace=False)
        return cls(path.read_bytes())

    def close(self, plain: bytes) -> bytes:
        """Encrypt."""
        return self._fernet.encrypt(plain)

    def open(self, sealed: bytes) -> bytes:
        """Decrypt; raises SealError for another folder's secrets."""
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken as error:
            raise SealError(
                f"密文无法解开：{KEY_FILE} 与账本不匹配，请放回原来的密钥文件。"
                f" Sealed with another key: put back the {KEY_FILE} that belongs to this ledger."
            ) from error


def write_private(path: Path, content: bytes, *, replace: bool = True) -> None:
    """Write a file that only its owner may read, whole or not at all.

    Raises FileExistsError where the file is there and `replace` is false.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    if replace:
        beside.replace(path)
        return
    try:
        # A hard link fails where the name is taken, so two processes cannot both make the key.
        os.link(beside, path)
    finally:
        beside.unlink()

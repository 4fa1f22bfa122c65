"""How far a replay has come, kept in the data folder, so that an interrupted evening carries on where it stopped."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

PROGRESS_FILE = "demo-progress.json"


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """A replay's place. `next_index` is the record after the last barrier that was passed; `sent` are indexes beyond it
    that were acknowledged too. `run` counts the evenings played in this folder.
    """

    run: int
    sale_id: str
    recording_sha256: str
    next_index: int = 0
    sent: tuple[int, ...] = ()
    finished: bool = False
    elapsed_s: float = 0.0


class ProgressFile:
    """Reads and writes the progress; a write is whole or not at all."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / PROGRESS_FILE

    def read(self) -> Progress | None:
        """What was saved last; None where nothing was, or what is there cannot be read."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Progress)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def write(self, progress: Progress) -> None:
        """Save. Raises OSError where the folder cannot be written."""
        draft = self._path.with_suffix(".tmp")
        draft.write_bytes(msgspec.json.encode(progress))
        os.replace(draft, self._path)


def begin(saved: Progress | None, recording_sha256: str, sale_name: str) -> Progress:
    """The progress to go on from: the saved one if its evening is unfinished and the same, else a new evening."""
    if saved is not None and not saved.finished and saved.recording_sha256 == recording_sha256:
        return saved
    run = saved.run + 1 if saved else 1
    return Progress(run=run, sale_id=sale_name if run == 1 else f"{sale_name}-{run}", recording_sha256=recording_sha256)

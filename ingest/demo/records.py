"""A recording: one JSON object a line, each something that somebody sent at a moment of the evening.

Written gzip-compressed with no name and no time in its header, so that the same records give the same file.
"""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

RECORDING_BYTES_MAX = 64 * 1024 * 1024
"""The most that a recording may unpack to: a replay keeps all of it in memory."""


class RecordingError(Exception):
    """A recording cannot be read. `line_no` counts from 1; 0 means the file as a whole."""

    def __init__(self, line_no: int, problem: str) -> None:
        self.line_no = line_no
        self.problem = problem
        super().__init__(f"recording, line {line_no}: {problem}" if line_no else f"recording: {problem}")


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of all records. `at_ms` counts from the evening's start.

    With `barrier` set, everything sent before must be acknowledged before this is sent. Between two barriers, records of
    different doors may overtake each other freely; those of one door keep their order only at the bridge and the host.
    """

    at_ms: int
    door: str
    barrier: bool = False


class HookRecord(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A platform's webhook call: door `hook:<adapter>`, the exact body and headers.

    `expected` is the HTTP status that a right service answers.
    """

    headers: dict[str, str]
    body: str
    expected: int = 200


class TmcRecord(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A message of Taobao's message channel (door `tmc`); the simulated platform frames it for the connected client."""

    message_id: int
    topic: str
    dataid: str
    content: str
    userid: int
    nick: str


class BridgeRecord(Record, frozen=True, kw_only=True, omit_defaults=True):
    """One WebSocket message of a bridge (door `bridge`), as sent."""

    body: str


class HostRecord(Record, frozen=True, kw_only=True, omit_defaults=True):
    """Something the host does in the console (door `host`): an HTTP call on the sale.

    `path` follows `/v1/sales/{sale_id}`. Strings of the form `$now` or `$now+1000` in `body` stand for the moment of
    sending in Unix milliseconds: prices and ship dates count by the store's clock, not by the recording's.
    """

    method: str
    path: str
    body: dict[str, Any] = {}


class PaymentRecord(Record, frozen=True, kw_only=True, omit_defaults=True):
    """The shop's payment system (door `payment`) looks a claim up and, if it is held, does `action`: confirm or cancel."""

    claim_id: str
    action: str


class DeskOrder(Record, frozen=True, kw_only=True, omit_defaults=True):
    """An order as the platform knows it (door `desk`). Never sent: the order desk answers for it when asked."""

    platform: str
    order_id: str
    buyer_id: str
    amount_minor: int
    lines: tuple[tuple[str, int], ...]


AnyRecord = HookRecord | TmcRecord | BridgeRecord | HostRecord | PaymentRecord | DeskOrder

_DOORS: dict[str, type[AnyRecord]] = {
    "hook": HookRecord,
    "tmc": TmcRecord,
    "bridge": BridgeRecord,
    "host": HostRecord,
    "payment": PaymentRecord,
    "desk": DeskOrder,
}


class _Head(msgspec.Struct):
    door: str


def write_recording(path: Path, records: Iterable[AnyRecord]) -> None:
    """Write a recording; the same records always give the same lines."""
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0, compresslevel=9) as file:
        for line in encode_lines(records):
            file.write(line)
    path.write_bytes(packed.getvalue())


def encode_lines(records: Iterable[AnyRecord]) -> Iterator[bytes]:
    """Yield each record as one line of JSON, newline included."""
    encoder = msgspec.json.Encoder()
    for record in records:
        yield encoder.encode(record) + b"\n"


def read_recording(path: Path) -> tuple[list[AnyRecord], str]:
    """Read a recording and the hex SHA-256 of its unpacked lines.

    Raises RecordingError where the file is missing, too big, not gzip, or a line is not a record.
    """
    try:
        with gzip.open(path) as file:
            content = file.read(RECORDING_BYTES_MAX + 1)
    except (OSError, EOFError) as error:
        raise RecordingError(0, f"cannot read {path}: {error}") from error
    if len(content) > RECORDING_BYTES_MAX:
        raise RecordingError(0, f"{path} unpacks to more than {RECORDING_BYTES_MAX} bytes")
    return decode_lines(content.splitlines()), hashlib.sha256(content).hexdigest()


def decode_lines(lines: Sequence[bytes]) -> list[AnyRecord]:
    """Read the lines of a recording. Raises RecordingError at the first that is not a record."""
    head = msgspec.json.Decoder(_Head)
    decoders = {door: msgspec.json.Decoder(kind) for door, kind in _DOORS.items()}
    records: list[AnyRecord] = []
    for line_no, line in enumerate(lines, start=1):
        try:
            door = head.decode(line).door.partition(":")[0]
            if door not in decoders:
                raise RecordingError(line_no, f"no door is called {door!r}")
            records.append(decoders[door].decode(line))
        except msgspec.DecodeError as error:
            raise RecordingError(line_no, str(error)) from error
    return records

"""Taobao's message channel on the wire, seen from its server: little-endian binary frames.

A frame is a version byte, a type byte, headers (int16 kind, then a value) and an int16 0. Strings are an int32 byte
length and UTF-8. Custom headers are a name and a typed value. No I/O here; `simulators` owns the socket.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field

PROTOCOL_VERSION = 2
CONNECT, CONNECT_ACK, SEND, SEND_ACK = 0, 1, 2, 3
KIND_PULL, KIND_CONFIRM, KIND_DATA, KIND_FAILED = 1, 2, 3, 20

_END, _CUSTOM, _STATUS_CODE, _STATUS_PHRASE, _FLAG, _TOKEN = range(6)
_VOID, _STRING, _INT8, _INT16, _INT32, _INT64, _DATE, _BYTES = range(8)
_INTEGERS = {_INT8: "<b", _INT16: "<h", _INT32: "<i", _INT64: "<q", _DATE: "<q"}

Value = str | int | bytes | None


class TmcFrameError(Exception):
    """Bytes that are not a frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TmcFrame:
    """A frame, decoded. `custom` holds the named values."""

    kind: int
    status_code: int | None = None
    status_phrase: str | None = None
    token: str | None = None
    custom: dict[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Int8:
    """An integer that travels as one byte (`__kind` does)."""

    value: int


@dataclass(frozen=True, slots=True)
class Date:
    """A moment in Unix milliseconds that travels as TMC's date type."""

    at_ms: int


def encode(
    kind: int,
    custom: dict[str, str | int | Int8 | Date],
    *,
    token: str | None = None,
    status: tuple[int, str] | None = None,
) -> bytes:
    """Encode a frame; plain integers travel as int64, `status` is a code and its phrase."""
    parts = [struct.pack("<bb", PROTOCOL_VERSION, kind)]
    if status is not None:
        parts += [struct.pack("<hi", _STATUS_CODE, status[0]), struct.pack("<h", _STATUS_PHRASE), _string(status[1])]
    if token is not None:
        parts += [struct.pack("<h", _TOKEN), _string(token)]
    for name, value in custom.items():
        parts += [struct.pack("<h", _CUSTOM), _string(name), _value(value)]
    parts.append(struct.pack("<h", _END))
    return b"".join(parts)


def _string(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<i", len(raw)) + raw


def _value(value: str | int | Int8 | Date) -> bytes:
    if isinstance(value, str):
        return struct.pack("<b", _STRING) + _string(value)
    if isinstance(value, Int8):
        return struct.pack("<bb", _INT8, value.value)
    if isinstance(value, Date):
        return struct.pack("<bq", _DATE, value.at_ms)
    return struct.pack("<bq", _INT64, value)


def decode(raw: bytes) -> TmcFrame:
    """Decode a frame. Raises TmcFrameError where the bytes break off or make no sense."""
    try:
        return _Reader(raw).frame()
    except (struct.error, UnicodeDecodeError, IndexError) as error:
        raise TmcFrameError(f"not a TMC frame: {error}") from error


class _Reader:
    """Walks over the bytes of one frame."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0

    def frame(self) -> TmcFrame:
        version, kind = self._take("<b"), self._take("<b")
        if version != PROTOCOL_VERSION:
            raise TmcFrameError(f"protocol version {version}, not {PROTOCOL_VERSION}")
        status_code: int | None = None
        status_phrase: str | None = None
        token: str | None = None
        custom: dict[str, Value] = {}
        while (header := self._take("<h")) != _END:
            if header == _CUSTOM:
                name = self._text()
                custom[name] = self._typed()
            elif header == _STATUS_CODE:
                status_code = self._take("<i")
            elif header == _STATUS_PHRASE:
                status_phrase = self._text()
            elif header == _FLAG:
                self._take("<i")
            elif header == _TOKEN:
                token = self._text()
            else:
                raise TmcFrameError(f"header kind {header} is unknown")
        return TmcFrame(kind=kind, status_code=status_code, status_phrase=status_phrase, token=token, custom=custom)

    def _take(self, form: str) -> int:
        (value,) = struct.unpack_from(form, self._raw, self._at)
        self._at += struct.calcsize(form)
        return int(value)

    def _bytes(self) -> bytes:
        length = self._take("<i")
        if length < 0 or self._at + length > len(self._raw):
            raise TmcFrameError(f"a length of {length} bytes runs over the frame's end")
        taken = self._raw[self._at : self._at + length]
        self._at += length
        return taken

    def _text(self) -> str:
        return self._bytes().decode()

    def _typed(self) -> Value:
        form = self._take("<b")
        if form == _VOID:
            return None
        if form == _STRING:
            return self._text()
        if form == _BYTES:
            return self._bytes()
        if form in _INTEGERS:
            return self._take(_INTEGERS[form])
        raise TmcFrameError(f"value type {form} is unknown")


def connect_sign(app_secret: str, *, app_key: str, group_name: str, timestamp: str) -> str:
    """Give the sign that a client must send: uppercase hex MD5 over secret, sorted names and values, and secret."""
    named = f"app_key{app_key}group_name{group_name}timestamp{timestamp}"
    return hashlib.md5((app_secret + named + app_secret).encode(), usedforsecurity=False).hexdigest().upper()

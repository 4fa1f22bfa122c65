"""TMC frames: bytes in, values out, and back. No I/O.

Little-endian, one frame to a binary WebSocket message: version, type, then headers until a zero one. The layout is that
of the official Java SDK's reader and of two independent clients, and was checked against one of them over a socket.
Where they disagree (the width of the status code) the reading side is followed.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from hashlib import md5

import msgspec

from stream_adapters.contract import FrameError

PROTOCOL_VERSION = 2
HEADERS_MAX = 256

Value = None | int | str | bytes


class MessageType(IntEnum):
    """What a frame is."""

    CONNECT = 0
    CONNECT_ACK = 1
    SEND = 2
    SEND_ACK = 3


class Kind(IntEnum):
    """What a SEND or SEND_ACK is about (custom header `__kind`)."""

    PULL = 1
    CONFIRM = 2
    MESSAGE = 3
    FAILED = 20


class _Header(IntEnum):
    END = 0
    CUSTOM = 1
    STATUS_CODE = 2
    STATUS_PHRASE = 3
    FLAG = 4
    TOKEN = 5


class _Format(IntEnum):
    VOID = 0
    STRING = 1
    BYTE = 2
    INT16 = 3
    INT32 = 4
    INT64 = 5
    DATE = 6
    BYTES = 7


_NUMBERS = {
    _Format.BYTE: struct.Struct("<b"),
    _Format.INT16: struct.Struct("<h"),
    _Format.INT32: struct.Struct("<i"),
    _Format.INT64: struct.Struct("<q"),
    _Format.DATE: struct.Struct("<q"),
}
_INT16 = _NUMBERS[_Format.INT16]
_INT32 = _NUMBERS[_Format.INT32]


class TmcFrame(msgspec.Struct, frozen=True, kw_only=True):
    """One frame, read. `version` is kept and not judged: what other versions look like is nowhere documented."""

    version: int
    type: MessageType
    token: str | None = None
    status_code: int = 0
    status_phrase: str | None = None
    flag: int = 0
    custom: dict[str, Value] = {}

    @property
    def kind(self) -> Value:
        """The custom header that says what a SEND is about."""
        return self.custom.get("__kind")


def decode_frame(raw: bytes) -> TmcFrame:
    """Read one frame. Raises FrameError where it is cut short, holds an unknown part, or has too many headers."""
    reader = _Reader(raw)
    version, type_code = reader.byte(), reader.byte()
    try:
        message_type = MessageType(type_code)
    except ValueError as error:
        raise _malformed(f"message type {type_code}") from error
    return _read_headers(reader, version, message_type)


def _read_headers(reader: _Reader, version: int, message_type: MessageType) -> TmcFrame:
    token: str | None = None
    phrase: str | None = None
    code = flag = 0
    custom: dict[str, Value] = {}
    for _ in range(HEADERS_MAX):
        match reader.number(_INT16):
            case _Header.END:
                return TmcFrame(
                    version=version,
                    type=message_type,
                    token=token,
                    status_code=code,
                    status_phrase=phrase,
                    flag=flag,
                    custom=custom,
                )
            case _Header.CUSTOM:
                name = reader.text() or ""
                custom[name] = reader.value()
            case _Header.STATUS_CODE:
                code = reader.number(_INT32)
            case _Header.STATUS_PHRASE:
                phrase = reader.text()
            case _Header.FLAG:
                flag = reader.number(_INT32)
            case _Header.TOKEN:
                token = reader.text()
            case unknown:
                raise _malformed(f"header type {unknown}")
    raise _malformed(f"more than {HEADERS_MAX} headers")


class _Reader:
    """Takes values off the front of a frame."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0

    def byte(self) -> int:
        return self._take(1)[0]

    def number(self, layout: struct.Struct) -> int:
        (number,) = layout.unpack(self._take(layout.size))
        return int(number)

    def text(self) -> str | None:
        raw = self._block()
        if not raw:
            return None
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            raise _malformed("a text that is not UTF-8") from error

    def value(self) -> Value:
        code = self.byte()
        match code:
            case _Format.VOID:
                return None
            case _Format.STRING:
                return self.text()
            case _Format.BYTES:
                return self._block()
        try:
            layout = _NUMBERS[_Format(code)]
        except ValueError as error:
            raise _malformed(f"value format {code}") from error
        return self.number(layout)

    def _block(self) -> bytes:
        return self._take(self.number(_INT32))

    def _take(self, size: int) -> bytes:
        end = self._at + size
        if size < 0 or end > len(self._raw):
            raise _malformed(f"cut short at byte {self._at}")
        taken = self._raw[self._at : end]
        self._at = end
        return taken


def _malformed(what: str) -> FrameError:
    return FrameError(
        f"收到无法识别的 TMC 帧（{what}），已忽略；平台会重发未确认的消息。",
        f"A TMC frame cannot be read ({what}) and was passed over; the platform resends what is not confirmed.",
    )


def sign_connect(app_key: str, app_secret: str, group_name: str, timestamp_ms: int) -> str:
    """Sign a CONNECT: upper-case hex MD5 over secret, sorted names with their values, and secret again."""
    signed = f"{app_secret}app_key{app_key}group_name{group_name}timestamp{timestamp_ms}{app_secret}"
    return md5(signed.encode(), usedforsecurity=False).hexdigest().upper()


def encode_connect(app_key: str, app_secret: str, group_name: str, timestamp_ms: int) -> bytes:
    """Make the first frame of a connection."""
    return _frame(
        MessageType.CONNECT,
        None,
        _text_header("app_key", app_key),
        _text_header("group_name", group_name),
        _text_header("timestamp", str(timestamp_ms)),
        _text_header("sign", sign_connect(app_key, app_secret, group_name, timestamp_ms)),
        _text_header("sdk", "sellthrough"),
    )


def encode_pull(token: str | None) -> bytes:
    """Ask for messages that the server holds back."""
    return _frame(MessageType.SEND, token, _kind_header(Kind.PULL))


def encode_confirm(token: str | None, message_id: int) -> bytes:
    """Tell the server that a message is safe with us."""
    return _frame(MessageType.SEND, token, _kind_header(Kind.CONFIRM), _id_header(message_id))


def encode_failed(token: str | None, message_id: int, reason: str) -> bytes:
    """Give a message back to the server, to be sent again."""
    return _frame(
        MessageType.SEND_ACK, token, _kind_header(Kind.FAILED), _id_header(message_id), _text_header("msg", reason)
    )


def _frame(message_type: MessageType, token: str | None, *headers: bytes) -> bytes:
    token_header = b"" if token is None else _INT16.pack(_Header.TOKEN) + _text(token)
    return bytes((PROTOCOL_VERSION, message_type)) + token_header + b"".join(headers) + _INT16.pack(_Header.END)


def _text_header(name: str, value: str) -> bytes:
    return _custom(name, _Format.STRING, _text(value))


def _kind_header(kind: Kind) -> bytes:
    return _custom("__kind", _Format.BYTE, _NUMBERS[_Format.BYTE].pack(kind))


def _id_header(message_id: int) -> bytes:
    return _custom("id", _Format.INT64, _NUMBERS[_Format.INT64].pack(message_id))


def _custom(name: str, value_format: _Format, packed: bytes) -> bytes:
    return _INT16.pack(_Header.CUSTOM) + _text(name) + bytes((value_format,)) + packed


def _text(value: str) -> bytes:
    raw = value.encode()
    return _INT32.pack(len(raw)) + raw

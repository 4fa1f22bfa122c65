"""JSON from strangers, read with bounds.

Everything that can go wrong in reading comes out as `FrameError`; nothing else does. Messages carry field names and
positions, never values.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from stream_adapters.bounds import OCCURRED_AT_MS_MAX, OCCURRED_AT_MS_MIN
from stream_adapters.contract import FrameError

Decoded = TypeVar("Decoded")

_TEXT = msgspec.json.Decoder(str)


def read_json(decoder: msgspec.json.Decoder[Decoded], raw: bytes | str) -> Decoded:
    """Read JSON into the decoder's type; fields that the type does not know are passed over.

    Raises:
        FrameError: not UTF-8, not JSON, cut short, nested too deep, or of another shape.
    """
    try:
        return decoder.decode(raw)
    except UnicodeError as error:
        raise FrameError("内容不是 UTF-8 编码。", "The text is not UTF-8.") from error
    except RecursionError as error:
        raise FrameError("JSON 嵌套过深。", "The JSON is nested too deep.") from error
    except msgspec.ValidationError as error:
        raise FrameError(f"字段与平台文档不符：{error}。", f"The fields are not as documented: {error}.") from error
    except msgspec.DecodeError as error:
        raise FrameError(f"不是完整的 JSON：{error}。", f"Not complete JSON: {error}.") from error


def unwrap_text(raw: msgspec.Raw) -> bytes:
    """Give the JSON inside a value that may be JSON itself or a string holding JSON; platforms send either."""
    value = bytes(raw)
    return read_json(_TEXT, value).encode() if value[:1] == b'"' else value


def id_text(value: int | str | None) -> str:
    """Write an id as text. Ids beyond 2^53 arrive as JSON integers and must not become floats on their way."""
    return "" if value is None else str(value)


def moment_ms(value: int | str | None, received_at_ms: int, *, unit_ms: int = 1) -> int:
    """Turn a platform's time into Unix milliseconds; `unit_ms` is 1000 where it counts seconds.

    A missing or impossible time becomes `received_at_ms`: an order must not be lost for a wrong clock.
    """
    whole = whole_number(value)
    if whole is None or not OCCURRED_AT_MS_MIN <= whole * unit_ms <= OCCURRED_AT_MS_MAX:
        return received_at_ms
    return whole * unit_ms


def whole_number(value: int | str | None) -> int | None:
    """Read an integer that may come as text of up to 18 digits; None for anything else."""
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() and len(value) <= 18 else None
    return value

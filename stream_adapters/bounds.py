"""What a `LiveEvent` must fulfil before it is handed on. One place for all adapters.

The ledger and the engine build their own ids from ours (`douyin:<event_id>`, `douyin:order:<order_id>`) and keep them
within 128 bytes. An id that would not fit there is stopped here, where the frame can still be named.
"""

from __future__ import annotations

import re

from stream_adapters.contract import FrameError
from stream_adapters.domain import EventKind, LiveEvent

ID_BYTES_MAX = 128
TEXT_BYTES_MAX = 8_192
NICKNAME_BYTES_MAX = 1_024
COUNT_MAX = 1_000_000_000
AMOUNT_MINOR_MAX = 10**13
LINES_MAX = 32
PACKS_MAX = 9_999
OCCURRED_AT_MS_MIN = 100_000_000_000
"""March 1973. A smaller number is a time in seconds, or nothing at all."""
OCCURRED_AT_MS_MAX = 253_402_300_799_999
PLATFORM_PATTERN = r"^[a-z0-9_]{1,32}$"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_PLATFORM = re.compile(PLATFORM_PATTERN)


def check_id(name: str, value: str, *, prefix: str = "", empty_allowed: bool = False) -> None:
    """Check that an id can be stored, logged and joined with `prefix`. Raises FrameError naming the field."""
    if value.isascii() and value.isprintable() and 0 < len(value) <= ID_BYTES_MAX - len(prefix):
        return  # nearly every id there is; the rest is looked at more closely
    if not value and not empty_allowed:
        raise FrameError(f"缺少 {name}。", f"{name} is missing.")
    if len((prefix + value).encode("utf-8", "replace")) > ID_BYTES_MAX:
        room_bytes = ID_BYTES_MAX - len(prefix)
        raise FrameError(f"{name} 超过 {room_bytes} 字节。", f"{name} is longer than {room_bytes} bytes.")
    if _CONTROL.search(value):
        raise FrameError(f"{name} 含有控制字符。", f"{name} holds a control character.")


def check_event(event: LiveEvent) -> None:
    """Check ids, sizes, ranges and that the parts fit the kind. Raises FrameError with the first fault."""
    if not _PLATFORM.fullmatch(event.platform):
        raise FrameError(
            "platform 只能是 1 到 32 个小写字母、数字或下划线。", "platform must be 1 to 32 of a-z, 0-9 and underscore."
        )
    check_id("event_id", event.event_id, prefix=f"{event.platform}:")
    check_id("room_id", event.room_id, empty_allowed=True)
    if event.user is not None:
        check_id("user.user_id", event.user.user_id, prefix=f"{event.platform}:")
        _check_bytes("user.nickname", event.user.nickname, NICKNAME_BYTES_MAX)
    _check_bytes("text", event.text, TEXT_BYTES_MAX)
    _check_range("occurred_at_ms", event.occurred_at_ms, OCCURRED_AT_MS_MIN, OCCURRED_AT_MS_MAX)
    _check_range("count", event.count, 0, COUNT_MAX)
    _check_range("value_minor", event.value_minor, 0, AMOUNT_MINOR_MAX)
    if event.gap_until_ms:
        _check_range("gap_until_ms", event.gap_until_ms, event.occurred_at_ms, OCCURRED_AT_MS_MAX)
    if event.kind is EventKind.COMMENT and event.user is None:
        raise FrameError("评论缺少 user。", "A comment needs its user.")
    _check_order(event)


def _check_order(event: LiveEvent) -> None:
    order = event.order
    if (order is not None) != (event.kind is EventKind.ORDER):
        raise FrameError(
            "kind 为 order 时必须有 order，其他 kind 不能有。", "order belongs to kind order, and to no other."
        )
    if order is None:
        return
    check_id("order.order_id", order.order_id, prefix=f"{event.platform}:order:")
    if order.amount_minor is not None:
        _check_range("order.amount_minor", order.amount_minor, 0, AMOUNT_MINOR_MAX)
    if len(order.lines) > LINES_MAX:
        raise FrameError(f"订单超过 {LINES_MAX} 行。", f"The order has more than {LINES_MAX} lines.")
    for line in order.lines:
        check_id("order.lines.sku", line.sku)
        _check_range("order.lines.packs", line.packs, 1, PACKS_MAX)


def _check_bytes(name: str, value: str, bytes_max: int) -> None:
    if len(value) * 4 > bytes_max and len(value.encode("utf-8", "replace")) > bytes_max:
        raise FrameError(f"{name} 超过 {bytes_max} 字节。", f"{name} is longer than {bytes_max} bytes.")


def _check_range(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise FrameError(f"{name} 应在 {least} 到 {most} 之间。", f"{name} must lie between {least} and {most}.")

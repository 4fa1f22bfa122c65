"""The bridge: our own JSON, for every platform and program without an adapter (Weibo, Ixigua, a booth's till).

A message is an array of events, or an object with a `batch_id` and `events`. Each event stands for itself: a bad one is
rejected with its index and a reason, and the others are taken. The JSON Schema that the types below give is
`docs/adapters/bridge.schema.json`.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from stream_adapters.bounds import (
    AMOUNT_MINOR_MAX,
    COUNT_MAX,
    ID_BYTES_MAX,
    LINES_MAX,
    NICKNAME_BYTES_MAX,
    OCCURRED_AT_MS_MAX,
    OCCURRED_AT_MS_MIN,
    PACKS_MAX,
    PLATFORM_PATTERN,
    TEXT_BYTES_MAX,
    check_event,
    check_id,
)
from stream_adapters.contract import BODY_BYTES_MAX, AdapterInfo, AdapterSettings, BridgeBatch, FrameError
from stream_adapters.decoding import read_json
from stream_adapters.domain import EventKind, LiveEvent, OrderLine, OrderStatus, PlatformOrder, User

EVENTS_MAX = 1_000

Id = Annotated[str, Meta(min_length=1, max_length=ID_BYTES_MAX)]
Moment = Annotated[int, Meta(ge=OCCURRED_AT_MS_MIN, le=OCCURRED_AT_MS_MAX)]
Amount = Annotated[int, Meta(ge=0, le=AMOUNT_MINOR_MAX)]


class BridgeUser(msgspec.Struct, frozen=True, kw_only=True):
    """The viewer. Leave the nickname out where it is not needed: it is personal data."""

    user_id: Annotated[Id, Meta(description="平台内稳定的用户编号。The platform's own stable id of the viewer.")]
    nickname: Annotated[str, Meta(max_length=NICKNAME_BYTES_MAX)] = ""
    is_host: bool = False


class BridgeOrderLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an order."""

    sku: Annotated[Id, Meta(description="商家编码。The seller's own code, as in the catalogue.")]
    packs: Annotated[int, Meta(ge=1, le=PACKS_MAX)]


class BridgeOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order that was made on the platform. Without `lines` it is completed by the connection's order desk."""

    order_id: Id
    status: OrderStatus
    lines: Annotated[tuple[BridgeOrderLine, ...], Meta(max_length=LINES_MAX)] = ()
    amount_minor: Annotated[Amount | None, Meta(description="整单金额，单位分。The whole order, in minor units.")] = (
        None
    )


class BridgeEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened in a live room. Unknown fields are passed over."""

    kind: EventKind
    platform: Annotated[str, Meta(pattern=PLATFORM_PATTERN, description="例如 weibo、xigua。For example weibo, xigua.")]
    room_id: Annotated[str, Meta(max_length=ID_BYTES_MAX)]
    event_id: Annotated[
        Id, Meta(description="重发同一事件时必须相同。Must be the same when the same event is sent again.")
    ]
    occurred_at_ms: Annotated[Moment, Meta(description="Unix 毫秒。Unix milliseconds, not seconds.")]
    user: Annotated[BridgeUser | None, Meta(description="评论必填。Required for a comment.")] = None
    text: Annotated[str, Meta(max_length=TEXT_BYTES_MAX)] = ""
    count: Annotated[
        int, Meta(ge=0, le=COUNT_MAX, description="点赞数、礼物数或在线人数。Likes, gift pieces or viewers, by kind.")
    ] = 0
    value_minor: Annotated[Amount, Meta(description="礼物总价，单位分。Value of the gifts, in minor units.")] = 0
    order: Annotated[BridgeOrder | None, Meta(description="kind 为 order 时必填。Required for kind order.")] = None
    gap_until_ms: Annotated[int, Meta(ge=0, le=OCCURRED_AT_MS_MAX)] = 0


class BridgeEnvelope(msgspec.Struct, frozen=True, kw_only=True):
    """A batch with a name; the acknowledgement repeats it."""

    batch_id: Id
    events: Annotated[tuple[BridgeEvent, ...], Meta(max_length=EVENTS_MAX)]


BridgeMessage = Annotated[tuple[BridgeEvent, ...], Meta(max_length=EVENTS_MAX)] | BridgeEnvelope


class _RawEnvelope(msgspec.Struct, frozen=True):
    batch_id: str
    events: list[msgspec.Raw]


_MESSAGE = msgspec.json.Decoder(list[msgspec.Raw] | _RawEnvelope)
_EVENT = msgspec.json.Decoder(BridgeEvent)


def decode_bridge_message(text: str | bytes, received_at_ms: int) -> BridgeBatch:
    """Read one message of at most EVENTS_MAX events and BODY_BYTES_MAX bytes.

    `received_at_ms` is our clock, Unix milliseconds. Bad events are in `rejected`, by index, with the reason in Chinese
    and English. Pure: the same text gives the same events.

    Raises:
        FrameError: the message as a whole is too large, not JSON, or neither an array nor an envelope.
    """
    raw = text.encode("utf-8", "replace") if isinstance(text, str) else text
    if len(raw) > BODY_BYTES_MAX:
        raise FrameError(
            f"消息超过 {BODY_BYTES_MAX} 字节，未读取；请分批发送。",
            f"The message is longer than {BODY_BYTES_MAX} bytes and was not read; send it in parts.",
        )
    message = read_json(_MESSAGE, raw)
    items, batch_id = (message, None) if isinstance(message, list) else (message.events, message.batch_id)
    if batch_id is not None:
        check_id("batch_id", batch_id)
    if len(items) > EVENTS_MAX:
        raise FrameError(
            f"一条消息超过 {EVENTS_MAX} 个事件，均未处理；请分批发送。",
            f"The message holds more than {EVENTS_MAX} events, none was taken; send it in parts.",
        )
    frame_hash = hashlib.sha256(raw).hexdigest()
    events: list[LiveEvent] = []
    rejected: list[tuple[int, str]] = []
    for index, item in enumerate(items):
        try:
            event = _live_event(read_json(_EVENT, item), received_at_ms, frame_hash)
            check_event(event)
        except FrameError as error:
            rejected.append((index, str(error)))
        else:
            events.append(event)
    return BridgeBatch(tuple(events), tuple(rejected), batch_id)


def bridge_schema() -> dict[str, Any]:
    """Give the JSON Schema (2020-12) of a bridge message, made from the types above."""
    schema = msgspec.json.schema(BridgeMessage)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "sellthrough bridge message",
        "description": "直播事件桥接消息。Live events from any platform or program, for WS /v1/sales/{sale_id}/ingest.",
        **schema,
    }


def _live_event(event: BridgeEvent, received_at_ms: int, frame_hash: str) -> LiveEvent:
    user, order = event.user, event.order
    return LiveEvent(
        kind=event.kind,
        platform=event.platform,
        room_id=event.room_id,
        event_id=event.event_id,
        occurred_at_ms=event.occurred_at_ms,
        received_at_ms=received_at_ms,
        user=User(user_id=user.user_id, nickname=user.nickname, is_host=user.is_host) if user else None,
        text=event.text,
        count=event.count,
        value_minor=event.value_minor,
        order=PlatformOrder(
            order_id=order.order_id,
            status=order.status,
            lines=tuple(OrderLine(sku=line.sku, packs=line.packs) for line in order.lines),
            amount_minor=order.amount_minor,
        )
        if order
        else None,
        gap_until_ms=event.gap_until_ms,
        frame_hash=frame_hash,
    )


class BridgeSettings(AdapterSettings, frozen=True, kw_only=True):
    """Nothing to set: the door checks the sender's token."""


class Bridge:
    """Reads bridge messages (`BridgeAdapter`). Holds no state."""

    def __init__(self, _settings: BridgeSettings) -> None:
        pass

    def decode(self, message: str | bytes, received_at_ms: int) -> BridgeBatch:
        """Read one message; see `decode_bridge_message`."""
        return decode_bridge_message(message, received_at_ms)


INFO = AdapterInfo(
    name="bridge",
    platform="",
    transport="bridge",
    trust="V",
    settings=BridgeSettings,
    build=Bridge,
    capabilities=frozenset(EventKind),
    title_zh="通用桥接",
    title_en="Generic bridge",
)

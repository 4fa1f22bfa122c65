"""TMC messages and the events they stand for. No I/O.

Topic names and content fields are those of types generated from the platform's documentation. Trade messages are thin:
they name an order and what became of it. A refund may concern one line of an order (`oid` differs from `tid`);
its amount says how much was paid back.
"""

from __future__ import annotations

import hashlib
import re

import msgspec

from stream_adapters.bounds import check_event
from stream_adapters.contract import FrameError
from stream_adapters.decoding import id_text, moment_ms, read_json
from stream_adapters.domain import EventKind, LiveEvent, OrderStatus, PlatformOrder, User
from stream_adapters.tmc.codec import Kind, MessageType, TmcFrame, Value

PLATFORM = "taobao"


class _Step(msgspec.Struct, frozen=True):
    status: OrderStatus
    amount_field: str | None = None


STEPS = {
    "taobao_trade_TradeCreate": _Step(OrderStatus.CREATED, "payment"),
    "taobao_trade_TradeBuyerPay": _Step(OrderStatus.PAID, "payment"),
    "taobao_trade_TradeClose": _Step(OrderStatus.CANCELLED),
    "taobao_trade_TradeSuccess": _Step(OrderStatus.COMPLETED),
    "taobao_refund_RefundSuccess": _Step(OrderStatus.REFUNDED, "refund_fee"),
    "taobao_live_TcpOrder": _Step(OrderStatus.CREATED),
}


class TmcMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One message as pushed. `message_id` is what gets confirmed; a redelivery may carry another one.

    `data_id` names what happened and stays over redeliveries; `moment` is the platform's time in Unix milliseconds.
    """

    message_id: int
    topic: str
    content: str
    data_id: str
    moment: Value
    seller_id: str


class _Content(msgspec.Struct, frozen=True):
    """The fields of all topics that we read. Money is a decimal string in yuan."""

    tid: int | str
    oid: int | str = ""
    refund_id: int | str = ""
    id: int | str = ""
    buyer_open_uid: str | None = None
    anchor_open_id: int | str = ""
    payment: int | str | float | None = None
    refund_fee: int | str | float | None = None


_CONTENT = msgspec.json.Decoder(_Content)
_YUAN = re.compile(r"(\d{1,11})(?:\.(\d{1,2})0*)?", re.ASCII)


def read_message(frame: TmcFrame) -> TmcMessage | None:
    """Take a pushed message out of its frame; None for frames of other kinds. Raises FrameError where it has no id."""
    if frame.type is not MessageType.SEND or frame.kind != Kind.MESSAGE:
        return None
    message_id = frame.custom.get("id")
    if not isinstance(message_id, int):
        raise FrameError("TMC 消息缺少 id，无法确认。", "A TMC message has no id and cannot be confirmed.")
    return TmcMessage(
        message_id=message_id,
        topic=_text(frame.custom.get("topic")),
        content=_text(frame.custom.get("content")),
        data_id=_text(frame.custom.get("dataid")),
        moment=frame.custom.get("time"),
        seller_id=_text(frame.custom.get("userid")),
    )


def translate(message: TmcMessage, received_at_ms: int) -> LiveEvent | None:
    """Turn a message into an order event without lines; None for topics that we do not use.

    Raises:
        FrameError: the content is not what the topic documents. The text names topic and message id.
    """
    step = STEPS.get(message.topic)
    if step is None:
        return None
    try:
        event = _order_event(message, step, received_at_ms)
        check_event(event)
    except FrameError as error:
        where = f"{message.topic} {message.message_id}"
        raise FrameError(
            f"TMC 消息 {where} 未采用：{error.zh}", f"TMC message {where} was not taken: {error.en}"
        ) from error
    return event


def _order_event(message: TmcMessage, step: _Step, received_at_ms: int) -> LiveEvent:
    content = read_json(_CONTENT, message.content)
    buyer = content.buyer_open_uid
    moment = message.moment if isinstance(message.moment, int | str) else None
    amount = getattr(content, step.amount_field) if step.amount_field else None
    return LiveEvent(
        kind=EventKind.ORDER,
        platform=PLATFORM,
        room_id=id_text(content.anchor_open_id) or message.seller_id,
        event_id=f"order:{message.topic}:{_event_name(message, content)}",
        occurred_at_ms=moment_ms(moment, received_at_ms),
        received_at_ms=received_at_ms,
        user=User(user_id=buyer) if buyer else None,
        order=PlatformOrder(order_id=id_text(content.tid), status=step.status, amount_minor=fen_from_yuan(amount)),
        frame_hash=hashlib.sha256(message.content.encode()).hexdigest(),
    )


def _event_name(message: TmcMessage, content: _Content) -> str:
    # What stays the same over redeliveries, best first. The message id comes last, because it may change.
    own = (id_text(content.id), id_text(content.refund_id), f"{content.tid}:{content.oid}" if content.oid else "")
    return message.data_id or next(filter(None, own), str(message.message_id))


def fen_from_yuan(yuan: int | str | float | None) -> int | None:
    """Turn a decimal string of yuan into fen, exactly. None for anything that is not an exact number of fen.

    Floats are not trusted with money: the amount is then left for the order desk to complete.
    """
    if isinstance(yuan, float) or yuan is None:
        return None
    match = _YUAN.fullmatch(str(yuan))
    if match is None:
        return None
    whole, fraction = match.group(1), match.group(2) or ""
    return int(whole) * 100 + int(fraction.ljust(2, "0"))


def _text(value: Value) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return "" if value is None else str(value)

"""Doudian (抖店) order push: the shop side of Douyin. Thin messages that name an order and what became of it.

Signature and reply are those of the platform's own Java SDK; tag numbers are those of SDKs generated from its
documentation. Two body shapes are in use and both are read: the official one (`data` is a string holding JSON) and
the one of the .NET SDK (`msgId`, numeric `tag`, `data` an object). The signature carries no time, so a captured push
could be sent again: only the event id, remembered downstream, stands against that.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from stream_adapters.contract import AdapterInfo, AdapterSettings, FrameError, PushRequest, Reply, Secret, SettingHelp
from stream_adapters.decoding import id_text, moment_ms, read_json, unwrap_text, whole_number
from stream_adapters.domain import EventKind, LiveEvent, OrderStatus, PlatformOrder
from stream_adapters.signed_push import (
    Frame,
    SignedPush,
    check_refusal_status,
    md5_digest,
    require_header,
    require_same,
)

PLATFORM = "douyin"


class DoudianSettings(AdapterSettings, frozen=True, kw_only=True):
    """The app's key and secret."""

    app_key: Secret
    app_secret: Secret


class _Message(msgspec.Struct, frozen=True):
    tag: int | str
    msg_id: int | str = ""
    msg_id_dotnet: int | str = msgspec.field(default="", name="msgId")
    data: msgspec.Raw = msgspec.Raw(b"{}")


class _Trade(msgspec.Struct, frozen=True):
    """The fields of all tags that we read. Times in seconds, money in fen."""

    p_id: int | str
    shop_id: int | str = ""
    create_time: int | str | None = None
    pay_time: int | str | None = None
    cancel_time: int | str | None = None
    complete_time: int | str | None = None
    success_time: int | str | None = None
    pay_amount: int | str | None = None
    refund_amount: int | str | None = None


class _Step(msgspec.Struct, frozen=True):
    """What a tag says of an order, and which fields carry its time and its money."""

    status: OrderStatus
    time_field: str
    amount_field: str | None = None


STEPS = {
    "100": _Step(OrderStatus.CREATED, "create_time"),
    "101": _Step(OrderStatus.PAID, "pay_time", "pay_amount"),
    "110": _Step(OrderStatus.PAID, "pay_time", "pay_amount"),
    "103": _Step(OrderStatus.COMPLETED, "complete_time"),
    "106": _Step(OrderStatus.CANCELLED, "cancel_time"),
    "206": _Step(OrderStatus.REFUNDED, "success_time", "refund_amount"),
}

_RAW = msgspec.json.Decoder(list[msgspec.Raw] | dict[str, msgspec.Raw])
_MESSAGE = msgspec.json.Decoder(_Message)
_TRADE = msgspec.json.Decoder(_Trade)


class Doudian(SignedPush[msgspec.Raw]):
    """Receives the order messages of one app, for all shops that authorised it."""

    taken = Reply(200, b'{"code":0,"msg":"success"}')

    def __init__(self, settings: DoudianSettings) -> None:
        self._app_key = settings.app_key
        self._app_secret = settings.app_secret.encode()

    def authenticate(self, request: PushRequest) -> bytes:
        """Check `app-id` and `event-sign`: hex MD5 over app key, raw body and app secret."""
        given = require_header(request.headers, "event-sign")
        app_id = require_header(request.headers, "app-id")
        require_same(self._app_key, app_id, check_zh=" app_key 是否为本应用", check_en="whether app_key is this app's")
        expected = md5_digest(self._app_key.encode(), request.body, self._app_secret).hex()
        require_same(expected, given, check_zh=" app_secret", check_en="app_secret")
        return request.body

    def split(self, frame: Frame) -> Sequence[msgspec.Raw]:
        """The body is an array of messages; a single message without its array is taken too."""
        body = read_json(_RAW, frame.plain)
        return body if isinstance(body, list) else [msgspec.Raw(frame.plain)]

    def translate(self, index: int, element: msgspec.Raw, frame: Frame) -> LiveEvent | None:
        """Trade tags become order events without lines; the URL check and all other tags are only acknowledged."""
        message = read_json(_MESSAGE, element)
        step = STEPS.get(str(message.tag))
        if step is None:
            return None
        msg_id = id_text(message.msg_id) or id_text(message.msg_id_dotnet)
        if not msg_id:
            raise FrameError("缺少 msg_id，无法去重。", "msg_id is missing, so a repeat could not be told.")
        trade = read_json(_TRADE, unwrap_text(message.data))
        amount = getattr(trade, step.amount_field) if step.amount_field else None
        return LiveEvent(
            kind=EventKind.ORDER,
            platform=PLATFORM,
            room_id=id_text(trade.shop_id),
            event_id=f"order:{msg_id}",
            occurred_at_ms=moment_ms(getattr(trade, step.time_field), frame.received_at_ms, unit_ms=1_000),
            received_at_ms=frame.received_at_ms,
            order=PlatformOrder(order_id=id_text(trade.p_id), status=step.status, amount_minor=whole_number(amount)),
            frame_hash=frame.frame_hash,
        )

    def refuse(self, problem: str, status: int) -> Reply:
        """Any code but 0 is a failure to the platform."""
        return Reply(check_refusal_status(status), msgspec.json.encode({"code": 1, "msg": problem}))


INFO = AdapterInfo(
    name="doudian",
    platform=PLATFORM,
    transport="push",
    trust="D",
    settings=DoudianSettings,
    build=Doudian,
    capabilities=frozenset({EventKind.ORDER}),
    title_zh="抖店订单推送",
    title_en="Doudian order push",
    help={
        "app_key": SettingHelp(
            zh="抖店开放平台应用的 App Key，与推送的 app-id 头一致。",
            en="App Key of the app on the Doudian open platform, the same as the push's app-id header.",
        ),
        "app_secret": SettingHelp(zh="同一应用的 App Secret。", en="App Secret of the same app.", secret=True),
    },
)

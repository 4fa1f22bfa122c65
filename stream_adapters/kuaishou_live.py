"""Kuaishou live interaction push (快手直播互动数据推送): comments, likes and gifts of a room.

`kwaisign` is documented by the platform; envelope and payload are as two independent public receivers read them. The
platform's `message_id` changes between deliveries of one message: `unique_message_id` is the one to tell repeats by.
Prices come in kuaibi, ten to the yuan. The signature carries no time.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from stream_adapters.contract import AdapterInfo, AdapterSettings, FrameError, PushRequest, Reply, Secret, SettingHelp
from stream_adapters.decoding import id_text, moment_ms, read_json
from stream_adapters.domain import EventKind, LiveEvent, User
from stream_adapters.signed_push import (
    Frame,
    SignedPush,
    check_refusal_status,
    md5_digest,
    require_header,
    require_same,
)

PLATFORM = "kuaishou"
INTERACTION_EVENT = "LIVE_INTERACTION_DATA"
FEN_PER_KUAIBI = 10


class KuaishouLiveSettings(AdapterSettings, frozen=True, kw_only=True):
    """The app's secret."""

    app_secret: Secret


class _Data(msgspec.Struct, frozen=True):
    unique_message_id: int | str = ""
    push_type: str = ""
    author_open_id: int | str = ""
    room_code: int | str = ""
    live_timestamp: int | str | None = None
    payload: list[msgspec.Raw] = []


class _Envelope(msgspec.Struct, frozen=True):
    event: str
    data: msgspec.Raw = msgspec.Raw(b"{}")
    timestamp: int | str | None = None


class _UserInfo(msgspec.Struct, frozen=True, rename="camel"):
    user_id: int | str = ""
    user_name: str | None = None


class _Payload(msgspec.Struct, frozen=True, rename="camel"):
    """One element of any push type. Gift prices in kuaibi."""

    user_info: _UserInfo | None = None
    content: str = ""
    count: int = 0
    gift_count: int = 0
    gift_unit_price: int = 0
    gift_total_price: int | None = None


class _Element(msgspec.Struct, frozen=True):
    data: _Data
    occurred_at: int | str | None
    raw: msgspec.Raw


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_DATA = msgspec.json.Decoder(_Data)
_PAYLOAD = msgspec.json.Decoder(_Payload)
_KINDS = {"liveComment": EventKind.COMMENT, "liveLike": EventKind.LIKE, "giftSend": EventKind.GIFT}


class KuaishouLive(SignedPush[_Element]):
    """Receives the interaction pushes of one app."""

    taken = Reply(200, b'{"result":1}')

    def __init__(self, settings: KuaishouLiveSettings) -> None:
        self._app_secret = settings.app_secret.encode()

    def authenticate(self, request: PushRequest) -> bytes:
        """Check `kwaisign`: hex MD5 over raw body and app secret."""
        given = require_header(request.headers, "kwaisign")
        expected = md5_digest(request.body, self._app_secret).hex()
        require_same(expected, given, check_zh=" app_secret", check_en="app_secret")
        return request.body

    def split(self, frame: Frame) -> Sequence[_Element]:
        """Take the envelope off. Load tests and events of other kinds hold nothing for us."""
        envelope = read_json(_ENVELOPE, frame.plain)
        if envelope.event != INTERACTION_EVENT:
            return ()
        data = read_json(_DATA, envelope.data)
        return [_Element(data, data.live_timestamp or envelope.timestamp, raw) for raw in data.payload]

    def translate(self, index: int, element: _Element, frame: Frame) -> LiveEvent | None:
        """Comments, likes and gifts become events; push types that we do not know are only acknowledged."""
        data = element.data
        kind = _KINDS.get(data.push_type)
        if kind is None:
            return None
        payload = read_json(_PAYLOAD, element.raw)
        return LiveEvent(
            kind=kind,
            platform=PLATFORM,
            room_id=id_text(data.room_code),
            event_id=_event_id(id_text(data.unique_message_id), index),
            occurred_at_ms=moment_ms(element.occurred_at, frame.received_at_ms),
            received_at_ms=frame.received_at_ms,
            user=_user(payload, id_text(data.author_open_id)),
            text=payload.content if kind is EventKind.COMMENT else "",
            count=_count(kind, payload),
            value_minor=_gift_fen(payload) if kind is EventKind.GIFT else 0,
            frame_hash=frame.frame_hash,
        )

    def refuse(self, problem: str, status: int) -> Reply:
        """Any result but 1 makes the platform send again, three times at five seconds."""
        return Reply(check_refusal_status(status), msgspec.json.encode({"result": 2, "errorMsg": problem}))


def _event_id(unique_message_id: str, index: int) -> str:
    if not unique_message_id:
        raise FrameError(
            "缺少 unique_message_id，无法去重。", "unique_message_id is missing, so a repeat could not be told."
        )
    # One message may hold several payloads; a redelivery holds the same ones in the same places.
    return unique_message_id if index == 0 else f"{unique_message_id}#{index}"


def _user(payload: _Payload, author_open_id: str) -> User | None:
    if payload.user_info is None or payload.user_info.user_id == "":
        return None
    user_id = id_text(payload.user_info.user_id)
    return User(user_id=user_id, nickname=payload.user_info.user_name or "", is_host=user_id == author_open_id)


def _count(kind: EventKind, payload: _Payload) -> int:
    if kind is EventKind.LIKE:
        return payload.count
    return payload.gift_count if kind is EventKind.GIFT else 0


def _gift_fen(payload: _Payload) -> int:
    kuaibi = payload.gift_total_price
    return FEN_PER_KUAIBI * (payload.gift_unit_price * payload.gift_count if kuaibi is None else kuaibi)


INFO = AdapterInfo(
    name="kuaishou_live",
    platform=PLATFORM,
    transport="push",
    trust="C",
    settings=KuaishouLiveSettings,
    build=KuaishouLive,
    capabilities=frozenset({EventKind.COMMENT, EventKind.LIKE, EventKind.GIFT}),
    title_zh="快手直播互动推送",
    title_en="Kuaishou live interaction push",
    help={
        "app_secret": SettingHelp(
            zh="快手开放平台应用的 app_secret，推送用它签名。",
            en="app_secret of the app on the Kuaishou open platform; pushes are signed with it.",
            secret=True,
        )
    },
)

"""Douyin live data push (直播数据推送): comments, gifts and likes of a room, many to a request.

Signature and array form are documented by the platform, whose sample vector the tests reproduce; field names are those
of its JS API and of public receivers. The push is not lossless: the platform drops comments and likes when it is
throttled, and repeats what it is unsure of. Likes come merged, about every two seconds, as a count.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Annotated

import msgspec

from stream_adapters.contract import (
    AdapterInfo,
    AdapterSettings,
    FrameError,
    PushRequest,
    Reply,
    Secret,
    SettingHelp,
    SignatureError,
)
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

PLATFORM = "douyin"
SIGNED_HEADERS = ("x-msg-type", "x-nonce-str", "x-roomid", "x-timestamp")


class DouyinLiveSettings(AdapterSettings, frozen=True, kw_only=True):
    """One secret for each `x-msg-type`, because the platform hands them out per capability."""

    secrets: Annotated[dict[str, Secret], msgspec.Meta(min_length=1)]


class _Element(msgspec.Struct, frozen=True):
    """One payload of any message type. `sec_open_id` is how the JS API spells `sec_openid`."""

    msg_id: int | str = ""
    sec_openid: str = ""
    sec_open_id: str = ""
    nickname: str | None = None
    timestamp: int | str | None = None
    content: str = ""
    like_num: int = 0
    gift_num: int = 0
    gift_value: int = 0
    test: bool | int | str | None = None


_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_ELEMENT = msgspec.json.Decoder(_Element)


class DouyinLive(SignedPush[msgspec.Raw]):
    """Receives the pushes of all message types of one app."""

    taken = Reply(200, b'{"err_no":0,"err_msg":"success"}')

    def __init__(self, settings: DouyinLiveSettings) -> None:
        self._secrets = {msg_type: secret.encode() for msg_type, secret in settings.secrets.items()}

    def authenticate(self, request: PushRequest) -> bytes:
        """Check `x-signature`: Base64 of the MD5 over sorted headers, raw body and the message type's secret."""
        given = require_header(request.headers, "x-signature")
        signed = "&".join(f"{name}={require_header(request.headers, name)}" for name in SIGNED_HEADERS)
        msg_type = request.headers["x-msg-type"]
        secret = self._secrets.get(msg_type)
        if secret is None:
            raise SignatureError(
                f"没有为 x-msg-type {msg_type[:32]!r} 配置密钥；请在 secrets 中填写该能力的密钥。",
                f"No secret is set for x-msg-type {msg_type[:32]!r}; add that capability's secret to `secrets`.",
            )
        digest = md5_digest(signed.encode("utf-8", "replace"), request.body, secret)
        require_same(
            base64.b64encode(digest).decode(),
            given,
            check_zh=f" secrets 中 {msg_type[:32]} 的密钥",
            check_en=f"the secret of {msg_type[:32]} in `secrets`",
        )
        return request.body

    def split(self, frame: Frame) -> Sequence[msgspec.Raw]:
        """The body is an array of payloads."""
        return read_json(_ARRAY, frame.plain)

    def translate(self, index: int, element: msgspec.Raw, frame: Frame) -> LiveEvent | None:
        """Comments, gifts and likes become events; fan-club messages and simulated gifts are only acknowledged."""
        kind = _KINDS.get(frame.headers["x-msg-type"])
        if kind is None:
            return None
        payload = read_json(_ELEMENT, element)
        if payload.test not in _NOT_A_TEST:
            return None
        user_id = payload.sec_openid or payload.sec_open_id
        if kind is EventKind.COMMENT and not user_id:
            raise FrameError("评论缺少 sec_openid。", "The comment has no sec_openid.")
        return LiveEvent(
            kind=kind,
            platform=PLATFORM,
            room_id=frame.headers["x-roomid"],
            event_id=id_text(payload.msg_id),
            occurred_at_ms=moment_ms(payload.timestamp, frame.received_at_ms),
            received_at_ms=frame.received_at_ms,
            user=User(user_id=user_id, nickname=payload.nickname or "") if user_id else None,
            text=payload.content if kind is EventKind.COMMENT else "",
            count=_count(kind, payload),
            value_minor=payload.gift_value if kind is EventKind.GIFT else 0,
            frame_hash=frame.frame_hash,
        )

    def refuse(self, problem: str, status: int) -> Reply:
        """Any status that is not 2xx counts as failed; ten in a row make the platform drop data for some seconds."""
        return Reply(check_refusal_status(status), msgspec.json.encode({"err_no": 1, "err_msg": problem}))


_KINDS = {"live_comment": EventKind.COMMENT, "live_gift": EventKind.GIFT, "live_like": EventKind.LIKE}
_NOT_A_TEST = (None, False, 0, "", "0", "false")


def _count(kind: EventKind, payload: _Element) -> int:
    if kind is EventKind.LIKE:
        return payload.like_num
    return payload.gift_num if kind is EventKind.GIFT else 0


INFO = AdapterInfo(
    name="douyin_live",
    platform=PLATFORM,
    transport="push",
    trust="D",
    settings=DouyinLiveSettings,
    build=DouyinLive,
    capabilities=frozenset({EventKind.COMMENT, EventKind.GIFT, EventKind.LIKE}),
    title_zh="抖音直播数据推送",
    title_en="Douyin live data push",
    help={
        "secrets": SettingHelp(
            zh="每种消息类型（live_comment、live_gift、live_like、live_fansclub）一个密钥，在抖音开放平台该能力的推送设置中填写。",
            en="One secret per message type (live_comment, live_gift, live_like, live_fansclub), as entered in the "
            "push settings of that capability on the Douyin open platform.",
            secret=True,
        )
    },
)

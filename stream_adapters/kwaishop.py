"""Kwaishop (快手小店) order messages: encrypted, one to a request.

Cipher, reply and retries are documented by the platform; event names and their `info` are seen in public code. The
encryption is the only proof of the sender, so whatever does not decrypt *and* parse is refused with one and the same
answer: an answer that told bad padding from bad JSON would let a stranger decrypt messages and make up his own.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

import msgspec
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from stream_adapters.contract import (
    AdapterInfo,
    AdapterSettings,
    FrameError,
    PushRequest,
    Reply,
    Secret,
    SettingHelp,
    SettingsError,
    SignatureError,
)
from stream_adapters.decoding import id_text, moment_ms, read_json, unwrap_text
from stream_adapters.domain import EventKind, LiveEvent, OrderStatus, PlatformOrder, User
from stream_adapters.signed_push import Frame, SignedPush, check_refusal_status

PLATFORM = "kuaishou"
ZERO_IV = bytes(16)
AES_KEY_BYTES = (16, 24, 32)
STATUSES = {
    "kwaishop_order_addOrder": OrderStatus.CREATED,
    "kwaishop_order_paySuccess": OrderStatus.PAID,
    "kwaishop_order_orderSuccess": OrderStatus.COMPLETED,
    "kwaishop_order_orderFail": OrderStatus.CANCELLED,
}


class KwaishopSettings(AdapterSettings, frozen=True, kw_only=True):
    """The message secret as the platform shows it: Base64 of an AES key."""

    message_secret: Secret


class _Message(msgspec.Struct, frozen=True, rename="camel"):
    event_id: int | str = ""
    event: str = ""
    biz_id: int | str = ""
    user_id: int | str = ""
    info: msgspec.Raw = msgspec.Raw(b"{}")
    create_time: int | str | None = None
    update_time: int | str | None = None
    test: bool | None = None


class _Info(msgspec.Struct, frozen=True, rename="camel"):
    oid: int | str = ""
    seller_id: int | str = ""
    buyer_open_id: int | str = ""
    create_time: int | str | None = None
    update_time: int | str | None = None


_OBJECT = msgspec.json.Decoder(dict[str, object])
_MESSAGE = msgspec.json.Decoder(_Message)
_INFO = msgspec.json.Decoder(_Info)


class Kwaishop(SignedPush[_Message]):
    """Receives the order messages of one app."""

    taken = Reply(200, b'{"result":1}')

    def __init__(self, settings: KwaishopSettings) -> None:
        self._key = _read_key(settings.message_secret)

    def authenticate(self, request: PushRequest) -> bytes:
        """Decrypt AES-CBC (zero IV, PKCS#7). What is then no JSON object was not encrypted with our key."""
        try:
            plain = self._decrypt(request.body)
            # All of it, not only what is used: a changed block decrypts to noise, and noise is no JSON.
            read_json(_OBJECT, plain)
        except (ValueError, FrameError) as error:
            raise SignatureError(
                "消息无法解密，内容未采用。请核对 message_secret 是否为本应用的消息密钥。",
                "The message does not decrypt, nothing was taken. Check that message_secret is this app's.",
            ) from error
        return plain

    def _decrypt(self, body: bytes) -> bytes:
        ciphertext = base64.b64decode(body.strip(), validate=True)
        decryptor = Cipher(AES(self._key), CBC(ZERO_IV)).decryptor()
        unpadder = padding.PKCS7(AES.block_size).unpadder()
        padded = decryptor.update(ciphertext) + decryptor.finalize()
        return unpadder.update(padded) + unpadder.finalize()

    def split(self, frame: Frame) -> Sequence[_Message]:
        """One message a push. A heartbeat, `{"test":true}`, holds none."""
        message = read_json(_MESSAGE, frame.plain)
        return () if message.test else (message,)

    def translate(self, index: int, element: _Message, frame: Frame) -> LiveEvent | None:
        """Order events become order events without lines; shipping and price changes are only acknowledged."""
        status = STATUSES.get(element.event)
        if status is None:
            return None
        if element.event_id == "":
            raise FrameError("缺少 eventId，无法去重。", "eventId is missing, so a repeat could not be told.")
        info = read_json(_INFO, unwrap_text(element.info))
        moment = info.update_time or info.create_time or element.update_time or element.create_time
        return LiveEvent(
            kind=EventKind.ORDER,
            platform=PLATFORM,
            room_id=id_text(info.seller_id) or id_text(element.user_id),
            event_id=f"order:{id_text(element.event_id)}",
            occurred_at_ms=moment_ms(moment, frame.received_at_ms),
            received_at_ms=frame.received_at_ms,
            user=User(user_id=id_text(info.buyer_open_id)) if info.buyer_open_id != "" else None,
            order=PlatformOrder(order_id=id_text(info.oid) or id_text(element.biz_id), status=status),
            frame_hash=frame.frame_hash,
        )

    def refuse(self, problem: str, status: int) -> Reply:
        """Any result but 1 makes the platform send again after 5, 10, 20, 30 and 60 minutes."""
        return Reply(check_refusal_status(status), msgspec.json.encode({"result": 2, "errorMsg": problem}))


def _read_key(message_secret: str) -> bytes:
    try:
        key = base64.b64decode(message_secret, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) not in AES_KEY_BYTES:
        # Without the cause: the decoder's message may quote the secret.
        raise SettingsError(
            "message_secret 不是 Base64 编码的 16、24 或 32 字节密钥；请从快手电商开放平台原样复制消息密钥。",
            "message_secret is not the Base64 of a 16, 24 or 32 byte key; copy it as the platform shows it.",
        ) from None
    return key


INFO = AdapterInfo(
    name="kwaishop",
    platform=PLATFORM,
    transport="push",
    trust="D",
    settings=KwaishopSettings,
    build=Kwaishop,
    capabilities=frozenset({EventKind.ORDER}),
    title_zh="快手小店订单消息",
    title_en="Kwaishop order messages",
    help={
        "message_secret": SettingHelp(
            zh="快手电商开放平台“消息服务”页面的消息密钥（Base64）。",
            en="The message secret (Base64) from the message service page of the Kuaishou e-commerce open platform.",
            secret=True,
        )
    },
)

"""How the platforms make their frames: signed, encrypted and encoded as they send them.

Written from the platforms' documents and apart from the adapters, so that a mistake in one does not hide in the other.
The secrets are the demo's own constants and open nothing but the demo. TMC's binary frames are in `tmc_frames`.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

DEMO_DOUYIN_LIVE_SECRETS = {
    "live_comment": "demo-secret-live-comment",
    "live_like": "demo-secret-live-like",
    "live_gift": "demo-secret-live-gift",
}
DEMO_DOUDIAN_APP_KEY = "7000000000000000001"
DEMO_DOUDIAN_APP_SECRET = "demo-secret-doudian"  # noqa: S105 - opens nothing but the demo
DEMO_KUAISHOU_APP_ID = "ks700000000000000002"
DEMO_KUAISHOU_APP_SECRET = "demo-secret-kuaishou"  # noqa: S105 - opens nothing but the demo
DEMO_KWAISHOP_APP_KEY = "ks700000000000000003"
DEMO_KWAISHOP_MESSAGE_SECRET = base64.b64encode(b"demo-kwaishop-16").decode()
DEMO_TMC_APP_KEY = "70000004"
DEMO_TMC_APP_SECRET = "demo-secret-tmc"  # noqa: S105 - opens nothing but the demo


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One webhook call as the platform sends it: headers and the exact body text."""

    headers: dict[str, str]
    body: str


def compact(value: object) -> str:
    """Encode JSON without spaces and with Chinese letters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def douyin_live(
    msg_type: str, payloads: Sequence[Mapping[str, Any]], *, room_id: str, sent_at_ms: int, nonce: str
) -> Frame:
    """Make a Douyin live push: Base64 of MD5 over the sorted `x-` headers, the body and the secret of its type."""
    body = compact(payloads)
    signed = {"x-msg-type": msg_type, "x-nonce-str": nonce, "x-roomid": room_id, "x-timestamp": str(sent_at_ms)}
    joined = "&".join(f"{name}={signed[name]}" for name in sorted(signed))
    digest = hashlib.md5((joined + body + DEMO_DOUYIN_LIVE_SECRETS[msg_type]).encode(), usedforsecurity=False).digest()
    signature = base64.b64encode(digest).decode()
    return Frame(headers={**signed, "x-signature": signature, "content-type": "application/json"}, body=body)


def doudian(messages: Sequence[tuple[str, str, Mapping[str, Any]]]) -> Frame:
    """Make a Doudian order push of (tag, msg_id, data) messages; `data` travels as a string of JSON inside the JSON."""
    return sign_doudian(
        compact([{"tag": tag, "msg_id": msg_id, "data": compact(data)} for tag, msg_id, data in messages])
    )


def sign_doudian(body: str) -> Frame:
    """Sign a body as Doudian does: lowercase hex MD5 over app key, body and app secret."""
    text = DEMO_DOUDIAN_APP_KEY + body + DEMO_DOUDIAN_APP_SECRET
    sign = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    headers = {"app-id": DEMO_DOUDIAN_APP_KEY, "event-sign": sign, "content-type": "application/json"}
    return Frame(headers=headers, body=body)


def kuaishou_live(
    push_type: str, payload: Sequence[Mapping[str, Any]], *, room_code: str, message_id: str, unique_id: str, at_ms: int
) -> Frame:
    """Make a Kuaishou live push; `kwaisign` is the lowercase hex MD5 over body and app secret."""
    data = {
        "unique_message_id": unique_id,
        "push_type": push_type,
        "author_open_id": "demo-author",
        "room_code": room_code,
        "live_timestamp": at_ms,
        "payload": list(payload),
    }
    envelope = {
        "message_id": message_id,
        "event": "LIVE_INTERACTION_DATA",
        "app_id": DEMO_KUAISHOU_APP_ID,
        "timestamp": at_ms,
        "data": data,
    }
    body = compact(envelope)
    sign = hashlib.md5((body + DEMO_KUAISHOU_APP_SECRET).encode(), usedforsecurity=False).hexdigest()
    return Frame(headers={"kwaisign": sign, "content-type": "application/json"}, body=body)


def kwaishop(event: str, info: Mapping[str, Any], *, event_id: str, msg_id: str, order_id: int, at_ms: int) -> Frame:
    """Make a Kwaishop order message: AES-CBC with a zero IV and PKCS#7 padding, sent as Base64 text."""
    message = {
        "eventId": event_id,
        "msgId": msg_id,
        "bizId": order_id,
        "userId": 2_000_000_001,
        "openId": "demo-seller",
        "appKey": DEMO_KWAISHOP_APP_KEY,
        "event": event,
        "info": compact(info),
        "status": 0,
        "createTime": at_ms,
        "updateTime": at_ms,
        "test": False,
    }
    return Frame(headers={"content-type": "text/plain;charset=utf-8"}, body=encrypt_kwaishop(compact(message)))


def encrypt_kwaishop(text: str, message_secret: str = DEMO_KWAISHOP_MESSAGE_SECRET) -> str:
    """Encrypt a text as Kwaishop does; `message_secret` is the Base64 key of its console."""
    padder = padding.PKCS7(algorithms.AES.block_size).padder()
    padded = padder.update(text.encode()) + padder.finalize()
    encryptor = Cipher(algorithms.AES(base64.b64decode(message_secret)), modes.CBC(bytes(16))).encryptor()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()

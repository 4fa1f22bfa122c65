"""Kwaishop's cipher against openssl, which shares no code path with the adapter."""

import base64
import json
import shutil
import subprocess

import pytest

from stream_adapters.contract import PushRequest
from stream_adapters.kwaishop import Kwaishop, KwaishopSettings

NOW_MS = 1_763_750_000_000
openssl = shutil.which("openssl")


@pytest.mark.skipif(openssl is None, reason="openssl is not installed")
@pytest.mark.parametrize("key_bytes", [16, 24, 32])
@pytest.mark.parametrize("padding_letters", range(16))
def test_message_encrypted_by_openssl_is_read(key_bytes: int, padding_letters: int) -> None:
    assert openssl is not None
    key = bytes(range(key_bytes))
    message = {
        "eventId": "e1",
        "event": "kwaishop_order_paySuccess",
        "info": json.dumps({"oid": 2_330_700_000_000_912_345, "sellerId": 5, "updateTime": NOW_MS - 1}),
        "note": "蜂" + "x" * padding_letters,
    }
    encrypted = subprocess.run(
        [openssl, "enc", f"-aes-{key_bytes * 8}-cbc", "-K", key.hex(), "-iv", "0" * 32, "-base64", "-A"],
        input=json.dumps(message, ensure_ascii=False).encode(),
        capture_output=True,
        check=True,
    ).stdout
    adapter = Kwaishop(KwaishopSettings(message_secret=base64.b64encode(key).decode()))
    (event,) = adapter.receive(PushRequest({}, encrypted, NOW_MS)).events
    assert event.order is not None
    assert event.order.order_id == "2330700000000912345"

"""The demo's connections: which adapters stand behind the doors, and the platforms' secrets that they check with."""

from __future__ import annotations

from typing import Any

from ingest.demo import frames

CONNECTION_IDS = {
    "douyin_live": "tonggu-douyin-live",
    "doudian": "tonggu-doudian",
    "kuaishou_live": "tonggu-kuaishou-live",
    "kwaishop": "tonggu-kwaishop",
    "tmc": "tonggu-taobao",
}

_THIN_ORDERS = ("doudian", "kwaishop", "tmc")


def adapter_settings(adapter: str, *, tmc_url: str) -> dict[str, Any]:
    """Give the settings that the adapter itself needs."""
    settings: dict[str, dict[str, Any]] = {
        "douyin_live": {"secrets": dict(frames.DEMO_DOUYIN_LIVE_SECRETS)},
        "doudian": {"app_key": frames.DEMO_DOUDIAN_APP_KEY, "app_secret": frames.DEMO_DOUDIAN_APP_SECRET},
        "kuaishou_live": {"app_secret": frames.DEMO_KUAISHOU_APP_SECRET},
        "kwaishop": {"message_secret": frames.DEMO_KWAISHOP_MESSAGE_SECRET},
        "tmc": {"app_key": frames.DEMO_TMC_APP_KEY, "app_secret": frames.DEMO_TMC_APP_SECRET, "url": tmc_url},
    }
    return settings[adapter]


def connection_settings(adapter: str, *, tmc_url: str, order_desk_url: str) -> dict[str, Any]:
    """Give the settings of a connection: the adapter's, and the order desk where the platform pushes thin orders."""
    settings = adapter_settings(adapter, tmc_url=tmc_url)
    return settings | {"order_desk_url": order_desk_url} if adapter in _THIN_ORDERS else settings

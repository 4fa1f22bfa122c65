"""Platform wire formats in, `LiveEvent`s out.

Promises: the sender is proven over the raw bytes before anything is read; the same delivery twice gives the same event
ids; only `AdapterError`s come out of a decoder, whatever goes in; a platform is told "taken" only after the events are
safe. Knows nothing of sales.
"""

from stream_adapters.contract import AdapterError, FrameError, SettingsError, SignatureError
from stream_adapters.domain import EventKind, LiveEvent, OrderLine, OrderStatus, PlatformOrder, User

__all__ = [
    "AdapterError",
    "EventKind",
    "FrameError",
    "LiveEvent",
    "OrderLine",
    "OrderStatus",
    "PlatformOrder",
    "SettingsError",
    "SignatureError",
    "User",
]

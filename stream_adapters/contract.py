"""What every adapter promises, and what whoever runs one must keep to.

An adapter turns one platform's wire format into `LiveEvent`s. Three kinds stand behind three small protocols: the
platform calls us (`PushAdapter`), we call the platform (`PullAdapter`), or an integrator's own program speaks our own
format (`BridgeAdapter`). All three are told "taken" by us only after the events are safe, so a crash in between costs a
second delivery and never an event.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, Protocol

import msgspec

from stream_adapters.domain import EventKind, LiveEvent

BODY_BYTES_MAX = 1_048_576
"""One push body, bridge message or WebSocket message may be this long. Platforms send a few kilobytes."""

Secret = Annotated[str, msgspec.Meta(min_length=1)]
"""A key that a signature is made with. An empty one would let everybody sign, so it is refused."""


class AdapterError(Exception):
    """Something from outside cannot be taken.

    `zh` and `en` say what is wrong, what it means and what to do, for an operator. They never hold a secret, the
    signature that would have been right, a nickname or a comment.
    """

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(zh, en)
        self.zh = zh
        self.en = en

    def __str__(self) -> str:
        return f"{self.zh} {self.en}"

    @property
    def problem(self) -> str:
        """Both languages in one line, Chinese first."""
        return str(self)


class SignatureError(AdapterError):
    """The sender did not prove that it is the platform. Nothing of the body has been read."""


class FrameError(AdapterError):
    """The sender is the platform, or needs no proof, but what it sent cannot be read."""


class SettingsError(AdapterError):
    """An adapter cannot be built from these settings. The text names each setting that is missing or wrong."""


class PushRequest(msgspec.Struct, frozen=True):
    """One HTTP request of a platform, as it came.

    `headers` have lower-case names. `body` is the raw body: signatures are made over these bytes and no others.
    `received_at_ms` is our own clock, Unix milliseconds.
    """

    headers: Mapping[str, str]
    body: bytes
    received_at_ms: int
    query: Mapping[str, str] = {}


class Reply(msgspec.Struct, frozen=True):
    """An HTTP answer in the platform's own words."""

    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"


class Receipt(msgspec.Struct, frozen=True):
    """What a push held, and the answer that makes the platform forget it.

    `reply` may be sent only after `events` are safe. `skipped` counts elements that could not be read beside others
    that could; `problems` says why, for the first few, in an operator's words.
    """

    events: tuple[LiveEvent, ...]
    reply: Reply
    skipped: int = 0
    problems: tuple[str, ...] = ()


class PushAdapter(Protocol):
    """A platform that calls us. Holds no state between calls: safe to share between tasks."""

    def receive(self, request: PushRequest) -> Receipt:
        """Prove the sender over the raw bytes, then read the events.

        Raises:
            SignatureError: the sender did not prove itself.
            FrameError: the body is too long or not what the platform documents.
        """
        ...

    def refuse(self, problem: str, status: int) -> Reply:
        """Say "not taken, send it again" in the platform's words. `status` is 400 or above."""
        ...


class LinkState(StrEnum):
    """What a pulled connection has to report."""

    CONNECTED = "connected"
    REFUSED = "refused"
    DROPPED = "dropped"
    SKIPPED = "skipped"
    UNDELIVERED = "undelivered"


class LinkReport(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that an operator should be able to see of a connection.

    `refused` and `dropped` carry `retry_in_ms`, the pause before the next attempt. `skipped` is a message that could
    not be read, `undelivered` one that was given back to the platform because it could not be made safe.
    """

    state: LinkState
    problem: str = ""
    retry_in_ms: int = 0


Deliver = Callable[[Sequence[LiveEvent]], Awaitable[None]]
"""Makes events safe, or raises. Returning is the promise on which the platform is told "confirmed"."""

Report = Callable[[LinkReport], None]


def ignore_report(_report: LinkReport) -> None:
    """Drop a report, where nobody watches the connection."""


class PullAdapter(Protocol):
    """A platform that we call."""

    async def connect(self, deliver: Deliver, report: Report = ignore_report) -> None:
        """Hand on events until cancelled; reconnects by itself, with growing pauses of random length.

        Where `deliver` raises, the platform is told that the message failed, and sends it again. Cancelling between
        `deliver` and the confirmation leads to a second delivery of the same event ids, never to a loss.
        """
        ...


class BridgeBatch(msgspec.Struct, frozen=True):
    """One bridge message, read. `rejected` pairs an event's index in the message with what is wrong with it."""

    events: tuple[LiveEvent, ...]
    rejected: tuple[tuple[int, str], ...] = ()
    batch_id: str | None = None


class BridgeAdapter(Protocol):
    """Our own format. It proves nothing about its sender: the door that takes it must have checked a token."""

    def decode(self, message: str | bytes, received_at_ms: int) -> BridgeBatch:
        """Read one message. Raises FrameError where the message as a whole cannot be read."""
        ...


Adapter = PushAdapter | PullAdapter | BridgeAdapter


class SettingHelp(msgspec.Struct, frozen=True):
    """What to paste into a setting. `secret` settings are masked wherever they are shown."""

    zh: str
    en: str
    secret: bool = False


class AdapterSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all settings. Shows the names of its fields and never their values, since most are secrets."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self.__struct_fields__)})"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        return [(name, "***") for name in self.__struct_fields__]


class AdapterInfo(msgspec.Struct, frozen=True, kw_only=True):
    """An adapter as the registry, the console and `sellthrough adapters` know it.

    `transport` is push, pull or bridge. `trust` says how sure its facts are: D documented by the platform, C seen in
    public code that talks to it, V verified by running it, R recalled, U unsure. `build` raises SettingsError. `help`
    has an entry for each field of `settings`.
    """

    name: str
    platform: str
    transport: str
    trust: str
    settings: type[AdapterSettings]
    build: Callable[[Any], Adapter]
    capabilities: frozenset[EventKind]
    title_zh: str
    title_en: str
    help: Mapping[str, SettingHelp] = {}

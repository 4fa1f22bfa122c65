"""The receiver shared by all platforms that call us with a signed body.

A platform's adapter fills in four small methods; the order in which they run is fixed here: size, then the sender's
proof over the raw bytes, then parsing, then each element by itself. One element that cannot be read does not lose the
others of an authentic batch.
"""

from __future__ import annotations

import hashlib
import hmac
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Generic, TypeVar

import msgspec

from stream_adapters.bounds import check_event
from stream_adapters.contract import BODY_BYTES_MAX, FrameError, PushRequest, Receipt, Reply, SignatureError
from stream_adapters.domain import LiveEvent

ELEMENTS_MAX = 5_000
PROBLEMS_MAX = 8

Element = TypeVar("Element")


class Frame(msgspec.Struct, frozen=True):
    """An authentic push: its plain body, and where and when it came from.

    `frame_hash` is the hex SHA-256 of the body as it was sent, before any decryption.
    """

    plain: bytes
    headers: Mapping[str, str]
    received_at_ms: int
    frame_hash: str


class SignedPush(ABC, Generic[Element]):
    """A `PushAdapter` but for what one platform does in its own way."""

    taken: ClassVar[Reply]
    """The platform's words for "received, do not send again"."""

    @abstractmethod
    def authenticate(self, request: PushRequest) -> bytes:
        """Prove the sender over the raw bytes and give the plain body. Raises SignatureError."""

    @abstractmethod
    def split(self, frame: Frame) -> Sequence[Element]:
        """Take the envelope off. An empty result is a push without events (a URL check). Raises FrameError."""

    @abstractmethod
    def translate(self, index: int, element: Element, frame: Frame) -> LiveEvent | None:
        """Turn one element into an event, or None for a kind that we do not use. Raises FrameError for a broken one."""

    @abstractmethod
    def refuse(self, problem: str, status: int) -> Reply:
        """Say "not taken, send it again" in the platform's words."""

    def receive(self, request: PushRequest) -> Receipt:
        """Prove the sender, then read the events (see `PushAdapter.receive`). Pure and repeatable."""
        if len(request.body) > BODY_BYTES_MAX:
            raise FrameError(
                f"推送内容超过 {BODY_BYTES_MAX} 字节，未读取。",
                f"The body is longer than {BODY_BYTES_MAX} bytes, not read.",
            )
        frame = Frame(
            plain=self.authenticate(request),
            headers=request.headers,
            received_at_ms=request.received_at_ms,
            frame_hash=hashlib.sha256(request.body).hexdigest(),
        )
        elements = self.split(frame)
        if len(elements) > ELEMENTS_MAX:
            raise FrameError(f"一次推送超过 {ELEMENTS_MAX} 条。", f"The push holds more than {ELEMENTS_MAX} elements.")
        return self._collect(enumerate(elements), frame)

    def _collect(self, elements: Iterable[tuple[int, Element]], frame: Frame) -> Receipt:
        events: list[LiveEvent] = []
        problems: list[str] = []
        skipped = 0
        for index, element in elements:
            try:
                event = self.translate(index, element, frame)
                if event is not None:
                    check_event(event)
                    events.append(event)
            except FrameError as error:
                skipped += 1
                if skipped <= PROBLEMS_MAX:
                    problems.append(f"#{index}: {error}")
        return Receipt(tuple(events), self.taken, skipped, tuple(problems))


def check_refusal_status(status: int) -> int:
    """Guard against a refusal that a platform would read as "taken"."""
    assert status >= 400, "a refusal below 400 tells the platform to forget the push"
    return status


def require_header(headers: Mapping[str, str], name: str) -> str:
    """Give a header that the proof needs. Raises SignatureError where it is missing or empty."""
    value = headers.get(name, "")
    if not value:
        raise SignatureError(
            f"请求缺少 {name} 头，不是平台的推送；请检查中间代理是否去掉了它。",
            f"The request has no {name} header, so it is not the platform's; check whether a proxy removed it.",
        )
    return value


def require_same(expected: str, given: str, *, check_zh: str, check_en: str) -> None:
    """Compare two signatures in a time that does not depend on where they differ.

    `check_zh` and `check_en` say which settings to look at. Raises SignatureError.
    """
    # As bytes, because compare_digest refuses non-ASCII text, which a stranger may well send.
    if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")):
        raise SignatureError(
            f"签名不符，内容未读取。请核对{check_zh}。",
            f"The signature does not match; nothing was read. Check {check_en}.",
        )


def md5_digest(*parts: bytes) -> bytes:
    """Hash with MD5, which these platforms prescribe for their signatures."""
    return hashlib.md5(b"".join(parts), usedforsecurity=False).digest()

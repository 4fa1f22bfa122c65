"""What a run writes down while it goes on. Greenlets of one thread share it; nothing here yields to another of them."""

from __future__ import annotations

import time

import msgspec

from loadtest.domain import Answer, Ask, Exchange, History, SalePlan, SeenFrame
from loadtest.habits import Visit

_decoder = msgspec.json.Decoder(Answer)


def now_us() -> int:
    """Return the moment by this side's monotonic clock, in microseconds."""
    return time.monotonic_ns() // 1_000


def read_answer(body: bytes) -> Answer | None:
    """Read an answer or a problem document; None where it names no outcome, so that what became of the ask is unknown."""
    try:
        answer = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return answer if answer.outcome else None


class Recorder:
    """Keeps every exchange and frame of a run, and says when enough was asked."""

    def __init__(self, plan: SalePlan, *, claims_max: int, watchers_len: int) -> None:
        """`claims_max` bounds the claim ids of the run, and with them the memory and the time to check them."""
        self._watchers_len = watchers_len
        self._plan = plan
        self._claims_left = claims_max
        self._exchanges: list[Exchange] = []
        self._frames: list[SeenFrame] = []
        self._lags_ms: list[float] = []
        self.reconnects = 0

    @property
    def is_spent(self) -> bool:
        """Whether all claims that the run may make were made."""
        return self._claims_left <= 0

    def take_claim(self) -> bool:
        """Take one claim out of the run's budget; False when none is left."""
        if self.is_spent:
            return False
        self._claims_left -= 1
        return True

    def exchange(self, ask: Ask, visit: Visit, sent_at_us: int, status: int, body: bytes) -> Exchange:
        """Write an exchange down at the moment its answer is here (or was given up: status 0)."""
        answered_at_us = now_us()
        exchange = Exchange(
            ask=ask,
            claim_id=visit.claim_id,
            buyer_id=visit.buyer_id,
            lines=visit.lines if ask is Ask.CLAIM else (),
            partial=visit.partial and ask is Ask.CLAIM,
            sent_at_us=sent_at_us,
            answered_at_us=answered_at_us,
            status=status,
            answer=read_answer(body) if status else None,
        )
        self._exchanges.append(exchange)
        return exchange

    def frame(self, frame: SeenFrame) -> None:
        """Write a frame down."""
        self._frames.append(frame)

    def lag(self, late_us: int) -> None:
        """Write down how late a nap of this side ended."""
        self._lags_ms.append(late_us / 1_000)

    @property
    def history(self) -> History:
        """All that was written down."""
        return History(
            plan=self._plan,
            exchanges=tuple(self._exchanges),
            frames=tuple(self._frames),
            watchers_len=self._watchers_len,
            lags_ms=tuple(self._lags_ms),
        )

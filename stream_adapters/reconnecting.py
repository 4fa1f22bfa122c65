"""Keeping a connection to a platform up: sessions one after the other, with growing pauses between failed ones.

Shared by all pulled platforms. Pauses are of random length, so that a thousand shops do not come back in the same
second after a platform's restart.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import msgspec

from stream_adapters.contract import AdapterError, LinkReport, LinkState, Report, SignatureError

Established = Callable[[], None]
"""Called by a session once the platform has accepted it: the next pause is short again."""


class Pauses(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait after a failed session: doubling from `first_ms` up to `most_ms`, of which a random half."""

    first_ms: int = 1_000
    most_ms: int = 60_000

    def after(self, failures: int, chance: float) -> int:
        """The pause in milliseconds after so many failures in a row (1 or more); `chance` lies in [0, 1)."""
        full_ms = min(self.most_ms, self.first_ms << min(failures - 1, 30))
        return round(full_ms * (0.5 + chance / 2))


async def stay_connected(
    session: Callable[[Established], Awaitable[None]],
    *,
    lost_on: tuple[type[Exception], ...],
    pauses: Pauses,
    report: Report,
) -> None:
    """Run sessions until cancelled. A session that ends, or fails with one of `lost_on`, is followed by another.

    A refusal by the platform (SignatureError) is retried too, at the longest pause: a clock or a permission may be put
    right meanwhile, and giving up in the middle of a sale would cost orders. Any other exception is a defect of ours
    and comes out. `report` must not raise.
    """
    failures = 0
    losses: tuple[type[Exception], ...] = (AdapterError, *lost_on)

    def established() -> None:
        nonlocal failures
        failures = 0
        report(LinkReport(state=LinkState.CONNECTED))

    while True:
        state, problem = LinkState.DROPPED, "连接已关闭。 The connection was closed."
        try:
            await session(established)
        except* SignatureError as group:
            state, problem = LinkState.REFUSED, _first_problem(group)
        except* losses as group:
            problem = _first_problem(group)
        failures += 1
        pause_ms = pauses.after(failures, random.random())  # noqa: S311 - spreads load, guards nothing
        if state is LinkState.REFUSED:
            pause_ms = pauses.most_ms
        report(LinkReport(state=state, problem=problem, retry_in_ms=pause_ms))
        await asyncio.sleep(pause_ms / 1_000)


def _first_problem(group: BaseExceptionGroup[Exception]) -> str:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return (
        str(error)
        if isinstance(error, AdapterError)
        else f"连接中断。 The connection was lost ({type(error).__name__}: {error})."
    )

"""Who is let in to a stream, and who still is: the gate's answers, kept for a few seconds.

Ten thousand open sockets on one token must not ask the gate ten thousand times, and a token that was revoked must not
show numbers for longer than `ADMITTED_FOR_S`.
"""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from overlay.domain import Gate

ADMITTED_FOR_S: Final = 5.0
KEPT_LEN_MAX: Final = 4_096


class Bearer(msgspec.Struct, frozen=True, kw_only=True):
    """A token as it came, and the roles that count where it came from."""

    token: str
    roles: frozenset[str]


class Admissions:
    """The gate behind a short memory. Refusals are not remembered: a token may be made the next moment."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._good_until_s: dict[tuple[Bearer, str], float] = {}

    async def admits(self, bearer: Bearer, sale_id: str) -> bool:
        """Ask the gate, whatever it said before. An empty token is refused without asking."""
        if not bearer.token:
            return False
        key = (bearer, sale_id)
        if not await self._gate.admits(bearer.token, sale_id, bearer.roles):
            self._good_until_s.pop(key, None)
            return False
        if len(self._good_until_s) >= KEPT_LEN_MAX:
            self._good_until_s.clear()  # Costs a few questions more; a growing memory would cost the process.
        self._good_until_s[key] = asyncio.get_running_loop().time() + ADMITTED_FOR_S
        return True

    async def still_admits(self, bearer: Bearer, sale_id: str) -> bool:
        """Say whether an open stream may go on; asks the gate when its last answer is older than `ADMITTED_FOR_S`."""
        good_until_s = self._good_until_s.get((bearer, sale_id), 0.0)
        if asyncio.get_running_loop().time() < good_until_s:
            return True
        return await self.admits(bearer, sale_id)

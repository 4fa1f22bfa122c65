"""Who wins a draw: a rule that anybody can compute again from what is published.

Before anybody enters, the host's seed is fixed by publishing `seed_hash(seed)`. After the entries close, every entrant gets the
rank SHA-256(seed + ":" + draw_id + ":" + buyer_id), all UTF-8, and the lowest ranks, compared as hex, win. There is no place
for a list of preferred winners: the ranks follow from the seed alone.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable

from flashsale.domain import BuyerId


def new_seed() -> str:
    """Return a fresh random seed of 256 bits, as hex."""
    return secrets.token_hex(32)


def seed_hash(seed: str) -> str:
    """Return the commitment to publish: hex SHA-256 of the seed's UTF-8 bytes."""
    return hashlib.sha256(seed.encode()).hexdigest()


def rank(seed: str, draw_id: str, buyer_id: str) -> str:
    """Return an entrant's rank; the lowest win."""
    return hashlib.sha256(f"{seed}:{draw_id}:{buyer_id}".encode()).hexdigest()


def winners(seed: str, draw_id: str, entrants: Iterable[BuyerId], winners_max: int) -> tuple[BuyerId, ...]:
    """Return the winners, best rank first; fewer than `winners_max` where fewer entered."""
    return tuple(sorted(entrants, key=lambda buyer_id: rank(seed, draw_id, buyer_id))[:winners_max])

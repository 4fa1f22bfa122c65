"""Who may come in: bearer tokens with a role and a sale, kept as hashes, revoked at once.

A token looks like `st_<role>_<43 random characters>`: the role is readable for people, and proves nothing.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import parse_qs

from ingest.domain import ALL_SALES, Role, Token
from ingest.ledger import TokenLedger
from ingest.problems import Problem

SECRET_BYTES: Final = 32
SUBPROTOCOL_PREFIX: Final = "bearer."
SELLERS: Final = frozenset({Role.HOST, Role.INGEST})
"""Who may make claims and record facts."""


class Tokens:
    """The tokens that are good now. Checking is in memory; making and revoking is committed before it returns.

    One instance a process. Implements the overlay's `Gate`.
    """

    def __init__(self, ledger: TokenLedger, now_ms: Callable[[], int]) -> None:
        self._ledger = ledger
        self._now_ms = now_ms
        self._by_hash: dict[str, Token] = {}

    async def load(self) -> None:
        """Read the tokens from the ledger; to be called once before anything else."""
        self._by_hash = await self._ledger.by_hash()

    async def make(self, role: Role, sale_id: str = ALL_SALES, label: str = "") -> tuple[Token, str]:
        """Make a token; returns it and its secret, which nobody can read again later."""
        secret = f"st_{role.value}_{secrets.token_urlsafe(SECRET_BYTES)}"
        token = Token(
            token_id=secrets.token_hex(8), role=role, sale_id=sale_id, label=label, created_at_ms=self._now_ms()
        )
        token_hash = hash_of(secret)
        await self._ledger.add(token, token_hash)
        self._by_hash[token_hash] = token
        return token, secret

    async def revoke(self, token_id: str) -> bool:
        """Revoke a token: no request that comes after this call gets in with it. False if there is none."""
        self._by_hash = {key: token for key, token in self._by_hash.items() if token.token_id != token_id}
        return await self._ledger.remove(token_id)

    def all(self) -> list[Token]:
        """Return all tokens, oldest first."""
        return list(self._by_hash.values())

    def find(self, secret: str) -> Token | None:
        """Look a presented token up; None if it is not good (any more)."""
        # Looking up a hash leaks no useful timing: whoever guesses cannot steer a SHA-256.
        return self._by_hash.get(hash_of(secret)) if secret else None

    async def admits(self, token: str, sale_id: str, roles: frozenset[str]) -> bool:
        """Tell whether a token lets its bearer watch a sale in one of these roles (the overlay's `Gate`)."""
        known = self.find(token)
        if known is None or not known.admits(sale_id):
            return False
        return known.role is Role.ADMIN or known.role.value in roles

    def allow(self, secret: str, sale_id: str | None, roles: frozenset[Role], *, in_url: bool = False) -> Token:
        """Return the token if it may act in one of `roles` on this sale (None: on no particular one).

        Admins may do everything. A token in a URL counts only if it is an overlay's. Raises Problem.
        """
        token = self.find(secret)
        if token is None or (in_url and token.role is not Role.OVERLAY):
            raise Problem("unauthenticated")
        if token.role is not Role.ADMIN and token.role not in roles:
            raise Problem("forbidden")
        if sale_id is not None and not token.admits(sale_id):
            raise Problem("forbidden")
        if sale_id is None and not roles and token.sale_id != ALL_SALES:
            # What only admins may do outside of a sale concerns all sales.
            raise Problem("forbidden")
        return token


def hash_of(secret: str) -> str:
    """Return the hex SHA-256 of a token, as it is stored."""
    return hashlib.sha256(secret.encode()).hexdigest()


def bearer_of(authorization: str) -> str:
    """Take the token out of an Authorization header; empty if there is none."""
    scheme, _, secret = authorization.partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


def presented(headers: Mapping[str, str], query_string: str) -> tuple[str, bool]:
    """Find the token that a request or handshake presents, and whether it stood in the URL.

    Looks at Authorization, then at a WebSocket subprotocol `bearer.<token>`, then at `?token=`.
    """
    secret = bearer_of(headers.get("authorization", ""))
    if secret:
        return secret, False
    for offered in headers.get("sec-websocket-protocol", "").split(","):
        if offered.strip().startswith(SUBPROTOCOL_PREFIX):
            return offered.strip().removeprefix(SUBPROTOCOL_PREFIX), False
    return parse_qs(query_string).get("token", [""])[0], True

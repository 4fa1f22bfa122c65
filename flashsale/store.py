"""The only code of the engine that touches Valkey: connections, the function library, keys, reads and the one write.

A store call that timed out or was cancelled has an unknown outcome. Its connection is closed, never reused, and the caller
asks again with the same ids (`flashsale.batcher` does).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import redis.asyncio as valkey
from redis import exceptions

from flashsale import codec, library
from flashsale.domain import BuyerId, ClaimId, ClaimView, Op, Rev, SaleId
from flashsale.events import LogEntry

KEY_PARTS = (
    "sale",
    "pools",
    "offers",
    "claims",
    "buyers",
    "deadlines",
    "waitlist",
    "log",
    "seen",
    "draws",
    "entrants",
)
CALL_TIMEOUT_S = 5.0
CONNECTIONS_MAX = 64


class StoreError(Exception):
    """Base of what can go wrong between the engine and its store."""


class StoreUnavailable(StoreError):  # noqa: N818 - the name says what it means to callers
    """The store cannot take writes now (gone, disk full, read-only, loading). Nothing was acknowledged."""

    def __init__(self, reason: str) -> None:
        """Keep the reason in words for the operator."""
        super().__init__(reason)
        self.reason = reason


class StoreRejected(StoreError):  # noqa: N818
    """The function library refused the call as a whole; nothing was written. A fault in our own code or data."""


UNAVAILABLE_PREFIXES = ("MISCONF", "OOM", "READONLY", "LOADING", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN", "BUSY")
REASONS = {
    "MISCONF": "the store cannot write to its disk (full or failing)",
    "OOM": "the store has no memory left for writes",
    "READONLY": "the store is a read-only replica",
    "LOADING": "the store is still loading its data",
    "BUSY": "the store is busy with another script",
}


def sale_keys(sale_id: SaleId) -> list[str]:
    """All keys of a sale, hash-tagged by it, in the order that the functions expect."""
    return [f"st:{{{sale_id}}}:{part}" for part in KEY_PARTS]


def unavailable(error: Exception) -> StoreUnavailable:
    """Say in an operator's words why the store did not take a call."""
    message = str(error)
    for prefix, reason in REASONS.items():
        if prefix in message:
            return StoreUnavailable(f"{reason}: {message}")
    return StoreUnavailable(f"the store does not answer: {message}")


class Store:
    """A connection pool to one Valkey server, with the engine's library loaded. Safe for concurrent use."""

    def __init__(self, client: valkey.Redis) -> None:
        """Use `open` instead."""
        self._client = client

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator[Store]:
        """Connect to `url` (unix://, redis://, rediss://), load the library, close on exit. Raises StoreUnavailable."""
        # No timeouts of redis-py's own: it waits with `asyncio.wait_for`, which on Python 3.11 can swallow a cancellation.
        # Every call below has its own bound.
        pool = valkey.BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS_MAX,
            timeout=CALL_TIMEOUT_S,
            socket_timeout=None,
            socket_connect_timeout=None,
            retry=None,
        )
        client = valkey.Redis.from_pool(pool)
        store = cls(client)
        try:
            await store.load_library()
            yield store
        finally:
            await client.aclose()

    async def load_library(self) -> None:
        """Load this version's functions. Harmless when they are there."""
        await self._call("FUNCTION", "LOAD", "REPLACE", library.source())

    async def decide(self, sale_id: SaleId, encoded_ops: Sequence[bytes], ops: Sequence[Op]) -> codec.Reply:
        """Decide `ops`, encoded by `codec.encode_ops`; returns when the store has acknowledged them.

        Raises StoreUnavailable (nothing is known to be written: ask again with the same ids) or StoreRejected (nothing was).

        A server that has lost the library (flushed, promoted) refuses before it does anything, so loading and calling
        again repeats no side effect.
        """
        batch = codec.encode_batch(encoded_ops, ops)
        keys = sale_keys(sale_id)
        raw = await self._call_function("FCALL", library.decide_name(), len(keys), *keys, batch.packed)
        return codec.decode_reply(cast("bytes", raw), batch, ops)

    async def tally(self, sale_id: SaleId) -> bytes | None:
        """Read all counters at one moment, as MessagePack; None for an unknown sale."""
        sale, pools, offers, *_, draws, _entrants = sale_keys(sale_id)
        return cast(
            "bytes | None", await self._call_function("FCALL_RO", library.tally_name(), 4, sale, pools, offers, draws)
        )

    async def claim(self, sale_id: SaleId, claim_id: ClaimId) -> ClaimView | None:
        """Look up one claim or fact."""
        if "\n" in claim_id:
            return None  # the engine's own records, beside the claims
        keys = sale_keys(sale_id)
        raw = await self._call("HGET", keys[3], claim_id)
        if raw is None:
            return None
        skus = await self._call("HGET", keys[0], "skus")
        return codec.decode_claim(claim_id, cast("bytes", raw), codec.decode_skus(cast("bytes", skus)))

    async def sale_ids(self) -> list[SaleId]:
        """All sales of this store."""
        found: list[SaleId] = []
        cursor: bytes | int = 0
        while True:
            cursor, keys = await self._call("SCAN", cursor, "MATCH", "st:{*}:sale", "COUNT", 1000)
            found += [SaleId(key.decode()[4:-6]) for key in keys]
            if int(cursor) == 0:
                return sorted(set(found))

    async def log(self, sale_id: SaleId, after: Rev, entries_max: int) -> list[LogEntry]:
        """Read log entries after `after`, oldest first."""
        start = f"({after}" if after else "-"
        rows = await self._call("XRANGE", sale_keys(sale_id)[7], start, "+", "COUNT", entries_max)
        return [_log_entry(row) for row in rows]

    async def log_tail(self, sale_id: SaleId, entries_max: int) -> list[LogEntry]:
        """Read the newest log entries, oldest first."""
        rows = await self._call("XREVRANGE", sale_keys(sale_id)[7], "+", "-", "COUNT", entries_max)
        return [_log_entry(row) for row in reversed(rows)]

    async def logs_with_news(self, after: Mapping[SaleId, Rev], block_ms: int) -> list[SaleId]:
        """Return the sales whose log goes on behind the given place, waiting at most `block_ms` for the first."""
        sales = {sale_keys(sale_id)[7].encode(): sale_id for sale_id in after}
        places = [rev or "0" for rev in after.values()]
        found = await self._call("XREAD", "COUNT", 1, "BLOCK", block_ms, "STREAMS", *sales, *places)
        # RESP3 answers with a map from key to entries, RESP2 with pairs.
        keys = found if isinstance(found, dict) else [row[0] for row in found or ()]
        return [sales[key] for key in keys]

    async def last_rev(self, sale_id: SaleId) -> Rev:
        """The newest place in the log; empty for an empty one."""
        rows = await self._call("XREVRANGE", sale_keys(sale_id)[7], "+", "-", "COUNT", 1)
        return Rev(rows[0][0].decode()) if rows else Rev("")

    async def entrants(self, sale_id: SaleId, draw_id: str) -> list[BuyerId]:
        """A draw's entrants in byte order."""
        members = await self._call("ZRANGEBYLEX", sale_keys(sale_id)[10], f"[{draw_id}\0", f"({draw_id}\1")
        return [BuyerId(member.decode().split("\0", 1)[1]) for member in members]

    async def lease(self, name: str, holder: str, ttl_ms: int) -> int | None:
        """Take or keep a lease; returns its fencing token while `holder` has it, None while somebody else does."""
        key = f"st:lease:{name}"
        if await self._call("SET", key, holder, "NX", "PX", ttl_ms):
            return int(await self._call("INCR", f"{key}:token"))
        if cast("bytes | None", await self._call("GET", key)) == holder.encode():
            await self._call("PEXPIRE", key, ttl_ms)
            return int(await self._call("GET", f"{key}:token"))
        return None

    async def release(self, name: str, holder: str) -> None:
        """Give a lease back early, if `holder` has it."""
        key = f"st:lease:{name}"
        if cast("bytes | None", await self._call("GET", key)) == holder.encode():
            await self._call("DEL", key)

    async def info(self) -> dict[str, Any]:
        """What the server says of itself (INFO), for `doctor` and readiness."""
        raw = await self._call("INFO")
        if isinstance(raw, dict):
            return raw
        pairs = (line.split(":", 1) for line in raw.decode().splitlines() if ":" in line)
        return dict(pairs)

    async def setting(self, name: str) -> str | None:
        """One of the server's settings (CONFIG GET), None where the server does not tell."""
        try:
            found = await self._call("CONFIG", "GET", name)
        except StoreRejected:
            return None  # many managed stores forbid CONFIG
        pairs = found if isinstance(found, dict) else dict(zip(found[::2], found[1::2], strict=True))
        value = pairs.get(name.encode())
        return None if value is None else value.decode()

    async def _call_function(self, *arguments: object) -> object:
        try:
            return await self._call(*arguments)
        except StoreRejected as error:
            if "not found" not in str(error).lower():
                raise
        await self.load_library()
        return await self._call(*arguments)

    async def _call(self, *arguments: Any) -> Any:
        connection = await self._connection()
        sound = False
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S + self._block_s(arguments)):
                await connection.send_command(*arguments, check_health=False)
                reply = await connection.read_response(timeout=None, disconnect_on_error=True)
            sound = True
            return reply
        except exceptions.ResponseError as error:
            sound = True
            if str(error).startswith(UNAVAILABLE_PREFIXES) or any(p in str(error)[:40] for p in UNAVAILABLE_PREFIXES):
                raise unavailable(error) from error
            raise StoreRejected(str(error)) from error
        except (exceptions.RedisError, OSError, TimeoutError) as error:
            raise unavailable(error) from error
        finally:
            # A cancelled or timed-out call may still be answered: that answer must never reach the next caller.
            if not sound:
                await connection.disconnect(nowait=True)
            await self._client.connection_pool.release(connection)

    async def _connection(self) -> Any:
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                return await self._client.connection_pool.get_connection()  # type: ignore[no-untyped-call]
        except (exceptions.RedisError, OSError, TimeoutError) as error:
            raise unavailable(error) from error

    @staticmethod
    def _block_s(arguments: Sequence[object]) -> float:
        if arguments[0] == "XREAD":
            return int(cast("int", arguments[4])) / 1000
        return 0.0


def _log_entry(row: Any) -> LogEntry:
    rev, fields = row
    if not isinstance(fields, dict):
        fields = dict(zip(fields[::2], fields[1::2], strict=True))
    return codec.decode_log_entry(rev, fields)

"""`sellthrough bench engine`: the engine on its embedded store, beside its yardsticks, in one run.

Everything is encoded before the clock starts and sent over one plain socket, so that the server is what is measured. The
yardsticks run on the same server: the usual seckill script, one `EVALSHA` an order (stock check, member set, stream append),
pipelined and without any append-only file; and the same writes that the engine makes, as bare wide commands.
"""

from __future__ import annotations

import asyncio
import socket
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from flashsale import codec, library
from flashsale.domain import (
    BuyerId,
    Claim,
    ClaimId,
    Line,
    PoolId,
    SaleId,
    SaleState,
    SetOffer,
    SetPool,
    SetSale,
    SetSaleState,
    Sku,
)
from flashsale.embedded import EmbeddedStore
from flashsale.service import Engine
from flashsale.store import KEY_PARTS, sale_keys

SALE_ID = SaleId("bench")
SECKILL = """
local left = tonumber(redis.call('GET', KEYS[1]))
if left <= 0 then return 1 end
if redis.call('SISMEMBER', KEYS[2], ARGV[1]) == 1 then return 2 end
redis.call('INCRBY', KEYS[1], -1)
redis.call('SADD', KEYS[2], ARGV[1])
redis.call('XADD', KEYS[3], '*', 'buyer', ARGV[1], 'order', ARGV[2])
return 0
"""
Progress = Callable[[str], None]


def bench_engine(
    progress: Progress, *, claims: int = 400_000, batch: int = 1_000, in_flight: int = 4
) -> dict[str, Any]:
    """Measure `claims` claims in batches of `batch`, `in_flight` at once; half of them find no stock.

    Returns rates a second, `ratio` of `claims_per_s` to `seckill_per_s`, `bytes_per_hold` of store for a live hold with all
    that belongs to it (log included), and the time of a batch from send to durable answer.
    """
    with tempfile.TemporaryDirectory(prefix="sellthrough-bench-") as folder:
        return asyncio.run(_bench(Path(folder), claims, batch, in_flight, progress))


async def _bench(folder: Path, claims: int, batch: int, in_flight: int, progress: Progress) -> dict[str, Any]:
    async with EmbeddedStore(folder) as server, Engine.open(server.url) as engine:
        await engine.apply_all(SALE_ID, _sale(claims // 2))
        wire = _Wire(server.socket_path)
        try:
            progress("engine: claims that are accepted")
            used = wire.used_memory()
            accepted = _run(wire, _batches(0, claims // 2, batch), in_flight)
            bytes_per_hold = (wire.used_memory() - used) / (claims // 2)
            progress("engine: claims that are refused")
            refused = _run(wire, _batches(claims // 2, claims, batch), in_flight)
            progress("yardstick: the same writes as bare commands")
            raw_writes_per_s = _raw_writes(wire, claims // 2, batch, in_flight)
            progress("yardstick: one script call an order, no file at all")
            seckill_per_s = _seckill(wire, min(claims, 200_000))
        finally:
            wire.close()
    claims_per_s = claims / (accepted.seconds + refused.seconds)
    batch_ms = sorted(accepted.batch_ms + refused.batch_ms)
    return {
        "claims_per_s": round(claims_per_s),
        "accepted_per_s": round(claims // 2 / accepted.seconds),
        "refused_per_s": round(claims // 2 / refused.seconds),
        "seckill_per_s": round(seckill_per_s),
        "ratio": round(claims_per_s / seckill_per_s, 2),
        "raw_writes_per_s": round(raw_writes_per_s),
        "bytes_per_hold": round(bytes_per_hold, 1),
        "batch_p50_ms": _quantile(batch_ms, 0.50),
        "batch_p99_ms": _quantile(batch_ms, 0.99),
        "batch_p999_ms": _quantile(batch_ms, 0.999),
        "batch_claims": batch,
        "batches_in_flight": in_flight,
        "claims": claims,
        "fsync": "always",
    }


def _sale(units: int) -> list[SetSale | SetPool | SetOffer | SetSaleState]:
    """A sale with every rule on: limits, reserve, cap, selling window, special price, holds with deadlines."""
    pool = SetPool(
        pool_id=PoolId("eggs"),
        name="散养土鸡蛋",
        base_unit="枚",
        initial_units=units + 1_000,
        limit_units=100,
        channel_reserves={"booth": 1_000},
        channel_caps={"douyin": units + 1_000},
    )
    offer = SetOffer(
        sku=Sku("egg-1"),
        pool_id=pool.pool_id,
        name="散养土鸡蛋 1枚",
        units_per_pack=1,
        price_minor=300,
        list_price_minor=400,
        special_from_ms=1,
        limit_packs=20,
        sells_from_ms=1,
        sells_until_ms=10**14 - 1,
    )
    return [SetSale(name="bench", hold_ttl_ms=900_000), pool, offer, SetSaleState(state=SaleState.OPEN)]


class _Run:
    """One timed run: how long it took, and how long each batch took."""

    def __init__(self, seconds: float, batch_ms: list[float]) -> None:
        self.seconds = seconds
        self.batch_ms = batch_ms


def _quantile(ordered: list[float], share: float) -> float:
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 3)


class _Wire:
    """A plain socket to the server that counts replies instead of building objects from them."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._buffer = b""
        self._lines_ahead = 0

    def send(self, packed: bytes) -> None:
        self._socket.sendall(packed)

    def read_bulk(self) -> bytes:
        """Read one bulk reply."""
        head = self._line()
        if not head.startswith(b"$"):
            raise AssertionError(head)
        size = int(head[1:]) + 2
        while len(self._buffer) < size:
            self._buffer += self._socket.recv(1 << 20)
        body, self._buffer = self._buffer[: size - 2], self._buffer[size:]
        return body

    def read_lines(self, count: int) -> None:
        """Read `count` lines of reply and drop them; an error among them is raised."""
        while self._lines_ahead < count:
            if not self._buffer.endswith(b"\r\n"):
                self._buffer += self._socket.recv(1 << 20)
                continue
            if b"\r\n-" in self._buffer or self._buffer.startswith(b"-"):
                raise AssertionError(self._buffer[:200])
            self._lines_ahead += self._buffer.count(b"\r\n")
            self._buffer = b"" if self._lines_ahead >= count else self._socket.recv(1 << 20)
        self._lines_ahead -= count

    def call(self, *arguments: bytes | str | int) -> bytes:
        """Send one command and return its one-line or bulk reply."""
        self.send(_pack(*arguments))
        head = self._line()
        if head.startswith(b"-"):
            raise AssertionError(head)
        if head.startswith(b"$"):
            self._buffer = head + b"\r\n" + self._buffer
            return self.read_bulk()
        return head

    def used_memory(self) -> int:
        """Bytes that the server uses now."""
        for line in self.call("INFO", "memory").splitlines():
            if line.startswith(b"used_memory:"):
                return int(line.split(b":")[1])
        raise AssertionError

    def close(self) -> None:
        self._socket.close()

    def _line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            self._buffer += self._socket.recv(1 << 20)
        line, self._buffer = self._buffer.split(b"\r\n", 1)
        return line


def _pack(*arguments: bytes | str | int) -> bytes:
    parts = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        content = argument if isinstance(argument, bytes) else str(argument).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(content), content))
    return b"".join(parts)


def _claim(number: int) -> Claim:
    return Claim(
        claim_id=ClaimId(f"douyin:73120{number:08d}"),
        buyer_id=BuyerId(f"douyin:u{number:08d}"),
        channel="douyin",
        lines=(Line(Sku("egg-1"), 1),),
    )


def _batches(start: int, end: int, batch: int) -> list[bytes]:
    """Whole calls, packed."""
    head: tuple[str | int, ...] = ("FCALL", library.decide_name(), len(KEY_PARTS), *sale_keys(SALE_ID))
    calls = []
    for first in range(start, end, batch):
        claims = [_claim(number) for number in range(first, min(first + batch, end))]
        calls.append(_pack(*head, codec.encode_batch(codec.encode_ops(claims), claims).packed))
    return calls


def _run(wire: _Wire, calls: Sequence[bytes], in_flight: int) -> _Run:
    sent: list[float] = []
    took: list[float] = []
    started = time.perf_counter()
    for call in calls:
        if len(sent) - len(took) >= in_flight:
            wire.read_bulk()
            took.append((time.perf_counter() - sent[len(took)]) * 1_000)
        sent.append(time.perf_counter())
        wire.send(call)
    while len(took) < len(sent):
        wire.read_bulk()
        took.append((time.perf_counter() - sent[len(took)]) * 1_000)
    return _Run(time.perf_counter() - started, took)


def _raw_writes(wire: _Wire, claims: int, batch: int, in_flight: int) -> float:
    """What the accepted claims write, without deciding anything: two wide HSETs, a ZADD and an XADD a batch."""
    calls = []
    for start in range(0, claims, batch):
        records: list[bytes | str] = []
        buyers: list[bytes | str] = []
        for number in range(start, start + batch):
            records += [f"douyin:73120{number:08d}", b"x" * 69]
            buyers += [f"douyin:u{number:08d}", b"x" * 27]
        ids = b"\n".join(b"douyin:73120%08d" % number for number in range(start, start + batch))
        calls.append(
            _pack("HSET", "raw:claims", *records)
            + _pack("HSET", "raw:buyers", *buyers)
            + _pack("ZADD", "raw:deadlines", start, ids)
            + _pack("XADD", "raw:log", "*", "e", b"x" * (40 * batch))
        )
    started = time.perf_counter()
    pending = 0
    for call in calls:
        if pending >= in_flight:
            wire.read_lines(5)
            pending -= 1
        wire.send(call)
        pending += 1
    wire.read_lines(5 * pending)
    return claims / (time.perf_counter() - started)


def _seckill(wire: _Wire, orders: int, pipeline: int = 500) -> float:
    """The usual script, one call an order, half of them refused; the median of three runs."""
    wire.call("CONFIG", "SET", "appendonly", "no")
    sha = wire.call("SCRIPT", "LOAD", SECKILL)
    rates = []
    for attempt in range(3):
        keys = (f"sk{attempt}:stock", f"sk{attempt}:buyers", f"sk{attempt}:orders")
        wire.call("SET", keys[0], orders // 2)
        calls = [
            b"".join(
                _pack("EVALSHA", sha, 3, *keys, f"douyin:u{number:08d}", f"douyin:73120{number:08d}")
                for number in range(start, start + pipeline)
            )
            for start in range(0, orders, pipeline)
        ]
        started = time.perf_counter()
        for number, call in enumerate(calls):
            wire.send(call)
            if number:
                wire.read_lines(pipeline)
        wire.read_lines(pipeline)
        rates.append(orders / (time.perf_counter() - started))
    return statistics.median(rates)

"""`sellthrough doctor`: what this set-up really promises."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping

import msgspec

from flashsale.embedded import EmbeddedStoreError, binary_path
from ingest.commands.books import open_books, run
from ingest.commands.exits import OK, UNAVAILABLE
from ingest.settings import Settings

DISK_FREE_BYTES_MIN = 1_000_000_000
CLOCK_SKEW_MS_MAX = 1_000


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing looked at. `verdict` is ok, warning or broken; `zh` and `en` say what it means and what to do."""

    topic: str
    verdict: str
    zh: str
    en: str


def doctor(settings: Settings, *, as_json: bool, say: Callable[[str], None]) -> int:
    """Look at folder, store and ledger, and say what they promise; returns 0, or 69 where something is broken."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    findings = [*_machine(settings), *run(lambda: _stores(settings))]
    if as_json:
        say(msgspec.json.encode(findings).decode())
    else:
        for finding in findings:
            mark = {"ok": "✓", "warning": "!", "broken": "✗"}[finding.verdict]
            say(f"{mark} {finding.topic}\n    {finding.zh}\n    {finding.en}")
    return UNAVAILABLE if any(finding.verdict == "broken" for finding in findings) else OK


def _machine(settings: Settings) -> list[Finding]:
    free = shutil.disk_usage(settings.data_dir).free
    enough = free >= DISK_FREE_BYTES_MIN
    findings = [
        Finding(
            topic="disk",
            verdict="ok" if enough else "warning",
            zh=f"数据目录剩余 {free // 1_000_000} MB" + ("。" if enough else "，偏少；磁盘写满时会停止接单。"),
            en=f"{free // 1_000_000} MB free in the data folder"
            + ("." if enough else ": little; a full disk stops the intake."),
        )
    ]
    if settings.store_url:
        return findings
    try:
        binary_path()
    except EmbeddedStoreError as error:
        findings.append(Finding(topic="embedded", verdict="broken", zh="本机没有内置 Valkey。", en=str(error)))
    return findings


async def _stores(settings: Settings) -> list[Finding]:
    async with open_books(settings) as (engine, ledger):
        info = await engine.info()
        findings = [*_durability(info, await engine.store_setting("appendfsync")), *_clock(info)]
        sales = await engine.sale_ids()
        findings.append(
            Finding(
                topic="ledger",
                verdict="ok",
                zh=f"账本 {ledger.dialect} 可读；本店有 {len(sales)} 个专场。",
                en=f"The {ledger.dialect} ledger answers; the store holds {len(sales)} sale(s).",
            )
        )
        return findings


def _durability(info: Mapping[str, object], appendfsync: str | None) -> list[Finding]:
    version = str(info.get("valkey_version") or info.get("redis_version") or "?")
    appends = str(info.get("aof_enabled", "0")) == "1"
    evicts = str(info.get("maxmemory_policy", "noeviction")) != "noeviction"
    findings = [
        Finding(
            topic="store",
            verdict="ok" if appends else "broken",
            zh=f"Valkey {version}，"
            + ("追加日志已开。" if appends else "未开追加日志：断电会丢单，请设 appendonly yes。"),
            en=f"Valkey {version}, "
            + (
                "append-only file on."
                if appends
                else "no append-only file: a power cut loses orders; set appendonly yes."
            ),
        )
    ]
    if evicts:
        findings.append(
            Finding(
                topic="eviction",
                verdict="broken",
                zh="内存满时会丢弃数据；请设 maxmemory-policy noeviction。",
                en="The store throws data away when memory is full; set maxmemory-policy noeviction.",
            )
        )
    if appends:
        findings.append(_fsync(appendfsync))
    return findings


def _fsync(appendfsync: str | None) -> Finding:
    if appendfsync == "always":
        return Finding(
            topic="fsync",
            verdict="ok",
            zh="每次写入先落盘再应答（appendfsync always）。",
            en="Every write is on disk before it is answered (appendfsync always).",
        )
    if appendfsync is None:
        return Finding(
            topic="fsync",
            verdict="warning",
            zh="存储不肯说它的 appendfsync；若不是 always，断电会丢最后的已确认订单。请问它的管理员。",
            en="The store does not tell its appendfsync; unless it is always, a power cut loses orders. Ask its operator.",
        )
    return Finding(
        topic="fsync",
        verdict="warning",
        zh=f"appendfsync 为 {appendfsync}：断电会丢最后（everysec 时约 1 秒）已确认的订单；请设 always。",
        en=f"appendfsync is {appendfsync}: a power cut loses the last orders (a second's with everysec); set always.",
    )


def _clock(info: Mapping[str, object]) -> list[Finding]:
    store_ms = int(str(info.get("server_time_usec", 0))) // 1_000
    skew_ms = abs(time.time_ns() // 1_000_000 - store_ms) if store_ms else 0
    good = skew_ms <= CLOCK_SKEW_MS_MAX
    return [
        Finding(
            topic="clock",
            verdict="ok" if good else "warning",
            zh=f"存储与本机时钟相差 {skew_ms} 毫秒" + ("。" if good else "；预占期限以存储时钟为准，请校时。"),
            en=f"The store's clock is {skew_ms} ms from this machine's"
            + ("." if good else "; deadlines go by the store's, so set the clocks."),
        )
    ]

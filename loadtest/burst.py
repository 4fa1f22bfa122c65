"""The burst: buyers rush one pool over HTTP while watchers follow the live tally, then every answer meets the books.

`python -m loadtest.burst --start` starts a service of its own; `--host URL --token T` rushes one that runs already, in a
sale that the test creates, closes again, and shares with nobody.
"""

from __future__ import annotations

import secrets
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, Final

import gevent
import msgspec
import typer
from locust.env import Environment

from loadtest.domain import OfferPlan, PoolPlan, SalePlan
from loadtest.doors import DoorError, Doors, clear_away, make_token, read_books, set_up_sale, settle
from loadtest.recorder import Recorder, now_us
from loadtest.server import ServerError, serving
from loadtest.shapes import BurstShape
from loadtest.users import Run, numbers, user_classes
from loadtest.verifier import Verdict, judge
from loadtest.wording import in_words

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
EXIT_NOT_RUN: Final = 3
SETTLE_WAIT_S: Final = 30.0
STOP_SLACK_S: Final = 5.0
POOL_ID: Final = "eggs"
NAP_US: Final = 20_000


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is like. `host` empty starts a service of its own."""

    host: str
    token: str
    run_s: float
    buyers_len: int
    watchers_len: int
    claims_max: int
    stock_units: int
    hold_ttl_ms: int
    seed: int


class RunError(Exception):
    """The load test itself failed; it says nothing about the service."""


def plan_of(options: Options, sale_id: str) -> SalePlan:
    """Return the sale to rush: one pool of eggs, and three offers that all draw on it."""
    offers = (
        OfferPlan(
            sku="egg-30", pool_id=POOL_ID, name="土鸡蛋 30枚", units_per_pack=30, price_minor=3_980, limit_packs=5
        ),
        OfferPlan(sku="egg-10", pool_id=POOL_ID, name="土鸡蛋 10枚", units_per_pack=10, price_minor=1_490),
        OfferPlan(sku="egg-6", pool_id=POOL_ID, name="土鸡蛋 6枚", units_per_pack=6, price_minor=990),
    )
    pool = PoolPlan(pool_id=POOL_ID, name="土鸡蛋", base_unit="枚", initial_units=options.stock_units)
    return SalePlan(sale_id=sale_id, pools=(pool,), offers=offers, hold_ttl_ms=options.hold_ttl_ms)


def run_burst(options: Options) -> Verdict:
    """Make one run from set-up to clearing away, and judge it.

    Raises DoorError or ServerError where the service did not let the run happen, RunError where the test itself broke.
    """
    run_id = f"burst-{secrets.token_hex(4)}"
    plan = plan_of(options, run_id)
    with ExitStack() as stack:
        url, token = options.host.rstrip("/"), options.token
        if not url:
            address = stack.enter_context(serving())
            url, token = address.url, address.admin_token
        doors = stack.enter_context(Doors(url, token))
        set_up_sale(doors, plan, "压力测试 load test")
        ingest_id, ingest_token = make_token(doors, "ingest", plan.sale_id)
        overlay_id, overlay_token = make_token(doors, "overlay", plan.sale_id)
        recorder = Recorder(plan, claims_max=options.claims_max, watchers_len=options.watchers_len)
        run = Run(
            url=url,
            run_id=run_id,
            plan=plan,
            recorder=recorder,
            ingest_token=ingest_token,
            overlay_token=overlay_token,
            seed=options.seed,
            buyer_numbers=numbers(),
            watcher_numbers=numbers(),
        )
        _rush(run, options)
        settle(doors, plan, SETTLE_WAIT_S)
        history = recorder.history
        claim_ids = sorted({exchange.claim_id for exchange in history.exchanges})
        _say(f"对账 reading the books: {len(claim_ids)} claim_ids")
        books = read_books(doors, plan.sale_id, claim_ids)
        clear_away(doors, plan, (ingest_id, overlay_id))
    return judge(history, books)


def _rush(run: Run, options: Options) -> None:
    """Let the users loose until the shape ends, the claims are used up, or Ctrl-C: what was seen is judged all the same."""
    shape = BurstShape(
        run.recorder, run_s=options.run_s, buyers_len_max=options.buyers_len, watchers_len=options.watchers_len
    )
    broken: list[BaseException] = []

    def note(exception: BaseException, **_: Any) -> None:
        broken.append(exception)

    environment = Environment(
        user_classes=user_classes(run, options.watchers_len),
        shape_class=shape,
        # Users finish the visit that they are in; the longest one waits for its hold to run out.
        stop_timeout=options.hold_ttl_ms / 1_000 + STOP_SLACK_S,
    )
    environment.events.user_error.add_listener(note)  # type: ignore[no-untyped-call]
    runner = environment.create_local_runner()
    napping = gevent.spawn(_nap, run.recorder)
    runner.start_shape()
    try:
        _follow(shape, run, runner.shape_greenlet)
    except KeyboardInterrupt:
        _say("中断，先对账 interrupted; judging what was seen so far")
    finally:
        runner.quit()
        napping.kill()
    if broken:
        raise RunError(f"{len(broken)} × {broken[0]!r}") from broken[0]


def _nap(recorder: Recorder) -> None:
    """Measure how late this side wakes up, for as long as it is let."""
    while True:
        due_us = now_us() + NAP_US
        gevent.sleep(NAP_US / 1_000_000)
        recorder.lag(max(0, now_us() - due_us))


def _follow(shape: BurstShape, run: Run, ending: gevent.Greenlet | None) -> None:
    """Say in which phase the run is, until it is over."""
    said = ""
    while ending is not None and not ending.ready():
        phase = shape.phase
        if phase is not None and phase.name != said:
            said = phase.name
            _say(
                f"{phase.name}: {phase.buyers_len} 位买家 buyers, 到第 {phase.until_s:.0f} 秒 until {phase.until_s:.0f} s"
            )
        ending.join(timeout=0.5)
    ended_by = "请求数用完 claims used up" if run.recorder.is_spent else "时间到 time is up"
    _say(f"{ended_by}; {len(run.recorder.history.exchanges)} 次请求 asked")


def _say(words: str) -> None:
    typer.echo(words, err=True)


def _burst(
    start: Annotated[bool, typer.Option("--start", help="自己起一个服务 start a service of its own.")] = False,
    host: Annotated[str, typer.Option(help="已在运行的服务 a running service, e.g. http://127.0.0.1:8000")] = "",
    token: Annotated[
        str, typer.Option(envvar="SELLTHROUGH_BURST_TOKEN", help="它的管理员令牌 its admin token.", show_default=False)
    ] = "",
    seconds: Annotated[float, typer.Option(min=1, max=600, help="时长 how long to rush.")] = 20,
    buyers: Annotated[int, typer.Option(min=1, max=2_000, help="同时的买家 buyers at once in the burst.")] = 60,
    watchers: Annotated[int, typer.Option(min=0, max=2_000, help="看战报的人 watchers of the live tally.")] = 20,
    claims_max: Annotated[int, typer.Option(min=1, max=1_000_000, help="最多下单请求 claims in all.")] = 20_000,
    stock_units: Annotated[int, typer.Option(min=1, help="库存（枚） stock in base units.")] = 60_000,
    hold_ttl_ms: Annotated[int, typer.Option(min=0, max=20_000, help="预占时长 a hold's life; 0: no end.")] = 4_000,
    seed: Annotated[int, typer.Option(help="买家行为的种子 seed of the buyers' behaviour.")] = 1,
    verdict_file: Annotated[Path, typer.Option("--verdict", help="结论文件 where the JSON goes.")] = Path(
        "build/burst/verdict.json"
    ),
) -> None:
    """开售冲击测试：买家抢一个库存池，观众看战报，最后逐笔对账。

    Rush one pool, watch the tally, and compare every answer with the books.

    Example: python -m loadtest.burst --start --seconds 20 --buyers 60

    Exit codes: 0 passed, 1 a rule was broken (or nothing was granted), 2 wrong usage, 3 the run could not be made.
    """
    if start == bool(host) or bool(host) != bool(token):
        _say("要么 --start，要么 --host 和 --token。Say either --start, or --host and --token.")
        raise typer.Exit(EXIT_USAGE)
    options = Options(
        host=host,
        token=token,
        run_s=seconds,
        buyers_len=buyers,
        watchers_len=watchers,
        claims_max=claims_max,
        stock_units=stock_units,
        hold_ttl_ms=hold_ttl_ms,
        seed=seed,
    )
    try:
        verdict = run_burst(options)
    except (DoorError, ServerError, RunError) as error:
        _say(f"没有跑成，什么也没有证明。The run could not be made; nothing is proved.\n{error}")
        raise typer.Exit(EXIT_NOT_RUN) from error
    verdict_file.parent.mkdir(parents=True, exist_ok=True)
    verdict_file.write_bytes(msgspec.json.format(msgspec.json.encode(verdict)))
    typer.echo(in_words(verdict))
    if not verdict.passed:
        raise typer.Exit(EXIT_FAILED)


def main() -> None:
    """Run the command line."""
    typer.run(_burst)


if __name__ == "__main__":
    main()

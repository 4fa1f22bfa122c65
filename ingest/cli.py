"""The command line. Heavy imports wait until a command runs, so that `--help` answers at once."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlsplit

import typer

from ingest.commands.exits import DIFFERS, USAGE, CommandError, not_built

if TYPE_CHECKING:
    from ingest.settings import Settings

app = typer.Typer(
    name="sellthrough",
    help="直播卖货接单：一份库存，全平台共用，不超卖，不丢单。\n\n"
    "Order capture for livestream sales: one stock over all platforms, never sold twice, never lost.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)

STORE_SCHEMES: Final = frozenset(("redis", "rediss", "valkey", "valkeys", "unix"))

DataDir = Annotated[
    Path | None, typer.Option(help="数据目录 Data folder. [env: SELLTHROUGH_DATA_DIR]", show_default=False)
]
StoreUrl = Annotated[
    str | None,
    typer.Option("--store", help="外部 Valkey 地址 Store to use instead of the embedded one.", show_default=False),
]
LedgerUrl = Annotated[str | None, typer.Option("--ledger", help="账本数据库地址 Ledger database.", show_default=False)]
SaleOption = Annotated[str, typer.Option("--sale", help="专场 Sale id; may be left out where there is only one.")]
JsonFlag = Annotated[bool, typer.Option("--json", help="输出 JSON. Write JSON.")]


@app.command()
def serve(
    *,
    data_dir: DataDir = None,
    store: StoreUrl = None,
    ledger: LedgerUrl = None,
    host: Annotated[str | None, typer.Option(help="监听地址 Address to listen on. Default 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="端口 Port; 0 takes a free one. Default 8000.")] = None,
    workers: Annotated[int | None, typer.Option(help="网页进程数 Web processes. Only 1 is built yet.")] = None,
    ready_file: Annotated[
        Path | None,
        typer.Option(help="就绪后写入地址与管理员令牌 Write address and admin token here once doors are open."),
    ] = None,
    json_logs: Annotated[bool, typer.Option(help="日志为 JSON. Logs as JSON lines.")] = False,
) -> None:
    """启动服务。Run the service until Ctrl-C or SIGTERM.

    Example: sellthrough serve --data-dir ./sale --port 8000

    Exit codes: 0 stopped cleanly, 2 wrong usage, 69 cannot start (folder in use, store or ledger away), 130 stopped
    while starting.
    """
    from ingest.commands import serve as command
    from ingest.logs import configure_logs

    configure_logs(as_json=json_logs)
    settings = _settings(
        data_dir=data_dir,
        store_url=store,
        ledger_url=ledger,
        host=host,
        port=port,
        workers=workers,
        ready_file=ready_file,
    )
    raise typer.Exit(command.serve(settings, _say_now))


@app.command()
def doctor(
    *, data_dir: DataDir = None, store: StoreUrl = None, ledger: LedgerUrl = None, as_json: JsonFlag = False
) -> None:
    """检查环境。Say what this set-up really promises: durability, eviction, clock, disk.

    Example: sellthrough doctor --data-dir ./sale

    Exit codes: 0 sound, 2 wrong usage, 69 something is broken.
    """
    from ingest.commands import doctor as command

    settings = _settings(data_dir=data_dir, store_url=store, ledger_url=ledger)
    raise typer.Exit(command.doctor(settings, as_json=as_json, say=typer.echo))


@app.command()
def check(
    *,
    sale: SaleOption = "",
    data_dir: DataDir = None,
    store: StoreUrl = None,
    ledger: LedgerUrl = None,
    as_json: JsonFlag = False,
) -> None:
    """查账。Prove the books of a sale (or of all): store, log and ledger. May run beside the service.

    Example: sellthrough check --sale tonggu --data-dir ./sale

    Exit codes: 0 balanced, 1 they differ, 2 no such sale or wrong usage, 69 store or ledger away.
    """
    from ingest.commands import books

    settings = _settings(data_dir=data_dir, store_url=store, ledger_url=ledger)
    raise typer.Exit(books.check(settings, sale, as_json=as_json, say=typer.echo))


@app.command()
def export(
    kind: Annotated[str, typer.Argument(help="orders | picklist | settlement | demand")],
    *,
    sale: SaleOption = "",
    form: Annotated[str, typer.Option("--format", help="xlsx | csv")] = "xlsx",
    out: Annotated[Path | None, typer.Option(help="写到哪里 Where to write it.", show_default=False)] = None,
    data_dir: DataDir = None,
    store: StoreUrl = None,
    ledger: LedgerUrl = None,
) -> None:
    """导出订单、拣货单、结算单、需求。Write orders, pick list, settlement or demand into a file.

    Example: sellthrough export picklist --sale tonggu --format xlsx --out picklist.xlsx

    Exit codes: 0 written, 2 wrong kind, format or sale, 69 store or ledger away.
    """
    from ingest.commands import books
    from inventory.exports import CONTENT_TYPES, EXPORT_KINDS

    if kind not in EXPORT_KINDS or form not in CONTENT_TYPES:
        allowed = f"{' | '.join(EXPORT_KINDS)}; --format {' | '.join(CONTENT_TYPES)}"
        raise CommandError(f"没有这种导出；可用：{allowed}。 No such export; there are: {allowed}.", 2)
    settings = _settings(data_dir=data_dir, store_url=store, ledger_url=ledger)
    typer.echo(str(books.export(settings, sale, kind, form, out)))


@app.command()
def report(
    *,
    sale: SaleOption = "",
    out: Annotated[Path | None, typer.Option(help="写到哪里 Where to write it.", show_default=False)] = None,
    data_dir: DataDir = None,
    store: StoreUrl = None,
    ledger: LedgerUrl = None,
) -> None:
    """生成报告。Write a sale's report as one HTML page, with the books check's finding in it.

    Example: sellthrough report --sale tonggu --out report.html

    Exit codes: 0 written and balanced, 1 written but the books differ, 2 no such sale, 69 store or ledger away.
    """
    from ingest.commands import books

    settings = _settings(data_dir=data_dir, store_url=store, ledger_url=ledger)
    path, balanced = books.report(settings, sale, out)
    typer.echo(str(path))
    raise typer.Exit(0 if balanced else DIFFERS)


@app.command()
def adapters(as_json: JsonFlag = False) -> None:
    """列出适配器及其设置。List the adapters and the settings that each needs.

    Example: sellthrough adapters --json

    Exit codes: 0 listed.
    """
    from ingest.commands import adapters as command

    command.adapters(as_json=as_json, say=typer.echo)


@app.command()
def bench(
    what: Annotated[str, typer.Argument(help="engine | http | comments | fanout | all")] = "all",
    as_json: JsonFlag = False,
) -> None:
    """测速。Measure, each number beside its yardstick in the same run.

    Example: sellthrough bench comments --json

    Exit codes: 0 measured, 2 no such bench, 69 not built yet.
    """
    from ingest.commands import bench as command

    command.bench(what, as_json=as_json, say=typer.echo, progress=lambda words: typer.echo(words, err=True))


@app.command()
def record() -> None:
    """录制事件。Record adapter events as JSON lines, for replay. Not built yet.

    Example: sellthrough record douyin_live > evening.jsonl

    Exit codes: 69 not built yet.
    """
    raise not_built("record")


@app.command()
def connect() -> None:
    """试连平台。Run one outgoing adapter in the foreground, to see its events. Not built yet.

    Example: sellthrough connect tmc

    Exit codes: 69 not built yet.
    """
    raise not_built("connect")


@app.command()
def rebuild() -> None:
    """由账本重建存储。Put pools, holds and orders back from the ledger. Not built yet.

    Example: sellthrough rebuild --data-dir ./sale

    Exit codes: 69 not built yet.
    """
    raise not_built("rebuild")


def _add_neighbours() -> None:
    """Mount the commands that other parts of the service bring; both import what is heavy only when they run."""
    from ingest.comments.cli import parse
    from ingest.demo.cli import demo

    app.command()(demo)
    app.command()(parse)


def _settings(**given: Any) -> Settings:
    """Build the one Settings of this process: what the command line says, else the environment, else the defaults."""
    from pydantic import ValidationError

    from ingest.settings import Settings

    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        lines = "\n".join(f"  {'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise CommandError(f"设置有误。 Wrong settings:\n{lines}", 2) from error
    if settings.store_url:
        _require_store_url(settings.store_url)
    return settings


def _require_store_url(url: str) -> None:
    """Raise CommandError for an address that the store client would not understand."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in STORE_SCHEMES and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    else:
        if parts.scheme.endswith("+cluster"):
            raise not_built("--store redis+cluster://")
    if not usable:
        # The address itself is not repeated: it may hold a password.
        raise CommandError(
            "存储地址无效；请用 redis://主机:端口、rediss://主机:端口 或 unix:///路径。"
            " The store's address is not valid; use redis://host:port, rediss://host:port or unix:///path.",
            USAGE,
        )


def _say_now(text: str) -> None:
    # Whoever waits for the address reads from a pipe, which would be buffered for long.
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    """Run the command line. Errors that a command foresees end it with plain words and its exit code."""
    # Ledger, log and exports hold who bought what: all that any command writes is for its owner alone.
    os.umask(0o077)
    _add_neighbours()
    try:
        app()
    except CommandError as error:
        sys.stderr.write(f"{error.text}\n")
        raise SystemExit(error.code) from error


if __name__ == "__main__":
    main()

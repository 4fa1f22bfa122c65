from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from ingest import cli
from ingest.comments.cli import parse
from ingest.demo.cli import demo

COMMANDS = {
    "serve", "doctor", "check", "export", "report", "adapters", "bench", "record", "connect", "rebuild", "demo", "parse",
}  # fmt: skip
OWN = (
    cli.serve,
    cli.doctor,
    cli.check,
    cli.export,
    cli.report,
    cli.adapters,
    cli.bench,
    cli.record,
    cli.connect,
    cli.rebuild,
)


@pytest.mark.parametrize("command", [*OWN, demo, parse], ids=lambda command: command.__name__)
def test_every_command_s_help_has_an_example_and_says_its_exit_codes(command: object) -> None:
    words = command.__doc__ or ""
    assert "Example" in words
    assert f"sellthrough {getattr(command, '__name__', '')}" in words
    assert "Exit codes: " in words


def test_the_contract_s_commands_are_all_there() -> None:
    registered = {info.name or info.callback.__name__ for info in cli.app.registered_commands if info.callback}
    assert registered | {"demo", "parse"} == COMMANDS


@pytest.mark.parametrize("name", ["record", "connect", "rebuild"])
def test_a_command_that_is_not_built_says_so(name: str) -> None:
    result = CliRunner().invoke(cli.app, [name])
    assert getattr(result.exception, "code", None) == 69
    assert "not built yet" in getattr(result.exception, "text", "")


@pytest.mark.parametrize("what", ["http", "fanout", "nothing"])
def test_a_bench_that_is_not_there_says_so(what: str) -> None:
    result = CliRunner().invoke(cli.app, ["bench", what])
    assert getattr(result.exception, "code", None) == (2 if what == "nothing" else 69)


def test_wrong_settings_are_named() -> None:
    result = CliRunner().invoke(cli.app, ["serve", "--port", "99999"])
    assert getattr(result.exception, "code", None) == 2
    assert "port" in getattr(result.exception, "text", "")


@pytest.mark.parametrize("command", ["serve", "check", "doctor"])
@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("bogus://:hush@x", 2),
        ("redis://x:hush", 2),
        ("hush", 2),
        ("redis+cluster://hush", 69),
        ("rediss+cluster://x", 69),
    ],
)
def test_a_store_address_of_no_use_ends_the_command_in_plain_words(command: str, url: str, code: int) -> None:
    result = CliRunner().invoke(cli.app, [command, "--store", url])
    assert getattr(result.exception, "code", None) == code
    words = getattr(result.exception, "text", "")
    assert ("not built yet" if code == 69 else "redis://") in words
    assert "hush" not in words


def test_help_does_not_wait_for_heavy_imports() -> None:
    heavy = ["fastapi", "sqlalchemy", "redis", "cryptography", "openpyxl", "xlsxwriter", "plotly", "uvicorn", "alembic"]
    program = (
        "import sys, typer\nfrom ingest import cli\ncli._add_neighbours()\ntyper.main.get_command(cli.app)\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    # A fresh interpreter: this one has imported everything long ago.
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"

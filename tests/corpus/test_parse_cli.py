"""`sellthrough parse` as an operator runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.corpus.table import ROOT

CATALOGUE = ROOT / "examples" / "tonggu" / "catalogue.csv"


def parse(stdin: str, *options: str, catalogue: Path = CATALOGUE) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ingest.cli", "parse", "--catalogue", str(catalogue), *options]
    return subprocess.run(
        command, input=stdin, capture_output=True, encoding="utf-8", cwd=ROOT, timeout=120, check=False
    )


def test_comments_in_and_readings_out_a_line_each() -> None:
    done = parse('A1+2\n{"text":"+1","featured":"egg-10"}\n主播好\n')
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, done.stderr) == (0, "")
    assert [record["intent"] for record in records] == ["order", "order", "none"]
    assert records[0]["lines"] == [{"sku": "egg-10", "packs": 2}]


def test_a_byte_order_mark_before_the_first_record_is_no_part_of_it() -> None:
    done = parse('\ufeff{"text":"+1","featured":"egg-10"}\n')
    assert json.loads(done.stdout)["lines"] == [{"sku": "egg-10", "packs": 1}]


def test_reading_again_with_other_settings_lists_the_changes_and_counts_them() -> None:
    done = parse("A1+2\nA1+20\n", "--diff-packs-max", "10")
    assert done.returncode == 0
    assert [json.loads(line)["after"]["rule"] for line in done.stdout.splitlines()] == ["amount_too_large"]
    assert "2 条评论，1 条有变化" in done.stderr


@pytest.mark.parametrize(
    ("stdin", "options", "code", "said"),
    [
        ('{"text":"A1","mode":"auto"}\n', [], 65, "第 1 行"),
        ("A1\n", ["--featured", "no-such"], 2, "目录里没有 no-such"),
        ("A1\n", ["--mode", "auto"], 2, "auto"),
    ],
)
def test_wrong_input_ends_with_its_code_and_plain_words(stdin: str, options: list[str], code: int, said: str) -> None:
    done = parse(stdin, *options)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_catalogue_is_named(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("sku\negg\n", encoding="utf-8")
    done = parse("A1\n", catalogue=wrong)
    assert done.returncode == 2
    assert "目录文件" in done.stderr

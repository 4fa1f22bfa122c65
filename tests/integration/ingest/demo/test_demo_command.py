"""The demo as a newcomer runs it: interrupted in the middle, carried on, and the books agree to the last unit."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

COMMAND = (sys.executable, "-c", "from ingest.cli import main; main()", "demo", "--headless")
DEADLINE_S = 600
SOLD = {"eggs": 10_000, "noodles": 3_000_000, "honey": 500_000, "bamboo": 1_000, "tea": 40, "oil": 220, "candied": 40}


def start(data_dir: Path, log: Path) -> subprocess.Popen[str]:
    with log.open("a") as errors:
        return subprocess.Popen(
            [*COMMAND, "--data-dir", str(data_dir)], stdout=subprocess.PIPE, stderr=errors, text=True, encoding="utf-8"
        )


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert process.poll() is None, "the demo ended early"
        assert time.monotonic() < deadline
        time.sleep(0.05)


def records_passed(data_dir: Path) -> int:
    try:
        return json.loads((data_dir / "demo-progress.json").read_text())["next_index"]
    except FileNotFoundError:
        return 0


@pytest.mark.timeout(2 * DEADLINE_S)
def test_an_interrupted_evening_is_carried_on_and_comes_out_to_the_last_unit(tmp_path: Path) -> None:
    data_dir, log = tmp_path / "evening", tmp_path / "errors.log"
    first = start(data_dir, log)
    wait_until(lambda: records_passed(data_dir) > 2_500, first)
    first.send_signal(signal.SIGINT)
    said, _ = first.communicate(timeout=DEADLINE_S)
    assert first.returncode == 130
    assert said == ""
    assert f"carry on: sellthrough demo --data-dir {data_dir} --headless" in log.read_text()

    second = start(data_dir, log)
    said, _ = second.communicate(timeout=DEADLINE_S)
    assert second.returncode == 0, log.read_text()
    summary = json.loads(said.splitlines()[-1])
    assert {pool_id: pool["sold"] for pool_id, pool in summary["pools"].items()} == SOLD
    assert [pool["oversold"] for pool in summary["pools"].values()] == [0] * 7
    assert summary["pools"]["eggs"]["presold"] == 4_200
    assert summary["pools"]["eggs"]["refused"] > 0
    assert (summary["orders_other"], summary["revenue_minor"]) == (300, 32_420_000)
    assert summary["presale_minor"] == 1_260_000
    assert summary["duplicates_dropped"] > 100
    assert (summary["books"], summary["problems"], summary["likes"]) == ("balanced", 0, 1_900_000)
    assert "<html" in (data_dir / "report.html").read_text(encoding="utf-8")


def test_a_missing_recording_is_said_in_words(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "--data-dir", str(tmp_path), "--recording", str(tmp_path / "none.gz")],
        check=False,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=DEADLINE_S,
    )
    assert done.returncode == 2
    assert "--recording" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_in_use_is_said_in_words(tmp_path: Path) -> None:
    first = start(tmp_path, tmp_path / "errors.log")
    try:
        wait_until(lambda: records_passed(tmp_path) > 0, first)
        second = subprocess.run(
            [*COMMAND, "--data-dir", str(tmp_path)],
            check=False,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=DEADLINE_S,
        )
        assert second.returncode == 2
        assert "Traceback" not in second.stderr
    finally:
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=DEADLINE_S)

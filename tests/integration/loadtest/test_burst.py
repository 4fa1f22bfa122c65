"""A burst from end to end: against a small service with and without faults, and against the real one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from loadtest.server import ServerError, serving

FAKE = [sys.executable, str(Path(__file__).with_name("fake_service.py"))]
SHORT = ["--seconds", "3", "--buyers", "20", "--watchers", "4", "--stock-units", "1500", "--hold-ttl-ms", "1000"]
"""Small enough to sell out on a slow machine, long enough for holds to lapse and come back."""


def burst(*arguments: str, verdict: Path) -> tuple[int, str, dict[str, Any]]:
    # Another process: Locust patches the one it runs in.
    done = subprocess.run(
        [sys.executable, "-m", "loadtest.burst", *arguments, "--verdict", str(verdict)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr, json.loads(verdict.read_bytes()) if verdict.exists() else {}


def rules_broken(verdict: dict[str, Any]) -> set[str]:
    return {violation["rule"] for violation in verdict["violations"]}


def test_an_honest_service_passes(tmp_path: Path) -> None:
    with serving(FAKE) as address:
        code, words, verdict = burst(
            "--host", address.url, "--token", address.admin_token, *SHORT, verdict=tmp_path / "v.json"
        )

    assert code == 0, words
    assert verdict["passed"]
    assert verdict["figures"]["watchers"] == 4
    assert verdict["figures"]["outcomes"].keys() >= {"claim:reserved", "claim:sold_out", "confirm:confirmed"}


def test_a_service_with_faults_fails_and_each_fault_is_named(tmp_path: Path) -> None:
    faults = {
        "forgets": "acknowledged_missing",
        "repeats_itself": "acknowledged_twice",
        "answers_by_mood": "replay_differs",
        "says_sold_out": "false_sold_out",
        "sells_twice": "books_disagree",
        "oversells": "sold_above_stock",
        "shows_nonsense": "frames_disagree",
    }
    planted = [argument for fault in faults for argument in ("--fault", fault)]
    with serving([*FAKE, *planted]) as address:
        code, words, verdict = burst(
            "--host", address.url, "--token", address.admin_token, *SHORT, verdict=tmp_path / "v.json"
        )

    assert code == 1, words
    assert not verdict["passed"]
    assert rules_broken(verdict) >= set(faults.values())


def test_the_real_service_passes_a_short_burst(tmp_path: Path) -> None:
    code, words, verdict = burst("--start", *SHORT, verdict=tmp_path / "v.json")

    assert code == 0, words
    figures = verdict["figures"]
    assert figures["orders"] > 0
    assert figures["watchers"] == 4
    assert figures["frame"]["count"] > 0
    assert "PASSED" in words


def test_a_service_that_is_not_there_proves_nothing(tmp_path: Path) -> None:
    code, words, verdict = burst("--host", "http://127.0.0.1:9", "--token", "t", *SHORT, verdict=tmp_path / "v.json")

    assert code == 3
    assert "nothing is proved" in words
    assert verdict == {}


@pytest.mark.parametrize(
    "arguments", [[], ["--start", "--host", "http://127.0.0.1:9"], ["--host", "http://127.0.0.1:9"]]
)
def test_wrong_usage_says_what_to_say(arguments: list[str], tmp_path: Path) -> None:
    code, words, _ = burst(*arguments, verdict=tmp_path / "v.json")

    assert code == 2
    assert "--start" in words


def test_a_service_that_does_not_start_is_quoted() -> None:
    with (
        pytest.raises(ServerError, match="folder is locked"),
        serving([sys.executable, "-c", "import sys; sys.exit('the folder is locked')"]),
    ):
        pytest.fail("nothing was started")


def test_a_service_that_does_not_stop_cleanly_has_not_passed() -> None:
    breaks_on_stop = (
        "import json, pathlib, signal, sys\n"
        "ready = pathlib.Path(sys.argv[sys.argv.index('--ready-file') + 1])\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit('lost the books'))\n"
        "draft = ready.with_suffix('.tmp')\n"
        "draft.write_text(json.dumps({'port': 1, 'admin_token': 't'}))\n"
        "draft.rename(ready)\n"
        "signal.pause()\n"
    )
    with pytest.raises(ServerError, match="lost the books"), serving([sys.executable, "-c", breaks_on_stop]) as address:
        assert address.url == "http://127.0.0.1:1"

from __future__ import annotations

import json

import pytest
import structlog

from ingest.logs import configure_logs, frames_of


@pytest.fixture(autouse=True)
def _logs_as_before() -> object:
    yield
    structlog.reset_defaults()


def test_fields_that_are_not_on_the_list_are_dropped(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(as_json=True)
    structlog.get_logger().info("hook", sale_id="s", text="我家住在铜鼓", token="st_admin_x", nickname="王小明")
    line = json.loads(capsys.readouterr().err)
    assert line["sale_id"] == "s"
    assert set(line) == {"event", "level", "timestamp", "sale_id"}


def test_an_error_s_place_is_told_without_its_words() -> None:
    def fail() -> None:
        secret = "st_admin_x"
        raise ValueError(secret)

    try:
        try:
            fail()
        except ValueError as error:
            raise RuntimeError("phone 13812345678") from error
    except RuntimeError as error:
        told = frames_of(error)
    assert "fail" in told
    assert "RuntimeError" in told
    assert "ValueError" in told
    assert "st_admin_x" not in told
    assert "138" not in told

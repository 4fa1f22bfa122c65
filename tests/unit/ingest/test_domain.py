from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flashsale.domain import ID_BYTES_MAX
from ingest.domain import SaleSettings, SellingMode, masked_nickname, scoped_id
from ingest.problems import Problem
from ingest.sales import merged
from ingest.wire import SaleSettingsIn


def test_an_id_is_platform_and_event() -> None:
    assert scoped_id("douyin", "7312009") == "douyin:7312009"


@given(st.lists(st.text(max_size=200), min_size=1, max_size=4))
def test_whatever_a_platform_sends_becomes_an_id_that_the_engine_takes(parts: list[str]) -> None:
    parts = ["weibo", *parts]
    made = scoped_id(*parts)
    assert made == scoped_id(*parts)
    assert 1 <= len(made.encode(errors="surrogatepass")) <= ID_BYTES_MAX
    assert all(ord(letter) > 32 and ord(letter) != 127 for letter in made)


def test_long_ids_that_differ_at_their_end_stay_different() -> None:
    assert scoped_id("weibo", "x" * 200 + "1") != scoped_id("weibo", "x" * 200 + "2")


@pytest.mark.parametrize(
    ("nickname", "shown"), [("王小明", "王**"), ("A", "A**"), ("", ""), ("   ", ""), (" 李", "李**")]
)
def test_a_nickname_shows_its_first_character_and_not_its_length(nickname: str, shown: str) -> None:
    assert masked_nickname(nickname) == shown


def test_a_channel_follows_the_sale_s_mode_unless_it_has_its_own() -> None:
    settings = SaleSettings(channel_modes={"douyin": SellingMode.PLATFORM})
    assert settings.mode_of("douyin") is SellingMode.PLATFORM
    assert settings.mode_of("weibo") is SellingMode.CAPTURE


def test_settings_left_out_stay_as_they_are() -> None:
    before = SaleSettings(packs_max=5, trigger="拍")
    assert merged(before, SaleSettingsIn()) == before
    assert merged(before, SaleSettingsIn(packs_max=9)) == SaleSettings(packs_max=9, trigger="拍")
    with pytest.raises(Problem):
        merged(before, SaleSettingsIn(strictness="very"))

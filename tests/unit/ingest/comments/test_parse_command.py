from __future__ import annotations

import io
import json
from typing import Any

import pytest

from ingest.comments import Lexicon, OfferWords, ReadingSettings, Strictness
from ingest.comments.parse_command import InputError, parse_stream, reread_stream

KEYS = ["text", "normalised", "intent", "lines", "rule", "reason"]


def parsed(lexicon: Lexicon, *lines: str, **options: Any) -> list[dict[str, Any]]:
    out = io.StringIO()
    count = parse_stream(lines, out, lexicon, **options)
    records = [json.loads(line) for line in out.getvalue().splitlines()]
    assert count == len(records) == len(lines)
    return records


def test_each_line_gives_one_reading_with_the_keys_of_the_contract(lexicon: Lexicon) -> None:
    first, second = parsed(lexicon, "A1+2\n", "\r\n")
    assert list(first) == KEYS
    assert (first["intent"], first["lines"]) == ("order", [{"sku": "egg-10", "packs": 2}])
    assert (second["text"], second["intent"], second["lines"]) == ("", "none", [])


def test_a_lines_own_offer_on_air_and_mode_win_over_the_callers(lexicon: Lexicon) -> None:
    own = json.dumps({"text": "+1", "featured": "egg-10", "mode": "platform"})
    plain, recorded = parsed(lexicon, "+1", own, featured="honey-500")
    assert plain["lines"] == [{"sku": "honey-500", "packs": 1}]
    assert recorded["intent"] == "interest"
    (unfeatured,) = parsed(lexicon, json.dumps({"text": "+1", "featured": "", "mode": ""}), featured="honey-500")
    assert unfeatured["intent"] == "interest"


@pytest.mark.parametrize("line", ['{"A1+1', "{}", '{"words": "A1"}', "[1]", '{"text"'])
def test_a_comment_that_only_looks_like_json_is_a_comment(line: str, lexicon: Lexicon) -> None:
    assert parsed(lexicon, line)[0]["text"] == line


@pytest.mark.parametrize("line", ['{"text":' * 20_000, '{"text":"A1","extra":' + "[" * 20_000])
def test_a_line_nested_beyond_any_record_is_a_comment_and_the_next_is_read(line: str, lexicon: Lexicon) -> None:
    nested, after = parsed(lexicon, line, "A1+2")
    assert (nested["intent"], nested["lines"]) == ("none", [])
    assert after["lines"] == [{"sku": "egg-10", "packs": 2}]


@pytest.mark.parametrize("line", ['{"text":"A1","mode":"auto"}', '{"text":5}', '{"text":"A1","featured":7}'])
def test_a_wrong_record_is_named_by_its_line(line: str, lexicon: Lexicon) -> None:
    with pytest.raises(InputError, match="第 2 行"):
        parse_stream(["A1", line], io.StringIO(), lexicon)


def test_personal_data_is_masked_unless_the_original_is_asked_for(lexicon: Lexicon) -> None:
    line = "A1 2盒 电话13800138000"
    assert "13800138000" not in json.dumps(parsed(lexicon, line, explain=True))
    assert parsed(lexicon, line, show_text=True)[0]["text"] == line
    assert parsed(lexicon, "Ａ１ 2盒")[0]["text"] == "Ａ１ 2盒"


def test_lone_surrogates_and_control_characters_are_written_as_valid_json(lexicon: Lexicon) -> None:
    assert parsed(lexicon, "A1\ud800+1", "\x00\x1bA1")[1]["intent"] == "order"


def test_explaining_tells_what_each_word_was_taken_for(lexicon: Lexicon) -> None:
    (record,) = parsed(lexicon, "给我来5盒鸡蛋", explain=True)
    meanings = {word["text"]: word["meaning"] for word in record["words"]}
    assert meanings == {"给我来": "要买 order", "5盒": "数量 5", "鸡蛋": "商品 egg-10|egg-30"}
    assert parsed(lexicon, "草莓+1", explain=True)[0]["unmet"] == ["草莓"]


def test_reading_again_shows_only_what_changed(lexicon: Lexicon, offers: tuple[OfferWords, ...]) -> None:
    out = io.StringIO()
    exact = Lexicon.compile(offers, ReadingSettings(strictness=Strictness.EXACT))
    counts = reread_stream(["A1+1", "主播好 A1+1", "666", "电话13800138000，老板 C1 2瓶"], out, lexicon, exact)
    changed = [json.loads(line) for line in out.getvalue().splitlines()]
    assert (counts.comments, counts.changed) == (4, 2)
    assert [record["text"] for record in changed] == ["主播好 A1+1", "电话〔电话〕,老板 c1 2瓶"]
    assert (changed[0]["before"]["intent"], changed[0]["after"]["intent"]) == ("order", "review")


def test_another_catalogue_changes_what_a_shared_name_means(lexicon: Lexicon, offers: tuple[OfferWords, ...]) -> None:
    out = io.StringIO()
    without_trays = Lexicon.compile(offer for offer in offers if offer.sku != "egg-30")
    reread_stream(["鸡蛋+1"], out, lexicon, without_trays)
    record = json.loads(out.getvalue())
    assert record["before"]["intent"] == "review"
    assert record["after"]["lines"] == [{"sku": "egg-10", "packs": 1}]

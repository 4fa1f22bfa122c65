from __future__ import annotations

import pytest

from ingest.comments import Intent, Lexicon, Mode, OfferWords, ReadingSettings, Strictness

HONEY_TWO = (("honey-500", 2),)


def test_platform_mode_orders_nothing_and_tells_what_was_wanted(offers: tuple[OfferWords, ...]) -> None:
    reading = Lexicon.compile(offers, ReadingSettings(mode=Mode.PLATFORM)).read("蜂蜜两瓶")
    assert (reading.intent, reading.lines, reading.wanted) == (Intent.INTEREST, (), HONEY_TWO)


def test_a_channels_own_mode_wins_over_the_sales(offers: tuple[OfferWords, ...]) -> None:
    platform = Lexicon.compile(offers, ReadingSettings(mode=Mode.PLATFORM))
    assert platform.read("蜂蜜两瓶", mode=Mode.CAPTURE).lines == HONEY_TWO
    assert platform.read("蜂蜜两瓶").intent is Intent.INTEREST


def test_exact_strictness_sends_politeness_to_a_person_and_takes_plain_orders(offers: tuple[OfferWords, ...]) -> None:
    exact = Lexicon.compile(offers, ReadingSettings(strictness=Strictness.EXACT))
    assert exact.read("C1 2瓶").lines == HONEY_TWO
    assert exact.read("要两瓶蜂蜜！").lines == HONEY_TWO
    assert exact.read("主播好，C1 2瓶").intent is Intent.REVIEW
    assert exact.read("主播好").intent is Intent.NONE


@pytest.mark.parametrize("comment", ["CF C1 2", "cf c1 2瓶", "主播好 cf C1 2", "cfC1 2"])
def test_with_a_required_trigger_its_comments_order(comment: str, offers: tuple[OfferWords, ...]) -> None:
    assert Lexicon.compile(offers, ReadingSettings(trigger="CF")).read(comment).lines == HONEY_TWO


@pytest.mark.parametrize("comment", ["C1 2", "要两瓶蜂蜜", "C1 2 cf"])
def test_without_the_required_trigger_a_comment_is_interest(comment: str, offers: tuple[OfferWords, ...]) -> None:
    reading = Lexicon.compile(offers, ReadingSettings(trigger="CF")).read(comment)
    assert (reading.intent, reading.rule, reading.wanted) == (Intent.INTEREST, "trigger_missing", HONEY_TWO)


def test_a_sales_own_trigger_may_be_any_word(offers: tuple[OfferWords, ...]) -> None:
    own = Lexicon.compile(offers, ReadingSettings(trigger="助农"))
    assert own.read("助农 C1 2瓶").lines == HONEY_TWO
    assert own.read("助农C1 2瓶").lines == HONEY_TWO


def test_more_packs_than_the_limit_go_to_a_person(offers: tuple[OfferWords, ...]) -> None:
    small = Lexicon.compile(offers, ReadingSettings(packs_max=5))
    assert small.read("C1 5瓶").intent is Intent.ORDER
    assert small.read("C1 6瓶").rule == "amount_too_large"


def test_ignored_users_never_order_and_others_do(offers: tuple[OfferWords, ...]) -> None:
    lexicon = Lexicon.compile(offers, ReadingSettings(ignored_users=frozenset({"host"})))
    assert lexicon.read("C1 2瓶", user_id="host").rule == "ignored_user"
    assert lexicon.read("C1 2瓶", user_id="buyer").lines == HONEY_TWO
    assert "13800138000" not in lexicon.read("电话13800138000", user_id="host").normalised


def test_a_change_without_a_name_means_the_one_thing_that_the_buyer_holds(lexicon: Lexicon) -> None:
    assert lexicon.read("改成3瓶", "egg-10", own=("honey-500",)).lines == (("honey-500", 3),)
    assert lexicon.read("改成3盒", "egg-10", own=("honey-500", "bamboo")).lines == (("egg-10", 3),)
    assert lexicon.read("改成3份").intent is Intent.REVIEW


def test_an_offer_on_air_that_the_sale_does_not_have_is_none(lexicon: Lexicon) -> None:
    assert lexicon.read("+1", "no-such-sku").intent is Intent.INTEREST


def test_an_alias_shared_by_offers_follows_the_catalogue_it_was_compiled_from(offers: tuple[OfferWords, ...]) -> None:
    one_egg = Lexicon.compile(offer for offer in offers if offer.sku != "egg-30")
    assert one_egg.read("鸡蛋+1").lines == (("egg-10", 1),)
    assert Lexicon.compile(offers).read("鸡蛋+1").intent is Intent.REVIEW


def test_a_sale_without_offers_orders_nothing() -> None:
    assert Lexicon.compile(()).read("A1+1", "egg-10").lines == ()


def test_codes_may_hold_signs_and_any_letters() -> None:
    words = OfferWords(
        sku="s",
        pool_id="p",
        base_unit="件",
        code="K-12",
        link_no=0,
        name="茶",
        units_per_pack=1,
        price_minor=100,
        pack_words=("件",),
    )
    assert Lexicon.compile([words]).read("k-12 +2").lines == (("s", 2),)
    assert Lexicon.compile([words]).read("K-123 +2").lines == ()


def test_a_code_of_digits_needs_an_amount_behind_it() -> None:
    words = OfferWords(
        sku="s",
        pool_id="p",
        base_unit="件",
        code="88",
        link_no=0,
        name="茶",
        units_per_pack=1,
        price_minor=100,
        pack_words=("件",),
    )
    numbered = Lexicon.compile([words])
    assert numbered.read("88+2").lines == (("s", 2),)
    assert numbered.read("cf 88").lines == (("s", 1),)
    assert numbered.read("88").intent is Intent.NONE
    assert numbered.read("谢谢 88").intent is Intent.NONE
    assert numbered.read("我今年88岁").intent is Intent.NONE

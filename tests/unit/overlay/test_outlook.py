import msgspec

from overlay.outlook import Outlook, Pace
from tests.unit.overlay.played_sale import START_MS, county_tally


def tally_at(seconds, *, orders=0, eggs_left=10_000, eggs_added=0):
    tally = county_tally()
    eggs = msgspec.structs.replace(tally.pools[0], available=eggs_left, adjusted=eggs_added)
    return msgspec.structs.replace(
        tally,
        at_ms=START_MS + seconds * 1_000,
        totals=msgspec.structs.replace(tally.totals, orders=orders),
        pools=(eggs, *tally.pools[1:]),
    )


def outlook_after(*tallies) -> Outlook:
    pace = Pace()
    for tally in tallies:
        outlook = pace.note(tally)
    return outlook


def test_pace_counts_the_orders_of_the_last_minute_only():
    early_rush = [tally_at(second, orders=1_000 * second) for second in range(10)]
    calm = [tally_at(second, orders=9_000 + second) for second in range(10, 131)]
    assert outlook_after(*early_rush, *calm).orders_per_minute == 60


def test_pace_is_unknown_before_five_seconds_are_seen():
    assert outlook_after(tally_at(0), tally_at(4, orders=900)).orders_per_minute is None
    assert outlook_after(tally_at(0), tally_at(5, orders=10)).orders_per_minute == 120


def test_pace_falls_to_zero_when_nothing_is_ordered_any_more():
    assert outlook_after(tally_at(0), tally_at(30, orders=500), tally_at(91, orders=500)).orders_per_minute == 0


def test_orders_taken_back_do_not_make_the_pace_negative():
    assert outlook_after(tally_at(0, orders=50), tally_at(30, orders=20)).orders_per_minute == 0


def test_sell_out_is_foreseen_from_what_buyers_take_a_minute():
    outlook = outlook_after(tally_at(0), tally_at(60, eggs_left=8_000))
    assert outlook.sells_out_at_ms == {"eggs": START_MS + 60_000 + 240_000}


def test_a_restock_is_not_mistaken_for_buyers_giving_back():
    outlook = outlook_after(tally_at(0), tally_at(60, eggs_left=10_000, eggs_added=2_000))
    assert outlook.sells_out_at_ms["eggs"] == START_MS + 60_000 + 300_000


def test_a_sold_out_pool_has_no_moment_of_selling_out():
    assert outlook_after(tally_at(0), tally_at(60, eggs_left=0)).sells_out_at_ms == {}


def test_a_sell_out_half_a_day_away_is_no_news():
    assert outlook_after(tally_at(0), tally_at(60, eggs_left=9_999)).sells_out_at_ms == {}


def test_a_running_special_offer_counts_down_and_an_ended_one_does_not():
    running = outlook_after(tally_at(0)).countdowns
    assert {countdown.id for countdown in running} >= {"egg-10", "noodle-5"}
    assert all(countdown.ends_at_ms == START_MS + 1_800_000 for countdown in running)
    assert outlook_after(tally_at(1_800)).countdowns == ()


def test_memory_does_not_grow_with_the_rate_of_tallies():
    pace = Pace()
    for step in range(5_000):
        pace.note(msgspec.structs.replace(county_tally(), at_ms=START_MS + step * 20))
    assert len(pace._samples) <= 62

import asyncio
import logging

import msgspec
import pytest

from overlay import Hub, HubClosedError, SaleUnreadableError, Timing, UnknownSaleError
from overlay.domain import FrameKind
from overlay.feed import HISTORY_LEN_MAX, RECENT_LEN_MAX
from overlay.merge_patch import apply
from tests.unit.overlay.played_sale import PlayedSale, county_tally

HOUR_MS = 3_600_000
EAGER = Timing(frame_interval_ms=0, heartbeat_ms=HOUR_MS, linger_ms=HOUR_MS, retry_ms=1)
COALESCING = Timing(frame_interval_ms=HOUR_MS, heartbeat_ms=2 * HOUR_MS, linger_ms=HOUR_MS, retry_ms=1)


@pytest.fixture
async def sale():
    return PlayedSale(county_tally())


async def body(watcher):
    """The next frame, decoded. The limit only turns a hang into a failure."""
    async with asyncio.timeout(10):
        return msgspec.json.decode((await anext(watcher)).text)


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)


async def test_the_first_frame_is_a_snapshot_of_the_whole_sale(sale):
    async with Hub(sale, timing=EAGER) as hub, hub.watch("tonggu") as watcher:
        frame = await body(watcher)
    assert frame["type"] == "snapshot"
    assert frame["rev"] == frame["tally"]["rev"] == sale.tallies["tonggu"].rev
    assert frame["tally"]["pools"]["noodles"]["available"] == 3_000_000
    assert frame["tally"]["order"]["pools"][0] == "eggs"


async def test_a_change_arrives_as_a_patch_that_leads_to_the_new_tally(sale):
    async with Hub(sale, timing=EAGER) as hub, hub.watch("tonggu") as watcher:
        first = await body(watcher)
        sold = await sale.sell("egg-30", 3, elapsed_ms=500)
        delta = await body(watcher)
    assert delta["type"] == "delta"
    assert (delta["since"], delta["rev"]) == (first["rev"], sold.rev)
    assert apply(delta["patch"], first["tally"])["pools"]["eggs"]["available"] == 9_910
    assert delta["patch"]["pools"] == {"eggs": {"available": 9_910, "sold": 90}}
    assert [(order["sku"], order["packs"], order["channel"]) for order in delta["recent"]] == [("egg-30", 3, "douyin")]


async def test_all_watchers_get_the_very_same_frame_and_the_sale_is_followed_once(sale):
    async with (
        Hub(sale, timing=EAGER) as hub,
        hub.watch("tonggu") as one,
        hub.watch("tonggu") as two,
        hub.watch("tonggu") as three,
    ):
        watchers = (one, two, three)
        snapshots = [await anext(watcher) for watcher in watchers]
        await sale.sell()
        deltas = [await anext(watcher) for watcher in watchers]
        assert hub.watchers_len_by_sale == {"tonggu": 3}
    assert len({id(frame.text) for frame in snapshots}) == 1
    assert len({id(frame.text) for frame in deltas}) == 1
    assert sale.follows_started == 1


async def test_changes_within_a_frame_interval_are_told_together(sale):
    async with Hub(sale, timing=COALESCING) as hub, hub.watch("tonggu") as watcher:
        await body(watcher)
        await until(lambda: sale.followers == 1)
        reads = sale.tally_reads
        for _ in range(200):
            await sale.sell("egg-10")
        # The last packs make it urgent; only then is anything sent.
        await sale.sell("egg-10", 800)
        delta = await body(watcher)
    assert delta["patch"]["pools"]["eggs"]["available"] == 0
    assert delta["patch"]["totals"]["orders"] == 201
    assert sale.tally_reads == reads + 1


async def test_a_pool_that_sells_out_is_told_at_once(sale):
    async with Hub(sale, timing=COALESCING) as hub, hub.watch("tonggu") as watcher:
        await body(watcher)
        await until(lambda: sale.followers == 1)
        await sale.sell("bamboo", 1_000, kind="hold")
        delta = await body(watcher)
    assert delta["patch"]["pools"]["bamboo"]["available"] == 0


async def test_a_pool_pushed_below_zero_by_a_fact_is_told_at_once(sale):
    async with Hub(sale, timing=COALESCING) as hub, hub.watch("tonggu") as watcher:
        await body(watcher)
        await until(lambda: sale.followers == 1)
        await sale.sell("bamboo", 1_012, kind="fact")
        delta = await body(watcher)
    assert delta["patch"]["pools"]["bamboo"] == {"available": 0, "sold": 1_012, "oversold": 12}


async def test_a_slow_client_holds_one_frame_and_is_moved_to_the_newest_snapshot(sale):
    async with Hub(sale, timing=EAGER) as hub, hub.watch("tonggu") as slow, hub.watch("tonggu") as quick:
        await body(slow)
        await body(quick)
        for _ in range(50):
            newest = await sale.sell()
            await body(quick)
        frame = await body(slow)
        assert slow._pending is None
        await sale.sell()
        after = await body(slow)
    assert frame["type"] == "snapshot"
    assert frame["rev"] == newest.rev
    assert (after["type"], after["since"]) == ("delta", newest.rev)


async def test_one_missed_delta_is_still_sent_as_a_delta(sale):
    async with Hub(sale, timing=EAGER) as hub, hub.watch("tonggu") as slow, hub.watch("tonggu") as quick:
        await body(slow)
        await body(quick)
        await sale.sell()
        await body(quick)
        assert (await body(slow))["type"] == "delta"


async def test_a_reader_who_comes_back_gets_one_delta_from_where_it_was(sale):
    async with Hub(sale, timing=EAGER) as hub, hub.watch("tonggu") as watcher:
        left_at = await body(watcher)
        for _ in range(5):
            await sale.sell("honey-500")
            await body(watcher)
        async with hub.watch("tonggu", since=left_at["rev"]) as back:
            delta = await body(back)
            assert len(delta["recent"]) == 5
        async with hub.watch("tonggu") as fresh:
            assert apply(delta["patch"], left_at["tally"]) == (await body(fresh))["tally"]
    assert (delta["type"], delta["since"]) == ("delta", left_at["rev"])


@pytest.mark.parametrize("since", ["1-1", "", "nonsense", "9999999999999-0"])
async def test_a_place_that_nobody_remembers_gets_a_snapshot(sale, since):
    async with Hub(sale, timing=EAGER) as hub, hub.watch("tonggu", since=since) as watcher:
        assert (await body(watcher))["type"] == "snapshot"


async def test_a_place_older_than_the_kept_history_gets_a_snapshot(sale):
    async with Hub(sale, timing=EAGER) as hub, hub.watch("tonggu") as watcher:
        left_at = (await body(watcher))["rev"]
        for _ in range(HISTORY_LEN_MAX):
            await sale.sell()
            await body(watcher)
        async with hub.watch("tonggu", since=left_at) as back:
            assert (await body(back))["type"] == "snapshot"


async def test_a_price_that_changed_by_the_clock_makes_its_rev_ambiguous_and_is_not_resumed_from(sale):
    beating = msgspec.structs.replace(EAGER, heartbeat_ms=1)
    async with Hub(sale, timing=beating) as hub, hub.watch("tonggu") as watcher:
        first = await body(watcher)
        tally = sale.tallies["tonggu"]
        dearer = msgspec.structs.replace(tally.offers[0], price_minor=3_600, special=False)
        sale.tallies["tonggu"] = msgspec.structs.replace(tally, offers=(dearer, *tally.offers[1:]))
        frame = await body(watcher)
        while frame["type"] == "heartbeat":
            frame = await body(watcher)
        async with hub.watch("tonggu", since=first["rev"]) as back:
            assert (await body(back))["type"] == "snapshot"
    assert frame["patch"]["offers"]["egg-10"] == {"price_minor": 3_600, "special": False}
    assert frame["rev"] == frame["since"] == first["rev"]


async def test_a_quiet_sale_sends_heartbeats_with_the_stores_time(sale):
    beating = msgspec.structs.replace(EAGER, heartbeat_ms=1)
    async with Hub(sale, timing=beating) as hub, hub.watch("tonggu") as watcher:
        first = await body(watcher)
        sale.now_ms += 5_000
        frame = await body(watcher)
        while frame["at_ms"] == first["tally"]["at_ms"]:
            frame = await body(watcher)
    assert frame["type"] == "heartbeat"
    assert frame["at_ms"] == sale.now_ms


async def test_a_heartbeat_never_takes_the_place_of_data(sale):
    async with Hub(sale, timing=EAGER) as hub, hub.watch("tonggu") as watcher:
        feed = hub._feeds["tonggu"]
        before = watcher._pending
        feed._beat(msgspec.structs.replace(before, kind=FrameKind.HEARTBEAT, text="{}"))
        assert watcher._pending is before


async def test_recent_orders_are_bounded_and_newest(sale):
    async with Hub(sale, timing=EAGER) as hub, hub.watch("tonggu") as watcher:
        await body(watcher)
        for number in range(RECENT_LEN_MAX + 15):
            newest = await sale.sell(buyer_id=f"weibo:u{number}")
            await body(watcher)
        async with hub.watch("tonggu") as late:
            recent = (await body(late))["recent"]
    assert len(recent) == RECENT_LEN_MAX
    assert recent[-1]["key"].startswith(newest.rev)


async def test_an_unknown_sale_is_said_to_be_unknown_and_is_not_followed(sale):
    async with Hub(sale, timing=EAGER) as hub:
        with pytest.raises(UnknownSaleError):
            async with hub.watch("nowhere"):
                pass
        assert not await hub.knows("nowhere")
        await until(lambda: hub.watchers_len_by_sale == {})


async def test_a_sale_that_is_made_later_can_be_watched_then(sale):
    async with Hub(sale, timing=EAGER) as hub:
        with pytest.raises(UnknownSaleError):
            async with hub.watch("later"):
                pass
        sale.tallies["later"] = county_tally("later")
        async with hub.watch("later") as watcher:
            assert (await body(watcher))["tally"]["sale_id"] == "later"


async def test_a_sale_is_not_followed_when_nobody_watches_it_any_more(sale):
    async with Hub(sale, timing=msgspec.structs.replace(EAGER, linger_ms=0)) as hub:
        async with hub.watch("tonggu") as watcher:
            await body(watcher)
            await until(lambda: sale.followers == 1)
        await until(lambda: sale.followers == 0 and hub.watchers_len_by_sale == {})
        async with hub.watch("tonggu") as again:
            assert (await body(again))["type"] == "snapshot"


async def test_a_sale_stays_followed_for_a_while_for_those_who_come_back(sale):
    async with Hub(sale, timing=EAGER) as hub:
        async with hub.watch("tonggu") as watcher:
            left_at = (await body(watcher))["rev"]
        await sale.sell()
        async with hub.watch("tonggu", since=left_at) as back:
            assert (await body(back))["type"] == "delta"


async def test_closing_the_hub_ends_every_watcher(sale):
    hub = Hub(sale, timing=EAGER)
    async with hub, hub.watch("tonggu") as watcher:
        await body(watcher)
        waiting = asyncio.ensure_future(anext(watcher, None))
        await hub.close()
        assert await waiting is None
    await hub.close()
    assert sale.followers == 0
    with pytest.raises(HubClosedError):
        async with hub.watch("tonggu"):
            pass


async def test_trouble_with_the_store_stops_the_frames_and_ends_with_them_resumed(sale, caplog):
    async with Hub(sale, timing=EAGER) as hub, hub.watch("tonggu") as watcher:
        await body(watcher)
        await until(lambda: sale.followers == 1)
        sale.trouble = ConnectionError("the store went away")
        await sale.sell()
        with caplog.at_level(logging.WARNING):
            await until(lambda: "the store went away" in caplog.text)
        assert watcher._pending is None
        sale.trouble = None
        assert (await body(watcher))["patch"]["totals"]["orders"] == 1


async def test_a_sale_that_cannot_be_read_is_said_to_be_unreadable(sale):
    sale.trouble = ConnectionError("the store went away")
    async with Hub(sale, timing=EAGER) as hub:
        with pytest.raises(SaleUnreadableError) as caught:
            async with hub.watch("tonggu"):
                pass
        with pytest.raises(SaleUnreadableError):
            await hub.knows("tonggu")
    assert caught.value.__cause__ is sale.trouble


class DeafSale(PlayedSale):
    """Its log loses the first cancellation, as a store client may on Python 3.11."""

    async def follow(self, sale_id, after):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.Event().wait()
        yield


async def test_a_lost_cancellation_does_not_hang_the_shutdown(monkeypatch):
    monkeypatch.setattr("overlay.hub.CANCEL_AGAIN_S", 0.01)
    async with Hub(DeafSale(county_tally()), timing=EAGER) as hub, hub.watch("tonggu") as watcher:
        await body(watcher)
        follower = hub._feeds["tonggu"].follower
        async with asyncio.timeout(10):
            await hub.close()
    assert follower.done()

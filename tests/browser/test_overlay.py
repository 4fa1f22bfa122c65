import asyncio
import re

import msgspec
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from overlay import Timing
from tests.unit.overlay.played_sale import START_MS, county_tally

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

OVERLAY = "/overlay/{}?sale=tonggu&token=st_overlay_1"


@pytest.fixture
def faults(page):
    """What the browser refused or failed on the page; a fenced page that works has none."""
    found = []
    page.on("pageerror", lambda problem: found.append(str(problem)))
    page.on("console", lambda said: found.append(said.text) if said.type == "error" else None)
    return found


def pool(page, pool_id):
    return page.locator(f'.pool[data-pool="{pool_id}"]')


async def test_the_overlay_shows_each_pool_in_units_that_people_use(page, stall, faults):
    await page.goto(stall.url + OVERLAY.format("sellthrough"))
    await expect(page.locator("h1")).to_have_text("铜鼓县助农专场")
    await expect(pool(page, "eggs").locator(".figures")).to_have_text("0 / 10,000 枚")
    await expect(pool(page, "noodles").locator(".figures")).to_have_text("0 / 3,000 kg")
    offer = pool(page, "noodles").locator(".offer").first
    await expect(offer.locator(".price")).to_have_text("¥20.00")
    await expect(offer.locator("s")).to_have_text("¥26.00")
    await expect(offer.locator(".special-tag")).to_be_visible()
    assert await page.locator(".pool").count() == 7
    assert faults == []


async def test_a_sale_moves_the_bar_the_money_and_the_ticker_live(page, stall, sale, faults):
    await page.goto(stall.url + OVERLAY.format("all"))
    await expect(page.locator(".revenue")).to_have_text("¥0.00")
    await sale.sell("honey-500", 500, channel="kuaishou")
    await expect(page.locator(".revenue")).to_have_text("¥40,000.00")
    await expect(pool(page, "honey").locator(".share")).to_have_text("50%")
    await expect(pool(page, "honey").locator(".fact b").first).to_have_text("250 kg")
    order = page.locator(".order").first
    await expect(order).to_contain_text("快手")
    await expect(order).to_contain_text("土蜂蜜 500g/瓶")
    await expect(order).to_contain_text("×500")
    assert faults == []


async def test_a_pool_that_sells_out_gets_the_seal_and_a_banner(page, stall, sale):
    await page.goto(stall.url + OVERLAY.format("all"))
    await expect(page.locator(".revenue")).to_have_text("¥0.00")
    await expect(pool(page, "eggs").locator(".stamp")).to_be_hidden()
    await sale.sell("egg-10", 1_000)
    await expect(pool(page, "eggs").locator(".stamp")).to_be_visible()
    await expect(page.locator(".banner")).to_contain_text("散养土鸡蛋")
    await expect(pool(page, "noodles").locator(".stamp")).to_be_hidden()


async def test_stock_that_comes_back_takes_the_seal_away(page, stall, sale):
    await sale.sell("egg-10", 1_000)
    await page.goto(stall.url + OVERLAY.format("sellthrough"))
    await expect(pool(page, "eggs").locator(".stamp")).to_be_visible()
    await sale.edit_pool("eggs", adjusted=100, available=100)
    await expect(pool(page, "eggs").locator(".stamp")).to_be_hidden()


async def test_a_presale_is_shown_apart_with_the_day_it_ships(page, stall, sale):
    await page.goto(stall.url + OVERLAY.format("all"))
    await expect(page.locator(".revenue")).to_have_text("¥0.00")
    await expect(pool(page, "eggs").locator(".presale")).to_be_hidden()
    await sale.edit_pool("eggs", presale_quota=4_000, presale_ships_at_ms=START_MS + 15 * 86_400_000)
    await sale.sell("egg-10", 120, kind="presale")
    presale = pool(page, "eggs").locator(".presale")
    await expect(presale).to_contain_text("1,200 / 4,000 枚")
    await expect(presale).to_contain_text("12月6日发货")
    await expect(page.locator(".revenue")).to_have_text("¥0.00")
    await expect(page.locator(".presale-money")).to_contain_text("¥3,600.00")
    await expect(page.locator(".banner")).to_contain_text("预售")


async def test_an_oversold_pool_says_so_in_numbers(page, stall, sale):
    await page.goto(stall.url + OVERLAY.format("sellthrough"))
    await expect(pool(page, "bamboo").locator(".oversold-tag")).to_be_hidden()
    await sale.sell("bamboo", 1_012, kind="fact")
    await expect(pool(page, "bamboo").locator(".oversold-tag")).to_contain_text("12 包")
    await expect(pool(page, "bamboo").locator(".figures")).to_have_text("1,012 / 1,000 包")


async def test_one_unit_left_is_not_yet_all_of_it(page, stall, sale):
    await page.goto(stall.url + OVERLAY.format("sellthrough"))
    await sale.sell("bamboo", 999)
    await expect(pool(page, "bamboo").locator(".share")).to_have_text("99%")
    await expect(pool(page, "bamboo").locator(".stamp")).to_be_hidden()


async def test_markup_in_a_name_stays_text(page, stall, sale, faults):
    evil = '<img src=x onerror="document.title=`owned`"><script>document.title="owned"</script>'
    tally = sale.tallies["tonggu"]
    offers = (msgspec.structs.replace(tally.offers[0], name=evil), *tally.offers[1:])
    await sale.change(msgspec.structs.replace(tally, name=evil, offers=offers))
    await sale.edit_pool("eggs", name=evil)
    await sale.sell("egg-10", channel=evil)
    await page.goto(stall.url + OVERLAY.format("all"))
    await expect(page.locator("h1")).to_have_text(evil)
    await expect(pool(page, "eggs").locator(".pool-name")).to_have_text(evil)
    await expect(page.locator(".order").first).to_contain_text("onerror")
    assert await page.locator("img").count() == 0
    assert "owned" not in await page.title()
    assert faults == []


async def test_a_server_that_restarts_is_found_again_and_the_numbers_go_on(page, stall, sale):
    await page.goto(stall.url + OVERLAY.format("all"))
    await expect(page.locator(".revenue")).to_have_text("¥0.00")
    await stall.stop()
    line = page.locator("#freshness")
    await expect(line).to_be_visible()
    await expect(line).to_contain_text(re.compile("数据停在 \\d\\d:\\d\\d:\\d\\d"))
    await expect(page.locator(".revenue")).to_be_visible()
    await sale.sell("tea", 10)
    await stall.start()
    await expect(page.locator(".revenue")).to_have_text("¥980.00", timeout=20_000)
    await expect(line).to_be_hidden()


async def test_a_line_that_breaks_is_resumed_from_where_it_was(page, stall, sale):
    sockets = []

    def note(socket):
        sockets.append(socket)

    page.on("websocket", note)
    await page.goto(stall.url + OVERLAY.format("totals"))
    await expect(page.locator(".revenue")).to_have_text("¥0.00")
    left_at = sale.tallies["tonggu"].rev
    await page.context.set_offline(True)
    # Chromium keeps an open socket when it goes offline; the server hangs up on it.
    for watcher in tuple(stall.hub._feeds["tonggu"]._watchers):
        watcher.leave()
    await expect(page.locator("#freshness")).to_be_visible()
    await sale.sell("tea", 10)
    await page.context.set_offline(False)
    await expect(page.locator(".revenue")).to_have_text("¥980.00", timeout=20_000)
    assert f"since={left_at}" in sockets[-1].url


class TestSilence:
    @pytest.fixture
    def timing(self):
        return Timing(frame_interval_ms=20, heartbeat_ms=3_600_000)

    async def test_numbers_that_nobody_confirms_are_marked_as_old(self, page, stall):
        await page.clock.install()
        await page.goto(stall.url + OVERLAY.format("all"))
        await page.clock.run_for(500)
        await expect(page.locator(".revenue")).to_be_visible()
        await page.clock.run_for(11_000)
        await expect(page.locator("#freshness")).to_be_hidden()
        await page.clock.run_for(3_000)
        await expect(page.locator("#freshness")).to_contain_text("数据停在")
        await expect(page.locator("html")).to_have_attribute("data-fresh", "false")


async def test_a_page_opened_before_its_sale_exists_waits_and_then_shows_it(page, stall, sale):
    await page.goto(stall.url + OVERLAY.format("all").replace("tonggu", "later"))
    await expect(page.locator("#freshness")).to_contain_text("专场还没建好")
    sale.tallies["later"] = county_tally("later")
    await expect(page.locator("h1")).to_have_text("铜鼓县助农专场", timeout=15_000)


async def test_a_wrong_token_is_said_in_words(page, stall):
    await page.goto(f"{stall.url}/overlay/all?sale=tonggu&token=st_overlay_wrong")
    await expect(page.locator("#freshness")).to_contain_text("令牌无效")


async def test_a_link_without_a_sale_says_what_is_missing(page, stall):
    await page.goto(f"{stall.url}/overlay/all")
    await expect(page.locator("#waiting")).to_contain_text("?sale=")


async def test_a_running_special_price_counts_down_by_the_stores_clock(page, stall, sale):
    await page.goto(stall.url + OVERLAY.format("totals"))
    await expect(page.locator(".clock")).to_have_text(re.compile("(30:00|29:\\d\\d)"))


async def test_language_and_background_follow_the_link(page, stall):
    await page.goto(stall.url + OVERLAY.format("sellthrough") + "&lang=zh&bg=transparent")
    title = page.locator(".card-title").first
    await expect(title.locator(".zh").first).to_be_visible()
    await expect(title.locator(".en").first).to_be_hidden()
    background = await page.evaluate("getComputedStyle(document.body).backgroundImage")
    assert background == "none"
    await page.goto(stall.url + OVERLAY.format("sellthrough") + "&lang=en")
    await expect(title.locator(".zh").first).to_be_hidden()
    await expect(title.locator(".en").first).to_be_visible()


async def test_all_of_a_county_fits_on_one_canvas(page, stall, sale):
    await sale.edit_pool(
        "eggs", presale_quota=4_000, presale_ships_at_ms=START_MS + 86_400_000, available=0, oversold=5
    )
    for widget in ("all", "sellthrough"):
        await page.goto(stall.url + OVERLAY.format(widget))
        await expect(page.locator(".pool").last).to_be_in_viewport(ratio=1)
        overflow = await page.evaluate(
            "[...document.querySelectorAll('.pool')].some((row) => row.scrollHeight > row.clientHeight + 1)"
        )
        assert not overflow


async def test_reduced_motion_is_respected(browser, stall):
    context = await browser.new_context(reduced_motion="reduce")
    page = await context.new_page()
    await page.goto(stall.url + OVERLAY.format("sellthrough"))
    await expect(page.locator(".pool").first).to_be_visible()
    style = "getComputedStyle(document.querySelector('.part.sold')).transitionDuration"
    assert await page.evaluate(style) == "0s"
    await context.close()


@pytest.mark.parametrize(
    ("widget", "theme"), [("all", "paper"), ("all", "night"), ("sellthrough", "paper"), ("soldout", "night")]
)
async def test_every_widget_is_accessible(page, stall, sale, widget, theme):
    await sale.sell("egg-10", 1_000)
    await sale.edit_pool("eggs", presale_quota=4_000, presold=200, oversold=12)
    await page.emulate_media(reduced_motion="reduce")
    await page.goto(f"{stall.url}{OVERLAY.format(widget)}&theme={theme}")
    await expect(page.locator(".card").first).to_be_visible()
    found = (await Axe().run(page)).response["violations"]
    # A widget for a video canvas is no document: it has no landmarks or headings of its own beyond its title.
    serious = [
        (fault["id"], [node["html"] for node in fault["nodes"]])
        for fault in found
        if fault["impact"] in ("serious", "critical")
    ]
    assert serious == []


async def test_many_overlays_on_one_sale_agree(context, stall, sale):
    pages = [await context.new_page() for _ in range(3)]
    await asyncio.gather(*(page.goto(stall.url + OVERLAY.format("totals")) for page in pages))
    for page in pages:
        await expect(page.locator(".revenue")).to_have_text("¥0.00")
    await sale.sell("oil-5l", 7)
    for page in pages:
        await page.bring_to_front()
        await expect(page.locator(".revenue")).to_have_text("¥2,786.00")

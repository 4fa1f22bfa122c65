import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from tests.browser.conftest import Stall
from tests.browser.host_api import HostApi, comment

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

CONSOLE = "/console#token=st_host_1"


@pytest.fixture
def api(sale):
    return HostApi(sale)


@pytest_asyncio.fixture(loop_scope="session")
async def stall(sale, timing, api):
    made = Stall(sale, timing)
    made.api = api.routes()
    await made.start()
    yield made
    await made.stop()


async def test_a_token_in_the_link_opens_the_console_and_leaves_the_address_bar(page, stall):
    await page.goto(stall.url + CONSOLE)
    await expect(page.locator(".revenue")).to_have_text("¥0.00")
    assert page.url == f"{stall.url}/console"
    assert await page.evaluate("sessionStorage.getItem('sellthrough.token')") == "st_host_1"


async def test_a_token_can_be_pasted_and_a_wrong_one_is_refused_in_words(page, stall):
    await page.goto(f"{stall.url}/console")
    await page.get_by_label("令牌").fill("st_host_wrong")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("令牌无效")
    await page.get_by_label("令牌").fill("st_host_1")
    await page.keyboard.press("Enter")
    await expect(page.locator(".revenue")).to_be_visible()
    await page.get_by_role("button", name="退出").click()
    await expect(page.get_by_label("令牌")).to_be_visible()
    assert await page.evaluate("sessionStorage.length === 0 || !sessionStorage.getItem('sellthrough.token')")


async def test_the_sale_can_be_paused_and_resumed_and_closing_is_asked_twice(page, stall, api):
    await page.goto(stall.url + CONSOLE)
    await page.get_by_role("button", name="暂停").click()
    await expect(page.locator(".sale-bar .state")).to_contain_text("暂停")
    await page.get_by_role("button", name="继续").click()
    await expect(page.locator(".sale-bar .state")).to_contain_text("开卖中")
    await page.get_by_role("button", name="结束").click()
    assert [path for path, _ in api.asked] == ["POST sales/tonggu/pause", "POST sales/tonggu/resume"]
    await page.get_by_role("button", name="结束专场").click()
    await expect(page.locator(".sale-bar .state")).to_contain_text("已结束")
    await expect(page.get_by_role("button", name="继续")).to_be_hidden()


async def test_stock_is_adjusted_in_the_units_shown_and_sent_in_base_units(page, stall, api):
    await page.goto(stall.url + CONSOLE)
    await page.get_by_role("button", name="调整库存 Adjust stock: 手工米粉").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("数量").fill("-12.5")
    await dialog.get_by_label("原因").select_option("spoilage")
    await dialog.get_by_role("button", name="确定").click()
    await expect(dialog).to_be_hidden()
    path, body = api.asked[-1]
    assert path == "POST sales/tonggu/pools/noodles/adjust"
    assert (body["delta_units"], body["reason"]) == (-12_500, "spoilage")
    assert body["adjust_id"]


async def test_a_refusal_is_shown_and_the_same_adjustment_can_be_sent_again(page, stall, api):
    await page.goto(stall.url + CONSOLE)
    api.refusal = (503, {"title": "Store unavailable", "detail": "磁盘满了，什么都没有改变。The disk is full."})
    await page.get_by_role("button", name="调整库存 Adjust stock: 散养土鸡蛋").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("数量").fill("30")
    await dialog.get_by_role("button", name="确定").click()
    await expect(page.get_by_role("alert")).to_contain_text("磁盘满了")
    api.refusal = None
    await dialog.get_by_role("button", name="确定").click()
    await expect(dialog).to_be_hidden()
    assert api.asked[0] == api.asked[1]


async def test_an_outcome_that_refuses_is_told_in_the_words_of_the_sale(page, stall, api):
    await page.goto(stall.url + CONSOLE)
    api.refusal = (409, {"outcome": "sold_out", "detail": ""})
    await page.get_by_role("button", name="暂停").click()
    await expect(page.get_by_role("alert")).to_contain_text("没有做成：售罄")


async def test_the_offer_being_shown_is_marked_and_can_be_changed(page, stall, api):
    await page.goto(stall.url + CONSOLE)
    shown = page.get_by_role("button", name="讲解 Feature: 散养土鸡蛋 30枚/托")
    other = page.get_by_role("button", name="讲解 Feature: 土蜂蜜 500g/瓶")
    await expect(shown).to_have_attribute("aria-pressed", "true")
    await other.click()
    await expect(other).to_have_attribute("aria-pressed", "true")
    await expect(shown).to_have_attribute("aria-pressed", "false")
    assert api.asked[-1] == ("PUT sales/tonggu/featured", {"sku": "honey-500"})


async def test_comments_show_how_they_were_read_and_markup_in_them_stays_text(page, stall, api):
    evil = "<img src=x onerror=\"document.title='owned'\">"
    api.comments = [comment(1, "A1 两盒"), comment(2, evil, nickname_masked=evil, intent="none", lines=[], outcome="")]
    await page.goto(stall.url + CONSOLE)
    newest, order = page.locator(".comment").nth(0), page.locator(".comment").nth(1)
    await expect(newest.locator(".comment-text")).to_have_text(evil)
    await expect(newest.locator(".comment-who")).to_have_text(evil)
    await expect(order).to_contain_text("下单")
    await expect(order).to_contain_text("散养土鸡蛋 10枚/盒 ×2")
    await expect(order).to_contain_text("已预占")
    await expect(order).to_contain_text("code+packs")
    api.comments.append(comment(3, "再来一盒"))
    await expect(page.locator(".comment").first).to_contain_text("再来一盒")
    assert await page.locator("img").count() == 0
    assert "owned" not in await page.title()


async def test_a_misread_comment_is_corrected_in_place(page, stall, api):
    api.comments = [comment(7, "蜂蜜两瓶吧")]
    await page.goto(stall.url + CONSOLE)
    await page.get_by_role("button", name="更正 Correct: 蜂蜜两瓶吧").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("商品").select_option("honey-500")
    await dialog.get_by_role("button", name="更正").click()
    await expect(page.locator(".comment .corrected")).to_be_visible()
    path, body = api.asked[-1]
    assert path == "POST sales/tonggu/comments/douyin:7/correct"
    assert (body["intent"], body["lines"]) == ("order", [{"sku": "honey-500", "packs": 2}])


async def test_obs_links_carry_a_token_that_can_only_look(page, stall, api):
    await page.goto(stall.url + CONSOLE)
    await page.get_by_role("button", name="生成 OBS 链接").click()
    link = page.get_by_role("link", name="售卖进度")
    await expect(link).to_have_attribute(
        "href", f"{stall.url}/overlay/sellthrough?sale=tonggu&token=st_overlay_1&bg=transparent"
    )
    assert api.asked[-1][1]["role"] == "overlay"
    async with page.context.expect_page() as opened:
        await link.click()
    await expect((await opened.value).locator("h1")).to_have_text("铜鼓县助农专场")


async def test_the_report_is_saved_as_a_file(page, stall):
    await page.goto(stall.url + CONSOLE)
    async with page.expect_download() as download:
        await page.get_by_role("button", name="战报 Report").click()
    assert (await download.value).suggested_filename == "tonggu-report.html"


async def test_draws_show_what_was_promised_beforehand(page, stall, sale):
    await sale.open_draw()
    await page.goto(stall.url + CONSOLE)
    draw = page.locator(".draw")
    await expect(draw).to_contain_text("土蜂蜜 2 瓶")
    await expect(draw).to_contain_text("318 人参加")
    await expect(draw.locator(".seed")).to_contain_text("SHA-256 abab")


async def test_the_console_waits_for_a_service_that_is_away_and_comes_back(page, stall, sale):
    await page.goto(stall.url + CONSOLE)
    await expect(page.locator(".revenue")).to_be_visible()
    await stall.stop()
    await expect(page.locator("#freshness")).to_contain_text("数据停在")
    await page.get_by_role("button", name="暂停").click()
    await expect(page.get_by_role("alert")).to_contain_text("没有收到服务的回答")
    await sale.sell("tea", 1)
    await stall.start()
    await expect(page.locator(".revenue")).to_have_text("¥98.00", timeout=20_000)


async def test_a_revoked_token_goes_dark(page, stall):
    await page.goto(stall.url + CONSOLE)
    await expect(page.locator(".revenue")).to_be_visible()
    stall.gate.revoked.add("st_host_1")
    await expect(page.locator("#freshness")).to_contain_text("令牌无效", timeout=15_000)


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
async def test_the_console_is_accessible_and_fits_its_window(page, stall, sale, api, width, height):
    api.comments = [
        comment(1, "A1 两盒"),
        comment(2, "A2 x 40", outcome="limit_reached"),
        comment(3, "取消", intent="cancel"),
    ]
    await sale.sell("egg-10", 1_000)
    await sale.edit_pool("eggs", presale_quota=4_000, presold=200, oversold=12)
    await sale.open_draw()
    await page.set_viewport_size({"width": width, "height": height})
    await page.emulate_media(reduced_motion="reduce")
    await page.goto(f"{stall.url}/console")
    assert (await Axe().run(page)).response["violations"] == []
    await page.goto(stall.url + CONSOLE)
    await page.reload()
    await expect(page.locator(".comment")).to_have_count(3)
    await expect(page.locator(".revenue")).to_be_visible()
    found = (await Axe().run(page)).response["violations"]
    assert [(fault["id"], [node["html"] for node in fault["nodes"]]) for fault in found] == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.get_by_role("button", name="调整库存 Adjust stock: 散养土鸡蛋").click()
    found = (await Axe().run(page)).response["violations"]
    assert [(fault["id"], [node["html"] for node in fault["nodes"]]) for fault in found] == []
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)

"""Platform pushes, as the platforms sign them, through the real adapters into a real sale."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from ingest.demo import frames
from ingest.domain import Connection
from tests.integration.ingest.desk import Desk, open_desk
from tests.integration.ingest.house import House, is_problem

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def desk() -> AsyncIterator[Desk]:
    async with open_desk() as desk:
        yield desk


@pytest_asyncio.fixture(loop_scope="session")
async def connected(house: House, open_sale: str, desk: Desk) -> str:
    """An open sale with a Douyin live and a Doudian connection named after it."""
    live = {"adapter": "douyin_live", "sale_id": open_sale, "settings": {"secrets": frames.DEMO_DOUYIN_LIVE_SECRETS}}
    shop = {
        "adapter": "doudian",
        "sale_id": open_sale,
        "settings": {
            "app_key": frames.DEMO_DOUDIAN_APP_KEY,
            "app_secret": frames.DEMO_DOUDIAN_APP_SECRET,
            "order_desk_url": desk.url,
        },
    }
    await house.ask("PUT", f"/v1/connections/{open_sale}-live", json=live, expect=200)
    await house.ask("PUT", f"/v1/connections/{open_sale}-shop", json=shop, expect=200)
    return open_sale


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def comments(*said: tuple[str, str, str], at_ms: int = 0) -> frames.Frame:
    """A push of comments, each (msg_id, open_id, words)."""
    payloads = [
        {
            "msg_id": msg_id,
            "sec_openid": open_id,
            "content": words,
            "avatar_url": "",
            "nickname": "王小明",
            "timestamp": at_ms or now_ms(),
        }
        for msg_id, open_id, words in said
    ]
    return frames.douyin_live("live_comment", payloads, room_id="room-1", sent_at_ms=now_ms(), nonce="nonce")


def paid(order_id: str, tag: str = "101", msg_id: str = "") -> frames.Frame:
    data = {"p_id": order_id, "shop_id": "1", "pay_time": now_ms() // 1_000, "pay_amount": 1}
    data |= {"cancel_time": now_ms() // 1_000, "success_time": now_ms() // 1_000}
    return frames.doudian([(tag, msg_id or f"m-{tag}-{order_id}", data)])


async def push(house: House, sale_id: str, kind: str, frame: frames.Frame) -> httpx.Response:
    adapter = {"live": "douyin_live", "shop": "doudian"}[kind]
    path = f"/v1/hooks/{adapter}/{sale_id}-{kind}"
    return await house.ask("POST", path, token="", content=frame.body.encode(), headers=frame.headers)


async def tally(house: House, sale_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await house.ask("GET", f"/v1/sales/{sale_id}/tally", expect=200)).json()
    return found


async def problems(house: House, sale_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await house.ask("GET", f"/v1/sales/{sale_id}/problems", expect=200)).json()[
        "problems"
    ]
    return found


async def traces(house: House, sale_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await house.ask("GET", f"/v1/sales/{sale_id}/comments", expect=200)).json()[
        "comments"
    ]
    return found


async def test_a_comment_that_orders_becomes_a_claim_and_leaves_its_trace(house: House, connected: str) -> None:
    response = await push(house, connected, "live", comments(("1", "u1", "C1+2"), ("2", "u2", "主播好")))
    assert response.status_code == 200
    claim = (await house.ask("GET", f"/v1/sales/{connected}/claims/douyin:1", expect=200)).json()
    assert (claim["status"], claim["buyer_id"]) == ("held", "douyin:u1")
    assert claim["lines"][0]["packs"] == 2
    ordered, chatter = await traces(house, connected)
    assert (ordered["intent"], ordered["outcome"], ordered["nickname_masked"]) == ("order", "reserved", "王**")
    assert (chatter["intent"], chatter["outcome"]) == ("none", "")
    assert (await tally(house, connected))["totals"]["comments"] == 2


async def test_a_push_that_comes_twice_orders_once_and_is_counted(house: House, connected: str) -> None:
    frame = comments(("1", "u1", "C1+2"))
    assert [(await push(house, connected, "live", frame)).status_code for _ in range(3)] == [200, 200, 200]
    found = await tally(house, connected)
    assert (found["totals"]["duplicates"], found["totals"]["comments"], found["totals"]["holds"]) == (2, 1, 1)
    assert len(await traces(house, connected)) == 1


async def test_a_refused_comment_does_not_order_when_it_comes_again_after_a_restock(
    house: House, connected: str
) -> None:
    frame = comments(("1", "u1", "C1+99"))
    await house.claim(connected, "all", packs=100)
    await push(house, connected, "live", frame)
    assert (await traces(house, connected))[0]["outcome"] == "sold_out"
    await house.ask("POST", f"/v1/sales/{connected}/claims/all/cancel", expect=200)
    await push(house, connected, "live", frame)
    assert (await tally(house, connected))["totals"]["holds"] == 0


async def test_a_wrong_signature_is_refused_and_nothing_is_read(house: House, connected: str) -> None:
    frame = comments(("1", "u1", "C1+2"))
    tampered = frames.Frame(headers=frame.headers, body=frame.body.replace("C1+2", "C1+9"))
    assert (await push(house, connected, "live", tampered)).status_code == 401
    assert (await tally(house, connected))["totals"]["comments"] == 0


async def test_a_truncated_frame_is_refused(house: House, connected: str) -> None:
    body = paid("1").body[:-10]
    response = await push(house, connected, "shop", frames.sign_doudian(body))
    assert response.status_code == 400
    assert response.json()["code"] != 0


async def test_a_push_over_the_limit_is_refused(house: House, connected: str) -> None:
    frame = comments(("1", "u1", "x" * 1_100_000))
    assert (await push(house, connected, "live", frame)).status_code == 413


async def test_a_thin_order_is_completed_and_booked_as_a_fact(house: House, connected: str, desk: Desk) -> None:
    desk.knows("77", "honey-500", 3, 23_900)
    response = await push(house, connected, "shop", paid("77"))
    assert (response.status_code, response.json()["code"]) == (200, 0)
    fact = (await house.ask("GET", f"/v1/sales/{connected}/claims/douyin:order:77", expect=200)).json()
    assert (fact["status"], fact["buyer_id"]) == ("recorded", "douyin:desk-77")
    assert (await tally(house, connected))["totals"]["orders"] == 1


async def test_an_order_that_nobody_can_complete_is_not_acknowledged(house: House, connected: str, desk: Desk) -> None:
    desk.broken = True
    response = await push(house, connected, "shop", paid("78"))
    assert response.status_code == 503
    assert (await tally(house, connected))["totals"]["orders"] == 0
    assert [(problem["kind"], problem["ref"]) for problem in await problems(house, connected)] == [
        ("order-desk", "douyin:order:78")
    ]
    desk.broken = False
    desk.knows("78", "honey-500", 1, 8_000)
    assert (await push(house, connected, "shop", paid("78"))).status_code == 200
    assert (await tally(house, connected))["totals"]["orders"] == 1


async def test_an_unknown_sku_is_recorded_as_a_problem_and_acknowledged(
    house: House, connected: str, desk: Desk
) -> None:
    desk.knows("79", "not-ours", 1, 100)
    for _ in range(2):
        assert (await push(house, connected, "shop", paid("79"))).status_code == 200
    found = await problems(house, connected)
    assert [(each["kind"], each["ref"]) for each in found] == [("fact-invalid", "douyin:order:79")]
    assert "unknown_sku; order_id 79, status paid, lines not-ours × 1" in found[0]["detail"]
    assert "fact-invalid" in (await house.ask("GET", "/metrics")).text


async def test_a_refund_takes_its_order_back(house: House, connected: str, desk: Desk) -> None:
    desk.knows("80", "honey-500", 5, 40_000)
    await push(house, connected, "shop", paid("80"))
    await push(house, connected, "shop", paid("80", tag="206"))
    found = await tally(house, connected)
    assert (found["totals"]["orders"], found["totals"]["revenue_minor"]) == (0, 0)


async def test_a_refund_that_overtakes_its_payment_still_takes_it_back(
    house: House, connected: str, desk: Desk
) -> None:
    desk.knows("81", "honey-500", 5, 40_000)
    assert (await push(house, connected, "shop", paid("81", tag="206"))).status_code == 200
    assert (await push(house, connected, "shop", paid("81"))).status_code == 200
    found = await tally(house, connected)
    assert (found["totals"]["orders"], found["totals"]["revenue_minor"]) == (0, 0)
    assert (await house.ask("GET", f"/v1/sales/{connected}/check")).json()["balanced"] is True


async def test_history_after_a_reconnect_never_orders(house: House, connected: str) -> None:
    await push(house, connected, "live", comments(("new", "u1", "主播好")))
    await push(house, connected, "live", comments(("old", "u2", "C1+2"), at_ms=now_ms() - 300_000))
    late = (await traces(house, connected))[-1]
    assert (late["intent"], late["rule"], late["outcome"]) == ("review", "late", "")
    assert (await tally(house, connected))["totals"]["holds"] == 0


async def test_in_platform_mode_comments_are_demand_and_order_nothing(house: House, connected: str) -> None:
    await house.ask(
        "PATCH", f"/v1/sales/{connected}", json={"settings": {"channel_modes": {"douyin": "platform"}}}, expect=200
    )
    await push(house, connected, "live", comments(("1", "u1", "C1+2")))
    found = await tally(house, connected)
    assert found["totals"]["holds"] == 0
    assert {offer["sku"]: offer["demand"] for offer in found["offers"]}["honey-500"] == 2


async def test_a_bare_amount_means_the_offer_that_is_shown(house: House, connected: str) -> None:
    await house.ask("PUT", f"/v1/sales/{connected}/featured", json={"sku": "honey-500"}, expect=200)
    await push(house, connected, "live", comments(("1", "u1", "来两份"), at_ms=now_ms() + 50))
    assert (await traces(house, connected))[0]["lines"] == [{"sku": "honey-500", "packs": 2}]


async def test_a_change_without_a_name_means_what_its_writer_ordered(house: House, connected: str) -> None:
    await house.ask("PUT", f"/v1/sales/{connected}/featured", json={"sku": "egg-30"}, expect=200)
    await push(house, connected, "live", comments(("1", "u1", "C1+2")))
    await push(house, connected, "live", comments(("2", "u1", "改成3瓶")))
    changed = (await traces(house, connected))[-1]
    assert (changed["intent"], changed["lines"]) == ("set", [{"sku": "honey-500", "packs": 3}])
    assert {o["sku"]: o["packs_held"] for o in (await tally(house, connected))["offers"]}["honey-500"] == 3


async def test_a_draw_s_word_enters_its_writer_once(house: House, connected: str) -> None:
    draw = {"draw_id": "d", "prize": "蛋", "winners_max": 5, "word": "铜鼓加油"}
    await house.ask("POST", f"/v1/sales/{connected}/draws", json=draw, expect=201)
    await push(
        house, connected, "live", comments(("1", "u1", "铜鼓加油"), ("2", "u1", "铜鼓加油"), ("3", "u2", " 铜鼓加油 "))
    )
    closed = (await house.ask("POST", f"/v1/sales/{connected}/draws/d/close", expect=200)).json()
    assert sorted(closed["winners"]) == ["douyin:u1", "douyin:u2"]


async def test_a_misread_comment_is_put_right(house: House, connected: str) -> None:
    await push(house, connected, "live", comments(("1", "u1", "C1+2")))
    path = f"/v1/sales/{connected}/comments/douyin:1/correct"
    wanted = {"correction_id": "k1", "intent": "order", "lines": [{"sku": "egg-10", "packs": 1}]}
    first = (await house.ask("POST", path, json=wanted, expect=200)).json()
    assert first["outcome"] == "reserved"
    assert (await house.ask("POST", path, json=wanted, expect=200)).json()["claim_id"] == first["claim_id"]
    held = {offer["sku"]: offer["packs_held"] for offer in (await tally(house, connected))["offers"]}
    assert (held["honey-500"], held["egg-10"]) == (0, 1)
    trace = (await traces(house, connected))[0]
    assert (trace["corrected"], trace["lines"]) == (True, [{"sku": "egg-10", "packs": 1}])
    await house.ask("POST", path, json={"correction_id": "k2", "intent": "none"}, expect=200)
    assert (await tally(house, connected))["totals"]["holds"] == 0
    missing = await house.ask("POST", path.replace("douyin:1", "douyin:9"), json=wanted)
    assert is_problem(missing, "unknown-thing")


async def test_a_push_for_a_sale_that_the_store_has_lost_is_to_be_sent_again(house: House, sale_id: str) -> None:
    # The door takes no such connection; a store that was put back from an older copy leaves one.
    await house.service.connections.put(
        Connection(
            connection_id=f"{sale_id}-live",
            adapter="douyin_live",
            sale_id=sale_id,
            settings={"secrets": frames.DEMO_DOUYIN_LIVE_SECRETS},
        )
    )
    assert (await push(house, sale_id, "live", comments(("1", "u1", "C1+2")))).status_code == 503


async def test_nobody_s_words_or_secrets_get_into_the_logs(
    house: House, connected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await push(house, connected, "live", comments(("1", "u1", "C1+2 电话13812345678")))
    await push(house, connected, "live", frames.Frame(headers=comments(("2", "u2", "x")).headers, body="[]"))
    said = "".join(capsys.readouterr())
    for secret in ("13812345678", "王小明", "demo-secret", "st_admin_"):
        assert secret not in said


async def test_a_phone_number_is_masked_in_what_is_kept(house: House, connected: str) -> None:
    await push(house, connected, "live", comments(("1", "u1", "C1+2 电话13812345678")))
    assert "13812345678" not in (await house.ask("GET", f"/v1/sales/{connected}/comments")).text
    for file in house.service.settings.data_dir.iterdir():
        if file.is_file():
            assert b"13812345678" not in file.read_bytes(), file

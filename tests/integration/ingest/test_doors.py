"""What the doors do with a sale, on a real store."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tests.integration.ingest.house import CATALOGUE, House, is_problem

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def tally(house: House, sale_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await house.ask("GET", f"/v1/sales/{sale_id}/tally", expect=200)).json()
    return found


def pool(found: dict[str, Any], pool_id: str) -> dict[str, Any]:
    chosen: dict[str, Any] = next(each for each in found["pools"] if each["pool_id"] == pool_id)
    return chosen


async def test_creating_the_same_sale_again_finds_it(house: House, sale_id: str) -> None:
    wanted = {"sale_id": sale_id, "name": "专场", "settings": {"mode": "platform", "hold_ttl_ms": 60_000}}
    first = await house.ask("POST", "/v1/sales", json=wanted, expect=201)
    again = await house.ask("POST", "/v1/sales", json=wanted, expect=200)
    assert again.json() == first.json()
    assert first.json()["state"] == "draft"
    assert first.json()["settings"]["hold_ttl_ms"] == 60_000


@pytest.mark.parametrize("change", [{"name": "别的"}, {"currency": "EUR"}, {"settings": {"mode": "platform"}}])
async def test_another_sale_of_the_same_id_is_refused(house: House, sale_id: str, change: dict[str, Any]) -> None:
    wanted = {"sale_id": sale_id, "name": "专场"}
    await house.ask("POST", "/v1/sales", json=wanted, expect=201)
    assert is_problem(await house.ask("POST", "/v1/sales", json={**wanted, **change}), "refused")
    assert (await house.ask("GET", f"/v1/sales/{sale_id}")).json()["name"] == "专场"


@pytest.mark.parametrize("sale_id", ["", "a b", "a/b", "{x}", "-a", "蛋", "a" * 65])
async def test_sale_ids_are_plain(house: House, sale_id: str) -> None:
    assert is_problem(await house.ask("POST", "/v1/sales", json={"sale_id": sale_id, "name": "x"}), "malformed")


async def test_settings_are_changed_one_by_one(house: House, open_sale: str) -> None:
    path = f"/v1/sales/{open_sale}"
    await house.ask(
        "PATCH", path, json={"settings": {"packs_max": 5, "channel_modes": {"douyin": "platform"}}}, expect=200
    )
    changed = await house.ask("PATCH", path, json={"name": "夜场", "settings": {"trigger": "拍"}}, expect=200)
    assert changed.json()["name"] == "夜场"
    assert changed.json()["settings"]["packs_max"] == 5
    assert changed.json()["settings"]["trigger"] == "拍"
    assert changed.json()["settings"]["channel_modes"] == {"douyin": "platform"}
    assert is_problem(await house.ask("PATCH", path, json={"settings": {"strictness": "very"}}), "malformed")
    assert is_problem(await house.ask("PATCH", path, json={"settings": {"mode": "both"}}), "malformed")


async def test_a_sale_goes_its_way_and_not_back(house: House, open_sale: str) -> None:
    path = f"/v1/sales/{open_sale}"
    for verb, state in (("pause", "paused"), ("resume", "open"), ("close", "closed")):
        await house.ask("POST", f"{path}/{verb}", expect=200)
        assert (await tally(house, open_sale))["state"] == state
    refused = await house.ask("POST", f"{path}/open", expect=409)
    assert refused.json()["outcome"] == "conflict"


async def test_a_sale_that_was_never_opened_is_not_resumed(house: House, sale_id: str) -> None:
    await house.ask("POST", "/v1/sales", json={"sale_id": sale_id, "name": "铜鼓专场"}, expect=201)
    for verb in ("resume", "pause"):
        refused = (await house.ask("POST", f"/v1/sales/{sale_id}/{verb}", expect=409)).json()
        assert (refused["outcome"], refused["detail"]) == ("conflict", "draft")
    assert (await tally(house, sale_id))["state"] == "draft"
    assert is_problem(await house.ask("POST", f"/v1/sales/{sale_id}-none/resume"), "unknown-sale")


async def test_every_mistake_of_a_catalogue_is_told_at_once(house: House, open_sale: str) -> None:
    broken = CATALOGUE.replace(b",3000,20", b",cheap,20").replace(b",500,8000,", b",0,8000,")
    response = await house.ask(
        "POST", f"/v1/sales/{open_sale}/catalogue", content=broken, headers={"content-type": "text/csv"}
    )
    assert is_problem(response, "bad-catalogue")
    assert len(response.json()["errors"]) >= 2
    assert pool(await tally(house, open_sale), "eggs")["initial"] == 600


async def test_a_catalogue_may_come_as_a_form_and_as_excel(house: House, open_sale: str) -> None:
    path = f"/v1/sales/{open_sale}/catalogue"
    await house.ask("POST", path, files={"file": ("goods.csv", CATALOGUE)}, expect=200)
    template = await house.ask("GET", "/v1/catalogue-template.xlsx", expect=200)
    await house.ask("POST", path, content=template.content, expect=200)
    assert is_problem(await house.ask("POST", path, files={"other": ("goods.csv", CATALOGUE)}), "malformed")


async def test_a_second_catalogue_tells_what_stays_otherwise_than_it_says(house: House, open_sale: str) -> None:
    async def upload(content: bytes) -> dict[str, Any]:
        path, headers = f"/v1/sales/{open_sale}/catalogue", {"content-type": "text/csv"}
        return (await house.ask("POST", path, content=content, headers=headers, expect=200)).json()

    assert (await upload(CATALOGUE))["warnings"] == []
    without_honey = b"\n".join(line for line in CATALOGUE.splitlines() if not line.startswith(b"honey"))
    answer = await upload(without_honey.replace(b",600,", b",900,"))
    stock, left_out = answer["warnings"]
    assert "eggs" in stock
    assert "+300" in stock
    assert "honey-500" in left_out
    now = await tally(house, open_sale)
    assert pool(now, "eggs")["initial"] == 600
    assert "honey-500" in {offer["sku"] for offer in now["offers"]}


async def test_stock_is_adjusted_once_for_each_id(house: House, open_sale: str) -> None:
    path = f"/v1/sales/{open_sale}/pools/eggs/adjust"
    wanted = {"adjust_id": "restock-1", "delta_units": 30, "reason": "restock"}
    assert (await house.ask("POST", path, json=wanted, expect=200)).json()["replayed"] is False
    assert (await house.ask("POST", path, json=wanted, expect=200)).json()["replayed"] is True
    assert pool(await tally(house, open_sale), "eggs")["available"] == 630
    refused = await house.ask(
        "POST", path, json={"adjust_id": "w", "delta_units": -631, "reason": "withdraw"}, expect=409
    )
    assert refused.json()["outcome"] == "sold_out"
    assert is_problem(await house.ask("POST", path.replace("eggs", "tea"), json=wanted), "unknown-thing")


async def test_a_claim_becomes_an_order_and_the_books_balance(house: House, open_sale: str) -> None:
    path = f"/v1/sales/{open_sale}/claims"
    await house.claim(open_sale, "one", packs=2)
    await house.claim(open_sale, "two", packs=1)
    confirmed = await house.ask("POST", f"{path}/one/confirm", expect=200)
    assert confirmed.json()["outcome"] == "confirmed"
    assert (await house.ask("POST", f"{path}/one/confirm", expect=200)).json()["replayed"] is True
    await house.ask("POST", f"{path}/two/cancel", json={"reason": "改主意了"}, expect=200)
    ended = await house.ask("POST", f"{path}/two/confirm", expect=409)
    assert ended.json()["outcome"] == "cancelled"
    view = (await house.ask("GET", f"{path}/one", expect=200)).json()
    assert (view["status"], view["amount_minor"]) == ("confirmed", 16_000)
    orders = (await house.ask("GET", f"/v1/sales/{open_sale}/orders", expect=200)).json()["orders"]
    assert [order["claim_id"] for order in orders] == ["one"]
    assert (await house.ask("GET", f"/v1/sales/{open_sale}/check", expect=200)).json()["balanced"] is True


async def test_claim_ids_may_hold_whatever_platforms_make_of_them(house: House, open_sale: str) -> None:
    for claim_id, in_path in (
        ("weibo:42", "weibo%3A42"),
        ("a/b", "a/b"),
        ("蛋?", "%E8%9B%8B%3F"),
        ("x/confirm", "x/confirm"),
    ):
        await house.claim(open_sale, claim_id)
        path = f"/v1/sales/{open_sale}/claims/{in_path}"
        assert (await house.ask("GET", path, expect=200)).json()["claim_id"] == claim_id
        assert (await house.ask("POST", f"{path}/confirm", expect=200)).json()["claim_id"] == claim_id


async def test_a_fact_is_recorded_once_oversells_openly_and_can_be_taken_back(house: House, open_sale: str) -> None:
    path = f"/v1/sales/{open_sale}/facts"
    fact = {"fact_id": "f1", "channel": "taobao", "lines": [{"sku": "egg-30", "packs": 25}], "amount_minor": 1}
    assert (await house.ask("POST", path, json=fact, expect=201)).json()["detail"] == "oversold"
    await house.ask("POST", path, json=fact, expect=200)
    assert pool(await tally(house, open_sale), "eggs")["oversold"] == 150
    assert (await house.ask("POST", path, json={**fact, "amount_minor": 2}, expect=409)).json()["outcome"] == "conflict"
    await house.ask("POST", path, json={"fact_id": "f1", "channel": "taobao", "reverses": True}, expect=200)
    assert pool(await tally(house, open_sale), "eggs")["available"] == 600
    unknown = [{"fact_id": "f2", "channel": "taobao", "lines": [{"sku": "gone", "packs": 1}]}]
    answers = (await house.ask("POST", path, json=unknown, expect=200)).json()["results"]
    assert (answers[0]["outcome"], answers[0]["detail"]) == ("invalid", "unknown_sku")
    assert is_problem(await house.ask("POST", path, json=unknown[0]), "malformed")


async def test_a_draw_is_bound_to_its_seed_and_can_be_checked(house: House, open_sale: str) -> None:
    path = f"/v1/sales/{open_sale}/draws"
    wanted = {"draw_id": "d1", "prize": "一盒鸡蛋", "winners_max": 2, "word": "铜鼓"}
    opened = (await house.ask("POST", path, json=wanted, expect=201)).json()
    assert (await house.ask("POST", path, json=wanted, expect=200)).json()["seed_hash"] == opened["seed_hash"]
    assert opened["seed"] == ""
    assert is_problem(await house.ask("GET", f"{path}/d1/proof"), "refused")
    closed = (await house.ask("POST", f"{path}/d1/close", expect=200)).json()
    proof = (await house.ask("GET", f"{path}/d1/proof", expect=200)).json()
    assert closed["state"] == "settled"
    assert proof["seed_hash"] == opened["seed_hash"]
    assert (await house.ask("POST", f"{path}/d1/close", expect=200)).json() == closed


async def test_a_host_may_keep_the_seed_and_must_bring_the_right_one(house: House, open_sale: str) -> None:
    path = f"/v1/sales/{open_sale}/draws"
    hash_of_egg = hashlib.sha256(b"egg").hexdigest()
    wanted = {"draw_id": "d2", "prize": "x", "winners_max": 1, "seed_hash": hash_of_egg}
    await house.ask("POST", path, json=wanted, expect=201)
    assert (await house.ask("POST", f"{path}/d2/close", expect=200)).json()["state"] == "closed"
    assert is_problem(await house.ask("POST", f"{path}/d2/settle", json={"seed": "hen"}), "refused")
    assert (await house.ask("POST", f"{path}/d2/settle", json={"seed": "egg"}, expect=200)).json()["state"] == "settled"


@pytest.mark.parametrize(
    ("method", "path", "slug"),
    [
        ("GET", "/nowhere", "not-found"),
        ("PUT", "/v1/sales", "method-not-allowed"),
        ("GET", "/v1/sales/unknown/tally", "unknown-sale"),
        ("GET", "/v1/sales/unknown/orders", "unknown-sale"),
        ("POST", "/v1/sales/unknown/open", "unknown-sale"),
        ("GET", "/v1/sales/unknown/comments?since=x", "malformed"),
        ("GET", "/v1/campaigns", "not-built"),
        ("GET", "/v1/campaigns/c/summary", "not-built"),
        ("POST", "/v1/hooks/doudian/none", "unknown-thing"),
        ("GET", "/problems/none", "unknown-thing"),
    ],
)
async def test_every_error_is_a_problem_document(house: House, method: str, path: str, slug: str) -> None:
    assert is_problem(await house.ask(method, path), slug)


async def test_a_problem_s_type_leads_to_its_description(house: House) -> None:
    response = await house.ask("GET", "/v1/sales/unknown/tally", token=None)
    described = await house.ask("GET", response.json()["type"], token="", expect=200)
    assert described.json()["status"] == 404


async def test_an_unexpected_error_says_nothing_of_the_inside(
    house: House, open_sale: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("the password is 1234")

    monkeypatch.setattr(house.service.sales, "view", broken)
    response = await house.ask("GET", f"/v1/sales/{open_sale}", expect=500)
    assert is_problem(response, "internal")
    assert "1234" not in response.text
    assert "RuntimeError" not in response.text


async def test_health_readiness_and_metrics_answer(house: House, open_sale: str) -> None:
    await house.claim(open_sale, "counted")
    assert (await house.ask("GET", "/healthz", token="", expect=200)).json() == {"status": "ok"}
    assert (await house.ask("GET", "/readyz", token="", expect=200)).json()["ready"] is True
    text = (await house.ask("GET", "/metrics", token="", expect=200)).text
    assert 'sellthrough_requests_total{door="claims",outcome="reserved"}' in text
    assert 'door="/v1/sales/{sale_id}/catalogue"' in text
    assert open_sale not in "".join(line for line in text.splitlines() if "lag" not in line)

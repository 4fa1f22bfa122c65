"""Nobody gets in where they don't belong."""

from __future__ import annotations

from typing import Any

import pytest

from ingest.domain import Role
from tests.integration.ingest.house import House, claim_of, is_problem

pytestmark = pytest.mark.asyncio(loop_scope="session")

ADMIN, HOST, INGEST, OVERLAY = Role.ADMIN, Role.HOST, Role.INGEST, Role.OVERLAY
POOL = {"name": "茶", "base_unit": "罐", "initial_units": 5}
OFFER = {"pool_id": "honey", "name": "蜜", "units_per_pack": 250, "price_minor": 1}
DOORS: list[tuple[str, str, Any, set[Role]]] = [
    ("GET", "/v1/sales/{sale}", None, {HOST, INGEST, OVERLAY}),
    ("GET", "/v1/sales/{sale}/tally", None, {HOST, INGEST, OVERLAY}),
    ("PATCH", "/v1/sales/{sale}", {"name": "x"}, {HOST}),
    ("PUT", "/v1/sales/{sale}/featured", {"sku": ""}, {HOST}),
    ("POST", "/v1/sales/{sale}/blocked", {"buyer_id": "b"}, {HOST}),
    ("POST", "/v1/sales/{sale}/open", None, {HOST}),
    ("POST", "/v1/sales/{sale}/catalogue", None, {HOST}),
    ("PUT", "/v1/sales/{sale}/pools/tea", POOL, {HOST}),
    ("PUT", "/v1/sales/{sale}/offers/honey-250", OFFER, {HOST}),
    ("POST", "/v1/sales/{sale}/pools/honey/adjust", {"adjust_id": "a", "delta_units": 1, "reason": "restock"}, {HOST}),
    ("POST", "/v1/sales/{sale}/claims", claim_of("c"), {HOST, INGEST}),
    ("POST", "/v1/sales/{sale}/claims/batch", [claim_of("c")], {HOST, INGEST}),
    ("GET", "/v1/sales/{sale}/claims/c", None, {HOST, INGEST}),
    ("POST", "/v1/sales/{sale}/claims/c/confirm", None, {HOST, INGEST}),
    ("POST", "/v1/sales/{sale}/claims/c/cancel", None, {HOST, INGEST}),
    ("POST", "/v1/sales/{sale}/claims/c/extend", {"expires_at_ms": 1}, {HOST, INGEST}),
    (
        "POST",
        "/v1/sales/{sale}/facts",
        {"fact_id": "f", "channel": "douyin", "lines": [{"sku": "egg-10", "packs": 1}]},
        {HOST, INGEST},
    ),
    ("GET", "/v1/sales/{sale}/comments", None, {HOST}),
    ("POST", "/v1/sales/{sale}/comments/x/correct", {"correction_id": "k", "intent": "none"}, {HOST}),
    ("GET", "/v1/sales/{sale}/problems", None, {HOST}),
    ("POST", "/v1/sales/{sale}/draws", {"draw_id": "d", "prize": "p", "winners_max": 1}, {HOST}),
    ("POST", "/v1/sales/{sale}/draws/d/close", None, {HOST}),
    ("POST", "/v1/sales/{sale}/draws/d/settle", {"seed": "s"}, {HOST}),
    ("GET", "/v1/sales/{sale}/draws/d/proof", None, {HOST}),
    ("GET", "/v1/sales/{sale}/orders", None, {HOST}),
    ("GET", "/v1/sales/{sale}/exports/orders.csv", None, {HOST}),
    ("GET", "/v1/sales/{sale}/report", None, {HOST}),
    ("GET", "/v1/sales/{sale}/check", None, {HOST}),
    ("GET", "/v1/sales", None, {HOST, INGEST, OVERLAY}),
    ("GET", "/v1/tokens", None, set()),
    ("DELETE", "/v1/tokens/none", None, set()),
    ("GET", "/v1/connections", None, set()),
    ("PUT", "/v1/connections/c", {"adapter": "bridge", "sale_id": "s"}, set()),
    ("DELETE", "/v1/connections/c", None, set()),
]


@pytest.mark.parametrize(("method", "path", "body", "roles"), DOORS, ids=lambda value: str(value)[:40])
async def test_a_door_lets_in_its_roles_and_no_others(
    house: House, open_sale: str, method: str, path: str, body: Any, roles: set[Role]
) -> None:
    address = path.format(sale=open_sale)
    assert is_problem(await house.ask(method, address, token="", json=body), "unauthenticated")
    assert is_problem(await house.ask(method, address, token="st_admin_wrong", json=body), "unauthenticated")
    for role in (HOST, INGEST, OVERLAY):
        response = await house.ask(method, address, token=await house.token(role, open_sale), json=body)
        refused = response.status_code == 403 and is_problem(response, "forbidden")
        assert refused == (role not in roles), (role, response.status_code, response.text)
    assert (await house.ask(method, address, json=body)).status_code not in (401, 403)


@pytest.mark.parametrize(
    ("method", "path", "body", "roles"),
    [door for door in DOORS if "{sale}" in door[1]],
    ids=lambda value: str(value)[:40],
)
async def test_a_token_of_another_sale_is_refused_everywhere(
    house: House, open_sale: str, method: str, path: str, body: Any, roles: set[Role]
) -> None:
    for role in roles:
        token = await house.token(role, "another-sale")
        assert is_problem(await house.ask(method, path.format(sale=open_sale), token=token, json=body), "forbidden")


async def test_a_bound_token_lists_only_its_own_sale(house: House, open_sale: str) -> None:
    response = await house.ask("GET", "/v1/sales", token=await house.token(HOST, open_sale), expect=200)
    assert [sale["sale_id"] for sale in response.json()["sales"]] == [open_sale]


async def test_a_bound_host_cannot_create_another_sale(house: House) -> None:
    token = await house.token(HOST, "mine")
    response = await house.ask("POST", "/v1/sales", token=token, json={"sale_id": "theirs", "name": "x"})
    assert is_problem(response, "forbidden")


async def test_only_overlay_tokens_count_in_a_url(house: House, open_sale: str) -> None:
    path = f"/v1/sales/{open_sale}/tally"
    overlay = await house.token(OVERLAY, open_sale)
    await house.ask("GET", f"{path}?token={overlay}", token="", expect=200)
    for role in (ADMIN, HOST, INGEST):
        secret = await house.token(role, "" if role is ADMIN else open_sale)
        assert is_problem(await house.ask("GET", f"{path}?token={secret}", token=""), "unauthenticated")


async def test_a_revoked_token_is_out_at_once(house: House, open_sale: str) -> None:
    made = (await house.ask("POST", "/v1/tokens", json={"role": "ingest", "sale_id": open_sale}, expect=201)).json()
    path = f"/v1/sales/{open_sale}/claims"
    await house.ask("POST", path, token=made["token"], json=claim_of("r1"), expect=201)
    await house.ask("DELETE", f"/v1/tokens/{made['token_id']}", expect=200)
    assert is_problem(await house.ask("POST", path, token=made["token"], json=claim_of("r2")), "unauthenticated")
    assert is_problem(await house.ask("DELETE", f"/v1/tokens/{made['token_id']}"), "unknown-thing")


async def test_a_token_is_shown_once_and_kept_as_a_hash(house: House) -> None:
    made = (await house.ask("POST", "/v1/tokens", json={"role": "host", "label": "小张"}, expect=201)).json()
    assert made["token"].startswith("st_host_")
    listed = await house.ask("GET", "/v1/tokens", expect=200)
    assert made["token"] not in listed.text
    assert made["token_id"] in listed.text
    database = house.service.settings.data_dir / "ledger.sqlite3"
    for file in database.parent.glob("ledger.sqlite3*"):
        assert made["token"].encode() not in file.read_bytes()


async def test_a_host_may_make_overlay_links_for_their_sale_and_nothing_else(house: House, open_sale: str) -> None:
    token = await house.token(HOST, open_sale)
    await house.ask("POST", "/v1/tokens", token=token, json={"role": "overlay", "sale_id": open_sale}, expect=201)
    for wanted in (
        {"role": "overlay", "sale_id": "another"},
        {"role": "overlay", "sale_id": ""},
        {"role": "host", "sale_id": open_sale},
        {"role": "admin"},
    ):
        assert is_problem(await house.ask("POST", "/v1/tokens", token=token, json=wanted), "forbidden")


async def test_an_admin_of_one_sale_reaches_no_further(house: House, open_sale: str) -> None:
    token = await house.token(ADMIN, open_sale)
    await house.ask("GET", f"/v1/sales/{open_sale}/orders", token=token, expect=200)
    await house.ask("POST", "/v1/tokens", token=token, json={"role": "host", "sale_id": open_sale}, expect=201)
    for method, path, body in (
        ("POST", "/v1/tokens", {"role": "admin"}),
        ("POST", "/v1/tokens", {"role": "host", "sale_id": "another"}),
        ("POST", "/v1/sales", {"sale_id": "another", "name": "x"}),
        ("GET", "/v1/tokens", None),
        ("GET", "/v1/connections", None),
        ("DELETE", "/v1/tokens/none", None),
    ):
        assert is_problem(await house.ask(method, path, token=token, json=body), "forbidden"), path


async def test_nothing_is_bound_to_a_sale_that_is_not_there(house: House) -> None:
    for method, path, body in (
        ("POST", "/v1/tokens", {"role": "overlay", "sale_id": "mistyped"}),
        ("PUT", "/v1/connections/astray", {"adapter": "bridge", "sale_id": "mistyped"}),
    ):
        response = await house.ask(method, path, json=body)
        assert (response.status_code, is_problem(response, "unknown-sale")) == (404, True), path
    assert "mistyped" not in (await house.ask("GET", "/v1/tokens", expect=200)).text
    assert "astray" not in (await house.ask("GET", "/v1/connections", expect=200)).text


async def test_connections_never_give_their_secrets_back(house: House, open_sale: str) -> None:
    body = {"adapter": "doudian", "sale_id": open_sale, "settings": {"app_key": "key-1", "app_secret": "very-secret"}}
    put = await house.ask("PUT", "/v1/connections/doudian-1", json=body, expect=200)
    assert put.json()["settings_set"] == ["app_key", "app_secret"]
    assert put.json()["hook_path"] == "/v1/hooks/doudian/doudian-1"
    listed = await house.ask("GET", "/v1/connections", expect=200)
    assert "very-secret" not in put.text + listed.text
    for file in house.service.settings.data_dir.glob("ledger.sqlite3*"):
        assert b"very-secret" not in file.read_bytes()
    await house.ask("DELETE", "/v1/connections/doudian-1", expect=200)


async def test_wrong_connection_settings_are_named(house: House, open_sale: str) -> None:
    body = {"adapter": "doudian", "sale_id": open_sale, "settings": {"app_key": "key-1"}}
    response = await house.ask("PUT", "/v1/connections/doudian-2", json=body)
    assert is_problem(response, "malformed")
    assert "app_secret" in response.json()["detail"]
    body["settings"] = {"app_key": "k", "app_secret": "s", "order_desk_url": "file:///etc/passwd"}
    response = await house.ask("PUT", "/v1/connections/doudian-2", json=body)
    assert "order_desk_url" in response.json()["detail"]
    response = await house.ask("PUT", "/v1/connections/doudian-2", json={"adapter": "none", "sale_id": open_sale})
    assert is_problem(response, "malformed")

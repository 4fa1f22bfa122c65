"""The OpenAPI document is true: every operation answers as it says, or 501."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import json

from tests.integration.ingest.house import CATALOGUE, House, claim_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

BODIES: dict[tuple[str, str], Any] = {
    ("post", "/v1/sales"): {"sale_id": "openapi-new", "name": "新"},
    ("patch", "/v1/sales/{sale_id}"): {"name": "改名"},
    ("put", "/v1/sales/{sale_id}/featured"): {"sku": "egg-10"},
    ("post", "/v1/sales/{sale_id}/blocked"): {"buyer_id": "b"},
    ("put", "/v1/sales/{sale_id}/pools/{pool_id}"): {"name": "茶", "base_unit": "罐"},
    ("put", "/v1/sales/{sale_id}/offers/{sku}"): {
        "pool_id": "eggs",
        "name": "x",
        "units_per_pack": 1,
        "price_minor": 1,
    },
    ("post", "/v1/sales/{sale_id}/pools/{pool_id}/adjust"): {"adjust_id": "a", "delta_units": 5, "reason": "restock"},
    ("post", "/v1/sales/{sale_id}/claims"): claim_of("o1"),
    ("post", "/v1/sales/{sale_id}/claims/batch"): [claim_of("o2")],
    ("post", "/v1/sales/{sale_id}/claims/{claim_id}/extend"): {"expires_at_ms": 4_000_000_000_000},
    ("post", "/v1/sales/{sale_id}/facts"): {
        "fact_id": "f",
        "channel": "douyin",
        "lines": [{"sku": "egg-10", "packs": 1}],
    },
    ("post", "/v1/sales/{sale_id}/comments/{event_id}/correct"): {"correction_id": "k", "intent": "none"},
    ("post", "/v1/sales/{sale_id}/draws"): {"draw_id": "d", "prize": "蛋", "winners_max": 1},
    ("post", "/v1/sales/{sale_id}/draws/{draw_id}/settle"): {"seed": "s"},
    ("post", "/v1/tokens"): {"role": "overlay"},
    ("put", "/v1/connections/{connection_id}"): {"adapter": "bridge", "sale_id": "s"},
}
PARAMETERS = {
    "pool_id": "eggs",
    "sku": "egg-10",
    "claim_id": "o1",
    "draw_id": "d",
    "event_id": "none",
    "token_id": "none",
    "connection_id": "c1",
    "adapter": "douyin_live",
    "campaign_id": "c",
    "slug": "forbidden",
    "kind": "orders",
    "form": "csv",
    "widget": "all",
}
OPEN_DOORS = {
    "/healthz",
    "/readyz",
    "/metrics",
    "/problems/{slug}",
    "/v1/catalogue-template.xlsx",
    "/v1/hooks/{adapter}/{connection_id}",
}
ENDLESS = "/v1/sales/{sale_id}/live.sse"


async def document(house: House) -> dict[str, Any]:
    found: dict[str, Any] = (await house.ask("GET", "/openapi.json", expect=200)).json()
    return found


def operations(found: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    # Creating comes before using, and removing last.
    rank = {"put": 0, "post": 1, "patch": 2, "get": 3, "delete": 4}
    listed = [(method, path, operation) for path, item in found["paths"].items() for method, operation in item.items()]
    return sorted(listed, key=lambda entry: (rank[entry[0]], entry[1].count("/"), entry[1]))


async def test_every_documented_operation_answers_as_documented(house: House, open_sale: str) -> None:
    untrue: list[str] = []
    for method, path, operation in operations(await document(house)):
        if path == ENDLESS or (method == "post" and path.endswith(("/close", "/pause", "/open", "/resume"))):
            continue
        address = path.format(**PARAMETERS, sale_id=open_sale)
        more: dict[str, Any] = {"json": BODIES[method, path]} if (method, path) in BODIES else {}
        if path.endswith("/catalogue"):
            more = {"content": CATALOGUE, "headers": {"content-type": "text/csv"}}
        response = await house.ask(method.upper(), address, **more)
        documented = operation["responses"].get(str(response.status_code))
        content_type = response.headers.get("content-type", "").partition(";")[0]
        if documented is None or not _fits(documented, content_type):
            untrue.append(f"{method} {path}: {response.status_code} {content_type} {response.text[:200]}")
    assert not untrue


def _fits(documented: dict[str, Any], content_type: str) -> bool:
    said = {kind.partition(";")[0] for kind in documented.get("content", {})}
    return not said or content_type in said


async def test_every_operation_with_a_body_is_walked_with_one(house: House) -> None:
    without = [
        (method, path)
        for method, path, operation in operations(await document(house))
        if operation.get("requestBody", {}).get("required") and (method, path) not in BODIES
    ]
    assert [path for _, path in without] == ["/v1/sales/{sale_id}/catalogue"]


async def test_every_reference_in_the_document_leads_somewhere(house: House) -> None:
    found = await document(house)
    text = json.encode(found).decode()
    named = {part.split('"', 1)[0] for part in text.split('"#/components/schemas/')[1:]}
    assert named <= set(found["components"]["schemas"])


async def test_every_operation_and_every_type_says_what_it_is_for(house: House) -> None:
    found = await document(house)
    silent = [f"{method} {path}" for method, path, operation in operations(found) if not operation.get("description")]
    silent += [
        name
        for name, schema in found["components"]["schemas"].items()
        if not schema.get("description") and "enum" not in schema
    ]
    assert not [name for name in silent if name not in ("HTTPValidationError", "ValidationError")]


@pytest.mark.parametrize("secret", ["", "st_admin_wrong"])
async def test_doors_that_need_a_token_say_so(house: House, open_sale: str, secret: str) -> None:
    open_doors = set()
    for method, path, operation in operations(await document(house)):
        if path == ENDLESS:
            continue
        response = await house.ask(method.upper(), path.format(**PARAMETERS, sale_id=open_sale), token=secret)
        if response.status_code == 401:
            assert operation.get("security"), path
        else:
            open_doors.add(path)
    assert open_doors == OPEN_DOORS

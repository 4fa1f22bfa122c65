"""The raw ASGI claims door and its documented twin give the same answers."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ingest.domain import Role
from tests.integration.ingest.house import House, claim_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

GOOD = msgspec.json.encode(claim_of("c"))
ONE_BODIES = {
    "good": GOOD,
    "again": GOOD,
    "other content": msgspec.json.encode(claim_of("c", packs=2)),
    "sold out": msgspec.json.encode(claim_of("big", packs=9_999)),
    "not on sale": msgspec.json.encode(claim_of("n", sku="nothing")),
    "partial": msgspec.json.encode(claim_of("p", "egg-10", 20, partial=True)),
    "waitlist": msgspec.json.encode(claim_of("w", packs=9_000, waitlist=True)),
    "sku twice": msgspec.json.encode({**claim_of("t"), "lines": [{"sku": "egg-10", "packs": 1}] * 2}),
    "no lines": msgspec.json.encode({**claim_of("l"), "lines": []}),
    "unknown field": msgspec.json.encode({**claim_of("u"), "wait_list": True}),
    "text for a number": msgspec.json.encode({**claim_of("x"), "lines": [{"sku": "egg-10", "packs": "1"}]}),
    "empty": b"",
    "truncated": GOOD[:-4],
    "not utf-8": GOOD.replace(b"douyin", b"\xff\xfe"),
    "deep": b"[" * 5_000,
    "array": b"[]",
    "null": b"null",
    "too large": b" " * 70_000,
    "long id": msgspec.json.encode(claim_of("i" * 129)),
    "id in bytes too long": msgspec.json.encode(claim_of("蛋" * 100)),
    "space in id": msgspec.json.encode(claim_of("a b")),
}
MANY_BODIES = {
    "array": msgspec.json.encode([claim_of("m1"), claim_of("m2"), {"claim_id": 1}]),
    "empty array": b"[]",
    "object": b"{}",
    "too many": msgspec.json.encode([claim_of("m")] * 1_001),
    "truncated": b"[{",
}
COMPARED_HEADERS = ("content-type", "content-length", "retry-after", "www-authenticate")


async def both(house: House, twin: House, path: str, **more: Any) -> tuple[Any, Any]:
    hot = await house.ask("POST", path, **more)
    documented = await twin.ask("POST", path, **more)
    return (
        (hot.status_code, _settled(hot.content), [hot.headers.get(name) for name in COMPARED_HEADERS]),
        (documented.status_code, _settled(documented.content), [documented.headers.get(n) for n in COMPARED_HEADERS]),
    )


def _settled(body: bytes) -> bytes:
    # Both ask one engine, so the second to ask is answered from memory; nothing else may differ.
    return body.replace(b'"replayed":true', b'"replayed":false')


@pytest.mark.parametrize("case", ONE_BODIES)
async def test_one_claim_is_answered_the_same_by_both_ways_in(
    house: House, twin: House, open_sale: str, case: str
) -> None:
    path = f"/v1/sales/{open_sale}/claims"
    await house.ask("POST", path, content=ONE_BODIES[case])
    hot, documented = await both(house, twin, path, content=ONE_BODIES[case])
    assert hot == documented


@pytest.mark.parametrize("case", MANY_BODIES)
async def test_a_batch_is_answered_the_same_by_both_ways_in(
    house: House, twin: House, open_sale: str, case: str
) -> None:
    path = f"/v1/sales/{open_sale}/claims/batch"
    await house.ask("POST", path, content=MANY_BODIES[case])
    hot, documented = await both(house, twin, path, content=MANY_BODIES[case])
    if hot[0] == 200:
        hot, documented = hot[:2], documented[:2]
    assert hot == documented


async def test_lines_of_claims_are_answered_as_lines(house: House, twin: House, open_sale: str) -> None:
    path = f"/v1/sales/{open_sale}/claims/batch"
    body = b"\n".join(msgspec.json.encode(claim_of(f"l{number}")) for number in range(3)) + b"\n\n{\n"
    headers = {"content-type": "application/x-ndjson; charset=utf-8"}
    first = await house.ask("POST", path, content=body, headers=headers, expect=200)
    hot, documented = await both(house, twin, path, content=body, headers=headers)
    assert hot[:2] == documented[:2]
    answers = [msgspec.json.decode(line) for line in first.content.splitlines()]
    assert [answer["outcome"] for answer in answers] == ["reserved"] * 3 + ["invalid"]
    assert first.headers["content-type"] == "application/x-ndjson"


@pytest.mark.parametrize("role", [None, Role.OVERLAY, Role.INGEST, Role.HOST])
async def test_tokens_are_judged_the_same_by_both_ways_in(
    house: House, twin: House, open_sale: str, role: Role | None
) -> None:
    tokens = [""] if role is None else [await house.token(role, open_sale), await house.token(role, "another")]
    for token in tokens:
        path = f"/v1/sales/{open_sale}/claims"
        await house.ask("POST", path, token=token, content=GOOD)
        hot, documented = await both(house, twin, path, token=token, content=GOOD)
        assert hot == documented


async def test_an_unknown_sale_is_the_same_problem_on_both_ways_in(house: House, twin: House) -> None:
    hot, documented = await both(house, twin, "/v1/sales/nowhere/claims", content=GOOD)
    assert hot == documented
    assert hot[0] == 404


@pytest.mark.parametrize(
    "path", ["/v1/sales//claims", "/v1/sales/a/b/claims", "/v1/sales/a/claims/", "/v1/sales/a/claims/x/y/claims"]
)
async def test_paths_that_only_look_like_the_claims_door_are_nobody_s(house: House, twin: House, path: str) -> None:
    hot, documented = await both(house, twin, path, content=GOOD)
    assert hot == documented
    assert hot[0] in (404, 405)


async def test_each_outcome_has_its_status(house: House, open_sale: str) -> None:
    path = f"/v1/sales/{open_sale}/claims"

    async def status(body: dict[str, Any]) -> tuple[int, str]:
        response = await house.ask("POST", path, json=body)
        return response.status_code, response.json()["outcome"]

    assert await status(claim_of("a", "egg-30", 5)) == (201, "reserved")
    assert await status(claim_of("a", "egg-30", 5)) == (200, "reserved")
    assert await status(claim_of("a", "egg-30", 6)) == (409, "conflict")
    assert await status(claim_of("b", "egg-30", 11)) == (409, "limit_reached")
    assert await status(claim_of("c", "honey-500", 101)) == (409, "sold_out")
    assert await status(claim_of("d", "honey-500", 101, partial=True)) == (201, "partial")
    assert await status(claim_of("e", "honey-500", 1, waitlist=True)) == (201, "waitlisted")
    assert await status(claim_of("f", "tea", 1)) == (409, "not_on_sale")
    await house.ask("POST", f"/v1/sales/{open_sale}/pause", expect=200)
    assert await status(claim_of("g", "egg-10", 1)) == (409, "not_on_sale")

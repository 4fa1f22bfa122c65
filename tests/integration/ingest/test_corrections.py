"""A host corrects comments: what the buyer has changes only where the correction can be carried out whole."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
import pytest_asyncio

from stream_adapters.domain import EventKind, LiveEvent, User
from tests.integration.ingest.house import House, is_problem

pytestmark = pytest.mark.asyncio(loop_scope="session")

COMMENT = "bridge:1"


@pytest_asyncio.fixture(loop_scope="session")
async def misread(house: House, open_sale: str) -> str:
    """An open sale with one comment that was read as two bottles of honey."""
    said = LiveEvent(
        kind=EventKind.COMMENT,
        platform="bridge",
        room_id="r",
        event_id="1",
        occurred_at_ms=1_700_000_000_000,
        user=User(user_id="u1"),
        text="C1+2",
    )
    await house.service.pipeline.handle(open_sale, [said])
    assert await held(house, open_sale) == {"honey-500": 2}
    return open_sale


async def held(house: House, sale_id: str) -> dict[str, int]:
    tally = (await house.ask("GET", f"/v1/sales/{sale_id}/tally", expect=200)).json()
    return {offer["sku"]: offer["packs_held"] for offer in tally["offers"] if offer["packs_held"]}


async def correct(house: House, sale_id: str, correction_id: str, *lines: tuple[str, int]) -> httpx.Response:
    """Correct the comment to these lines, or to no order without any."""
    wanted: dict[str, Any] = {"correction_id": correction_id, "intent": "order" if lines else "none"}
    wanted["lines"] = [{"sku": sku, "packs": packs} for sku, packs in lines]
    return await house.ask("POST", f"/v1/sales/{sale_id}/comments/{COMMENT}/correct", json=wanted)


async def test_a_correction_that_cannot_be_had_leaves_the_hold_as_it_was(house: House, misread: str) -> None:
    refused = await correct(house, misread, "k1", ("egg-30", 11))
    assert (refused.status_code, refused.json()["outcome"]) == (409, "limit_reached")
    assert is_problem(refused, "refused")
    assert await held(house, misread) == {"honey-500": 2}
    comment = (await house.ask("GET", f"/v1/sales/{misread}/comments", expect=200)).json()["comments"][0]
    assert (comment["corrected"], comment["outcome"]) == (False, "reserved")


@pytest.mark.parametrize("lines", [(), (("honey-500", 3),)], ids=["to no order", "to more packs"])
async def test_a_comment_whose_order_is_paid_is_not_corrected(
    house: House, misread: str, lines: tuple[tuple[str, int], ...]
) -> None:
    await house.ask("POST", f"/v1/sales/{misread}/claims/{COMMENT}/confirm", json={}, expect=200)
    refused = await correct(house, misread, "k1", *lines)
    assert is_problem(refused, "refused")
    assert (refused.status_code, refused.json()["outcome"]) == (409, "confirmed")
    claim = (await house.ask("GET", f"/v1/sales/{misread}/claims/{COMMENT}", expect=200)).json()
    assert claim["status"] == "confirmed"
    assert await held(house, misread) == {}


async def test_corrections_at_the_same_moment_leave_one_hold(house: House, misread: str) -> None:
    answers = await asyncio.gather(*(correct(house, misread, f"k{n}", ("egg-10", 1)) for n in range(6)))
    assert {answer.status_code for answer in answers} == {200}
    assert await held(house, misread) == {"egg-10": 1}


@pytest.mark.parametrize("lines", [(), (("egg-10", 2),)], ids=["to no order", "to other packs"])
async def test_a_correction_id_with_other_content_is_a_conflict(
    house: House, misread: str, lines: tuple[tuple[str, int], ...]
) -> None:
    first = await correct(house, misread, "k1", ("egg-10", 1))
    other = await correct(house, misread, "k1", *lines)
    assert is_problem(other, "refused")
    assert (other.status_code, other.json()["outcome"]) == (409, "conflict")
    assert await held(house, misread) == {"egg-10": 1}
    assert (await correct(house, misread, "k1", ("egg-10", 1))).json() == first.json()

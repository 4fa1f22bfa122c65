from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
import stamina

from ingest.order_desk import HttpOrderDesk
from ingest.problems import Problem
from stream_adapters.domain import OrderLine, OrderStatus, PlatformOrder

ORDER = PlatformOrder(order_id="a/7", status=OrderStatus.PAID)
GOOD = {"order_id": "a/7", "buyer_id": "b", "amount_minor": 5, "lines": [{"sku": "egg", "packs": 2}], "more": 1}


@pytest.fixture(autouse=True)
def _no_waiting() -> object:
    with stamina.set_testing(True, attempts=3):
        yield


async def complete(answer: Callable[[httpx.Request], httpx.Response]) -> object:
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        return await HttpOrderDesk(client, "http://desk/", 1_000).complete("taobao", ORDER)


async def test_the_desk_is_asked_by_platform_and_escaped_order_id() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.raw_path.decode())
        return httpx.Response(200, json=GOOD)

    known = await complete(answer)
    assert asked == ["/orders/taobao/a%2F7"]
    assert known.lines == (OrderLine(sku="egg", packs=2),)  # type: ignore[attr-defined]


@pytest.mark.parametrize("first", [httpx.Response(404), httpx.Response(500), httpx.Response(429), None])
async def test_what_may_pass_is_tried_again(first: httpx.Response | None) -> None:
    answers = [first, httpx.Response(200, json=GOOD)]

    def answer(request: httpx.Request) -> httpx.Response:
        response = answers.pop(0)
        if response is None:
            raise httpx.ConnectError("refused", request=request)
        return response

    assert await complete(answer)
    assert answers == []


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(404),
        httpx.Response(200, content=b"{"),
        httpx.Response(200, json={"order_id": "a/7"}),
        httpx.Response(200, json={**GOOD, "order_id": "another"}),
        httpx.Response(200, json={**GOOD, "lines": [{"sku": "egg", "packs": "2"}]}),
        httpx.Response(200, json={**GOOD, "padding": "x" * 300_000}),
        httpx.Response(302, headers={"location": "http://elsewhere/"}),
    ],
)
async def test_an_answer_that_is_not_this_order_whole_is_a_problem(response: httpx.Response) -> None:
    with pytest.raises(Problem) as problem:
        await complete(lambda _: response)
    assert problem.value.kind.slug == "order-desk"
    assert problem.value.id == "a/7"

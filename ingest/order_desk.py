"""Completing thin orders: platforms that push only an order's number, and the shop system that knows the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, Protocol
from urllib.parse import quote

import httpx
import msgspec
import stamina

from ingest.problems import Problem
from stream_adapters.domain import LiveEvent, OrderLine, OrderStatus, PlatformOrder, User

TRIES_MAX: Final = 5
ANSWER_BYTES_MAX: Final = 262_144


class CompletedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order as the order desk knows it. `amount_minor` is what was charged for the whole."""

    order_id: str
    buyer_id: str = ""
    amount_minor: int | None = None
    lines: tuple[OrderLine, ...] = ()


class OrderDesk(Protocol):
    """Whoever knows what is in a platform's order."""

    async def complete(self, platform: str, order: PlatformOrder) -> CompletedOrder:
        """Return the whole order. Raises Problem (`order-desk`) where it cannot be had within the deadline."""
        ...


class HttpOrderDesk:
    """An order desk behind HTTP: `GET <url>/orders/{platform}/{order_id}`.

    Retries on a broken connection, on 404 (the shop may hear of an order after the platform told us), 429 and 5xx, until
    `timeout_ms` is over: a platform gives up waiting soon after, and sends again.
    """

    def __init__(self, client: httpx.AsyncClient, url: str, timeout_ms: int) -> None:
        self._client = client
        self._url = url.rstrip("/")
        self._timeout_s = timeout_ms / 1_000

    async def complete(self, platform: str, order: PlatformOrder) -> CompletedOrder:
        """Return the whole order. Raises Problem (`order-desk`) where it cannot be had within the deadline."""
        address = f"{self._url}/orders/{quote(platform, safe='')}/{quote(order.order_id, safe='')}"
        try:
            async for attempt in stamina.retry_context(
                on=httpx.HTTPError,
                attempts=TRIES_MAX,
                timeout=self._timeout_s,
                wait_initial=0.05,
                wait_max=0.4,
                wait_jitter=0.05,
            ):
                with attempt:
                    response = await self._client.get(address, timeout=self._timeout_s)
                    response.raise_for_status()
            return _read(response.content, order)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Problem("order-desk", id=order.order_id) from error


def _read(body: bytes, order: PlatformOrder) -> CompletedOrder:
    try:
        if len(body) > ANSWER_BYTES_MAX:
            raise msgspec.ValidationError("too long")
        completed = msgspec.json.decode(body, type=CompletedOrder)
    except msgspec.DecodeError as error:
        raise Problem("order-desk", id=order.order_id) from error
    # Another order's content under this number would be booked as this one: refuse it rather than trust it.
    if completed.order_id != order.order_id or not completed.lines:
        raise Problem("order-desk", id=order.order_id)
    return completed


async def completed(events: Sequence[LiveEvent], desk: OrderDesk | None) -> Mapping[int, LiveEvent | Problem]:
    """Complete the thin orders among some events, by place; where one cannot be completed, return the Problem."""
    thin = [place for place, event in enumerate(events) if _is_thin(event)]
    return dict(zip(thin, await asyncio.gather(*(_complete(events[place], desk) for place in thin)), strict=True))


def _is_thin(event: LiveEvent) -> bool:
    order = event.order
    return order is not None and order.status is OrderStatus.PAID and not order.lines


async def _complete(event: LiveEvent, desk: OrderDesk | None) -> LiveEvent | Problem:
    order = event.order
    assert order is not None
    if desk is None:
        return Problem(
            "order-desk",
            "平台只推送了订单号，而该连接没有设置 order_desk_url；请设置后等待平台重新推送。",
            "The platform pushed only the order's number and the connection has no order_desk_url; "
            "set one, and the platform's next try will be taken.",
            id=order.order_id,
        )
    try:
        known = await desk.complete(event.platform, order)
    except Problem as problem:
        return problem
    amount_minor = order.amount_minor if order.amount_minor is not None else known.amount_minor
    user = event.user if event.user is not None and event.user.user_id else _named(known.buyer_id)
    whole = msgspec.structs.replace(order, lines=known.lines, amount_minor=amount_minor)
    return msgspec.structs.replace(event, order=whole, user=user)


def _named(buyer_id: str) -> User | None:
    return User(user_id=buyer_id) if buyer_id else None

"""Completing thin orders: platforms that push only an order's number, and the shop system that knows the rest."""

from __future__ import annotations

from typing import Final, Protocol
from urllib.parse import quote

import httpx
import msgspec
import stamina

from ingest.problems import Problem
from stream_adapters.domain import OrderLine, PlatformOrder

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

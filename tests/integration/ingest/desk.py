"""An order desk on loopback: knows some orders, and can be told to fail."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any


class Desk:
    def __init__(self) -> None:
        self.orders: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.broken = False
        self.url = ""

    def knows(self, order_id: str, sku: str, packs: int, amount_minor: int) -> None:
        self.orders[order_id] = {
            "order_id": order_id,
            "buyer_id": f"desk-{order_id}",
            "amount_minor": amount_minor,
            "lines": [{"sku": sku, "packs": packs}],
        }

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        path = request.split(b" ", 2)[1].decode()
        self.asked.append(path)
        order = self.orders.get(path.rpartition("/")[2])
        status = "500 Broken" if self.broken else "200 OK" if order else "404 Unknown"
        body = json.dumps(order or {}).encode()
        head = f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def open_desk() -> AsyncIterator[Desk]:
    desk = Desk()
    server = await asyncio.start_server(desk.answer, "127.0.0.1", 0)
    desk.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield desk

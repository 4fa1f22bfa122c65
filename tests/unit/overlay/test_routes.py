import asyncio

import pytest
from fastapi import FastAPI
from starlette.websockets import WebSocketState

from overlay import Hub
from overlay.routes import live_routes
from tests.unit.overlay.played_sale import PlayedSale, county_tally


class Everybody:
    async def admits(self, token, sale_id, roles):
        return True


def scope(path):
    return {
        "type": "websocket",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"token=st_overlay_1",
        "headers": [],
        "subprotocols": [],
        "state": WebSocketState.CONNECTING,
    }


@pytest.mark.parametrize("problem", [RuntimeError("after websocket.close"), OSError("broken pipe")])
async def test_a_socket_that_the_server_gave_up_ends_without_an_error(problem):
    said = []

    async def receive():
        if not said:
            return {"type": "websocket.connect"}
        return await asyncio.Event().wait()

    async def send(message):
        said.append(message["type"])
        if message["type"] == "websocket.send":
            raise problem

    async with Hub(PlayedSale(county_tally())) as hub:
        app = FastAPI()
        app.include_router(live_routes(hub, Everybody()))
        async with asyncio.timeout(10):
            await app(scope("/v1/sales/tonggu/live"), receive, send)
        assert hub.watchers_len_by_sale == {"tonggu": 0}
    assert said == ["websocket.accept", "websocket.send"]

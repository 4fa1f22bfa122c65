from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from ingest.app import documented_app, doors_of, open_service
from ingest.edge import Edge
from ingest.service import Service
from ingest.settings import Settings
from tests.integration.ingest.house import CATALOGUE, House

_numbers = itertools.count(1)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """One real service on one real store for all tests; each test has sales of its own."""
    data_dir: Path = tmp_path_factory.mktemp("service")
    async with open_service(Settings(data_dir=data_dir, order_desk_timeout_ms=400)) as service:
        yield service


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house(service: Service) -> AsyncIterator[House]:
    transport = httpx.ASGITransport(doors_of(service))
    async with httpx.AsyncClient(transport=transport, base_url="http://sale") as client:
        yield House(service, client)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def twin(service: Service) -> AsyncIterator[House]:
    """The documented app alone, without the hot path in front."""
    transport = httpx.ASGITransport(Edge(documented_app(service), service.metrics))
    async with httpx.AsyncClient(transport=transport, base_url="http://sale") as client:
        yield House(service, client)


@pytest.fixture
def sale_id() -> str:
    return f"sale-{next(_numbers)}"


@pytest_asyncio.fixture(loop_scope="session")
async def open_sale(house: House, sale_id: str) -> str:
    """A sale with the Tonggu goods on it, open."""
    await house.ask("POST", "/v1/sales", json={"sale_id": sale_id, "name": "铜鼓专场"}, expect=201)
    await house.ask(
        "POST", f"/v1/sales/{sale_id}/catalogue", content=CATALOGUE, headers={"content-type": "text/csv"}, expect=200
    )
    await house.ask("POST", f"/v1/sales/{sale_id}/open", expect=200)
    return sale_id

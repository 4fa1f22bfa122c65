from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from flashsale.domain import SaleId
from flashsale.embedded import EmbeddedStore
from flashsale.service import Engine


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def store_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """One real server for all tests; each test has a sale of its own."""
    data_dir: Path = tmp_path_factory.mktemp("valkey")
    async with EmbeddedStore(data_dir) as store:
        yield store.url


@pytest_asyncio.fixture
async def engine(store_url: str) -> AsyncIterator[Engine]:
    async with Engine.open(store_url) as engine:
        yield engine


@pytest.fixture
def sale_id() -> SaleId:
    return SaleId(f"sale-{uuid.uuid4().hex[:12]}")

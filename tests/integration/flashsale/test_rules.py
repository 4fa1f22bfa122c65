from __future__ import annotations

import pytest

from flashsale.domain import SaleId
from flashsale.service import Engine
from tests.integration.flashsale.checks import CHECKS


@pytest.mark.parametrize("promise", CHECKS)
async def test_engine_keeps_its_promise(engine: Engine, sale_id: SaleId, promise: str) -> None:
    await CHECKS[promise](engine, sale_id)

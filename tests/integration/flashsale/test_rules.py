from __future__ import annotations

import pytest

from flashsale.domain import Confirm, Observe, Op, SaleId
from flashsale.service import Engine
from tests.integration.flashsale.checks import CHECKS
from tests.integration.flashsale.sales import balanced_tally, claim, sale


@pytest.mark.parametrize("promise", CHECKS)
async def test_engine_keeps_its_promise(engine: Engine, sale_id: SaleId, promise: str) -> None:
    await CHECKS[promise](engine, sale_id)


async def test_more_channels_than_are_counted_apart_stay_balanced(engine: Engine, sale_id: SaleId) -> None:
    await engine.apply_all(sale_id, sale(100))
    ops: list[Op] = []
    for n in range(70):
        ops.append(Observe(event_id=f"e{n}", channel=f"quiet-{n}"))
        ops += [claim(f"c{n}", channel=f"loud-{n}"), Confirm(claim_id=f"c{n}")]  # type: ignore[arg-type]
    await engine.apply_all(sale_id, ops)

    await balanced_tally(engine, sale_id)

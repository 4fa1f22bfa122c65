from __future__ import annotations

import pytest

from flashsale.domain import SaleId
from flashsale.service import Engine
from tests.integration.flashsale.faults import FAULTS, Fault

CAUGHT = [
    pytest.param(fault, check, id=f"{fault.mode} {fault.name}: {check.__name__}")
    for fault in FAULTS
    for check in fault.caught_by
]


@pytest.mark.parametrize(("fault", "check"), CAUGHT)
async def test_fault_put_back_is_caught(
    store_url: str, sale_id: SaleId, monkeypatch: pytest.MonkeyPatch, fault: Fault, check: object
) -> None:
    fault.put_back(monkeypatch)
    async with Engine.open(store_url) as engine:
        with pytest.raises(AssertionError):
            await check(engine, sale_id)  # type: ignore[operator]
        monkeypatch.undo()


def test_every_failure_mode_of_the_engine_has_a_fault() -> None:
    assert {1, 2, 3, 5, 6, 8, 10, 11, 13, 14, 15, 16, 18, 19, 20, 21, 24, 25, 26, 28} == {
        fault.mode for fault in FAULTS
    } - {0}

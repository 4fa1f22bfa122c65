"""One sender as a process of its own, to be killed: python -m tests.chaos.client URL SALE HISTORY SEED COUNT TOTAL AT_ONCE."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from flashsale.domain import SaleId
from flashsale.service import Engine
from tests.chaos.load import Recorder, rush, shuffled


async def main(url: str, sale_id: str, history: str, seed: str, count: str, total: str, at_once: str) -> None:
    recorder = Recorder(Path(history))
    async with Engine.open(url) as engine:
        numbers = shuffled(int(seed), int(count), int(total))
        await rush(recorder, engine.apply, SaleId(sale_id), numbers, at_once=int(at_once))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

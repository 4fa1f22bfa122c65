from __future__ import annotations

from flashsale.service import Engine


async def test_the_store_is_asked_what_it_promises(engine: Engine) -> None:
    assert await engine.store_setting("appendfsync") == "always"
    assert await engine.store_setting("no-such-setting") is None

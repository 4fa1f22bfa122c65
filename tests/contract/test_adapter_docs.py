"""Each adapter's page names what the operator must paste, and its examples are ones that the adapter takes."""

import re
from pathlib import Path

import pytest

from stream_adapters.bridge import decode_bridge_message
from stream_adapters.registry import ADAPTERS, BUILT_IN

PAGES = Path(__file__).parents[2] / "docs" / "adapters"
NOW_MS = 1_763_750_000_000


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_every_adapter_has_a_page_that_names_its_settings(name: str) -> None:
    page = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    info = ADAPTERS[name]
    assert page.startswith(f"# `{name}` ")
    assert "**中文摘要：**" in page
    assert all(f"`{setting}`" in page for setting in info.settings.__struct_fields__)
    (row,) = [
        line for line in (PAGES / "README.md").read_text(encoding="utf-8").splitlines() if f"]({name}.md) " in line
    ]
    assert row.endswith(f" {info.trust} |")
    assert all(f"`{setting}`" in row for setting in info.settings.__struct_fields__)


def test_bridge_examples_are_taken_whole() -> None:
    page = (PAGES / "bridge.md").read_text(encoding="utf-8")
    examples = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    assert examples
    for example in examples:
        batch = decode_bridge_message(example, NOW_MS)
        assert batch.events
        assert batch.rejected == ()

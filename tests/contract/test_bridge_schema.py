"""The published JSON Schema says what the bridge really takes."""

import json
from pathlib import Path

from stream_adapters.bridge import bridge_schema

SCHEMA_FILE = Path(__file__).parents[2] / "docs" / "adapters" / "bridge.schema.json"
WRITE_IT = "run: python -m stream_adapters.bridge_schema > docs/adapters/bridge.schema.json"


def test_published_schema_is_the_one_of_the_types() -> None:
    published = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    assert published == json.loads(json.dumps(bridge_schema())), WRITE_IT
    assert published["$defs"]["BridgeEvent"]["required"] == [
        "kind",
        "platform",
        "room_id",
        "event_id",
        "occurred_at_ms",
    ]

"""Print the bridge's JSON Schema: `python -m stream_adapters.bridge_schema > docs/adapters/bridge.schema.json`."""

from __future__ import annotations

import json
import sys

from stream_adapters.bridge import bridge_schema

if __name__ == "__main__":
    sys.stdout.write(json.dumps(bridge_schema(), ensure_ascii=False, indent=2) + "\n")

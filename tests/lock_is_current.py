"""Hold requirements.lock against pyproject.toml: resolve again with the lock's own versions preferred; nothing may change.

`--write` keeps the new resolution instead. The lock carries hashes and no index address.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements.lock"
COMPILE = (
    "pip compile pyproject.toml --group dev --all-extras --universal --python-version 3.11",
    "--generate-hashes --no-emit-index-url --no-header --quiet",
)


def main() -> int:
    """Return 0 when the lock is what pyproject.toml asks for."""
    with tempfile.TemporaryDirectory() as folder:
        resolved = Path(folder) / "requirements.lock"
        shutil.copy(LOCK, resolved)
        uv = Path(sys.executable).with_name("uv")
        subprocess.run(
            [uv, *" ".join(COMPILE).split(), "--output-file", resolved], cwd=ROOT, check=True, stdout=subprocess.DEVNULL
        )
        if resolved.read_bytes() == LOCK.read_bytes():
            return 0
        if "--write" in sys.argv:
            shutil.copy(resolved, LOCK)
            return 0
    print(
        "requirements.lock is not what pyproject.toml asks for. Run `make lock` and commit the result.", file=sys.stderr
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())

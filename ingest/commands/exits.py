"""Exit codes, and errors that end a command with plain words."""

from __future__ import annotations

from typing import Final

OK: Final = 0
DIFFERS: Final = 1
USAGE: Final = 2
UNAVAILABLE: Final = 69
INTERRUPTED: Final = 130


class CommandError(Exception):
    """Ends a command: `text` goes to stderr, `code` is the exit code."""

    def __init__(self, text: str, code: int = UNAVAILABLE) -> None:
        self.text = text
        self.code = code
        super().__init__(text)


def not_built(name: str) -> CommandError:
    """Return the error of a command that is part of the contract and not there yet."""
    return CommandError(f"sellthrough {name} 尚未实现。 sellthrough {name} is not built yet.", UNAVAILABLE)

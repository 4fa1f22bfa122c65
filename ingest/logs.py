"""Structured logs with an allow-list of fields: what is not on it is dropped, so nobody's words or secrets slip in."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, Final

import structlog

FIELDS: Final = frozenset(
    {
        "event",
        "level",
        "timestamp",
        "logger",
        "sale_id",
        "connection_id",
        "adapter",
        "platform",
        "door",
        "kind",
        "ref",
        "state",
        "where",
        "error",
        "problem",
        "frames",
        "events",
        "retry_in_ms",
    }
)


def configure_logs(*, as_json: bool) -> None:
    """Send all logs of the process to stderr, as JSON lines or for people. To be called once, by the command line."""
    final: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _only_allowed,
            final,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")


def frames_of(error: BaseException) -> str:
    """Return where an error came from: types and places, but no messages and no values, which may hold anything."""
    lines: list[str] = []
    seen: BaseException | None = error
    while seen is not None:
        lines += [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(seen.__traceback__)]
        lines.append(type(seen).__name__)
        seen = seen.__cause__ or seen.__context__
    return "\n".join(lines)


def _only_allowed(_logger: object, _method: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {name: value for name, value in fields.items() if name in FIELDS}

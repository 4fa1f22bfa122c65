"""Comment traces, corrections and intake problems in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Row, func, select, update

from ingest.domain import CommentTrace, IntakeProblem, TraceLine
from ingest.ledger.tables import comment_corrections, comment_traces, intake_problems
from ingest.ledger.writes import Database, insert_once

GOT_SOMETHING: Final = ("reserved", "partial", "presold", "waitlisted", "applied")
"""Outcomes of comments after which their writer holds, or waits for, what they named."""

_lines = msgspec.json.Decoder(tuple[TraceLine, ...])


class KeptCorrection(msgspec.Struct, frozen=True, kw_only=True):
    """A correction that was carried out: of which comment, what was wanted, and what came of it."""

    event_id: str
    claim_id: str
    intent: str
    lines: tuple[TraceLine, ...]
    outcome: str


class CommentLedger:
    """What came in, how it was read, and what could not be booked."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(
        self, traces: Sequence[tuple[str, CommentTrace]], problems: Sequence[tuple[str, IntakeProblem]]
    ) -> None:
        """Write traces and problems, each with its sale's id, in one transaction. What is there already stays."""
        traced = insert_once(self._database.dialect, comment_traces, ["sale_id", "event_id"])
        flagged = insert_once(self._database.dialect, intake_problems, ["sale_id", "kind", "ref"])
        async with self._database.writing() as connection:
            if traces:
                await connection.execute(traced, [_trace_row(sale_id, trace) for sale_id, trace in traces])
            if problems:
                rows = [{"sale_id": sale_id, **msgspec.structs.asdict(problem)} for sale_id, problem in problems]
                await connection.execute(flagged, rows)

    async def newest(self, sale_id: str, rows_max: int) -> list[CommentTrace]:
        """Read the newest traces, oldest first."""
        traces = comment_traces
        query = select(traces).where(traces.c.sale_id == sale_id).order_by(traces.c.seq.desc()).limit(rows_max)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        return [_trace(row) for row in reversed(rows)]

    async def after(self, sale_id: str, seq: int, rows_max: int) -> list[CommentTrace]:
        """Read traces stored after `seq`, oldest first."""
        traces = comment_traces
        query = (
            select(traces).where(traces.c.sale_id == sale_id, traces.c.seq > seq).order_by(traces.c.seq).limit(rows_max)
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        return [_trace(row) for row in rows]

    async def trace(self, sale_id: str, event_id: str) -> CommentTrace | None:
        """Read one comment's trace."""
        traces = comment_traces
        query = select(traces).where(traces.c.sale_id == sale_id, traces.c.event_id == event_id)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _trace(row)

    async def newest_seen_ms(self, sale_id: str, platform: str, room_id: str) -> int:
        """Return the platform time of a room's newest comment; 0 if there is none."""
        traces = comment_traces
        query = select(func.max(traces.c.occurred_at_ms)).where(
            traces.c.sale_id == sale_id, traces.c.platform == platform, traces.c.room_id == room_id
        )
        async with self._database.reading() as connection:
            return (await connection.execute(query)).scalar_one() or 0

    async def ordered_skus(self, sale_id: str, buyer_id: str) -> list[str]:
        """Return the skus that a buyer's newest comments (100 at most) have ordered, each once."""
        traces = comment_traces
        query = (
            select(traces.c.lines_json)
            .where(traces.c.sale_id == sale_id, traces.c.buyer_id == buyer_id, traces.c.outcome.in_(GOT_SOMETHING))
            .order_by(traces.c.seq.desc())
            .limit(100)
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).scalars().all()
        return list(dict.fromkeys(line.sku for text in rows for line in _lines.decode(text)))

    async def corrections(self, sale_id: str, event_id: str) -> list[str]:
        """Read the claim ids that corrections of a comment made, oldest first."""
        table = comment_corrections
        query = (
            select(table.c.claim_id)
            .where(table.c.sale_id == sale_id, table.c.event_id == event_id)
            .order_by(table.c.at_ms, table.c.correction_id)
        )
        async with self._database.reading() as connection:
            return list((await connection.execute(query)).scalars())

    async def correction(self, sale_id: str, correction_id: str) -> KeptCorrection | None:
        """Read a correction by its id; None if none of that id was carried out."""
        table = comment_corrections
        query = select(table).where(table.c.sale_id == sale_id, table.c.correction_id == correction_id)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        return KeptCorrection(
            event_id=row.event_id,
            claim_id=row.claim_id,
            intent=row.intent,
            lines=_lines.decode(row.lines_json),
            outcome=row.outcome,
        )

    async def correct(self, sale_id: str, correction_id: str, values: Mapping[str, object]) -> None:
        """Record a correction (once by its id) and mark the comment's trace with what it means now."""
        statement = insert_once(self._database.dialect, comment_corrections, ["sale_id", "correction_id"])
        traces = comment_traces
        async with self._database.writing() as connection:
            await connection.execute(statement.values(sale_id=sale_id, correction_id=correction_id, **values))
            await connection.execute(
                update(traces)
                .where(traces.c.sale_id == sale_id, traces.c.event_id == values["event_id"])
                .values(
                    corrected=True,
                    intent=values["intent"],
                    lines_json=values["lines_json"],
                    outcome=values["outcome"],
                )
            )

    async def problems(self, sale_id: str, seq: int, rows_max: int) -> list[tuple[int, IntakeProblem]]:
        """Read intake problems stored after `seq`, oldest first, each with its seq."""
        table = intake_problems
        query = select(table).where(table.c.sale_id == sale_id, table.c.seq > seq).order_by(table.c.seq).limit(rows_max)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        return [
            (
                row.seq,
                IntakeProblem(kind=row.kind, ref=row.ref, platform=row.platform, detail=row.detail, at_ms=row.at_ms),
            )
            for row in rows
        ]


def _trace_row(sale_id: str, trace: CommentTrace) -> dict[str, object]:
    row: dict[str, object] = msgspec.structs.asdict(trace)
    del row["seq"], row["lines"]
    row["sale_id"] = sale_id
    row["lines_json"] = msgspec.json.encode(trace.lines).decode()
    return row


def _trace(row: Row[Any]) -> CommentTrace:
    return CommentTrace(
        event_id=row.event_id,
        platform=row.platform,
        room_id=row.room_id,
        buyer_id=row.buyer_id,
        nickname_masked=row.nickname_masked,
        normalised=row.normalised,
        intent=row.intent,
        rule=row.rule,
        reason=row.reason,
        reason_en=row.reason_en,
        lines=_lines.decode(row.lines_json),
        outcome=row.outcome,
        occurred_at_ms=row.occurred_at_ms,
        received_at_ms=row.received_at_ms,
        corrected=row.corrected,
        seq=row.seq,
    )

"""Comments and how each was read; corrections; and what came in but could not be booked."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Response

from ingest.answers import answer_json
from ingest.corrections import Correction
from ingest.domain import CommentTrace, Token, TraceLine
from ingest.routes.contract import HOSTS, SaleIdPath, allowed, answers, body_of, takes, to_response
from ingest.service import Service
from ingest.wire import CorrectIn

ROWS_MAX = 500
RowsMax = Annotated[int, Query(ge=1, le=ROWS_MAX, description="At most this many.")]
Since = Annotated[str, Query(pattern="^[0-9]{0,18}$", description="The `next` of the page before; empty: the newest.")]


class CommentView(msgspec.Struct, frozen=True, kw_only=True):
    """One comment: personal data masked, how it was read by which rule and why, and what came of it."""

    event_id: str
    platform: str
    nickname_masked: str
    normalised: str
    intent: str
    rule: str
    reason: str
    reason_en: str
    lines: tuple[TraceLine, ...]
    outcome: str
    corrected: bool
    occurred_at_ms: int


class CommentPage(msgspec.Struct, frozen=True, kw_only=True):
    """Comments, oldest first. `next` is the cursor for what comes after them."""

    comments: tuple[CommentView, ...]
    next: str


class ProblemView(msgspec.Struct, frozen=True, kw_only=True):
    """Something that could not be booked as it came. `ref` names the fact, order or event."""

    kind: str
    ref: str
    platform: str
    detail: str
    at_ms: int


class ProblemPage(msgspec.Struct, frozen=True, kw_only=True):
    """Intake problems, oldest first. `next` is the cursor for what comes after them."""

    problems: tuple[ProblemView, ...]
    next: str


def comment_routes(service: Service) -> APIRouter:
    """Return the routes of comments and intake problems."""
    router = APIRouter(tags=["comments"])
    host = Depends(allowed(service.tokens, HOSTS))
    comments = service.own_ledger.comments

    @router.get("/v1/sales/{sale_id}/comments", responses=answers({200: CommentPage}, 404), dependencies=[host])
    async def list_comments(sale_id: SaleIdPath, since: Since = "", rows_max: RowsMax = 100) -> Response:
        """Page through comments and how each was read. Without `since`, the newest ones."""
        await service.sales.tally(sale_id)
        if since:
            traces = await comments.after(sale_id, int(since), rows_max)
        else:
            traces = await comments.newest(sale_id, rows_max)
        last = str(traces[-1].seq) if traces else since or "0"
        return to_response(answer_json(CommentPage(comments=tuple(map(_view, traces)), next=last)))

    @router.post(
        "/v1/sales/{sale_id}/comments/{event_id:path}/correct",
        responses=answers({200: Correction}, 404, 409),
        openapi_extra=takes(CorrectIn),
        dependencies=[host],
    )
    async def correct_comment(
        sale_id: SaleIdPath,
        event_id: Annotated[str, Path(description="The comment, by its `event_id`.")],
        wanted: Annotated[CorrectIn, body_of(CorrectIn)],
        token: Token = host,
    ) -> Response:
        """Say what a comment meant: what was made of it is taken back, and its lines are claimed for its buyer."""
        service.intake.require_open()
        return to_response(answer_json(await service.corrections.correct(sale_id, event_id, wanted, token.token_id)))

    @router.get("/v1/sales/{sale_id}/problems", responses=answers({200: ProblemPage}, 404), dependencies=[host])
    async def list_problems(sale_id: SaleIdPath, since: Since = "", rows_max: RowsMax = 100) -> Response:
        """Page through what came in and could not be booked: unknown skus, orders nobody could complete, gaps."""
        await service.sales.tally(sale_id)
        rows = await comments.problems(sale_id, int(since or 0), rows_max)
        views = tuple(
            ProblemView(kind=row.kind, ref=row.ref, platform=row.platform, detail=row.detail, at_ms=row.at_ms)
            for _, row in rows
        )
        last = str(rows[-1][0]) if rows else since or "0"
        return to_response(answer_json(ProblemPage(problems=views, next=last)))

    return router


def _view(trace: CommentTrace) -> CommentView:
    return CommentView(
        event_id=trace.event_id,
        platform=trace.platform,
        nickname_masked=trace.nickname_masked,
        normalised=trace.normalised,
        intent=trace.intent,
        rule=trace.rule,
        reason=trace.reason,
        reason_en=trace.reason_en,
        lines=trace.lines,
        outcome=trace.outcome,
        corrected=trace.corrected,
        occurred_at_ms=trace.occurred_at_ms,
    )

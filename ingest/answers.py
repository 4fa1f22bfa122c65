"""The engine's outcomes as HTTP answers: the one place that knows which outcome is which status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from flashsale.domain import LineResult, OpResult, Outcome
from ingest.problems import PROBLEM_TYPE, Problem

JSON_TYPE: Final = "application/json"
NDJSON_TYPE: Final = "application/x-ndjson"
XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class DoorAnswer(msgspec.Struct, frozen=True):
    """An HTTP answer, ready to send. `headers` stand beside content-type and content-length."""

    status: int
    body: bytes
    content_type: str = JSON_TYPE
    headers: Mapping[str, str] = {}
    outcome: str = ""


class LineAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one line: `packs` granted, each at `unit_price_minor`."""

    sku: str
    packs: int
    outcome: Outcome
    unit_price_minor: int = 0


class ClaimAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a claim, or to what was asked about one.

    `expires_at_ms` is 0 where nothing is held. `rev` is the place in the log that says it, empty for a refusal.
    """

    claim_id: str
    outcome: Outcome
    replayed: bool
    amount_minor: int = 0
    expires_at_ms: int = 0
    rev: str = ""
    lines: tuple[LineAnswer, ...] = ()
    detail: str = ""


class OpAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to any other operation, named by the id its sender made."""

    id: str
    outcome: Outcome
    replayed: bool
    amount_minor: int = 0
    rev: str = ""
    lines: tuple[LineAnswer, ...] = ()
    detail: str = ""


_encode = msgspec.json.Encoder().encode

_REFUSALS = frozenset(
    {
        Outcome.SOLD_OUT,
        Outcome.LIMIT_REACHED,
        Outcome.NOT_ON_SALE,
        Outcome.CONFLICT,
        Outcome.EXPIRED,
        Outcome.BLOCKED,
        Outcome.FROZEN,
        Outcome.IGNORED,
    }
)
_MADE = frozenset({Outcome.RESERVED, Outcome.PARTIAL, Outcome.PRESOLD, Outcome.WAITLISTED, Outcome.RECORDED})


def status_of(result: OpResult) -> int:
    """Return the HTTP status of an engine's answer.

    201 where something new was made, 200 where it was there already or changed, 409 refused by state, 422 malformed,
    404 unknown, 503 shed.
    """
    outcome = result.outcome
    if outcome in _REFUSALS:
        return 409
    if outcome is Outcome.OVERLOADED:
        return 503
    if outcome is Outcome.INVALID:
        return 422
    if outcome is Outcome.UNKNOWN:
        return 404
    return 201 if outcome in _MADE and not result.replayed else 200


def claim_answer(result: OpResult) -> ClaimAnswer:
    """Put an engine's answer about a claim into the words of the wire."""
    return ClaimAnswer(
        claim_id=result.id,
        outcome=result.outcome,
        replayed=result.replayed,
        amount_minor=result.amount_minor,
        expires_at_ms=result.expires_at_ms,
        rev=result.rev,
        lines=tuple(map(line_answer, result.lines)),
        detail=result.detail,
    )


def line_answer(line: LineResult) -> LineAnswer:
    """Put one line's result into the words of the wire."""
    return LineAnswer(sku=line.sku, packs=line.packs, outcome=line.outcome, unit_price_minor=line.unit_price_minor)


def op_answer(result: OpResult) -> OpAnswer:
    """Put an engine's answer to an operation into the words of the wire."""
    return OpAnswer(
        id=result.id,
        outcome=result.outcome,
        replayed=result.replayed,
        amount_minor=result.amount_minor,
        rev=result.rev,
        lines=tuple(map(line_answer, result.lines)),
        detail=result.detail,
    )


def problem_of(result: OpResult, unknown: str = "unknown-thing") -> Problem | None:
    """Return the problem that an answer is, or None: outcomes of the sale itself (sold out, …) are not problems.

    `unknown` is the kind of problem where the engine does not know what the operation named.
    """
    if result.outcome is Outcome.OVERLOADED:
        return Problem("overloaded", outcome="overloaded", id=result.id)
    if result.outcome is Outcome.INVALID:
        return Problem(
            "malformed",
            f"内容不符合规则（{result.detail}），未做任何更改。",
            f"Not acceptable ({result.detail}); nothing was changed.",
            outcome="invalid",
            id=result.id,
        )
    if result.outcome is Outcome.UNKNOWN:
        return Problem("unknown-sale" if is_unknown_sale(result) else unknown, outcome="unknown", id=result.id)
    return None


def is_unknown_sale(result: OpResult) -> bool:
    """Tell whether the engine answered that it has no such sale."""
    return result.outcome is Outcome.UNKNOWN and result.detail == "sale"


def answer_claim(result: OpResult) -> DoorAnswer:
    """Make the HTTP answer to a claim."""
    problem = problem_of(result, "unknown-claim")
    if problem is not None:
        return answer_problem(problem)
    return DoorAnswer(status_of(result), _encode(claim_answer(result)), outcome=result.outcome.value)


def answer_change(result: OpResult, wanted: Outcome) -> DoorAnswer:
    """Make the HTTP answer to a change of a claim: 200 where it came to what was wanted, 409 where it ended otherwise."""
    problem = problem_of(result, "unknown-claim")
    if problem is not None:
        return answer_problem(problem)
    status = 200 if result.outcome is wanted else 409
    return DoorAnswer(status, _encode(claim_answer(result)), outcome=result.outcome.value)


def answer_op(result: OpResult) -> DoorAnswer:
    """Make the HTTP answer to any other operation."""
    problem = problem_of(result)
    if problem is not None:
        return answer_problem(problem)
    return DoorAnswer(status_of(result), _encode(op_answer(result)), outcome=result.outcome.value)


def answer_problem(problem: Problem) -> DoorAnswer:
    """Make the HTTP answer out of a problem."""
    return DoorAnswer(
        problem.status, problem.body(), PROBLEM_TYPE, problem.headers(), problem.outcome or problem.kind.slug
    )


def answer_json(value: object, status: int = 200) -> DoorAnswer:
    """Answer with a value as JSON."""
    return DoorAnswer(status, _encode(value), outcome="ok")

"""The claims door without its HTTP: what a token and a body are answered. Both ways in (raw ASGI, FastAPI) end here."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from flashsale.domain import BATCH_OPS_MAX, Claim, OpResult, Outcome, SaleId
from flashsale.service import Engine
from ingest.answers import (
    JSON_TYPE,
    NDJSON_TYPE,
    ClaimAnswer,
    DoorAnswer,
    answer_claim,
    answer_problem,
    claim_answer,
    is_unknown_sale,
)
from ingest.auth import SELLERS, Tokens
from ingest.bodies import decoded, malformed
from ingest.intake import Intake
from ingest.problems import Problem
from ingest.trouble import Troubles
from ingest.wire import ClaimIn

_claim = msgspec.json.Decoder(ClaimIn)
_claims_raw = msgspec.json.Decoder(list[msgspec.Raw])
_encoder = msgspec.json.Encoder()


class ClaimsDoor:
    """Answers claims, one or many. Never raises for anything that a sender did."""

    def __init__(self, engine: Engine, tokens: Tokens, intake: Intake, troubles: Troubles) -> None:
        self._engine = engine
        self._tokens = tokens
        self._intake = intake
        self._troubles = troubles

    async def one(self, sale_id: str, secret: str, body: bytes) -> DoorAnswer:
        """Answer one claim."""
        try:
            self._tokens.allow(secret, sale_id, SELLERS)
            self._intake.require_open(ledger=False)
            claim = decoded(_claim, body)
            return answer_claim(await self._engine.apply(SaleId(sale_id), claim.op()))
        except Problem as problem:
            return answer_problem(problem)
        except self._troubles.kinds as error:
            return answer_problem(self._troubles.noted(error))

    async def many(self, sale_id: str, secret: str, body: bytes, content_type: str) -> DoorAnswer:
        """Answer an array or lines of claims, in their order; each bad one is answered alone, as `invalid`."""
        try:
            self._tokens.allow(secret, sale_id, SELLERS)
            self._intake.require_open(ledger=False)
            lined = content_type.partition(";")[0].strip().lower() == NDJSON_TYPE
            answers = await self._decide(sale_id, _split(body, lined=lined))
        except Problem as problem:
            return answer_problem(problem)
        except self._troubles.kinds as error:
            return answer_problem(self._troubles.noted(error))
        if lined:
            return DoorAnswer(200, _encoder.encode_lines(answers), NDJSON_TYPE, outcome="batch")
        return DoorAnswer(200, _encoder.encode(answers), JSON_TYPE, outcome="batch")

    async def _decide(self, sale_id: str, items: Sequence[bytes | msgspec.Raw]) -> list[ClaimAnswer]:
        read = [_read(item) for item in items]
        claims = [claim for claim in read if isinstance(claim, Claim)]
        decided = iter(await self._engine.apply_all(SaleId(sale_id), claims) if claims else ())
        answers: list[ClaimAnswer] = []
        for item in read:
            if isinstance(item, ClaimAnswer):
                answers.append(item)
                continue
            result = next(decided)
            _raise_for_all(result)
            answers.append(claim_answer(result))
        return answers


def _split(body: bytes, *, lined: bool) -> Sequence[bytes | msgspec.Raw]:
    if lined:
        items: list[bytes] | list[msgspec.Raw] = [line for line in body.split(b"\n") if line.strip()]
    else:
        items = decoded(_claims_raw, body)
    if not 1 <= len(items) <= BATCH_OPS_MAX:
        raise Problem(
            "malformed",
            f"一批须有 1 到 {BATCH_OPS_MAX} 条，收到 {len(items)} 条，未做任何更改。",
            f"A batch holds 1 to {BATCH_OPS_MAX} claims, this one {len(items)}; nothing was changed.",
        )
    return items


def _read(item: bytes | msgspec.Raw) -> Claim | ClaimAnswer:
    try:
        return _claim.decode(item).op()
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        return ClaimAnswer(claim_id="", outcome=Outcome.INVALID, replayed=False, detail=malformed(error).errors[0])


def _raise_for_all(result: OpResult) -> None:
    # These two are true of the whole batch, since it was decided in one call.
    if result.outcome is Outcome.OVERLOADED:
        raise Problem("overloaded", outcome="overloaded")
    if is_unknown_sale(result):
        raise Problem("unknown-sale", outcome="unknown")

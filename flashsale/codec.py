"""Between the engine's words and its wire: operations to MessagePack, replies and log entries back to values.

The function library reads and writes plain MessagePack without the later `bin` type, so bytes travel as strings. A request
goes as its own bytes inside the operation: equal bytes are the same content, and that is the claim's fingerprint.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any, cast

import msgspec

from flashsale.domain import (
    PACKS_MAX,
    AdjustPool,
    Amend,
    Block,
    BuyerId,
    Cancel,
    Claim,
    ClaimId,
    ClaimView,
    CloseDraw,
    Confirm,
    EnterDraw,
    Extend,
    Fact,
    Line,
    LineResult,
    Observe,
    Op,
    OpenDraw,
    OpResult,
    Outcome,
    Rev,
    SetOffer,
    SetPool,
    SetSale,
    SetSaleState,
    SettleDraw,
    Sku,
)
from flashsale.events import AnyEvent, Claimed, Granted, LogEntry

OUTCOMES = (
    None,
    Outcome.RESERVED,
    Outcome.PARTIAL,
    Outcome.PRESOLD,
    Outcome.WAITLISTED,
    Outcome.SOLD_OUT,
    Outcome.LIMIT_REACHED,
    Outcome.NOT_ON_SALE,
    Outcome.BLOCKED,
    Outcome.CONFLICT,
    Outcome.EXPIRED,
    Outcome.CONFIRMED,
    Outcome.CANCELLED,
    Outcome.EXTENDED,
    Outcome.RECORDED,
    Outcome.APPLIED,
    Outcome.IGNORED,
    Outcome.FROZEN,
    Outcome.UNKNOWN,
    Outcome.INVALID,
)
"""Outcome by its number on the wire; the same list stands in lua/include/codes.lua."""

STATUSES = (
    "",
    "held",
    "presale_held",
    "waitlisted",
    "confirmed",
    "presale_order",
    "cancelled",
    "expired",
    "recorded",
    "reversed",
    "amended",
    "refund_due",
    "adjusted",
)

_encode = msgspec.msgpack.Encoder().encode
_decode: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(strict=False)


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A decided batch: when by the store's clock, and whether more holds are due than one call may end."""

    now_ms: int
    more_due: bool
    results: list[OpResult]


def pack_string(content: bytes) -> bytes:
    """Wrap bytes as a MessagePack string, whatever they are."""
    size = len(content)
    if size < 32:
        return bytes((0xA0 | size,)) + content
    if size < 256:
        return bytes((0xD9, size)) + content
    if size < 65536:
        return b"\xda" + size.to_bytes(2, "big") + content
    return b"\xdb" + size.to_bytes(4, "big") + content


def _flat(lines: Sequence[Line]) -> list[str | int]:
    flat: list[str | int] = []
    for line in lines:
        flat.append(line.sku)
        flat.append(line.packs)
    return flat


def _request(code: int, id: str, body: list[str | int], *rest: int) -> bytes:
    """An operation whose request is its own fingerprint: code, id, the request's bytes, then the request's fields again."""
    packed = _encode(body)
    fields = packed[1:] if len(body) < 16 else packed[3:]
    size = 3 + len(rest) + len(body)
    head = bytes((0x90 | size, code)) if size < 16 else b"\xdc" + size.to_bytes(2, "big") + bytes((code,))
    return head + pack_string(id.encode()) + pack_string(packed) + bytes(rest) + fields


INVALID_OP = b"\x91\x00"
"""An operation that every library refuses as invalid: stands for one that cannot be put into bytes."""
IN_COLUMN = b""
"""Stands for a plain claim, which `encode_batch` puts into a column with its neighbours."""


def encode_ops(ops: Sequence[Op]) -> list[bytes]:
    """Encode operations; what has no wire form (an integer beyond 64 bits, half a surrogate pair) goes as INVALID_OP."""
    encoded = []
    for op in ops:
        try:
            encoded.append(IN_COLUMN if column_of(op) else encode_op(op))
        except (OverflowError, UnicodeEncodeError, TypeError, ValueError, AttributeError):
            encoded.append(INVALID_OP)
    return encoded


def column_of(op: Op) -> tuple[str, str] | None:
    """The sku and channel of a plain claim (one line, all or nothing, no waitlist), None for any other operation.

    Plain claims of one column that stand side by side travel and are decided together.
    """
    if type(op) is not Claim or len(op.lines) != 1 or op.partial or op.waitlist:
        return None
    sku, packs = op.lines[0].sku, op.lines[0].packs
    whole = type(packs) is int and 0 < packs <= PACKS_MAX
    if whole and op.claim_id.isascii() and op.buyer_id.isascii() and sku.isascii() and op.channel.isascii():
        return sku, op.channel
    return None


def encode_op(op: Op) -> bytes:  # noqa: PLR0912 - one arm for each operation, each straight
    """Encode one operation as the array that `st_decide` expects."""
    match op:
        case Claim():
            flags = (1 if op.partial else 0) | (2 if op.waitlist else 0)
            return _request(1, op.claim_id, [op.buyer_id, op.channel, flags, *_flat(op.lines)])
        case Amend():
            flags = 2 if op.waitlist else 0
            return _request(2, op.claim_id, [op.buyer_id, op.channel, flags, op.kind, *_flat(op.lines)])
        case Confirm():
            return _encode([3, op.claim_id, _flat(op.lines), int(op.reclaim)])
        case Cancel():
            return _encode([4, op.claim_id, op.reason, int(op.order)])
        case Extend():
            return _encode([5, op.claim_id, op.expires_at_ms])
        case Fact():
            amount = -1 if op.amount_minor is None else op.amount_minor
            return _request(6, op.fact_id, [op.buyer_id, op.channel, amount, *_flat(op.lines)], int(op.reverses))
        case AdjustPool():
            return _encode([7, op.adjust_id, op.pool_id, op.delta_units, op.reason])
        case SetPool():
            return _encode([8, op.pool_id, _spec(op, "pool_id")])
        case SetOffer():
            return _encode([9, op.sku, _spec(op, "sku")])
        case SetSale():
            return _encode([10, {k: v for k, v in msgspec.structs.asdict(op).items() if v is not None}])
        case SetSaleState():
            return _encode([11, op.state])
        case Block():
            return _encode([12, op.buyer_id, int(op.blocked)])
        case Observe():
            counts = (op.comments, op.likes, op.gifts, op.follows, op.enters, op.viewers)
            return _encode([13, op.event_id, op.channel, *counts, op.demand])
        case OpenDraw():
            return _encode([14, op.draw_id, op.prize, op.winners_max, op.seed_hash, op.condition, op.word])
        case EnterDraw():
            return _encode([15, op.draw_id, op.buyer_id])
        case CloseDraw():
            return _encode([16, op.draw_id])
        case SettleDraw():
            return _encode([17, op.draw_id, op.seed, op.winners])


def _spec(op: SetPool | SetOffer, id_field: str) -> dict[str, object]:
    spec = msgspec.structs.asdict(op)
    del spec[id_field]
    return spec


def op_id(op: Op) -> str:
    """The id by which the answer names the operation."""
    match op:
        case Claim() | Amend() | Confirm() | Cancel() | Extend():
            return op.claim_id
        case Fact():
            return op.fact_id
        case AdjustPool():
            return op.adjust_id
        case SetPool():
            return op.pool_id
        case SetOffer():
            return op.sku
        case Observe():
            return op.event_id
        case Block():
            return op.buyer_id
        case OpenDraw() | EnterDraw() | CloseDraw() | SettleDraw():
            return op.draw_id
        case _:
            return ""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch as it travels. `columns` has for each operation on the wire how many claims it carries, 0 for one alone."""

    packed: bytes
    columns: list[int]


def encode_batch(encoded_ops: Sequence[bytes], ops: Sequence[Op]) -> Batch:
    """Join encoded operations to the one argument of the call; plain claims side by side become columns."""
    wire: list[bytes] = []
    columns: list[int] = []
    at, count = 0, len(ops)
    while at < count:
        if encoded_ops[at] != IN_COLUMN:
            wire.append(encoded_ops[at])
            columns.append(0)
            at += 1
            continue
        column, start = column_of(ops[at]), at
        while at < count and encoded_ops[at] == IN_COLUMN and column_of(ops[at]) == column:
            at += 1
        claims = cast("Sequence[Claim]", ops[start:at])
        ids, buyers = [claim.claim_id for claim in claims], [claim.buyer_id for claim in claims]
        wire.append(_encode([18, *(column or ()), ids, buyers, [claim.lines[0].packs for claim in claims]]))
        columns.append(len(claims))
    return Batch(packed=b"\xdd" + len(wire).to_bytes(4, "big") + b"".join(wire), columns=columns)


def decode_reply(raw: bytes, batch: Batch, ops: Sequence[Op]) -> Reply:
    """Decode what `st_decide` answered to `batch`, which was made of `ops`."""
    rev, now_ms, more_due, expires_at_ms, answers = _decode.decode(raw)
    flat: list[Any] = []
    for size, answer in zip(batch.columns, answers, strict=True):
        if size:
            flat.extend(answer)
        else:
            flat.append(answer)
    results = [
        _plain_result(cast("Claim", op), answer, rev, expires_at_ms) if isinstance(answer, int) else _result(op, answer)
        for op, answer in zip(ops, flat, strict=True)
    ]
    return Reply(now_ms=now_ms, more_due=bool(more_due), results=results)


def _plain_result(claim: Claim, answer: int, rev: str, expires_at_ms: int) -> OpResult:
    """A plain claim answered by one number: minus the unit price where it is reserved, else the refusal's code."""
    line = claim.lines[0]
    if answer > 0:
        outcome = OUTCOMES[answer] or Outcome.INVALID
        return OpResult(id=claim.claim_id, outcome=outcome, lines=(LineResult(line.sku, 0, outcome),))
    return OpResult(
        id=claim.claim_id,
        outcome=Outcome.RESERVED,
        amount_minor=-answer * line.packs,
        expires_at_ms=expires_at_ms,
        rev=Rev(rev),
        lines=(LineResult(line.sku, line.packs, Outcome.RESERVED, -answer),),
    )


def _result(op: Op, answer: list[Any]) -> OpResult:
    code, replayed, amount, expires, rev, lines, detail = answer
    return OpResult(
        id=op_id(op),
        outcome=OUTCOMES[code] or Outcome.INVALID,
        replayed=replayed == 1,
        amount_minor=amount,
        expires_at_ms=expires,
        rev=Rev(rev),
        lines=_lines(lines) if lines else (),
        detail=detail,
    )


def _lines(flat: list[Any]) -> tuple[LineResult, ...]:
    return tuple(
        LineResult(Sku(flat[i]), flat[i + 1], OUTCOMES[flat[i + 2]] or Outcome.INVALID, flat[i + 3])
        for i in range(0, len(flat), 4)
    )


class _ClaimGroup(msgspec.Struct, frozen=True, array_like=True, tag="claims"):
    """Plain claims of one offer at one price from one channel, as the log keeps them: `claims` is id, buyer, packs, …"""

    sku: str
    pool_id: str
    units_per_pack: int
    unit_price_minor: int
    channel: str
    expires_at_ms: int
    claims: list[Any]

    def events(self) -> Iterator[Claimed]:
        """The claims one by one, as readers see them."""
        for i in range(0, len(self.claims), 3):
            claim_id, buyer_id, packs = self.claims[i : i + 3]
            amount = packs * self.unit_price_minor
            units = packs * self.units_per_pack
            yield Claimed(
                claim_id=claim_id,
                outcome="reserved",
                buyer_id=buyer_id,
                channel=self.channel,
                granted=(Granted(self.sku, packs, self.unit_price_minor, self.pool_id, units, False, amount),),
                amount_minor=amount,
                expires_at_ms=self.expires_at_ms,
            )


_decode_events = msgspec.msgpack.Decoder(tuple[AnyEvent | _ClaimGroup, ...]).decode


def decode_log_entry(rev: bytes, fields: dict[bytes, bytes]) -> LogEntry:
    """Decode one entry of a sale's log stream."""
    events: list[AnyEvent] = []
    for event in _decode_events(fields[b"e"]):
        if isinstance(event, _ClaimGroup):
            events.extend(event.events())
        else:
            events.append(event)
    return LogEntry(rev=Rev(rev.decode()), at_ms=int(fields[b"t"]), events=tuple(events))


class _Record(msgspec.Struct, array_like=True):
    """A record of the claims hash; lua/include/records.lua gives its layout."""

    state: int
    body: msgspec.Raw
    outcome: int
    amount_minor: int
    expires_at_ms: int
    granted: list[int]
    previous: str | bool
    rev: str
    now: tuple[int, int, list[int]] | bool = False
    ending: list[Any] | bool = False
    place: int | bool = False
    line_outcomes: list[Any] | bool = False
    detail: str = ""


_HAS_LINES = frozenset(("held", "presale_held", "waitlisted", "confirmed", "presale_order", "recorded"))
_LINES_NOW = {"waitlisted": Outcome.WAITLISTED, "recorded": Outcome.RECORDED}
_decode_general_record = msgspec.msgpack.Decoder(_Record).decode
_PLAIN_BYTE = 193
_PLAIN = struct.Struct(">BHHIddIB")


def _decode_record(raw: bytes, skus: Sequence[str]) -> _Record:
    """Decode either form of a record; lua/include/plain.lua gives the short one."""
    if raw[0] != _PLAIN_BYTE:
        return _decode_general_record(raw)
    _, idx, packs, price, expires, rev_ms, rev_seq, size = _PLAIN.unpack_from(raw)
    channel = raw[_PLAIN.size : _PLAIN.size + size].decode()
    request = _encode([raw[_PLAIN.size + size :].decode(), channel, 0, skus[idx - 1], packs])
    return _Record(
        state=1,
        body=msgspec.Raw(pack_string(request)),
        outcome=1,
        amount_minor=packs * price,
        expires_at_ms=int(expires),
        granted=[idx, packs, price, 0],
        previous=False,
        rev=f"{int(rev_ms)}-{rev_seq}",
    )


def unpack_string(packed: bytes) -> bytes:
    """Undo `pack_string`."""
    head = packed[0]
    if head < 0xC0:
        return packed[1:]
    return packed[{0xD9: 2, 0xDA: 3, 0xDB: 5}[head] :]


def decode_claim(claim_id: ClaimId, raw: bytes, skus: Sequence[str]) -> ClaimView:
    """Decode a claim or fact as it stands. `skus` are the sale's offers in the order of their index, from 1."""
    record = _decode_record(raw, skus)
    outcome = OUTCOMES[record.outcome] or Outcome.INVALID
    amount, expires, granted = record.amount_minor, record.expires_at_ms, record.granted
    first = OpResult(
        id=claim_id,
        outcome=outcome,
        amount_minor=amount,
        expires_at_ms=expires,
        rev=Rev(record.rev),
        lines=_lines(record.line_outcomes)
        if isinstance(record.line_outcomes, list)
        else _granted_lines(granted, skus, outcome),
        detail=record.detail,
    )
    status = STATUSES[record.state]
    if isinstance(record.now, tuple):
        amount, expires, granted = record.now
    buyer_id, channel, *_ = _decode.decode(unpack_string(bytes(record.body)))
    return ClaimView(
        claim_id=claim_id,
        status=status,
        buyer_id=BuyerId(buyer_id),
        channel=channel,
        lines=_granted_lines(granted, skus, _LINES_NOW.get(status)) if status in _HAS_LINES else (),
        amount_minor=amount,
        expires_at_ms=expires,
        first=first,
    )


def _granted_lines(granted: list[int], skus: Sequence[str], outcome: Outcome | None) -> tuple[LineResult, ...]:
    lines = []
    for i in range(0, len(granted), 4):
        idx, packs, price, presale = granted[i : i + 4]
        line_outcome = Outcome.PRESOLD if presale else Outcome.RESERVED
        if outcome in (Outcome.WAITLISTED, Outcome.RECORDED):
            line_outcome = outcome
        lines.append(LineResult(Sku(skus[idx - 1]), packs, line_outcome, price))
    return tuple(lines)


def decode_skus(raw: bytes | None) -> list[str]:
    """The sale's offers in the order of their index."""
    return cast("list[str]", _decode.decode(raw)) if raw else []

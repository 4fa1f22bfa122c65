"""Folding log events into ledger rows. Pure: what stood in the ledger goes in, what shall stand there comes out.

Every event says all that changed, so a row is loaded only to keep what an event does not mention. An event about a claim,
pool, offer or draw that nobody made means that entries are missing; `UnknownRowError` stops the fold before anything is
written.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

import msgspec

from flashsale import events
from flashsale.events import Granted, LogEntry

_ENDED_AS = {"cancelled": "cancelled", "replaced": "cancelled", "expired": "expired"}


class UnknownRowError(Exception):
    """An event speaks of something that the ledger has never heard of, or makes something a second time."""


class ClaimRow(msgspec.Struct, kw_only=True):
    """A row of `claims`, without the sale's id."""

    claim_id: str
    kind: str = "claim"
    status: str = ""
    buyer_id: str = ""
    channel: str = ""
    outcome: str = ""
    amount_minor: int = 0
    presale: bool = False
    late: bool = False
    oversold_units: int = 0
    expires_at_ms: int = 0
    claimed_at_ms: int = 0
    order_no: int | None = None
    ordered_at_ms: int = 0
    ended_at_ms: int = 0
    ended_how: str = ""
    ended_reason: str = ""
    replaces: str = ""
    refund_due_minor: int = 0
    refund_due_at_ms: int = 0


class LineRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `claim_lines`, without the sale's id."""

    claim_id: str
    line_no: int
    sku: str
    pool_id: str
    packs: int
    units: int
    unit_price_minor: int
    amount_minor: int
    presale: bool


class SaleRow(msgspec.Struct, kw_only=True):
    """A row of `sales`, without its id."""

    name: str = ""
    state: str = "draft"
    currency: str = "CNY"
    settings_json: str = "{}"
    created_at_ms: int = 0
    opened_at_ms: int = 0
    closed_at_ms: int = 0


class PoolRow(msgspec.Struct, kw_only=True):
    """A row of `pools`, without the sale's id."""

    pool_id: str
    position: int
    name: str = ""
    base_unit: str = ""
    initial_units: int = 0
    presale_units: int = 0
    presale_ships_at_ms: int = 0
    spec_json: str = "{}"


class OfferRow(msgspec.Struct, kw_only=True):
    """A row of `offers`, without the sale's id."""

    sku: str
    position: int
    pool_id: str = ""
    name: str = ""
    units_per_pack: int = 0
    price_minor: int = 0
    list_price_minor: int = 0
    limit_packs: int = 0
    spec_json: str = "{}"


class DrawRow(msgspec.Struct, kw_only=True):
    """A row of `draws`, without the sale's id."""

    draw_id: str
    position: int
    prize: str = ""
    winners_max: int = 0
    seed_hash: str = ""
    condition: str = "none"
    word: str = ""
    state: str = "open"
    seed: str = ""
    entrants: int = 0
    opened_at_ms: int = 0
    closed_at_ms: int = 0
    settled_at_ms: int = 0


class Observation(msgspec.Struct, kw_only=True):
    """What a channel showed within the folded entries; `viewers` is the newest figure, None where none was told."""

    comments: int = 0
    likes: int = 0
    gifts: int = 0
    follows: int = 0
    enters: int = 0
    duplicates: int = 0
    viewers: int | None = None


class Books(msgspec.Struct, kw_only=True):
    """The ledger's rows that some entries touch: loaded before the fold, written after it.

    `lines` holds only claims whose lines change. Counters (`observed`, `wished`, `refused`) are what to add.
    """

    orders_seen: int = 0
    sale: SaleRow
    pools: dict[str, PoolRow] = {}
    offers: dict[str, OfferRow] = {}
    draws: dict[str, DrawRow] = {}
    claims: dict[str, ClaimRow] = {}
    lines: dict[str, tuple[LineRow, ...]] = {}
    adjusted: list[dict[str, object]] = []
    observed: defaultdict[str, Observation] = msgspec.field(default_factory=lambda: defaultdict(Observation))
    wished: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    refused_claims: Counter[tuple[str, str, str, str]] = msgspec.field(default_factory=Counter)
    refused_packs: Counter[tuple[str, str, str, str]] = msgspec.field(default_factory=Counter)
    refused_units: Counter[tuple[str, str, str, str]] = msgspec.field(default_factory=Counter)
    blocked: dict[str, int | None] = {}
    entered: dict[tuple[str, str], int] = {}
    won: dict[tuple[str, str], int] = {}


def claim_ids(entries: Iterable[LogEntry]) -> set[str]:
    """Ids of all claims and facts that the entries speak of: the rows to load before folding them."""
    return {claim_id for entry in entries for event in entry.events if (claim_id := _claim_id(event))}


def reduced_claim_ids(entries: Iterable[LogEntry]) -> set[str]:
    """Ids of the claims that lose packs: the only ones whose lines have to be known to fold an event."""
    return {event.claim_id for entry in entries for event in entry.events if isinstance(event, events.Reduced)}


def touches_goods(entries: Iterable[LogEntry]) -> bool:
    """Whether the entries set the sale, a pool, an offer or a draw, so that those rows have to be stored again."""
    rare = (
        *(events.SaleSet, events.StateSet, events.PoolSet, events.OfferSet),
        *(events.DrawOpened, events.DrawClosed, events.DrawSettled),
    )
    return any(isinstance(event, rare) for entry in entries for event in entry.events)


def fold(entries: Iterable[LogEntry], books: Books) -> None:
    """Fold entries into `books`, in order. Raises UnknownRowError where one cannot follow from what stands there."""
    for entry in entries:
        for event in entry.events:
            _fold_event(event, entry.at_ms, books)


def _claim_id(event: events.AnyEvent) -> str:
    if isinstance(event, (events.FactRecorded, events.FactReversed)):
        return event.fact_id
    return getattr(event, "claim_id", "")


def _fold_event(event: events.AnyEvent, at_ms: int, books: Books) -> None:  # noqa: PLR0912  (one arm an event)
    match event:
        case events.Claimed():
            _fold_claimed(event, at_ms, books)
        case events.Confirmed():
            _fold_confirmed(event, at_ms, books)
        case events.Ended():
            _fold_ended(event, at_ms, books)
        case events.Extended():
            _claim(books, event.claim_id).expires_at_ms = event.expires_at_ms
        case events.Promoted():
            row = _claim(books, event.claim_id)
            row.status, row.amount_minor, row.expires_at_ms = "held", event.amount_minor, event.expires_at_ms
            books.lines[event.claim_id] = tuple(_lines(event.claim_id, event.granted))
        case events.Reduced():
            _claim(books, event.claim_id).amount_minor = event.left_minor
            books.lines[event.claim_id] = tuple(_lines_left(books.lines[event.claim_id], event.granted))
        case events.RefundDue():
            row = _claim(books, event.claim_id)
            row.status, row.refund_due_minor, row.refund_due_at_ms = "refund_due", event.amount_minor, at_ms
        case events.FactRecorded():
            _fold_fact(event, at_ms, books)
        case events.FactReversed():
            _fold_fact_reversed(event, at_ms, books)
        case events.Observed():
            _fold_observed(event, books)
        case events.Refused():
            key = (event.sku, event.pool_id, event.channel, event.outcome)
            books.refused_claims[key] += event.claims
            books.refused_packs[key] += event.packs
            offer = books.offers.get(event.sku)
            books.refused_units[key] += event.packs * offer.units_per_pack if offer else 0
        case events.Blocked():
            books.blocked[event.buyer_id] = at_ms if event.blocked else None
        case events.DrawEntered():
            books.entered[event.draw_id, event.buyer_id] = at_ms
        case _:
            _fold_rare_event(event, at_ms, books)


def _fold_rare_event(event: events.AnyEvent, at_ms: int, books: Books) -> None:
    match event:
        case events.PoolAdjusted():
            books.adjusted.append({**msgspec.structs.asdict(event), "at_ms": at_ms})
        case events.PoolSet():
            _fold_pool(event, books)
        case events.OfferSet():
            _fold_offer(event, books)
        case events.SaleSet():
            sale = books.sale
            sale.name = str(event.settings.get("name") or sale.name)
            sale.currency = str(event.settings.get("currency") or sale.currency)
            sale.settings_json = _json(event.settings)
            sale.created_at_ms = sale.created_at_ms or at_ms
        case events.StateSet():
            sale = books.sale
            sale.state = event.state
            if event.state == "open":
                sale.opened_at_ms = sale.opened_at_ms or at_ms
            elif event.state == "closed":
                sale.closed_at_ms = at_ms
        case events.DrawOpened():
            _refuse_second(event.draw_id in books.draws, "draw", event.draw_id)
            spec = {name: getattr(event, name) for name in ("prize", "winners_max", "seed_hash", "condition", "word")}
            books.draws[event.draw_id] = msgspec.convert(
                {**spec, "draw_id": event.draw_id, "position": len(books.draws), "opened_at_ms": at_ms}, DrawRow
            )
        case events.DrawClosed():
            draw = _draw(books, event.draw_id)
            draw.state, draw.closed_at_ms, draw.entrants = "closed", at_ms, event.entrants
        case events.DrawSettled():
            draw = _draw(books, event.draw_id)
            draw.state, draw.settled_at_ms, draw.seed = "settled", at_ms, event.seed
            for place, buyer_id in enumerate(event.winners, start=1):
                books.won[event.draw_id, buyer_id] = place
        case _:
            raise UnknownRowError(f"unknown event {type(event).__name__}")


def _fold_claimed(event: events.Claimed, at_ms: int, books: Books) -> None:
    presale = all(line.presale for line in event.granted)
    held_as = "presale_held" if presale else "held"
    books.claims[event.claim_id] = ClaimRow(
        claim_id=event.claim_id,
        status="waitlisted" if event.outcome == "waitlisted" else held_as,
        buyer_id=event.buyer_id,
        channel=event.channel,
        outcome=event.outcome,
        amount_minor=event.amount_minor,
        presale=presale,
        expires_at_ms=event.expires_at_ms,
        claimed_at_ms=at_ms,
        replaces=event.replaces,
    )
    books.lines[event.claim_id] = tuple(_lines(event.claim_id, event.granted))


def _fold_confirmed(event: events.Confirmed, at_ms: int, books: Books) -> None:
    row = _claim(books, event.claim_id)
    books.orders_seen += 1
    row.order_no, row.ordered_at_ms = books.orders_seen, at_ms
    row.status = "presale_order" if event.presale else "confirmed"
    row.amount_minor, row.presale, row.late, row.expires_at_ms = event.amount_minor, event.presale, event.late, 0
    # A late payment revives a claim that had ended.
    row.ended_at_ms, row.ended_how, row.ended_reason = 0, "", ""
    books.lines[event.claim_id] = tuple(_lines(event.claim_id, event.granted))


def _fold_ended(event: events.Ended, at_ms: int, books: Books) -> None:
    row = _claim(books, event.claim_id)
    row.status = _ENDED_AS[event.how]
    row.ended_at_ms, row.ended_how, row.ended_reason, row.expires_at_ms = at_ms, event.how, event.reason, 0


def _fold_fact(event: events.FactRecorded, at_ms: int, books: Books) -> None:
    books.orders_seen += 1
    books.claims[event.fact_id] = ClaimRow(
        claim_id=event.fact_id,
        kind="fact",
        status="recorded",
        buyer_id=event.buyer_id,
        channel=event.channel,
        outcome="recorded",
        amount_minor=event.amount_minor,
        oversold_units=event.oversold_units,
        claimed_at_ms=at_ms,
        order_no=books.orders_seen,
        ordered_at_ms=at_ms,
    )
    books.lines[event.fact_id] = tuple(_lines(event.fact_id, event.granted))


def _fold_fact_reversed(event: events.FactReversed, at_ms: int, books: Books) -> None:
    # A platform may take an order back before it has told us of it: then no row is there yet, and no stock moves.
    row = books.claims.get(event.fact_id)
    if row is None:
        row = ClaimRow(claim_id=event.fact_id, kind="fact", buyer_id=event.buyer_id, channel=event.channel)
        row.claimed_at_ms = at_ms
        books.claims[event.fact_id] = row
    row.status, row.ended_at_ms, row.ended_how = "reversed", at_ms, "reversed"


def _fold_observed(event: events.Observed, books: Books) -> None:
    seen = books.observed[event.channel]
    for name in ("comments", "likes", "gifts", "follows", "enters", "duplicates"):
        setattr(seen, name, getattr(seen, name) + getattr(event, name))
    if event.viewers >= 0:
        seen.viewers = event.viewers
    for sku, packs in event.demand.items():
        books.wished[event.channel, sku] += packs


def _fold_pool(event: events.PoolSet, books: Books) -> None:
    row = books.pools.get(event.pool_id)
    if event.created or row is None:
        _refuse_second(row is not None, "pool", event.pool_id)
        _refuse_unknown(not event.created, "pool", event.pool_id)
        row = PoolRow(pool_id=event.pool_id, position=len(books.pools), initial_units=_number(event, "initial_units"))
        books.pools[event.pool_id] = row
    row.name, row.base_unit = str(event.spec.get("name", "")), str(event.spec.get("base_unit", ""))
    row.presale_units = _number(event, "presale_units")
    row.presale_ships_at_ms = _number(event, "presale_ships_at_ms")
    row.spec_json = _json(event.spec)


def _fold_offer(event: events.OfferSet, books: Books) -> None:
    row = books.offers.get(event.sku)
    if event.created or row is None:
        _refuse_second(row is not None, "offer", event.sku)
        _refuse_unknown(not event.created, "offer", event.sku)
        row = OfferRow(sku=event.sku, position=len(books.offers))
        books.offers[event.sku] = row
    row.pool_id, row.name = str(event.spec.get("pool_id", "")), str(event.spec.get("name", ""))
    for name in ("units_per_pack", "price_minor", "list_price_minor", "limit_packs"):
        setattr(row, name, _number(event, name))
    row.spec_json = _json(event.spec)


def _lines(claim_id: str, granted: tuple[Granted, ...]) -> Iterator[LineRow]:
    for line_no, line in enumerate(granted):
        yield LineRow(
            claim_id=claim_id,
            line_no=line_no,
            sku=line.sku,
            pool_id=line.pool_id,
            packs=line.packs,
            units=line.units,
            unit_price_minor=line.unit_price_minor,
            amount_minor=line.amount_minor,
            presale=line.presale,
        )


def _lines_left(lines: tuple[LineRow, ...], taken: tuple[Granted, ...]) -> Iterator[LineRow]:
    """What a claim's lines are once `taken` is out of them; the engine holds a claim's skus apart, each on one line."""
    taken_by_sku = {line.sku: line for line in taken}
    for line in lines:
        out = taken_by_sku.get(line.sku)
        packs_left = line.packs - out.packs if out else line.packs
        if packs_left > 0:
            yield msgspec.structs.replace(
                line,
                packs=packs_left,
                units=line.units - (out.units if out else 0),
                amount_minor=line.amount_minor - (out.amount_minor if out else 0),
            )


def _claim(books: Books, claim_id: str) -> ClaimRow:
    row = books.claims.get(claim_id)
    if row is None:
        raise UnknownRowError(f"claim {claim_id!r} was never made")
    return row


def _draw(books: Books, draw_id: str) -> DrawRow:
    row = books.draws.get(draw_id)
    if row is None:
        raise UnknownRowError(f"draw {draw_id!r} was never opened")
    return row


def _refuse_second(exists: bool, what: str, name: str) -> None:
    if exists:
        raise UnknownRowError(f"{what} {name!r} is made a second time: this is another sale's log")


def _refuse_unknown(missing: bool, what: str, name: str) -> None:
    if missing:
        raise UnknownRowError(f"{what} {name!r} was never made")


def _number(event: events.PoolSet | events.OfferSet, name: str) -> int:
    value = event.spec.get(name, 0)
    return value if isinstance(value, int) else 0


def _json(value: dict[str, object]) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()

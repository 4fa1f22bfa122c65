"""What senders may put into request bodies. Unknown fields are refused: a misspelt one must not be silently dropped.

Money is minor units, times are Unix milliseconds, stock is base units; all integers.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from flashsale.domain import (
    AMOUNT_MINOR_MAX,
    ID_BYTES_MAX,
    LINES_MAX,
    PACKS_MAX,
    UNITS_MAX,
    AdjustReason,
    BuyerId,
    Claim,
    ClaimId,
    Fact,
    Line,
    RepeatPolicy,
    Sku,
)
from ingest.domain import Role, SellingMode, SettingValue

TIME_MS_MAX = 4_102_444_800_000
"""The end of the year 2099: a time beyond it is a unit mistaken, not a plan."""

ID_PATTERN = r"^[^\x00-\x20\x7f]+$"
SALE_ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"

Id = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=ID_BYTES_MAX,
        pattern=ID_PATTERN,
        description="Made by the sender: 1 to 128 bytes, no spaces, no control characters.",
    ),
]
SaleIdText = Annotated[
    str,
    msgspec.Meta(min_length=1, max_length=64, pattern=SALE_ID_PATTERN, description="Letters, digits, `.`, `_`, `-`."),
]
ShortText = Annotated[str, msgspec.Meta(max_length=200)]
Packs = Annotated[int, msgspec.Meta(ge=1, le=PACKS_MAX)]
Units = Annotated[int, msgspec.Meta(ge=0, le=UNITS_MAX, description="Base units of the pool.")]
PriceMinor = Annotated[int, msgspec.Meta(ge=0, le=AMOUNT_MINOR_MAX, description="Minor units, e.g. fen.")]
TimeMs = Annotated[int, msgspec.Meta(ge=0, le=TIME_MS_MAX, description="Unix milliseconds; 0 for none.")]
DurationMs = Annotated[int, msgspec.Meta(ge=0, le=31_536_000_000, description="Milliseconds, a year at most.")]


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all request bodies."""


class LineIn(Body, kw_only=True, frozen=True):
    """So many packs of one offer."""

    sku: Id
    packs: Packs


Lines = Annotated[tuple[LineIn, ...], msgspec.Meta(max_length=LINES_MAX)]
SomeLines = Annotated[tuple[LineIn, ...], msgspec.Meta(min_length=1, max_length=LINES_MAX)]


class ClaimIn(Body, kw_only=True, frozen=True):
    """A buyer's request for packs: all lines or none, unless `partial`; `waitlist` queues what cannot be had now."""

    claim_id: Id
    buyer_id: Id
    channel: Id
    lines: SomeLines
    partial: bool = False
    waitlist: bool = False

    def op(self) -> Claim:
        """Return the engine's operation."""
        return Claim(
            claim_id=ClaimId(self.claim_id),
            buyer_id=BuyerId(self.buyer_id),
            channel=self.channel,
            lines=domain_lines(self.lines),
            partial=self.partial,
            waitlist=self.waitlist,
        )


class ConfirmIn(Body, kw_only=True, frozen=True):
    """Payment arrived. `lines` confirms only those packs; `reclaim` takes the stock again after the deadline, if it can."""

    lines: Lines = ()
    reclaim: bool = True


class CancelIn(Body, kw_only=True, frozen=True):
    """End a hold, or with `order` take back a confirmed order."""

    reason: ShortText = ""
    order: bool = False


class ExtendIn(Body, kw_only=True, frozen=True):
    """Move a hold's deadline, never to an earlier time."""

    expires_at_ms: Annotated[int, msgspec.Meta(ge=1, le=TIME_MS_MAX)]


class FactIn(Body, kw_only=True, frozen=True):
    """A sale that already happened elsewhere. `reverses` takes the fact of that id back; it needs no lines then."""

    fact_id: Id
    channel: Id
    lines: Lines = ()
    buyer_id: Annotated[str, msgspec.Meta(max_length=ID_BYTES_MAX)] = ""
    amount_minor: PriceMinor | None = None
    reverses: bool = False

    def op(self) -> Fact:
        """Return the engine's operation."""
        return Fact(
            fact_id=self.fact_id,
            channel=self.channel,
            lines=domain_lines(self.lines),
            buyer_id=BuyerId(self.buyer_id),
            amount_minor=self.amount_minor,
            reverses=self.reverses,
        )


class SaleSettingsIn(Body, kw_only=True, frozen=True):
    """A sale's settings; what is left out stays as it is.

    `mode` says who takes the orders: `platform` (its orders are facts, comments are demand) or `capture` (comments are
    claims); `channel_modes` overrides it for single channels.
    """

    mode: SellingMode | None = None
    channel_modes: dict[Id, SellingMode] | None = None
    strictness: Annotated[str, msgspec.Meta(max_length=32)] | None = None
    trigger: Annotated[str, msgspec.Meta(max_length=32)] | None = None
    packs_max: Annotated[int, msgspec.Meta(ge=1, le=PACKS_MAX)] | None = None
    hold_ttl_ms: DurationMs | None = None
    waitlist_ttl_ms: DurationMs | None = None
    repeat_policy: RepeatPolicy | None = None


class SaleIn(Body, kw_only=True, frozen=True):
    """A new sale."""

    sale_id: SaleIdText
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$", description="ISO 4217.")] = "CNY"
    settings: SaleSettingsIn = SaleSettingsIn()


class SalePatch(Body, kw_only=True, frozen=True):
    """Changes of a sale; what is left out stays as it is."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    settings: SaleSettingsIn = SaleSettingsIn()


class FeaturedIn(Body, kw_only=True, frozen=True):
    """The offer that the host is showing now; empty for none."""

    sku: Annotated[str, msgspec.Meta(max_length=ID_BYTES_MAX)]


class BlockIn(Body, kw_only=True, frozen=True):
    """A buyer to block, or to let in again. What they hold stays theirs."""

    buyer_id: Id
    blocked: bool = True


class PoolIn(Body, kw_only=True, frozen=True):
    """A pool, whole. `initial_units` counts only when the pool is new; later changes go by `adjust`."""

    name: ShortText
    base_unit: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    initial_units: Units = 0
    limit_units: Units = 0
    channel_reserves: dict[Id, Units] = {}
    channel_caps: dict[Id, Units] = {}
    presale_units: Units = 0
    presale_ships_at_ms: TimeMs = 0


class OfferIn(Body, kw_only=True, frozen=True):
    """An offer, whole. Pool and `units_per_pack` freeze at the first claim."""

    pool_id: Id
    name: ShortText
    units_per_pack: Annotated[int, msgspec.Meta(ge=1, le=UNITS_MAX)]
    price_minor: PriceMinor
    list_price_minor: PriceMinor = 0
    special_from_ms: TimeMs = 0
    special_until_ms: TimeMs = 0
    limit_packs: Annotated[int, msgspec.Meta(ge=0, le=PACKS_MAX)] = 0
    sells_from_ms: TimeMs = 0
    sells_until_ms: TimeMs = 0


class AdjustIn(Body, kw_only=True, frozen=True):
    """A change of stock by hand, with its reason on record."""

    adjust_id: Id
    delta_units: Annotated[int, msgspec.Meta(ge=-UNITS_MAX, le=UNITS_MAX)]
    reason: AdjustReason


class CorrectIn(Body, kw_only=True, frozen=True):
    """What a comment really meant. `intent` `order` makes a claim of `lines`, `none` takes back what was made of it."""

    correction_id: Id
    intent: Annotated[str, msgspec.Meta(pattern="^(order|none)$")]
    lines: Lines = ()


class DrawIn(Body, kw_only=True, frozen=True):
    """A prize draw. Without `seed_hash` the service makes the seed, commits to it now and publishes it at the close.

    With `seed_hash` (hex SHA-256 of the seed's bytes) the host keeps the seed and gives it to `settle`. A comment that
    equals `word` enters its writer. `condition`: `none`, `ordered` or `bought`.
    """

    draw_id: Id
    prize: ShortText
    winners_max: Annotated[int, msgspec.Meta(ge=1, le=1_000)]
    seed_hash: Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{64})?$")] = ""
    condition: Annotated[str, msgspec.Meta(pattern="^(none|ordered|bought)$")] = "none"
    word: Annotated[str, msgspec.Meta(max_length=32)] = ""


class SettleIn(Body, kw_only=True, frozen=True):
    """The seed that the host committed to."""

    seed: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class TokenIn(Body, kw_only=True, frozen=True):
    """A token to make. `sale_id` empty: good for all sales."""

    role: Role
    sale_id: Annotated[str, msgspec.Meta(max_length=64, pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]*)?$")] = ""
    label: ShortText = ""


class ConnectionIn(Body, kw_only=True, frozen=True):
    """A platform feed of a sale. `settings` are the adapter's, and `order_desk_url` where its orders come thin."""

    adapter: Id
    sale_id: SaleIdText
    settings: dict[str, SettingValue] = {}


def domain_lines(lines: tuple[LineIn, ...]) -> tuple[Line, ...]:
    """Return lines in the engine's words."""
    return tuple(Line(Sku(line.sku), line.packs) for line in lines)

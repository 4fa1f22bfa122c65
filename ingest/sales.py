"""What a host does with a sale: create it, set it up, show an offer, run a draw. Keeps engine, ledger and readers together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from flashsale import draws
from flashsale.domain import (
    BATCH_OPS_MAX,
    BuyerId,
    CloseDraw,
    Op,
    OpenDraw,
    OpResult,
    Outcome,
    SaleId,
    SaleState,
    SetSale,
    SettleDraw,
)
from flashsale.service import EngineFace
from flashsale.tally import DrawTally, Tally
from ingest.answers import is_unknown_sale, problem_of
from ingest.catalogue_warnings import catalogue_warnings
from ingest.comments import Strictness
from ingest.domain import SaleSettings
from ingest.ledger import SaleLedger
from ingest.problems import Problem
from ingest.sale_context import SaleContexts
from ingest.seal import Seal
from ingest.wire import DrawIn, SaleIn, SaleSettingsIn
from inventory.ledger import Ledger

if TYPE_CHECKING:
    from inventory.catalogue import Catalogue


class SaleView(msgspec.Struct, frozen=True, kw_only=True):
    """A sale as its host sees it: state, settings, and the offer that is shown now (empty for none)."""

    sale_id: str
    name: str
    state: SaleState
    currency: str
    rev: str
    settings: SaleSettings
    featured: str = ""


class Sales:
    """The host's use cases. Every change is durable on return, and in effect for the next comment."""

    def __init__(
        self,
        *,
        engine: EngineFace,
        ledger: Ledger,
        own_ledger: SaleLedger,
        contexts: SaleContexts,
        seal: Seal,
        now_ms: Callable[[], int],
    ) -> None:
        self._engine = engine
        self._ledger = ledger
        self._own_ledger = own_ledger
        self._contexts = contexts
        self._seal = seal
        self._now_ms = now_ms

    async def tally(self, sale_id: str) -> Tally:
        """Read the live counters. Raises Problem for a sale that does not exist."""
        tally = await self._engine.tally(SaleId(sale_id))
        if tally is None:
            raise Problem("unknown-sale")
        return tally

    async def view(self, sale_id: str) -> SaleView:
        """Read a sale with its settings. Raises Problem for a sale that does not exist."""
        tally = await self.tally(sale_id)
        marks = await self._own_ledger.featured(sale_id, marks_max=1)
        return SaleView(
            sale_id=sale_id,
            name=tally.name,
            state=tally.state,
            currency=tally.currency,
            rev=tally.rev,
            settings=await self._own_ledger.settings(sale_id),
            featured=marks[-1][1] if marks else "",
        )

    async def create(self, wanted: SaleIn) -> tuple[SaleView, bool]:
        """Create a sale; returns it and whether it is new. The same request again finds it there.

        Raises Problem (`refused`) where a different sale of that id exists.
        """
        settings = merged(SaleSettings(), wanted.settings)
        there = await self._engine.tally(SaleId(wanted.sale_id))
        if there is not None:
            same = there.name == wanted.name and there.currency == wanted.currency
            if not same or await self._own_ledger.settings(wanted.sale_id) != settings:
                raise Problem(
                    "refused",
                    f"专场 {wanted.sale_id} 已存在且内容不同，未做任何更改；修改请用 PATCH。",
                    f"Sale {wanted.sale_id} exists with other content; nothing was changed. Use PATCH to change it.",
                )
            return await self.view(wanted.sale_id), False
        # The settings first: a crash in between leaves settings without a sale, and the same request then finishes it.
        await self._own_ledger.save_settings(wanted.sale_id, settings)
        result = await self._engine.apply(
            SaleId(wanted.sale_id), _set_sale(settings, name=wanted.name, currency=wanted.currency)
        )
        require_applied(result)
        self._contexts.forget(wanted.sale_id)
        return await self.view(wanted.sale_id), True

    async def change(self, sale_id: str, name: str | None, wanted: SaleSettingsIn) -> SaleView:
        """Change a sale's name or settings; what is None stays."""
        await self.tally(sale_id)
        settings = merged(await self._own_ledger.settings(sale_id), wanted)
        await self._own_ledger.save_settings(sale_id, settings)
        result = await self._engine.apply(SaleId(sale_id), _set_sale(settings, name=name))
        require_applied(result)
        self._contexts.forget(sale_id)
        return await self.view(sale_id)

    async def feature(self, sale_id: str, sku: str) -> int:
        """Note that this offer is shown from now on; returns since when. Raises Problem for an unknown offer."""
        tally = await self.tally(sale_id)
        if sku and all(offer.sku != sku for offer in tally.offers):
            raise Problem("unknown-thing", f"该专场没有商品规格 {sku}。", f"The sale has no offer {sku}.", id=sku)
        at_ms = self._now_ms()
        await self._own_ledger.mark_featured(sale_id, at_ms, sku)
        self._contexts.forget(sale_id)
        return at_ms

    async def set_up(self, sale_id: str, ops: Sequence[Op]) -> list[OpResult]:
        """Apply pool and offer operations; the words of the offers are read anew afterwards."""
        results: list[OpResult] = []
        for start in range(0, len(ops), BATCH_OPS_MAX):
            results += await self._engine.apply_all(SaleId(sale_id), ops[start : start + BATCH_OPS_MAX])
        self._contexts.forget(sale_id)
        return results

    async def take_catalogue(self, sale_id: str, catalogue: Catalogue) -> tuple[str, ...]:
        """Put a catalogue on sale and keep its words and suppliers; returns what a host has to know beside that.

        Raises Problem where the engine refuses a part of it.
        """
        tally = await self.tally(sale_id)
        warnings = catalogue_warnings(tally, await self._ledger.catalogue(SaleId(sale_id)), catalogue)
        results = await self.set_up(sale_id, catalogue.ops())
        refused = tuple(
            f"{result.id}: {result.outcome.value} {result.detail}".strip()
            for result in results
            if result.outcome is not Outcome.APPLIED
        )
        if refused:
            if any(result.outcome is Outcome.OVERLOADED for result in results):
                raise Problem("overloaded")
            raise Problem(
                "refused",
                "商品表的部分内容与已售商品冲突（见 errors），其余已生效。",
                "Parts of the catalogue conflict with what was already sold (see errors); the rest is in effect.",
                errors=refused,
            )
        await self._ledger.save_catalogue(SaleId(sale_id), catalogue)
        self._contexts.forget(sale_id)
        return warnings

    async def open_draw(self, sale_id: str, wanted: DrawIn) -> OpResult:
        """Open a draw: from now on the host is bound to the hash of its seed."""
        await self.tally(sale_id)
        commitment = wanted.seed_hash
        if not commitment:
            # A draw that is there keeps its seed: asking again must not commit to another.
            sealed = self._seal.close(draws.new_seed().encode())
            kept = await self._own_ledger.keep_seed(sale_id, wanted.draw_id, sealed)
            commitment = draws.seed_hash(self._seal.open(kept).decode())
        result = await self._engine.apply(
            SaleId(sale_id),
            OpenDraw(
                draw_id=wanted.draw_id,
                prize=wanted.prize,
                winners_max=wanted.winners_max,
                seed_hash=commitment,
                condition=wanted.condition,
                word=wanted.word,
            ),
        )
        self._contexts.forget(sale_id)
        return result

    async def close_draw(self, sale_id: str, draw_id: str) -> OpResult:
        """End a draw's entries; settles it at once where the service keeps the seed."""
        result = await self._engine.apply(SaleId(sale_id), CloseDraw(draw_id=draw_id))
        self._contexts.forget(sale_id)
        if result.outcome is not Outcome.APPLIED:
            return result
        sealed = await self._own_ledger.seed(sale_id, draw_id)
        draw = await self.draw(sale_id, draw_id)
        if sealed is None or draw.state == "settled":
            return result
        seed = self._seal.open(sealed).decode()
        # A host who brought a hash of their own for this draw keeps the seed, whatever an earlier attempt left here.
        if draws.seed_hash(seed) != draw.seed_hash:
            return result
        return await self.settle_draw(sale_id, draw_id, seed)

    async def settle_draw(self, sale_id: str, draw_id: str, seed: str) -> OpResult:
        """Publish the seed and the winners that follow from it. Raises Problem for a seed nobody committed to."""
        draw = await self.draw(sale_id, draw_id)
        if draws.seed_hash(seed) != draw.seed_hash:
            raise Problem(
                "refused",
                "种子与开始时公布的哈希不符，未开奖；请使用当初承诺的种子。",
                "The seed does not match the hash that was published at the start; nothing was drawn.",
                id=draw_id,
            )
        entrants = await self._engine.entrants(SaleId(sale_id), draw_id)
        winners = draws.winners(seed, draw_id, entrants, draw.winners_max)
        return await self._engine.apply(SaleId(sale_id), SettleDraw(draw_id=draw_id, seed=seed, winners=winners))

    async def draw(self, sale_id: str, draw_id: str) -> DrawTally:
        """Read one draw. Raises Problem for one that does not exist."""
        for draw in (await self.tally(sale_id)).draws:
            if draw.draw_id == draw_id:
                return draw
        raise Problem("unknown-thing", f"没有抽奖 {draw_id}。", f"There is no draw {draw_id}.", id=draw_id)

    def winners_of(self, draw: DrawTally, entrants: Sequence[BuyerId]) -> tuple[BuyerId, ...]:
        """Return the winners of a settled draw: they follow from its seed and its entrants."""
        return draws.winners(draw.seed, draw.draw_id, entrants, draw.winners_max)


def merged(settings: SaleSettings, wanted: SaleSettingsIn) -> SaleSettings:
    """Return settings with what is wanted put in. Raises Problem for a strictness that the reader does not know."""
    if wanted.strictness is not None and wanted.strictness not in {item.value for item in Strictness}:
        known = ", ".join(item.value for item in Strictness)
        raise Problem(
            "malformed",
            f"strictness 只能是：{known}。",
            f"strictness has to be one of: {known}.",
            errors=("strictness",),
        )
    given = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value is not None}
    return msgspec.structs.replace(settings, **given)


def require_applied(result: OpResult) -> None:
    """Raise Problem unless the engine did as it was asked."""
    if result.outcome is Outcome.APPLIED:
        return
    if is_unknown_sale(result):
        raise Problem("unknown-sale")
    problem = problem_of(result)
    raise problem or Problem("refused", outcome=result.outcome.value, id=result.id)


def _set_sale(settings: SaleSettings, *, name: str | None = None, currency: str | None = None) -> SetSale:
    return SetSale(
        name=name,
        currency=currency,
        hold_ttl_ms=settings.hold_ttl_ms,
        waitlist_ttl_ms=settings.waitlist_ttl_ms,
        repeat_policy=settings.repeat_policy,
    )

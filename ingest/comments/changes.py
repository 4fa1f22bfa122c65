"""Comments that change what was ordered before: this many from now on, this instead of that, cancel."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.comments.amounts import Doubt, Item
from ingest.comments.context import Comment, Decision
from ingest.comments.domain import Intent
from ingest.comments.grammar import QUANTITIES, Asked, ask
from ingest.comments.vocabulary import Kind

_SETTING = (Kind.SET, Kind.EXCHANGE)
_LEAVING = (Kind.CANCEL, Kind.REFUSE)
_ORDERING = (Kind.VERB, Kind.TRIGGER)
_ACCOUNTED_FOR = frozenset((Kind.NEGATION, Kind.REFUSE))


def change(comment: Comment) -> Decision | None:
    """Decide a comment that sets, exchanges or cancels; None where it does none of these."""
    if comment.has(*_SETTING) and _has_target(comment):
        return _set(comment)
    if comment.has(*_LEAVING):
        return _cancel(comment)
    return None


def _has_target(comment: Comment) -> bool:
    """Whether an amount or goods stand behind the word that sets; "改地址" sets nothing that is sold."""
    place = next(index for index, part in enumerate(comment.parts) if part.kind in _SETTING)
    behind = {part.kind for part in comment.parts[place + 1 :]}
    if Kind.GOODS in behind:
        return True
    names_what = comment.names_goods or comment.parts[place].kind is Kind.SET
    return names_what and not behind.isdisjoint((*QUANTITIES, Kind.DOUBT))


def _last_goods(comment: Comment) -> tuple[str, ...]:
    """The offer that a change without a name means: the only one that the buyer holds, else the one on air."""
    if len(comment.own) == 1:
        return comment.own
    return (comment.featured,) if comment.featured else ()


def _set(comment: Comment) -> Decision:
    unclear = comment.unclear(_ACCOUNTED_FOR)
    if unclear:
        return comment.doubtful(unclear)
    place = next(index for index, part in enumerate(comment.parts) if part.kind in _SETTING)
    exchanges = comment.parts[place].kind is Kind.EXCHANGE
    source, target = ask(comment.parts[:place]), ask(comment.parts[place + 1 :])
    if not source.items and exchanges and len(target.items) > 1:
        source, target = Asked(items=target.items[:1]), Asked(items=target.items[1:])  # 换A1为C1
    if target.doubt or source.doubt or (target.items and target.unnamed):
        return Decision(Intent.REVIEW, target.doubt or source.doubt or "amount_unclear")
    if target.items:
        return _set_named(comment, source, target, exchanges=exchanges)
    if not target.unnamed:
        return comment.doubtful("amount_unclear")
    items = [Item(item.goods, item.is_code, quantities=[*target.unnamed]) for item in source.items]
    if not items:
        items = [Item((comment.book.by_sku[sku],), quantities=[*target.unnamed]) for sku in _last_goods(comment)]
    if len(items) != 1:
        return Decision(Intent.REVIEW, "which_goods")
    return comment.settled(Intent.SET, "set_amount", items, packs_min=0)


def _set_named(comment: Comment, source: Asked, target: Asked, *, exchanges: bool) -> Decision:
    if not source.items:
        # 换C1 does not say what leaves; 一共要A1两盒 says all that it sets.
        if exchanges or comment.has(*_LEAVING):
            return Decision(Intent.REVIEW, "which_goods")
        return comment.settled(Intent.SET, "set_amount", target.items, packs_min=0)
    words = sum(part.kind is Kind.SET for part in comment.parts)
    if exchanges or words == 1:
        # 要A1不要C1换D1 and A1两盒换C1 do not say all of what leaves and what stays.
        if len(source.items) > 1 or (source.items[0].quantities and not target.items[0].quantities):
            return Decision(Intent.REVIEW, "which_goods")
        return _replace(comment, source.items, target.items)
    # A1改成3盒，C1改成2瓶: read only where each word sets one.
    asked = ask([part for part in comment.parts if part.kind is not Kind.SET])
    if asked.doubt or asked.unnamed or len(asked.items) != words:
        return Decision(Intent.REVIEW, asked.doubt or "which_goods")
    return comment.settled(Intent.SET, "set_amount", asked.items, packs_min=0)


def _replace(comment: Comment, source: Sequence[Item], target: Sequence[Item]) -> Decision:
    """`不要A1了换C1`: the source leaves, the target comes."""
    lines = comment.lines(target, packs_min=0)
    gone = comment.lines([Item(item.goods, item.is_code) for item in source])
    if isinstance(lines, Doubt):
        return Decision(Intent.REVIEW, lines.rule)
    if isinstance(gone, Doubt):
        return Decision(Intent.REVIEW, gone.rule)
    kept = {sku for sku, _ in lines}
    leaving = tuple((sku, 0) for sku, _ in gone if sku not in kept)
    return Decision(Intent.SET, "exchange" if leaving else "set_amount", leaving + lines)


def _cancel(comment: Comment) -> Decision:
    unclear = comment.unclear(frozenset((Kind.REFUSE,)))
    if not comment.names_goods:
        cancels = comment.has(Kind.CANCEL) and not unclear and not comment.has_amount
        return Decision(Intent.CANCEL, "cancel_last") if cancels else Decision(Intent.NONE, "chatter")
    if unclear:
        return comment.doubtful(unclear)
    split = _split(comment)
    if split is None:
        return Decision(Intent.REVIEW, "which_goods")
    gone, kept = split
    if gone.doubt or kept.doubt:
        return Decision(Intent.REVIEW, gone.doubt or kept.doubt)
    # 取消两瓶C1 would take a part of the order back, but which part is left to a person.
    takes_part = any(item.quantities for item in gone.items) or (comment.has_amount and not kept.items)
    if not gone.items or takes_part:
        return Decision(Intent.REVIEW, "amount_unclear" if comment.has_amount else "which_goods")
    if kept.items:
        return _replace(comment, gone.items, kept.items)
    lines = comment.lines(gone.items)
    if isinstance(lines, Doubt):
        return Decision(Intent.REVIEW, lines.rule)
    return Decision(Intent.CANCEL, "cancel_named", tuple((sku, 0) for sku, _ in lines))


def _split(comment: Comment) -> tuple[Asked, Asked] | None:
    """Tell the goods that leave from those that stay, or None where the words tell either way (`A1不要C1`).

    `不要A1，要C1` and `要C1不要A1` put the word before what leaves, `A1不要了，来C1` and `A1不要C1要` behind it.
    """
    place = next(index for index, part in enumerate(comment.parts) if part.kind in _LEAVING)
    before, behind = comment.parts[:place], comment.parts[place + 1 :]
    if not ask(before).items:
        stop = next((index for index, part in enumerate(behind) if index and part.kind in _ORDERING), len(behind))
        return ask(behind[:stop]), ask(behind[stop:])
    if not behind or behind[0].kind is not Kind.GOODS:
        return ask(before), ask(behind)
    ordered_before = any(part.kind in _ORDERING for part in before)
    if ordered_before == any(part.kind in _ORDERING for part in behind):
        return None
    return (ask(behind), ask(before)) if ordered_before else (ask(before), ask(behind))

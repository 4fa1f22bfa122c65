"""What a comment wants, from its parts: the order in which the conventions are tried, and where doubt wins.

Precision first: an order needs every word of the comment to be known (see `words.toml`). What names goods with an amount
and cannot be read safely goes to a person (`review`); everything else orders nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from ingest.comments.amounts import Doubt, Item, Lines
from ingest.comments.domain import Intent, Mode, ReadingSettings, Strictness
from ingest.comments.folding import Part
from ingest.comments.goods import GoodsBook
from ingest.comments.grammar import QUANTITIES, Asked, ask, lines_of
from ingest.comments.vocabulary import Kind

_A_NOT_A = re.compile(r"([\u3400-\u9fff])[不没]\1")
_BARE_VERBS = frozenset(
    "要 我要 拍 下单 要买 要拍 要下单 我拍 我买 我来 就要 也要 求购 订 预订 预定 拍下 买下 拿下 喊单 i want|i want|i'll take|mua|lấy|order".replace(
        "|", " "
    ).split(" ")
) | {"i want", "i'll take", "i take"}
_CHEERS = re.compile(r"[\d\s]*[03-9][\d\s]*")
_ANSWER_DIGITS = re.compile(r"[12\s]*[12][12\s]*")
_HOST_NAMES = frozenset("主播 客服 店家 店主 老板 掌柜 小二 host shop seller".split(" "))
_PAST = frozenset((Kind.BOUGHT, Kind.RECEIVED))
_LOUD = frozenset((Kind.SEPARATOR, Kind.MARK))
_BLOCKING = frozenset((Kind.OTHERS, Kind.NEGATION, Kind.REFUSE, Kind.ADDRESSED))


class Decision(msgspec.Struct, frozen=True):
    """What a comment wants, by which rule, with its lines; `unmet` are goods that nobody offers."""

    intent: Intent
    rule: str
    lines: Lines = ()
    unmet: tuple[str, ...] = ()
    wanted: Lines = ()


NOTHING: Final = Decision(Intent.NONE, "chatter")


class _Decider:
    """Tries the conventions one after the other. One object per comment."""

    def __init__(
        self,
        parts: Sequence[Part],
        text: str,
        featured: str,
        own: Sequence[str],
        settings: ReadingSettings,
        book: GoodsBook,
    ) -> None:
        self._parts = parts
        self._text = text
        self._featured = featured if featured in book.by_sku else ""
        self._own = tuple(sku for sku in own if sku in book.by_sku)
        self._settings = settings
        self._book = book
        self._kinds = {part.kind for part in parts}
        self._names_goods = Kind.GOODS in self._kinds
        self._has_amount = any(part.kind in QUANTITIES or (part.kind is Kind.DOUBT and part.rule) for part in parts)

    def decide(self) -> Decision:
        steps: tuple[Callable[[], Decision | None], ...] = (
            self._addressed, self._digits, self._question, self._change, self._past, self._waitlist, self._missed, self._order,
        )  # fmt: skip
        for step in steps:
            decision = step()
            if decision is not None:
                return decision
        return NOTHING

    def _has(self, *kinds: Kind) -> bool:
        return not self._kinds.isdisjoint(kinds)

    def _doubtful(self, rule: str) -> Decision:
        """A person decides where goods are named with an amount; otherwise nothing was ordered."""
        if self._names_goods and self._has_amount:
            return Decision(Intent.REVIEW, rule)
        return Decision(Intent.NONE, rule)

    # ------------------------------------------------------------------------------------------ who and what is meant

    def _addressed(self) -> Decision | None:
        if not self._has(Kind.ADDRESSED):
            return None
        if self._is_question():
            return Decision(Intent.QUESTION, "question")
        place = next(index for index, part in enumerate(self._parts) if part.kind is Kind.ADDRESSED)
        to_host = place + 1 < len(self._parts) and self._parts[place + 1].text in _HOST_NAMES
        return self._doubtful("addressed") if to_host else Decision(Intent.NONE, "addressed")

    def _digits(self) -> Decision | None:
        """`111` and `扣1` answer the host, 666 cheers; neither orders, whatever is on air."""
        if self._has(Kind.ANSWER) and not self._names_goods:
            answers = [
                part for part in self._parts if part.kind is Kind.ANSWER and _ANSWER_DIGITS.fullmatch(str(part.value))
            ]
            return Decision(Intent.INTEREST, "answer_digits") if answers else Decision(Intent.NONE, "cheer")
        said = "".join(self._text[part.start : part.end] for part in self._parts if part.kind not in _LOUD)
        if _ANSWER_DIGITS.fullmatch(said):
            return Decision(Intent.INTEREST, "answer_digits")
        return Decision(Intent.NONE, "cheer") if _CHEERS.fullmatch(said) else None

    def _is_question(self) -> bool:
        if self._has(Kind.QUESTION) or _A_NOT_A.search(self._text):
            return True
        last = next((part for part in reversed(self._parts) if part.kind not in _LOUD), None)
        if last is not None and last.kind is Kind.NEGATION and last.text in {"不", "没"}:
            return True
        return self._has(Kind.PLEA) and not self._has_amount and not self._has(Kind.VERB, Kind.TRIGGER)

    def _question(self) -> Decision | None:
        if not self._is_question():
            return None
        # "A1+1，什么时候发货？" orders and asks: taking the order or leaving it are both wrong often enough.
        for clause in self._clauses():
            kinds = {part.kind for part in clause}
            if Kind.GOODS in kinds and Kind.QUESTION not in kinds and any(part.signed or part.unit for part in clause):
                return Decision(Intent.REVIEW, "order_and_question")
        return Decision(Intent.QUESTION, "question")

    def _clauses(self) -> list[list[Part]]:
        """The parts between separators and spaces; a question mark belongs to what stands before it."""
        clauses: list[list[Part]] = [[]]
        for part in self._parts:
            if part.kind is Kind.SEPARATOR or (not part.glued and clauses[-1] and part.text not in {"?", "!"}):
                clauses.append([])
            if part.kind is not Kind.SEPARATOR:
                clauses[-1].append(part)
        return clauses

    # --------------------------------------------------------------------------------- changing what was ordered before

    def _change(self) -> Decision | None:
        if self._has(Kind.EXCHANGE) or (self._has(Kind.SET) and self._has_target()):
            return self._set()
        if self._has(Kind.CANCEL, Kind.REFUSE):
            return self._cancel()
        return None

    def _has_target(self) -> bool:
        """Whether an amount or goods stand behind the word that sets; "改地址" sets nothing that is sold."""
        places = [index for index, part in enumerate(self._parts) if part.kind is Kind.SET]
        return any(part.kind in (*QUANTITIES, Kind.GOODS, Kind.DOUBT) for part in self._parts[places[0] :])

    def _unclear(self, allowed: frozenset[Kind] = frozenset()) -> str:
        """Return the rule of the first thing that makes lines unsafe: unknown words, doubtful amounts, other people."""
        for part in self._parts:
            if part.kind is Kind.DOUBT:
                return part.rule or "amount_unclear"
        if self._kinds & (_BLOCKING - allowed):
            return "about_others"
        if self._settings.strictness is Strictness.EXACT and self._has(Kind.FILLER, Kind.CHAT, Kind.UNKNOWN):
            return "not_exact"
        # 了 belongs to a change (不要A1了); beside an order it tells of something done.
        done = self._has(Kind.DONE) and not self._has(Kind.CANCEL, Kind.REFUSE, Kind.SET, Kind.EXCHANGE)
        return "unclear_words" if done or self._has(Kind.UNKNOWN) else ""

    def _last_goods(self) -> tuple[str, ...]:
        """The offer that a change without a name means: the only one that the buyer holds, else the one on air."""
        if len(self._own) == 1:
            return self._own
        return (self._featured,) if self._featured else ()

    def _set(self) -> Decision:
        unclear = self._unclear(frozenset((Kind.NEGATION, Kind.REFUSE)))
        if unclear:
            return self._doubtful(unclear) if self._names_goods else Decision(Intent.NONE, unclear)
        place = next(index for index, part in enumerate(self._parts) if part.kind in (Kind.SET, Kind.EXCHANGE))
        before, after = self._parts[:place], self._parts[place + 1 :]
        exchange = self._parts[place].kind is Kind.EXCHANGE
        source, target = ask(before), ask(after)
        if not source.items and exchange and len(target.items) > 1:
            source, target = Asked(items=target.items[:1]), Asked(items=target.items[1:])
        if target.doubt or source.doubt:
            return Decision(Intent.REVIEW, target.doubt or source.doubt)
        if target.items and source.items and target.unnamed:
            return Decision(Intent.REVIEW, "amount_unclear")
        if target.items:
            return self._replace(source.items, target.items, exchange=exchange or self._has(Kind.CANCEL, Kind.REFUSE))
        if not target.unnamed:
            return self._doubtful("amount_unclear")
        items = [Item(item.goods, item.is_code, quantities=[*target.unnamed]) for item in source.items]
        items = items or [Item((self._book.by_sku[sku],), quantities=[*target.unnamed]) for sku in self._last_goods()]
        if len(items) != 1:
            return Decision(Intent.REVIEW, "which_goods")
        return self._settled(Intent.SET, "set_amount", items, packs_min=0)

    def _replace(self, source: Sequence[Item], target: Sequence[Item], *, exchange: bool) -> Decision:
        """`不要A1了换C1`: what stood before leaves, what stands behind comes. Without a source only amounts are set."""
        if not source and exchange:
            return Decision(Intent.REVIEW, "which_goods")
        if source and not exchange:
            return self._set_each(source, target)
        lines = self._lines(target, packs_min=0)
        gone = self._lines([Item(item.goods, item.is_code) for item in source])
        if isinstance(lines, Doubt) or isinstance(gone, Doubt):
            return Decision(Intent.REVIEW, (lines if isinstance(lines, Doubt) else gone).rule)  # type: ignore[union-attr]
        kept = {sku for sku, _ in lines}
        return Decision(
            Intent.SET,
            "exchange" if source else "set_amount",
            (*((sku, 0) for sku, _ in gone if sku not in kept), *lines),
        )

    def _set_each(self, source: Sequence[Item], target: Sequence[Item]) -> Decision:
        """`A1改成C1` exchanges; `A1改成3盒，C1改成2瓶` sets both, which is read only where each word sets one."""
        words = [part for part in self._parts if part.kind is Kind.SET]
        if len(words) == 1:
            return self._replace(source, target, exchange=True)
        asked = ask([part for part in self._parts if part.kind is not Kind.SET])
        if asked.doubt or asked.unnamed or len(asked.items) != len(words):
            return Decision(Intent.REVIEW, asked.doubt or "which_goods")
        return self._settled(Intent.SET, "set_amount", asked.items, packs_min=0)

    def _cancel(self) -> Decision | None:
        unclear = self._unclear(frozenset((Kind.REFUSE,)))
        if not self._names_goods:
            cancels = self._has(Kind.CANCEL) and not unclear and not self._has_amount
            return Decision(Intent.CANCEL, "cancel_last") if cancels else Decision(Intent.NONE, "chatter")
        if unclear:
            return self._doubtful(unclear)
        words = [index for index, part in enumerate(self._parts) if part.kind in (Kind.CANCEL, Kind.REFUSE)]
        gone, kept = self._split_at(words[0])
        if gone.doubt or kept.doubt:
            return Decision(Intent.REVIEW, gone.doubt or kept.doubt)
        if not gone.items or any(item.quantities for item in gone.items):
            return self._doubtful("amount_unclear") if self._has_amount else Decision(Intent.REVIEW, "which_goods")
        if kept.items:
            return self._replace(gone.items, kept.items, exchange=True)
        lines = self._lines(gone.items)
        if isinstance(lines, Doubt):
            return Decision(Intent.REVIEW, lines.rule)
        return Decision(Intent.CANCEL, "cancel_named", tuple((sku, 0) for sku, _ in lines))

    def _split_at(self, place: int) -> tuple[Asked, Asked]:
        """Tell the goods that go from those that stay: `不要A1，要C1`, `A1不要了，来C1`, `取消A1 C1`."""
        before = ask(self._parts[:place])
        behind = self._parts[place + 1 :]
        if before.items:
            return before, ask(behind)
        stop = next(
            (index for index, part in enumerate(behind) if index and part.kind in (Kind.VERB, Kind.TRIGGER)),
            len(behind),
        )
        return ask(behind[:stop]), ask(behind[stop:])

    # ------------------------------------------------------------------------------------------- what happened already

    def _past(self) -> Decision | None:
        if not self._has(*_PAST):
            return None
        present = [clause for clause in self._clauses() if _PAST.isdisjoint(part.kind for part in clause)]
        kinds = [{part.kind for part in clause} for clause in present]
        asks_again = any(Kind.GOODS in each and each & QUANTITIES for each in kinds)
        if asks_again and any(Kind.VERB in each for each in kinds):
            # "收到了，再来两瓶蜂蜜" orders; "拍了A1，再来两瓶C1" too, but tells of an order that may be the same one.
            if not self._has(Kind.BOUGHT) and all(
                Kind.GOODS not in {p.kind for p in c} for c in self._clauses() if c not in present
            ):
                self._kinds -= _PAST
                return None
            return Decision(Intent.REVIEW, "already_bought")
        if self._has(Kind.BOUGHT):
            return Decision(Intent.NONE, "already_bought")
        return Decision(Intent.NONE, "already_received")

    def _waitlist(self) -> Decision | None:
        if not self._has(Kind.WAIT):
            return None
        asked = ask(self._parts)
        unclear = self._unclear(frozenset((Kind.NEGATION,))) or asked.doubt
        if unclear:
            return self._doubtful(unclear)
        items = asked.items or self._featured_item(asked)
        if not items:
            return Decision(Intent.INTEREST, "wish")
        return self._settled(Intent.WAITLIST, "waitlist", items)

    def _missed(self) -> Decision | None:
        if self._has(Kind.MISSED):
            return Decision(Intent.INTEREST, "missed_out")
        if not self._has(Kind.WISH) or self._has_amount:
            return None
        known = self._names_goods or not self._has(Kind.UNKNOWN)
        return Decision(Intent.INTEREST, "wish") if known else None

    # ---------------------------------------------------------------------------------------------------------- orders

    def _order(self) -> Decision | None:
        asked = ask(self._parts)
        if not asked.items:
            return self._unnamed_order(asked)
        unclear = self._unclear()
        if unclear == "unclear_words" and (self._unmet_only(asked) or self._strays_only(asked)):
            unclear = ""
        if unclear or asked.doubt:
            return msgspec.structs.replace(self._doubtful(unclear or asked.doubt), unmet=tuple(asked.unmet))
        if self._has(Kind.EARLIER) and not any(item.is_code for item in asked.items):
            return self._doubtful("which_goods")
        if not self._has_amount and not self._may_order_without_amount(asked):
            return NOTHING
        if self._agrees():
            return self._doubtful("agreement")
        return self._settled(Intent.ORDER, self._order_rule(asked), asked.items, unmet=tuple(asked.unmet))

    def _unmet_only(self, asked: Asked) -> bool:
        return len(asked.unmet) == sum(part.kind is Kind.UNKNOWN for part in self._parts)

    def _strays_only(self, asked: Asked) -> bool:
        """Whether what is unknown stands apart, and every item is a code with an amount that can be nothing else."""
        if not all(item.is_code and item.has_explicit_amount() for item in asked.items):
            return False
        loud = (Kind.SEPARATOR, Kind.MARK)
        for index, part in enumerate(self._parts):
            if part.kind is not Kind.UNKNOWN:
                continue
            after = self._parts[index + 1] if index + 1 < len(self._parts) else None
            glued_before = index > 0 and part.glued and self._parts[index - 1].kind not in loud
            if glued_before or (after is not None and after.glued and after.kind not in loud):
                return False
        return True

    def _may_order_without_amount(self, asked: Asked) -> bool:
        """A code alone orders one; a name alone needs a word that orders, since names are talked about."""
        if self._has(Kind.VERB, Kind.TRIGGER):
            return True
        return all(item.is_code for item in asked.items) and not self._has(Kind.CHAT, Kind.LINK, Kind.PLEA)

    def _agrees(self) -> bool:
        """`好吃+1` agrees with somebody: praise glued to an amount orders nothing by itself."""
        for praise, amount in zip(self._parts, self._parts[1:], strict=False):
            if praise.kind is Kind.CHAT and amount.kind is Kind.AMOUNT and amount.glued:
                return True
        return False

    def _order_rule(self, asked: Asked) -> str:
        if len(asked.items) > 1:
            return "several_goods"
        if any(part.kind is Kind.WEIGHT for part in asked.items[0].quantities):
            return "measured_goods"
        named = "code" if asked.items[0].is_code else "name"
        return f"{named}_and_amount" if asked.items[0].quantities else f"{named}_alone"

    def _unnamed_order(self, asked: Asked) -> Decision:
        if asked.unmet or (self._has(Kind.TRIGGER) and self._has(Kind.UNKNOWN)):
            return Decision(Intent.NONE, "unknown_goods", unmet=tuple(asked.unmet))
        asks = bool(asked.unnamed) and self._is_amount_alone(asked)
        if not asks and not self._is_bare_verb():
            return NOTHING
        if self._has(Kind.UNKNOWN, Kind.DONE, Kind.CHAT, Kind.OTHERS, Kind.NEGATION, *_PAST) and not self._cheerful(
            asked
        ):
            return NOTHING
        if self._has(Kind.EARLIER) or self._unclear():
            return Decision(Intent.REVIEW if self._featured else Intent.NONE, self._unclear() or "which_goods")
        items = self._featured_item(asked)
        if not items:
            return Decision(Intent.INTEREST, "nothing_featured") if asks else NOTHING
        return self._settled(Intent.ORDER, "featured_and_amount" if asks else "featured_alone", items)

    def _cheerful(self, asked: Asked) -> bool:
        """`支持家乡，来两份` cheers in a part of its own and orders with a verb."""
        only_chat = not self._has(Kind.UNKNOWN, Kind.DONE, Kind.OTHERS, Kind.NEGATION, *_PAST)
        return only_chat and self._has(Kind.VERB) and bool(asked.unnamed) and not self._agrees()

    def _is_amount_alone(self, asked: Asked) -> bool:
        """Whether an amount without a name asks for packs: signed, counted, or behind an ordering word."""
        amount = asked.unnamed[0]
        return (
            amount.signed
            or bool(amount.unit)
            or amount.kind is Kind.WEIGHT
            or self._has(Kind.VERB, Kind.TRIGGER, Kind.WISH)
        )

    def _is_bare_verb(self) -> bool:
        verbs = [part for part in self._parts if part.kind in (Kind.VERB, Kind.TRIGGER)]
        if len(verbs) != 1 or self._has(Kind.UNKNOWN, Kind.DONE, Kind.DOUBT, Kind.CHAT):
            return False
        return verbs[0].kind is Kind.TRIGGER or verbs[0].text in _BARE_VERBS

    def _featured_item(self, asked: Asked) -> list[Item]:
        if not self._featured:
            return []
        return [Item((self._book.by_sku[self._featured],), quantities=[*asked.unnamed], prices=[*asked.prices])]

    # ----------------------------------------------------------------------------------------------------------- lines

    def _lines(self, items: Sequence[Item], packs_min: int = 1) -> Lines | Doubt:
        return lines_of(items, self._featured, self._book, packs_max=self._settings.packs_max, packs_min=packs_min)

    def _settled(
        self, intent: Intent, rule: str, items: Sequence[Item], *, packs_min: int = 1, unmet: tuple[str, ...] = ()
    ) -> Decision:
        lines = self._lines(items, packs_min)
        if isinstance(lines, Doubt):
            return Decision(Intent.REVIEW, lines.rule, unmet=unmet)
        return Decision(intent, rule, lines, unmet)


def _opens_with_trigger(parts: Sequence[Part], trigger: str) -> bool:
    for part in parts:
        if part.text == trigger or part.text.startswith(trigger + " "):
            return True
        if part.kind not in (Kind.FILLER, Kind.MARK, Kind.PERSONAL, Kind.SEPARATOR):
            return False
    return False


def decide(
    parts: Sequence[Part],
    text: str,
    *,
    featured: str,
    own: Sequence[str],
    mode: Mode,
    trigger: str,
    settings: ReadingSettings,
    book: GoodsBook,
) -> Decision:
    """Return what the comment wants.

    `text` is the normalised, masked text that the parts were cut from, `trigger` the sale's required word in its
    normalised spelling or empty. Work is linear in the parts.
    """
    decision = _Decider(parts, text, featured, own, settings, book).decide()
    if decision.intent not in (Intent.ORDER, Intent.SET, Intent.WAITLIST):
        return decision
    forbidden = ""
    if mode is Mode.PLATFORM:
        forbidden = "platform_mode"
    elif trigger and decision.intent is not Intent.SET and not _opens_with_trigger(parts, trigger):
        forbidden = "trigger_missing"
    if not forbidden:
        return decision
    wanted = tuple(line for line in decision.lines if line[1] > 0)
    return Decision(Intent.INTEREST, forbidden, (), decision.unmet, wanted)

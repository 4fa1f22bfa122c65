"""What reading a comment takes and gives: offers' words, a sale's reading rules, and the reading itself.

Pure values, no I/O. Packs are whole packs of an offer; money is integer minor units.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Mode(StrEnum):
    """Who takes the orders: we, from comments (`capture`), or the platform (`platform`: comments never order)."""

    CAPTURE = "capture"
    PLATFORM = "platform"


class Strictness(StrEnum):
    """How much else an ordering comment may say.

    `contains`: polite words, greetings and, beside a code with an explicit amount, other words in a part of their own.
    `exact`: goods, amounts, ordering words and punctuation alone.
    """

    CONTAINS = "contains"
    EXACT = "exact"


class Intent(StrEnum):
    """What a comment wants.

    `set` is this many from now on (0 takes a line out); `cancel` without lines means the buyer's last claim; `interest`
    wants something and orders nothing; `review` looks like an order and a person decides.
    """

    ORDER = "order"
    SET = "set"
    CANCEL = "cancel"
    WAITLIST = "waitlist"
    QUESTION = "question"
    INTEREST = "interest"
    REVIEW = "review"
    NONE = "none"


class OfferWords(msgspec.Struct, frozen=True, kw_only=True):
    """How buyers may name one offer, and what it takes to turn their words into packs.

    `code` may be empty and `link_no` 0 where the offer has none. `units_per_pack` counts the pool's base units.
    `price_minor` and `list_price_minor` are hundredths of the currency that numbers in comments are compared with.
    """

    sku: str
    pool_id: str
    base_unit: str
    code: str
    link_no: int
    name: str
    aliases: tuple[str, ...] = ()
    pack_words: tuple[str, ...] = ()
    units_per_pack: int
    price_minor: int
    list_price_minor: int = 0


class ReadingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A sale's rules of reading.

    `trigger`, where not empty, must open every ordering comment. More than `packs_max` packs in a line go to review.
    `ignored_users` (the host, blocked buyers; the ids that `Lexicon.read` is given) never order.
    """

    mode: Mode = Mode.CAPTURE
    strictness: Strictness = Strictness.CONTAINS
    trigger: str = ""
    packs_max: int = 99
    ignored_users: frozenset[str] = frozenset()


class Word(msgspec.Struct, frozen=True, gc=False):
    """One piece of the normalised, masked text (`start` to `end`, in characters) and what it was taken for."""

    text: str
    start: int
    end: int
    meaning: str


class Reading(msgspec.Struct, frozen=True, gc=False):
    """How a comment was read.

    `text` is the comment as it came and may hold personal data; everything else is masked. `lines` are (sku, packs) for
    `order`, `set`, `cancel` (0 packs) and `waitlist`, empty otherwise. `rule` is stable and names the decision, `reason` and
    `reason_en` say it to a host. `wanted` is what would have been ordered, where mode or trigger forbids it: demand.
    `unmet` are goods that were named and that no offer bears. `masked` tells whether personal data was found.
    """

    text: str
    normalised: str
    intent: Intent
    lines: tuple[tuple[str, int], ...]
    rule: str
    reason: str
    reason_en: str
    words: tuple[Word, ...] = ()
    unmet: tuple[str, ...] = ()
    wanted: tuple[tuple[str, int], ...] = ()
    masked: bool = False

"""Each claim's story: all that was asked about one claim_id, sorted by what it was. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from loadtest.domain import Answer, Ask, BookedClaim, Exchange, Line

Content = tuple[str, tuple[Line, ...], bool]


def content_of(exchange: Exchange) -> Content:
    """Return what makes two claims of one id the same request."""
    return exchange.buyer_id, exchange.lines, exchange.partial


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What was asked about one claim and what the books know of it. Exchanges stand in the order of sending."""

    claim_id: str
    booked: BookedClaim | None
    claims: list[Exchange] = field(default_factory=list)
    confirms: list[Exchange] = field(default_factory=list)
    cancels: list[Exchange] = field(default_factory=list)

    @property
    def grants(self) -> list[Exchange]:
        """Claims that were answered with a grant, first answers and replays."""
        return [exchange for exchange in self.claims if exchange.is_grant]

    @property
    def endings(self) -> list[Exchange]:
        """Confirms and cancels together, in the order of sending."""
        return sorted(self.confirms + self.cancels, key=lambda exchange: exchange.sent_at_us)

    @property
    def granting(self) -> list[Exchange]:
        """The exchanges among which is the one that took the stock: a first answer if one came, else all candidates.

        Empty where neither an answer nor the books say that the claim was ever granted.
        """
        first = [exchange for exchange in self.grants if exchange.answer and not exchange.answer.replayed]
        if first:
            return first[:1]
        if self.grants:
            # The first answer was lost on its way; whatever was sent before the first replay came back may have been it.
            replayed_at_us = min(exchange.answered_at_us for exchange in self.grants)
            content = content_of(self.grants[0])
            asked = [e for e in self.claims if content_of(e) == content and e.sent_at_us <= replayed_at_us]
            return [exchange for exchange in asked if exchange.is_grant or exchange.answer is None]
        if self.booked is None:
            return []
        return [exchange for exchange in self.claims if exchange.answer is None]

    @property
    def granted(self) -> Answer | None:
        """What the claim was granted first: as acknowledged, else as the books have it; None if it never was."""
        for exchange in self.granting:
            if exchange.is_grant:
                return exchange.answer
        if self.grants:
            return self.grants[0].answer
        return self.booked.first if self.booked else None

    @property
    def has_unknown(self) -> bool:
        """Whether some claim of this id got no answer, so that nobody can say from here what became of it."""
        return any(exchange.answer is None for exchange in self.claims)


def tell(exchanges: Sequence[Exchange], booked: dict[str, BookedClaim | None]) -> dict[str, Story]:
    """Sort exchanges into stories by claim_id."""
    stories: dict[str, Story] = {}
    for exchange in sorted(exchanges, key=lambda each: each.sent_at_us):
        story = stories.get(exchange.claim_id)
        if story is None:
            story = Story(claim_id=exchange.claim_id, booked=booked.get(exchange.claim_id))
            stories[exchange.claim_id] = story
        match exchange.ask:
            case Ask.CLAIM:
                story.claims.append(exchange)
            case Ask.CONFIRM:
                story.confirms.append(exchange)
            case Ask.CANCEL:
                story.cancels.append(exchange)
    return stories


def paid_late(exchange: Exchange) -> bool:
    """Say whether this is a payment that came after the hold's end and found its stock still there."""
    return exchange.answer is not None and exchange.outcome == "confirmed" and exchange.answer.detail == "late"


def owes_refund(exchange: Exchange) -> bool:
    """Say whether this is a payment that came after the hold's end and found its stock gone."""
    return exchange.answer is not None and exchange.answer.detail == "refund_due"

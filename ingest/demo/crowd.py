"""Everything in the live rooms that sells nothing by itself: chatter, wishes, likes, gifts, viewers, the draw's word."""

from __future__ import annotations

import random
from dataclasses import dataclass

from ingest.demo.plan import (
    CHATTER,
    COMMENT_PLATFORMS,
    DRAW_CLOSES_MINUTE,
    DRAW_OPENS_MINUTE,
    DRAW_WORD,
    EVENING_MINUTES,
    LAST_SALE_MINUTE,
    MINUTE_MS,
    POOL_IDS_BIG,
    POOL_PLANS,
    ROOMS,
    Comment,
    Ids,
    Meaning,
    Person,
    Shelf,
    part_rng,
    within,
)
from ingest.demo.wording import HOST_LINES, Crowd, chatter_text, order_text

LIKES = {"douyin": 900_000, "kuaishou": 600_000, "weibo": 180_000, "xigua": 220_000}
LIKE_EVENTS = {"douyin": 2_600, "kuaishou": 1_700, "weibo": 400, "xigua": 500}
CHATTER_COMMENTS = {"douyin": 2_400, "kuaishou": 1_600, "weibo": 800, "xigua": 900}
WISHES = {"douyin": 700, "kuaishou": 500}
DRAW_ENTRANTS = {"douyin": 220, "kuaishou": 150, "weibo": 60, "xigua": 70}
GIFTS = {"douyin": 60, "kuaishou": 45}
FOLLOWS = {"weibo": 90, "xigua": 120}
ENTERS = {"weibo": 220, "xigua": 280}
VIEWERS_PEAK = {"weibo": 41_000, "xigua": 68_000}
VIEWERS_EVERY_MS = 30_000
LATE_COMMENTS = 6
LATE_BY_MS = 240_000

_LAST_MINUTE = LAST_SALE_MINUTE + 4
_MESSAGE_IDS_FROM = {
    "douyin": 6_897_600_000_000_000_000,
    "kuaishou": 3_300_000_000_000_000,
    "weibo": 4_573_900_000_000_000,
    "xigua": 6_897_900_000_000_000_000,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gesture:
    """Something counted in a live room: `kind` is like, gift, follow, enter or viewers; `count` is how many."""

    at_ms: int
    kind: str
    platform: str
    event_id: str
    person: Person | None
    count: int = 1
    value_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bustle:
    """All that a crowd does in an evening, in no order yet."""

    comments: list[Comment]
    gestures: list[Gesture]


def bustle(seed: int, shelf: Shelf) -> Bustle:
    """Make the evening's crowd."""
    writer = _Writer(part_rng(seed, "crowd"), shelf)
    for platform in ROOMS:
        writer.chatter(platform)
        writer.draw_words(platform)
        writer.gestures(platform)
    writer.late_and_spoken_by_host()
    return Bustle(comments=writer.comments, gestures=writer.counted)


class _Writer:
    def __init__(self, rng: random.Random, shelf: Shelf) -> None:
        self.comments: list[Comment] = []
        self.counted: list[Gesture] = []
        self._rng = rng
        self._shelf = shelf
        self._offers = list(shelf.offers.values())
        self._ids = {platform: Ids(rng, _MESSAGE_IDS_FROM[platform]) for platform in ROOMS}
        self._crowds = {platform: Crowd(rng, platform) for platform in ROOMS}
        self._regulars = {p: [self._crowds[p].newcomer() for _ in range(500)] for p in ROOMS}

    def chatter(self, platform: str) -> None:
        """Talk all evening, denser in the rushes; where the shop takes orders itself, comments that wish for goods too."""
        for _ in range(CHATTER_COMMENTS[platform]):
            self._say(self._moment(), platform, chatter_text(self._rng, self._offers))
        for _ in range(WISHES.get(platform, 0)):
            offer = self._rng.choice([o for o in self._offers if o.pool_id in POOL_IDS_BIG])
            packs = self._rng.choice((1, 1, 2, 3))
            meaning = Meaning(intent="interest", lines=((offer.sku, packs),))
            self._say(self._moment(), platform, order_text(self._rng, offer, packs), meaning)

    def draw_words(self, platform: str) -> None:
        """The draw's word; some say it more than once, which enters them once."""
        for _ in range(DRAW_ENTRANTS[platform]):
            person = self._rng.choice(self._regulars[platform])
            at_ms = within(self._rng, DRAW_OPENS_MINUTE, DRAW_CLOSES_MINUTE - 1)
            self._say(at_ms, platform, DRAW_WORD, person=person)

    def gestures(self, platform: str) -> None:
        """Likes merged into counts that add up exactly, gifts, follows, entries, and how many are watching."""
        for count in self._shares(LIKES[platform], LIKE_EVENTS[platform]):
            self._count("like", platform, count=count)
        for _ in range(GIFTS.get(platform, 0)):
            pieces = self._rng.choice((1, 1, 1, 3, 10))
            self._count("gift", platform, count=pieces, value_minor=pieces * self._rng.choice((10, 100, 520)))
        for _ in range(FOLLOWS.get(platform, 0)):
            self._count("follow", platform)
        for _ in range(ENTERS.get(platform, 0)):
            self._count("enter", platform)
        if platform in VIEWERS_PEAK:
            self._viewers(platform)

    def late_and_spoken_by_host(self) -> None:
        """Comments that come minutes after they were said, as after a bridge's reconnect; and the host's own words."""
        honey = POOL_PLANS[2]
        for index in range(LATE_COMMENTS):
            platform = COMMENT_PLATFORMS[index % 2]
            at_ms = within(self._rng, honey.minute(honey.RUSH_LENGTH + 6), honey.minute(honey.RUSH_LENGTH + 6))
            text = chatter_text(self._rng, self._offers)
            self._say(at_ms, platform, text, sent_at_ms=at_ms - LATE_BY_MS)
        for platform in ROOMS:
            host = Person(platform=platform, user_id=f"{platform[0]}host", nickname="铜鼓县直播间")
            for index, line in enumerate(HOST_LINES):
                at_ms = within(self._rng, 3 + index * 20, 4 + index * 20)
                self._say(at_ms, platform, line, person=host, is_host=platform in COMMENT_PLATFORMS)

    def _viewers(self, platform: str) -> None:
        for at_ms in range(MINUTE_MS + 500, _LAST_MINUTE * MINUTE_MS, VIEWERS_EVERY_MS):
            through = at_ms / (EVENING_MINUTES * MINUTE_MS)
            shape = min(1.0, through * 6) * (1.0 if through < 0.75 else 1.9 - 1.2 * through)
            count = int(VIEWERS_PEAK[platform] * shape * self._rng.uniform(0.93, 1.0)) + 200
            self.counted.append(
                Gesture(
                    at_ms=at_ms,
                    kind="viewers",
                    platform=platform,
                    event_id=self._ids[platform].next(),
                    person=None,
                    count=count,
                )
            )

    def _shares(self, total: int, parts: int) -> list[int]:
        """Cut a total into so many unequal parts, each at least 1."""
        weights = [self._rng.uniform(0.2, 2.0) for _ in range(parts)]
        scale = (total - parts) / sum(weights)
        shares = [1 + int(weight * scale) for weight in weights]
        shares[-1] += total - sum(shares)
        return shares

    def _count(self, kind: str, platform: str, count: int = 1, value_minor: int = 0) -> None:
        gesture = Gesture(
            at_ms=self._moment(),
            kind=kind,
            platform=platform,
            event_id=self._ids[platform].next(),
            person=self._rng.choice(self._regulars[platform]),
            count=count,
            value_minor=value_minor,
        )
        self.counted.append(gesture)

    def _moment(self) -> int:
        """A moment of the evening; every third one falls into a rush."""
        if self._rng.random() < 0.34:
            plan = self._rng.choice(POOL_PLANS)
            return within(self._rng, plan.rush_minute, plan.minute(plan.RUSH_LENGTH))
        return within(self._rng, 1, _LAST_MINUTE - 1)

    def _say(
        self,
        at_ms: int,
        platform: str,
        text: str,
        meaning: Meaning = CHATTER,
        *,
        person: Person | None = None,
        sent_at_ms: int = -1,
        is_host: bool = False,
    ) -> None:
        said = Comment(
            at_ms=at_ms,
            event_id=self._ids[platform].next(),
            person=person or self._rng.choice(self._regulars[platform]),
            text=text,
            meaning=meaning,
            sent_at_ms=sent_at_ms,
            is_host=is_host,
        )
        self.comments.append(said)

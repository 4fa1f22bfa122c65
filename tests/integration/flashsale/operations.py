"""Operations for Hypothesis: few ids and small numbers, so that they meet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set

from hypothesis import strategies as st

from flashsale.domain import (
    AdjustPool,
    AdjustReason,
    Amend,
    Block,
    Cancel,
    Claim,
    CloseDraw,
    Confirm,
    EnterDraw,
    Extend,
    Fact,
    Line,
    Observe,
    OpenDraw,
    RepeatPolicy,
    SaleState,
    SetOffer,
    SetPool,
    SetSale,
    SetSaleState,
    SettleDraw,
)

POOL_OF = {"egg-1": "eggs", "egg-3": "eggs", "egg-5": "eggs", "honey-1": "honey", "honey-2": "honey", "tea": "tea"}
UNITS = {"egg-1": 1, "egg-3": 3, "egg-5": 5, "honey-1": 1, "honey-2": 2, "tea": 1}
PRICES = {"egg-1": 29, "egg-3": 71, "egg-5": 100, "honey-1": 57, "honey-2": 113, "tea": 0}
TTLS_MS = (1_000_000, 2_000_000, 0)

regulars = st.sampled_from(["douyin:b1", "douyin:b2", "kuaishou:b3", "b4"])
newcomers = st.integers(1, 30).map("newcomer-{}".format)
buyers = st.sampled_from([regulars, regulars, regulars, newcomers]).flatmap(lambda chosen: chosen)
channels = st.sampled_from(["douyin", "kuaishou", "booth"])
skus = st.sampled_from([*POOL_OF, *POOL_OF, "nothing"])
known_skus = st.sampled_from(list(POOL_OF))
packs = st.integers(1, 6)


def lines(skus: st.SearchStrategy[str], least: int, packs_min: int = 1) -> st.SearchStrategy[tuple[Line, ...]]:
    one = st.builds(Line, skus, st.integers(packs_min, 6))
    return st.lists(one, min_size=least, max_size=3, unique_by=lambda line: line.sku).map(tuple)


adjusts = st.builds(
    AdjustPool,
    adjust_id=st.sampled_from([f"a{n}" for n in range(30)]),
    pool_id=st.sampled_from(["eggs", "honey", "tea", "nowhere"]),
    delta_units=st.integers(-9, 15).filter(bool),
    reason=st.sampled_from(AdjustReason),
)
by_channel = st.one_of(st.just({}), st.just({}), st.dictionaries(channels, st.integers(0, 12), max_size=2))
pools = st.builds(
    SetPool,
    pool_id=st.sampled_from(["eggs", "honey", "tea"]),
    name=st.sampled_from(["土鸡蛋", "蜂蜜"]),
    base_unit=st.just("枚"),
    initial_units=st.integers(0, 40),
    limit_units=st.sampled_from([0, 0, 0, 12]),
    channel_reserves=by_channel,
    channel_caps=by_channel,
    presale_units=st.sampled_from([0, 0, 0, 6, 20]),
    presale_ships_at_ms=st.sampled_from([0, 1_900_000_000_000]),
)
states = st.builds(SetSaleState, state=st.sampled_from([SaleState.OPEN, SaleState.OPEN, SaleState.PAUSED]))
settings = st.builds(
    SetSale,
    name=st.one_of(st.none(), st.just("铜鼓专场")),
    hold_ttl_ms=st.one_of(st.none(), st.sampled_from(TTLS_MS)),
    waitlist_ttl_ms=st.one_of(st.none(), st.sampled_from(TTLS_MS)),
    repeat_policy=st.one_of(st.none(), st.sampled_from(RepeatPolicy)),
)
blocks = st.builds(Block, buyer_id=buyers, blocked=st.sampled_from([True, False, False]))
counts = st.integers(0, 3)
observations = st.builds(
    Observe,
    event_id=st.sampled_from(["", "e1", "e2", "e3", "e4"]),
    channel=channels,
    comments=counts,
    likes=counts,
    gifts=counts,
    follows=counts,
    enters=counts,
    viewers=st.integers(-1, 5),
    demand=st.dictionaries(skus, packs, max_size=2),
)
draw_ids = st.sampled_from(["d1", "d2"])
draw_openings = st.builds(
    OpenDraw,
    draw_id=draw_ids,
    prize=st.sampled_from(["鸡蛋", "蜂蜜"]),
    winners_max=st.integers(1, 2),
    seed_hash=st.just("ab" * 32),
    condition=st.sampled_from(["none", "ordered", "bought"]),
)
draws = st.one_of(
    draw_openings,
    st.builds(EnterDraw, draw_id=draw_ids, buyer_id=buyers),
    st.builds(EnterDraw, draw_id=draw_ids, buyer_id=buyers),
    st.builds(CloseDraw, draw_id=draw_ids),
    st.builds(SettleDraw, draw_id=draw_ids, seed=st.just("seed"), winners=st.lists(buyers, max_size=2).map(tuple)),
)


def offers(now_ms: int) -> st.SearchStrategy[SetOffer]:
    """Known offers with other prices, limits and windows; now and then with other units, which a first claim freezes."""
    moment = st.sampled_from([0, 0, 0, now_ms - 1_000_000, now_ms + 1_000_000])

    def build(
        sku: str, units_more: int, price_more: int, times: tuple[int, ...], limit: int, list_price: int
    ) -> SetOffer:
        return SetOffer(
            sku=sku,
            pool_id=POOL_OF[sku],
            name=sku,
            units_per_pack=UNITS[sku] + units_more,
            price_minor=PRICES[sku] + price_more,
            list_price_minor=list_price,
            special_from_ms=max(times[0], 0),
            special_until_ms=max(times[1], 0),
            limit_packs=limit,
            sells_from_ms=max(times[2], 0),
            sells_until_ms=max(times[3], 0),
        )

    return st.builds(
        build,
        known_skus,
        st.sampled_from([0, 0, 0, 1]),
        st.sampled_from([0, 0, 7]),
        st.tuples(moment, moment, moment, moment),
        st.sampled_from([0, 0, 2, 5]),
        st.sampled_from([0, 150]),
    )


class Meeting:
    """Draws operations that have something to do with each other: ids that exist, newly made ones, a few reused."""

    def __init__(self, now_ms: int, known_ids: Sequence[str], fresh: Iterator[str]) -> None:
        known = st.sampled_from(known_ids[-12:]) if known_ids else st.just("never-made")
        new = st.builds(lambda: next(fresh))
        wanted = {"claim_id": _mostly(new, known), "buyer_id": buyers, "channel": channels}
        self.kinds: dict[str, st.SearchStrategy[object]] = {
            "claim": st.builds(
                Claim,
                **wanted,
                lines=lines(skus, 1),
                partial=st.booleans(),
                waitlist=st.sampled_from([True, True, False]),
            ),
            "plain": st.builds(
                Claim,
                claim_id=wanted["claim_id"],
                buyer_id=newcomers,
                channel=channels,
                lines=lines(known_skus, 1).map(lambda several: several[:1]),
            ),
            "order": st.builds(Amend, **wanted, kind=st.just("order"), lines=lines(skus, 1), waitlist=st.booleans()),
            "set": st.builds(
                Amend, **wanted, kind=st.just("set"), lines=lines(known_skus, 1, 0), waitlist=st.booleans()
            ),
            "cancel_by_comment": st.builds(Amend, **wanted, kind=st.just("cancel"), lines=lines(known_skus, 0, 0)),
            "confirm": st.builds(Confirm, claim_id=known, reclaim=st.sampled_from([True, True, False])),
            "confirm_part": st.builds(Confirm, claim_id=known, lines=lines(known_skus, 1), reclaim=st.just(True)),
            "cancel": st.builds(Cancel, claim_id=known, reason=st.sampled_from(["", "unpaid"]), order=st.booleans()),
            "extend": st.builds(
                Extend,
                claim_id=known,
                expires_at_ms=st.sampled_from([1, 500_000, 1_500_000, 80_000_000]).map(lambda ms: now_ms + ms),
            ),
            "fact": st.builds(
                Fact,
                fact_id=_mostly(new, known),
                channel=channels,
                lines=lines(_mostly(known_skus, skus), 1),
                buyer_id=st.one_of(st.just(""), buyers),
                amount_minor=st.one_of(st.none(), st.integers(0, 500)),
            ),
            "reversal": st.builds(Fact, fact_id=known, channel=channels, reverses=st.just(True)),
            "adjust": adjusts,
            "pool": pools,
            "offer": offers(now_ms),
            "state": states,
            "settings": settings,
            "block": blocks,
            "observe": observations,
            "draw": draws,
        }

    def operation(self, left_out: Set[str]) -> st.SearchStrategy[object]:
        """One operation; the ways of a claim come most often. Without some kinds, the others meet more often."""
        return st.sampled_from([kind for kind in WEIGHTED if kind not in left_out]).flatmap(self.kinds.__getitem__)


WEIGHTS = {
    "claim": 8,
    "plain": 5,
    "order": 3,
    "set": 3,
    "confirm": 4,
    "confirm_part": 2,
    "cancel": 4,
    "extend": 2,
    "fact": 2,
    "reversal": 2,
    "adjust": 2,
    "draw": 2,
}
WEIGHTED = [kind for kind, times in WEIGHTS.items() for _ in range(times)]
WEIGHTED += [
    "adjust",
    "adjust",
    "cancel_by_comment",
    "pool",
    "offer",
    "state",
    "settings",
    "block",
    "observe",
    "draw",
    "draw",
]


def _mostly(often: st.SearchStrategy[str], seldom: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.sampled_from([often, often, often, often, often, seldom]).flatmap(lambda chosen: chosen)

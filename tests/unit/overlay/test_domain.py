import msgspec

from flashsale.events import (
    Claimed,
    Confirmed,
    Ended,
    FactRecorded,
    FactReversed,
    Granted,
    LogEntry,
    PoolAdjusted,
    Promoted,
    Reduced,
)
from overlay.domain import keyed, numbered_mask, recent_orders, stock_changes
from tests.unit.overlay.played_sale import county_tally

EGGS = (Granted(sku="egg-30", packs=2, unit_price_minor=9_000, pool_id="eggs", units=60),)
WHO = {"buyer_id": "douyin:u881", "channel": "douyin"}


def entry(*events):
    return LogEntry(rev="1763726400000-7", at_ms=1_763_726_400_000, events=events)


def test_lists_become_objects_by_id_and_keep_their_order_beside_them():
    document = keyed(county_tally())
    assert document["pools"]["eggs"]["initial"] == 10_000
    assert document["offers"]["egg-30"]["pool_id"] == "eggs"
    assert document["channels"]["weibo"]["orders"] == 0
    assert document["order"]["pools"][:2] == ["eggs", "noodles"]
    assert document["order"]["offers"][-1] == "candied"
    assert document["state"] == "open"


def test_orders_and_facts_are_shown_and_holds_are_not():
    held = Claimed(claim_id="c1", outcome="reserved", granted=EGGS, amount_minor=1, expires_at_ms=1, **WHO)
    paid = Confirmed(claim_id="c2", granted=EGGS, amount_minor=18_000, **WHO)
    presold = Confirmed(claim_id="c3", granted=EGGS, amount_minor=18_000, presale=True, **WHO)
    fact = FactRecorded(fact_id="f1", granted=EGGS, amount_minor=18_000, buyer_id="", channel="vending")
    shown = list(recent_orders(entry(held, paid, presold, fact), numbered_mask(b"k" * 16)))
    assert [order.kind for order in shown] == ["order", "presale", "fact"]
    assert [order.buyer for order in shown][2] == ""
    assert len({order.key for order in shown}) == 3


def test_no_part_of_a_buyers_id_reaches_the_wire():
    paid = Confirmed(claim_id="douyin:7312009", granted=EGGS, amount_minor=18_000, **WHO)
    wire = msgspec.json.encode(list(recent_orders(entry(paid), numbered_mask(b"k" * 16)))).decode()
    assert "u881" not in wire
    assert "7312009" not in wire


def test_a_mask_is_the_same_for_the_same_buyer_and_another_in_another_process():
    mask = numbered_mask(b"k" * 16)
    buyers = [f"douyin:u{number}" for number in range(50)]
    assert [mask(buyer) for buyer in buyers] == [mask(buyer) for buyer in buyers]
    assert [mask(buyer) for buyer in buyers] != [numbered_mask(b"z" * 16)(buyer) for buyer in buyers]


def test_stock_moves_by_what_was_taken_and_given_back():
    moves = {
        -60: [
            Claimed(claim_id="c", outcome="reserved", granted=EGGS, amount_minor=1, expires_at_ms=1, **WHO),
            Promoted(claim_id="c", granted=EGGS, amount_minor=1, expires_at_ms=1, **WHO),
            FactRecorded(fact_id="f", granted=EGGS, amount_minor=1, **WHO),
        ],
        60: [
            Ended(claim_id="c", how="expired", was="reserved", granted=EGGS, amount_minor=1, **WHO),
            Reduced(claim_id="c", was="reserved", granted=EGGS, amount_minor=1, left_minor=0, **WHO),
            FactReversed(fact_id="f", granted=EGGS, amount_minor=1, **WHO),
            Confirmed(claim_id="c", granted=(), released=EGGS, amount_minor=1, **WHO),
            PoolAdjusted(adjust_id="a", pool_id="eggs", delta_units=60, reason="restock"),
        ],
    }
    for units, events in moves.items():
        for event in events:
            assert list(stock_changes(entry(event))) == [("eggs", units)], event


def test_waiting_and_presale_take_nothing_from_stock():
    for outcome in ("waitlisted", "presold"):
        claimed = Claimed(claim_id="c", outcome=outcome, granted=EGGS, amount_minor=1, expires_at_ms=1, **WHO)
        assert list(stock_changes(entry(claimed))) == []
    later = (msgspec.structs.replace(EGGS[0], presale=True),)
    mixed = Claimed(claim_id="c", outcome="partial", granted=EGGS + later, amount_minor=1, expires_at_ms=1, **WHO)
    assert list(stock_changes(entry(mixed))) == [("eggs", -60)]

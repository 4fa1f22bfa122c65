from __future__ import annotations

import functools
import itertools

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from msgspec.structs import replace

from flashsale.domain import Op, RepeatPolicy, SaleState, SetOffer, SetPool, SetSale, SetSaleState
from tests.integration.flashsale.beside_model import Rig, SideBySide
from tests.integration.flashsale.crowd import Crowd
from tests.integration.flashsale.operations import POOL_OF, PRICES, TTLS_MS, UNITS, WEIGHTED, Meeting, pools

WELL_STOCKED = SetPool(pool_id="tea", name="菊花茶", base_unit="罐", initial_units=40, presale_units=10)  # type: ignore[arg-type]


class EngineBesideModel(RuleBasedStateMachine):
    """Any operations, in batches of any shape, from callers that meet, with time moving: engine and model agree."""

    def __init__(self, rig: Rig) -> None:
        super().__init__()
        self.both = SideBySide(rig)
        self.sent: list[Op] = []
        self.left_out: set[str] = set()
        self.fresh_ids = (f"c{n}" for n in itertools.count(1))

    def decide(self, *groups: list[Op]) -> None:
        for group in groups:
            self.sent += group
        self.both.decide(*groups)

    @initialize(
        eggs=pools,
        honey=pools,
        hold_ttl_ms=st.sampled_from(TTLS_MS),
        waitlist_ttl_ms=st.sampled_from(TTLS_MS),
        policy=st.sampled_from(RepeatPolicy),
        left_out=st.sets(st.sampled_from(sorted(set(WEIGHTED) - {"claim"}))),
    )
    def make_sale(
        self,
        eggs: SetPool,
        honey: SetPool,
        hold_ttl_ms: int,
        waitlist_ttl_ms: int,
        policy: RepeatPolicy,
        left_out: set[str],
    ) -> None:
        self.left_out = left_out
        self.decide(
            [SetSale(name="铜鼓专场", hold_ttl_ms=hold_ttl_ms, waitlist_ttl_ms=waitlist_ttl_ms, repeat_policy=policy)]
        )
        stocked = (replace(eggs, pool_id="eggs"), replace(honey, pool_id="honey"), WELL_STOCKED)
        offers = [
            SetOffer(sku=sku, pool_id=POOL_OF[sku], name=sku, units_per_pack=UNITS[sku], price_minor=PRICES[sku])  # type: ignore[arg-type]
            for sku in POOL_OF
        ]
        self.decide([*stocked, *offers, SetSaleState(state=SaleState.OPEN)])

    @rule(data=st.data())
    def callers_meet(self, data: st.DataObject) -> None:
        meeting = Meeting(self.both.now_ms, list(self.both.model.claims), self.fresh_ids)
        groups = data.draw(
            st.lists(st.lists(meeting.operation(self.left_out), min_size=1, max_size=5), min_size=1, max_size=3)
        )
        self.decide(*groups)

    @rule(data=st.data(), count=st.integers(1, 4))
    def retry(self, data: st.DataObject, count: int) -> None:
        """A sender that did not hear the answer asks again, with the same ids."""
        at = data.draw(st.integers(max(len(self.sent) - 15, 0), len(self.sent) - 1))
        self.decide(self.sent[at : at + count])

    @rule(ms=st.sampled_from([1, 499_999, 500_000, 1_000_000, 2_000_000]))
    def time_passes(self, ms: int) -> None:
        self.both.forward(ms)
        self.both.decide([])

    def teardown(self) -> None:
        """What no event speaks of must not have changed either."""
        self.both.rig.run(self.both.compare_claims(list(self.both.model.claims)))


def run(store_url: str, examples: int, steps: int) -> None:
    with Rig(store_url) as rig:
        run_state_machine_as_test(
            functools.partial(EngineBesideModel, rig),
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
                print_blob=False,
            ),
        )


def test_engine_answers_and_counts_as_the_model_does(store_url: str) -> None:
    run(store_url, examples=50, steps=20)


def play(store_url: str, seeds: range, batches: int) -> None:
    with Rig(store_url) as rig:
        for seed in seeds:
            try:
                Crowd(SideBySide(rig), seed).run(batches)
            except AssertionError as error:
                error.add_note(f"seed {seed}")
                raise


def test_a_crowd_by_dice_gets_the_models_answers(store_url: str) -> None:
    play(store_url, range(40), batches=30)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_many_crowds_by_dice_get_the_models_answers(store_url: str) -> None:
    play(store_url, range(40, 6_000), batches=40)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_engine_answers_and_counts_as_the_model_does_for_long(store_url: str) -> None:
    run(store_url, examples=3_000, steps=50)

"""`service.fleet.plan`: what may become of what is wanted; a plan is a value, and no change loses anything else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from service.fleet.plan import Canary, ModelPlan, Refusal, plan_as_json, plan_from_json

_BAD = Refusal("hash", "was changed", "abc")
_VERSIONS = st.integers(1, 6)


def _plans() -> SearchStrategy[ModelPlan]:
    maybe = st.none() | _VERSIONS
    return st.builds(
        ModelPlan,
        live=maybe,
        candidate=maybe,
        chosen=st.booleans(),
        pinned=maybe,
        previous=maybe,
        held=st.lists(_VERSIONS, unique=True, max_size=3).map(tuple),
        canary=st.none() | st.builds(Canary, _VERSIONS, st.floats(0.01, 1.0)),
        shadow=maybe,
        refused=st.dictionaries(_VERSIONS, st.just(_BAD), max_size=2),
    )


def test_a_proposed_version_becomes_live_and_the_one_before_it_stays_loaded() -> None:
    """The way back takes no time."""
    plan = ModelPlan(live=1).proposed(2)
    assert (plan.live, plan.candidate) == (1, 2)
    assert plan.needed == {1, 2}
    plan = plan.committed(keep_previous=True)
    assert (plan.live, plan.candidate, plan.previous) == (2, None, 1)
    assert plan.needed == {1, 2}


def test_a_previous_version_is_let_go_where_memory_matters_more() -> None:
    """Then the live one alone is needed."""
    assert ModelPlan(live=1, candidate=2).committed(keep_previous=False).needed == {2}


def test_a_chosen_version_is_pinned_when_it_becomes_live_and_not_before() -> None:
    """Until then nothing is known about it."""
    plan = ModelPlan(live=3).pinned_to(1)
    assert (plan.pinned, plan.candidate) == (None, 1)
    assert plan.committed(keep_previous=True).pinned == 1


def test_choosing_the_live_version_pins_it_and_calls_off_what_was_on_its_way() -> None:
    """There is nothing to load."""
    plan = ModelPlan(live=3, candidate=4).pinned_to(3)
    assert (plan.live, plan.candidate, plan.pinned) == (3, None, 3)


def test_a_chosen_version_that_fails_leaves_the_pin_as_it_was() -> None:
    """A newer version does not come in through the back door."""
    plan = ModelPlan(live=2, pinned=2).pinned_to(1).refusing(1, _BAD)
    assert (plan.live, plan.candidate, plan.pinned, plan.chosen) == (2, None, 2, False)


def test_a_canary_that_becomes_live_is_no_canary_any_more() -> None:
    """It answers everything now; so for a shadow."""
    plan = ModelPlan(live=1, canary=Canary(2, 0.1), shadow=2).proposed(2).committed(keep_previous=True)
    assert (plan.live, plan.canary, plan.shadow) == (2, None, None)


def test_asking_for_a_refused_version_again_forgets_why_it_was_refused() -> None:
    """Somebody may have mended it."""
    refused = ModelPlan(live=1).refusing(2, _BAD)
    assert refused.holding(2).refused == {}
    assert refused.proposed(2).refused == {}
    assert refused.splitting(canary=Canary(2, 0.5), shadow=None).refused == {}


@given(plan=_plans(), version=_VERSIONS)
def test_a_refused_version_is_wanted_no_more_unless_it_is_live(plan: ModelPlan, version: int) -> None:
    """Whatever role it had; what answers is not taken away."""
    after = plan.refusing(version, _BAD)
    assert after.live == plan.live
    assert after.needed == plan.needed - {version} | ({version} if version == plan.live else set())
    assert after.refused[version] == _BAD


@given(plan=_plans(), version=_VERSIONS)
def test_no_change_but_a_commit_touches_what_is_live(plan: ModelPlan, version: int) -> None:
    """Requests are answered by the same version before and after."""
    changed = (
        plan.proposed(version),
        plan.refusing(version, _BAD),
        plan.holding(version),
        plan.releasing(version),
        plan.pinned_to(version),
        plan.unpinned(),
        plan.splitting(canary=Canary(version, 0.5), shadow=version),
    )
    assert {after.live for after in changed} == {plan.live}


@given(plan=_plans())
def test_a_plan_is_read_as_it_was_written(plan: ModelPlan) -> None:
    """Every field of it."""
    assert plan_from_json(plan_as_json({"colors": plan})) == {"colors": plan}
    assert plan_from_json(b"") == {}

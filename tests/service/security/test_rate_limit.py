"""A rate lets through what it says, no more and no less, whatever the order and the times of arrival."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.errors import InvalidParameterError
from service.security.rate_limit import Rate, Spending, read_rate, spend

SECOND_NS: Final = 1_000_000_000

# No test fails because a machine is slow.
at_leisure = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
rates = st.builds(Rate, st.integers(1, 1000), st.sampled_from([1, 60, 3600, 86_400]))
# Pauses as they come: none, shorter than any rate's interval, about as long, and long enough to win everything back.
pauses_ns = st.lists(
    st.one_of(
        st.just(0),
        st.integers(0, 1000),
        st.integers(0, 100 * SECOND_NS),
        st.integers(0, 100_000 * SECOND_NS),
    ),
    max_size=100,
)


def spend_at(rate: Rate, times_ns: list[int]) -> list[Spending]:
    """Try to spend one use at each time."""
    restored_ns, spendings = 0, []
    for now_ns in times_ns:
        restored_ns, spending = spend(restored_ns, rate=rate, now_ns=now_ns)
        spendings.append(spending)
    return spendings


def times_after(pauses: list[int]) -> list[int]:
    """Turn pauses into times, which begin long after the clock did."""
    now_ns, times_ns = 10**15, []
    for pause_ns in pauses:
        now_ns += pause_ns
        times_ns.append(now_ns)
    return times_ns


@at_leisure
@given(rates, pauses_ns)
def test_decisions_are_those_of_a_bucket_of_tokens(rate: Rate, pauses: list[int]) -> None:
    """The other way to say the same: a bucket holds `count` tokens at most, and one drips in every interval."""
    times_ns = times_after(pauses)
    tokens = Fraction(rate.count)
    before_ns = times_ns[0] if times_ns else 0
    for now_ns, spending in zip(times_ns, spend_at(rate, times_ns), strict=True):
        tokens = min(Fraction(rate.count), tokens + Fraction(now_ns - before_ns, rate.interval_ns))
        before_ns = now_ns
        assert spending.allowed == (tokens >= 1)
        tokens -= spending.allowed
        assert spending.remaining == (int(tokens) if spending.allowed else 0)


@at_leisure
@given(rates, pauses_ns)
def test_no_stretch_of_time_sees_more_than_a_full_bucket_and_what_dripped_in(rate: Rate, pauses: list[int]) -> None:
    """Between any two uses that were allowed."""
    times_ns = times_after(pauses)
    allowed_ns = [now for now, spent in zip(times_ns, spend_at(rate, times_ns), strict=True) if spent.allowed]
    for first, start_ns in enumerate(allowed_ns):
        for last in range(first, len(allowed_ns)):
            dripped = (allowed_ns[last] - start_ns) // rate.interval_ns
            assert last - first + 1 <= rate.count + dripped


@at_leisure
@given(rates)
def test_exactly_the_whole_count_may_be_spent_at_once(rate: Rate) -> None:
    """And the header counts down to nothing while it is."""
    spendings = spend_at(rate, [10**15] * (rate.count + 3))
    assert [spending.allowed for spending in spendings] == [True] * rate.count + [False] * 3
    assert [spending.remaining for spending in spendings[: rate.count]] == list(reversed(range(rate.count)))


@at_leisure
@given(rates)
def test_whoever_keeps_to_the_rate_is_never_refused(rate: Rate) -> None:
    """One use at each interval, for as long as one likes, from an empty bucket."""
    times_ns = [10**15] * rate.count + [10**15 + turn * rate.interval_ns for turn in range(1, 200)]
    assert all(spending.allowed for spending in spend_at(rate, times_ns))


@at_leisure
@given(rates, pauses_ns)
def test_whoever_is_refused_and_waits_as_told_is_let_through(rate: Rate, pauses: list[int]) -> None:
    """At that time, and not a nanosecond before."""
    restored_ns, now_ns = 0, 10**15
    for now_ns in [*times_after(pauses), *([times_after([*pauses, 0])[-1]] * rate.count)]:
        restored_ns, _ = spend(restored_ns, rate=rate, now_ns=now_ns)
    restored_ns, refused = spend(restored_ns, rate=rate, now_ns=now_ns)
    assert not refused.allowed
    wait_ns = round(refused.next_s * SECOND_NS)
    assert 0 < wait_ns <= rate.interval_ns
    assert spend(restored_ns, rate=rate, now_ns=now_ns + wait_ns)[1].allowed
    if rate.interval_ns < SECOND_NS * 1000:  # above, a float of seconds is no exact count of nanoseconds
        assert not spend(restored_ns, rate=rate, now_ns=now_ns + wait_ns - 1)[1].allowed


@at_leisure
@given(rates, pauses_ns)
def test_after_the_time_that_is_told_there_is_one_more(rate: Rate, pauses: list[int]) -> None:
    """The RateLimit header's `t` is when its `r` grows."""
    restored_ns = 0
    for now_ns in times_after(pauses):
        restored_ns, spending = spend(restored_ns, rate=rate, now_ns=now_ns)
        if spending.allowed:
            later_ns = now_ns + round(spending.next_s * SECOND_NS) + 100  # of rounding
            assert spend(restored_ns, rate=rate, now_ns=later_ns)[1].remaining == spending.remaining


@at_leisure
@given(rates, rates, pauses_ns)
def test_a_new_rate_owes_no_more_than_it_can_hold(before: Rate, after: Rate, pauses: list[int]) -> None:
    """A key that had 1/day and gets 600/min does not wait until tomorrow, but a tenth of a second at most."""
    restored_ns, now_ns = 0, 10**15
    for now_ns in times_after(pauses):
        restored_ns, _ = spend(restored_ns, rate=before, now_ns=now_ns)
    restored_ns, spending = spend(restored_ns, rate=after, now_ns=now_ns)
    if not spending.allowed:
        assert spending.next_s * SECOND_NS <= after.interval_ns + 1
        assert spend(restored_ns, rate=after, now_ns=now_ns + after.interval_ns)[1].allowed


def test_an_interval_that_is_no_whole_number_never_lets_one_too_many_through() -> None:
    """7 a second is one every 142857142.86 nanoseconds, rounded up."""
    assert Rate(7, 1).interval_ns == 142_857_143


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("1/s", Rate(1, 1)),
        ("600/min", Rate(600, 60)),
        (" 5 / h ", Rate(5, 3600)),
        ("999999999/day", Rate(999_999_999, 86_400)),
    ],
)
def test_a_rate_is_read_and_written_alike(text: str, rate: Rate) -> None:
    """As people write it."""
    assert read_rate(text) == rate
    assert read_rate(str(rate)) == rate


@pytest.mark.parametrize(
    "text", ["", "600", "0/s", "-1/s", "1.5/s", "1/week", "1/0s", "\u0661/s", "9999999999/s", "1/s/s"]
)
def test_what_is_no_rate_is_refused_with_an_example(text: str) -> None:
    """A mistake in a file is told, never guessed at."""
    with pytest.raises(InvalidParameterError, match="such as 600/min"):
        read_rate(text)

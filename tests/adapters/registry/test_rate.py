"""The rate of one registry, by a clock that only sleeping moves."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.adapters.registry.rate import MOST_PAUSE, SLOWEST, Rate
from image_enforcer.ports.registry import RateLimited


class Time:
    """A clock that only sleeping moves. Who sleeps wakes in the order of the times."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.slept.append(seconds)
        until = self.now + seconds
        await asyncio.sleep(0)
        self.now = max(self.now, until)


def rate_of(time: Time, most: float = 10.0, at_once: int = 8, reserve: float = 0.25) -> Rate:
    return Rate("reg.example", most, at_once, reserve, time, time.sleep)


async def take(rate: Rate, *, urgent: bool = False, patience: float = 1e9, counted: bool = False) -> None:
    async with rate.turn(urgent, patience, counted=counted):
        pass


async def test_a_burst_and_then_so_many_a_second() -> None:
    time = Time()
    rate = rate_of(time)
    for _ in range(10):
        await take(rate, urgent=True)
    assert time.slept == []
    for _ in range(100):
        await take(rate, urgent=True)
    assert time.now - 1000 == pytest.approx(10.0, abs=0.01)


async def test_no_drift_over_many_turns() -> None:
    time = Time()
    rate = rate_of(time, most=7.0)
    for _ in range(7 + 7 * 300):
        await take(rate, urgent=True)
    assert time.now - 1000 == pytest.approx(300.0, rel=1e-3)


async def test_complaints_halve_it_and_good_answers_give_it_back_slowly() -> None:
    time = Time()
    rate = rate_of(time)
    assert rate.complained(None) == pytest.approx(0.2)
    assert rate.rate == 5.0
    for _ in range(24):
        rate.went_well()
    assert rate.rate == pytest.approx(9.8)
    for _ in range(10):
        rate.went_well()
    assert rate.rate == 10.0


async def test_complaints_of_the_same_moment_are_one() -> None:
    time = Time()
    rate = rate_of(time)
    for _ in range(16):
        rate.complained(5.0)
    assert rate.rate == 5.0
    time.now += 2
    rate.complained(5.0)
    assert rate.rate == 2.5
    for _ in range(100):
        time.now += 2
        rate.complained(None)
    assert rate.rate == SLOWEST


async def test_a_pause_is_for_everybody() -> None:
    time = Time()
    rate = rate_of(time)
    assert rate.complained(30.0) == 30.0
    for urgent in (True, False):
        with pytest.raises(RateLimited, match=r"reg\.example") as caught:
            await take(rate, urgent=urgent, patience=29.0)
        assert caught.value.retry_after == pytest.approx(30.0)
    assert time.slept == []
    await take(rate, urgent=True, patience=31.0)
    assert time.now >= 1030
    assert rate.complained(1e12) == MOST_PAUSE


async def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    time = Time()
    rate = rate_of(time)
    rate.complained(30.0)
    rate.complained(1.0)
    await take(rate, urgent=True)
    assert time.now >= 1030


async def test_the_background_leaves_a_share_to_what_is_urgent() -> None:
    time = Time()
    rate = rate_of(time)
    for _ in range(7):  # ten at once, of which a quarter stays
        await take(rate, patience=0.0)
    with pytest.raises(RateLimited):
        await take(rate, patience=0.0)
    await take(rate, urgent=True, patience=0.0)
    await take(rate, urgent=True, patience=0.0)
    assert time.slept == []


async def test_urgent_requests_pass_the_background_that_waits() -> None:
    time = Time()
    rate = rate_of(time, most=1.0, at_once=4)
    held = asyncio.Event()
    order: list[str] = []

    async def slow(name: str) -> None:
        async with rate.turn(False, 1e9):
            order.append(name)
            await held.wait()

    tasks = [asyncio.create_task(slow(f"background {i}")) for i in range(20)]
    for _ in range(200):
        await asyncio.sleep(0)
    assert len(order) == 3  # of four at once, one place is kept
    await asyncio.wait_for(take(rate, urgent=True), 5)
    held.set()
    await asyncio.gather(*tasks)
    assert order == [f"background {i}" for i in range(20)]


async def test_first_come_first_served() -> None:
    time = Time()
    rate = rate_of(time, most=1.0, at_once=100, reserve=0.0)
    order: list[int] = []

    async def one(i: int) -> None:
        async with rate.turn(i % 2 == 0, 1e9):
            order.append(i)

    await asyncio.gather(*[one(i) for i in range(60)])
    assert [i for i in order if i % 2] == sorted(i for i in order if i % 2)
    assert [i for i in order if i % 2 == 0] == sorted(i for i in order if i % 2 == 0)


async def test_nobody_takes_what_another_waited_for() -> None:
    time = Time()
    asleep: list[asyncio.Event] = []

    async def sleep(seconds: float) -> None:
        asleep.append(asyncio.Event())
        await asleep[-1].wait()

    rate = Rate("reg.example", 1.0, 8, 0.0, time, sleep)
    order: list[str] = []

    async def one(name: str) -> None:
        async with rate.turn(False, 1e9):
            order.append(name)

    await one("before")
    first = asyncio.create_task(one("first"))
    await asyncio.sleep(0)
    time.now += 1  # there is one turn again, and the first has not woken up yet
    second = asyncio.create_task(one("second"))
    for _ in range(5):
        await asyncio.sleep(0)
    asleep[0].set()
    await first
    assert order == ["before", "first"]
    time.now += 1
    for _ in range(20):
        asleep[-1].set()
        await asyncio.sleep(0)
    await second
    assert order == ["before", "first", "second"]


async def test_who_gives_up_leaves_nothing_behind() -> None:
    time = Time()
    rate = rate_of(time, most=1.0, at_once=1, reserve=0.0)
    stuck = asyncio.Event()

    async def hold() -> None:
        async with rate.turn(True, 1e9):
            await stuck.wait()

    holder = asyncio.create_task(hold())
    waiting = [asyncio.create_task(take(rate)) for _ in range(5)]
    await asyncio.sleep(0)
    for task in [*waiting, holder]:
        task.cancel()
    await asyncio.gather(*waiting, holder, return_exceptions=True)
    await asyncio.wait_for(take(rate), 5)
    await asyncio.wait_for(take(rate, urgent=True), 5)


async def test_a_scarce_quota_is_left_to_what_is_urgent() -> None:
    time = Time()
    rate = rate_of(time)
    rate.remaining(25, 100, 21600)
    with pytest.raises(RateLimited) as caught:
        await take(rate, counted=True, patience=20.0)
    assert caught.value.retry_after == pytest.approx(2160)
    await take(rate, counted=True, urgent=True, patience=0.0)
    await take(rate, counted=False, patience=0.0)  # what does not count costs nothing of it
    rate.remaining(26, 100, 21600)
    await take(rate, counted=True, patience=0.0)
    rate.remaining(0, 0, 0)  # says nothing
    await take(rate, counted=True, patience=0.0)


async def test_a_clock_that_goes_back_gives_nothing_and_takes_nothing() -> None:
    time = Time()
    rate = rate_of(time)
    await take(rate)
    time.now -= 500
    await take(rate)
    assert time.slept == []


@given(
    most=st.floats(0.01, 1000), reserve=st.floats(0, 1), at_once=st.integers(1, 32),
    steps=st.lists(st.sampled_from(["turn", "urgent", "well", "complain", "later", "scarce"]), max_size=60),
)  # fmt: skip
def test_every_turn_comes(most: float, reserve: float, at_once: int, steps: list[str]) -> None:
    """Whatever happened before, the next turn comes after a wait that is bounded, and no wait is negative."""

    async def run() -> None:
        time = Time()
        rate = rate_of(time, most, at_once, reserve)
        for step in steps:
            match step:
                case "turn" | "urgent":
                    before = len(time.slept)
                    await take(rate, urgent=step == "urgent", counted=True)
                    assert len(time.slept) - before <= 4
                case "well":
                    rate.went_well()
                case "complain":
                    assert rate.complained(3.0) > 0
                case "later":
                    time.now += 2.5
                case _:
                    rate.remaining(0, 100, 60)
            assert min(SLOWEST, most) <= rate.rate <= most

    asyncio.run(run())

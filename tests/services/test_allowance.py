"""How much work askers may cause: rates that save up a little, and outcomes that are kept for a while."""

from dataclasses import replace

from image_enforcer.services.allowance import BOUNDS, Allowance, Kept, Rate


class Moving:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def taken(rate: Rate) -> int:
    """How many there are now."""
    count = 0
    while rate.has_one():
        rate.take()
        count += 1
    return count


def test_a_rate_saves_up_a_burst_and_no_more() -> None:
    clock = Moving()
    rate = Rate(5, 4, clock)
    assert taken(rate) == 20
    clock.seconds += 0.1
    assert taken(rate) == 0
    clock.seconds += 1
    assert taken(rate) == 5
    clock.seconds += 3600
    assert taken(rate) == 20
    clock.seconds -= 50
    assert taken(rate) == 0


def test_a_slow_rate_has_one_to_begin_with() -> None:
    assert taken(Rate(0.1, 1, Moving())) == 1


def test_each_name_has_its_own_and_all_share_one() -> None:
    allowance = Allowance(replace(BOUNDS, rate=10, rate_each=2, burst=1), Moving())
    assert [allowance.take("a") for _ in range(3)] == [True, True, False]
    assert all(allowance.take(name) for name in "bcde" for _ in range(2))
    assert not allowance.take("f")


def test_who_is_refused_by_one_rate_uses_nothing_of_the_other() -> None:
    allowance = Allowance(replace(BOUNDS, rate=3, rate_each=2, burst=1), Moving())
    assert [allowance.take("a") for _ in range(10)].count(True) == 2
    assert allowance.take("b")
    assert not allowance.take("b")


def test_what_is_kept_goes_with_time_and_the_eldest_give_way() -> None:
    clock = Moving()
    kept: Kept[str] = Kept(2, clock)
    assert kept.get("a") is None
    kept.put("a", "1", 10)
    kept.put("b", "2", 5)
    kept.put("a", "3", 10)
    assert (kept.get("a"), kept.get("b")) == ("3", "2")
    kept.put("c", "4", 10)
    assert (kept.get("a"), kept.get("b"), kept.get("c")) == ("3", None, "4")
    clock.seconds += 10
    assert (kept.get("a"), kept.get("c")) == (None, None)

"""Places for work that goes on side by side."""

import asyncio

import pytest

from image_enforcer.services.slots import Slots


async def test_a_place_is_free_again_as_soon_as_its_work_ends() -> None:
    slots, ends = Slots(2), [asyncio.Event() for _ in range(3)]

    async def work(number: int) -> None:
        await ends[number].wait()

    for number in (0, 1):
        slots.take(work(number))
    assert slots.free == 0
    assert not slots.swept()
    ends[1].set()
    assert await slots.one()
    assert slots.free == 1
    slots.take(work(2))
    ends[2].set()
    assert await slots.one()
    ends[0].set()
    assert await slots.one()
    assert not await slots.one()
    assert slots.free == 2


@pytest.mark.parametrize(("most", "each"), [(1, 1), (2, 1), (4, 3), (8, 6), (100, 75)])
async def test_one_group_never_holds_all_places(most: int, each: int) -> None:
    slots = Slots(most)
    for taken in range(each):
        assert slots.full == [], taken
        slots.take(asyncio.sleep(60), "slow.example")
    assert slots.full == ["slow.example"]
    await slots.end()
    assert (slots.free, slots.full) == (most, [])


async def test_what_fails_is_raised_once_for_each_and_the_others_go_on() -> None:
    slots, end = Slots(4), asyncio.Event()

    async def fails(text: str) -> None:
        raise ValueError(text)

    async def goes_on() -> None:
        await end.wait()

    slots.take(fails("one"))
    slots.take(fails("another"))
    slots.take(goes_on())
    for text in ("one", "another"):
        with pytest.raises(ValueError, match=text):
            await slots.one()
    assert slots.free == 3
    end.set()
    assert await slots.one()

"""One work at a time for those who want the same, and pauses that grow."""

import asyncio

import pytest

from image_enforcer.adapters.scanners.pace import LONGEST, Flights, Pace


async def test_work_is_done_once_for_all_who_ask_meanwhile() -> None:
    flights: Flights[int] = Flights()
    done = 0
    gate = asyncio.Event()

    async def work() -> int:
        nonlocal done
        await gate.wait()
        done += 1
        return done

    asked = [asyncio.create_task(flights.once("a", work)) for _ in range(3)]
    other = asyncio.create_task(flights.once("b", work))
    await asyncio.sleep(0)
    assert "a" in flights
    gate.set()
    assert await asyncio.gather(*asked) == [1, 1, 1]
    assert await other == 2
    assert "a" not in flights
    assert await flights.once("a", work) == 3


async def test_errors_reach_all_and_are_kept_for_nobody() -> None:
    flights: Flights[int] = Flights()
    tries = 0

    async def fail() -> int:
        nonlocal tries
        tries += 1
        raise ValueError(tries)

    found = await asyncio.gather(*[flights.once("a", fail) for _ in range(3)], return_exceptions=True)
    assert [str(error) for error in found] == ["1", "1", "1"]
    with pytest.raises(ValueError, match="2"):
        await flights.once("a", fail)


async def test_closing_ends_what_is_under_way() -> None:
    flights: Flights[int] = Flights()

    async def never() -> int:
        await asyncio.Event().wait()
        return 0

    waiting = asyncio.create_task(flights.once("a", never))
    await asyncio.sleep(0)
    await flights.close()
    assert "a" not in flights
    with pytest.raises(asyncio.CancelledError):
        await waiting


def test_pauses_grow_and_are_spread() -> None:
    now, chance = 0.0, 0.5
    pace = Pace(lambda: now, lambda: chance)
    assert pace.complained() == pace.complained() == 1
    now = 1.0
    chance = 0.0
    assert pace.complained() == 1, "half of two"
    chance = 1.0
    assert pace.complained() == 3, "and half as much again"
    pause = 0.0
    for _ in range(20):
        now += LONGEST
        pause = pace.complained()
    assert pause == LONGEST * 1.5
    pace.went_well()
    chance = 0.5
    assert pace.complained() == 1

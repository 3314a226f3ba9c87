"""Work that goes on for as long as a process does: it begins again after a fault, and ends with who wants it."""

import asyncio

from image_enforcer.server.lasting import lasting
from tests.adapters.registry.asking import until


async def test_after_a_fault_it_begins_again_and_the_fault_is_told() -> None:
    told: list[BaseException] = []
    begun = 0

    async def work() -> None:
        nonlocal begun
        begun += 1
        if begun < 3:
            raise ValueError(f"fault {begun}")

    await asyncio.wait_for(lasting(work, told.append, 0), 10)
    assert begun == 3
    assert [str(fault) for fault in told] == ["fault 1", "fault 2"]


async def test_it_ends_with_who_wants_it() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)  # what it has to see to is waited for
            ended.set()

    task = asyncio.create_task(lasting(work, lambda fault: None))
    await asyncio.sleep(0.05)
    task.cancel()
    await until(task.done)
    assert ended.is_set()
    assert task.cancelled()

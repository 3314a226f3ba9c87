"""What ails the scanner, as several workers on one store say it."""

from pathlib import Path

from image_enforcer.adapters.store.opening import open_store
from image_enforcer.services.ailing import AGAIN, Ailing, noted
from tests.contract.contents import trouble


async def test_what_another_noted_is_taken_back_by_who_goes_on(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    running, passing = Ailing(store, "clair-v4"), Ailing(store, "clair-v4")
    await running.note(None)
    await passing.note(trouble(code="scanner-unreachable"))
    found = noted(store, "clair-v4")
    assert found is not None
    assert found.code == "scanner-unreachable"
    for _ in range(AGAIN):
        await running.note(None)
    assert noted(store, "clair-v4") is None
    store.close()

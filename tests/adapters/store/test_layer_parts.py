"""What a layer that many images share costs."""

from pathlib import Path
from typing import Any

import pytest

from image_enforcer.adapters.store import layer_parts, reach, schema
from image_enforcer.adapters.store.bulk import batches, bulk_load
from image_enforcer.adapters.store.publication import Publication
from image_enforcer.adapters.store.sqlite import Sqlite
from tests.contract.contents import NOON, digest_of, part


@pytest.fixture
def database(tmp_path: Path) -> Sqlite:
    return Sqlite(tmp_path / "store.db", lambda: "epoch")


def manifest_rows(names: range) -> list[dict[str, Any]]:
    row = dict.fromkeys(schema.manifests.c.keys())
    row |= {"media_type": "", "kind": "image", "content": b"", "runnable": True, "reached": True, "runs": True}
    return [row | {"digest": digest_of(str(name))} for name in names]


def test_a_shared_layer_is_neither_read_nor_written_for_each_image(database: Sqlite) -> None:
    """The steps of SQLite's machine that another image takes do not grow with those that say the same."""
    base = digest_of("base")

    def steps(first: int, text: bytes) -> int:
        """The cost of one more image, in hundreds of steps."""
        count = 0

        def tick() -> int:
            nonlocal count
            count += 1
            return 0

        with database.writing() as conn:
            publication = Publication(conn, NOON)
            raw = conn.connection.driver_connection
            assert raw is not None
            raw.set_progress_handler(tick, 100)
            layer_parts.record(conn, publication, digest_of(str(first)), "clair", {base: text}, counts=True)
            raw.set_progress_handler(None, 0)
            publication.write(lambda: "stamp")
        return count

    with database.writing() as conn:
        bulk_load(conn, schema.manifests, manifest_rows(range(3010)))
    steps(0, part("CVE-1"))
    steps(1, part("CVE-2"))
    few = steps(2, part("CVE-1"))
    with database.writing() as conn:
        rows = conn.execute(schema.layer_parts.select().where(schema.layer_parts.c.image == digest_of("0"))).one()
        bulk_load(
            conn,
            schema.layer_parts,
            [{**rows._mapping, "image": digest_of(str(number))} for number in range(10, 3000)],
        )
    many = steps(3001, part("CVE-1"))
    assert many <= few + 5
    database.close()


def test_in_groups_each_once() -> None:
    groups = list(batches(str(number % 2500) for number in range(5000)))
    assert [len(group) for group in groups] == [1000, 1000, 500]
    assert {value for group in groups for value in group} == {str(number) for number in range(2500)}
    assert list(batches([])) == []


def test_a_chain_of_indexes_is_followed_to_its_end(database: Sqlite) -> None:
    """Indexes within indexes hundreds deep cost no recursion."""
    depth = 300
    empty = dict.fromkeys(schema.children.c.keys())
    link = empty | {"position": 0, "media_type": "", "size": 0, "artifact_type": "", "runs": True}
    with database.writing() as conn:
        rows = [row | {"reached": False, "runs": False, "kind": "legacy"} for row in manifest_rows(range(depth))]
        content = b'{"schemaVersion":1}'
        kind = "application/vnd.docker.distribution.manifest.v1+json"
        bulk_load(conn, schema.manifests, [row | {"content": content, "media_type": kind} for row in rows])
        bulk_load(
            conn,
            schema.children,
            [link | {"parent": digest_of(str(n)), "digest": digest_of(str(n + 1))} for n in range(depth - 1)],
        )
        conn.execute(schema.repositories.insert().values(id=1, registry="r", path="p", next_look=NOON, failures=0))
        conn.execute(schema.tags.insert().values(repository=1, name="1", digest=digest_of("0")))
        publication = Publication(conn, NOON)
        reach.settle(conn, publication, [digest_of("0")], NOON)
        assert publication.write(lambda: "stamp") == 1
        last = schema.manifests.select().where(schema.manifests.c.digest == digest_of(str(depth - 1)))
        assert conn.execute(last).one().reached
    database.close()


@pytest.mark.parametrize("count", [0, 1, 2500])
def test_many_rows_at_once(database: Sqlite, count: int) -> None:
    with database.writing() as conn:
        assert bulk_load(conn, schema.manifests, iter(manifest_rows(range(count)))) == count
        assert len(conn.execute(schema.manifests.select()).all()) == count
    database.close()

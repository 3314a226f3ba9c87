"""Many rows at once, by the shortest way that each database has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice
from typing import Any, Final

from sqlalchemy import Connection, Table

_BATCH: Final = 1000


def bulk_load(conn: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> int:
    """Insert new rows, each with a value for every column; how many. COPY on PostgreSQL, ``executemany`` on SQLite.

    It is part of the connection's transaction. Values pass the columns' types as in every other statement.
    """
    waiting = iter(rows)
    first = next(waiting, None)
    if first is None:
        return 0
    dialect = conn.dialect
    columns = list(table.columns)
    processors = [column.type.dialect_impl(dialect).bind_processor(dialect) for column in columns]
    names = ", ".join(dialect.identifier_preparer.quote(column.name) for column in columns)
    shaped = (
        tuple(
            [
                value if process is None else process(value)
                for column, process in zip(columns, processors, strict=True)
                for value in (row[column.name],)
            ]
        )
        for row in chain([first], waiting)
    )
    target = dialect.identifier_preparer.format_table(table)
    count = 0
    if dialect.name == "postgresql":
        raw = conn.connection.driver_connection
        assert raw is not None
        with raw.cursor() as cursor, cursor.copy(f"COPY {target} ({names}) FROM STDIN") as copy:
            for row in shaped:
                copy.write_row(row)
                count += 1
        return count
    marks = ", ".join("?" * len(columns))
    while batch := list(islice(shaped, _BATCH)):
        conn.exec_driver_sql(f"INSERT INTO {target} ({names}) VALUES ({marks})", batch)  # noqa: S608 - our own names
        count += len(batch)
    return count


def batches(values: Iterable[str]) -> Iterable[Sequence[str]]:
    """The values, sorted and each once, in groups that one ``IN`` can hold on every database."""
    ordered = iter(sorted(set(values)))
    while batch := list(islice(ordered, _BATCH)):
        yield batch

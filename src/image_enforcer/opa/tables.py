"""Tables in box drawing, as wide as their text is shown on a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table, headers centred and cells to the left; without the last newline. Headers may span lines."""
    titles = [h.split("\n") for h in headers]
    height = max(map(len, titles), default=1)
    above = [[t[i].strip() if i < len(t) else "" for t in titles] for i in range(height)]
    columns = list(zip(*above, *rows, strict=True))
    widths = [max(map(columns_of, cells)) for cells in columns]

    def rule(left: str, middle: str, right: str) -> str:
        return left + middle.join("─" * (w + 2) for w in widths) + right

    def line(cells: Sequence[str], centred: bool) -> str:
        shown = []
        for cell, w in zip(cells, widths, strict=True):
            space = w - columns_of(cell)
            left = space // 2 if centred else 0
            shown.append(" " + " " * left + cell + " " * (space - left) + " ")
        return "│" + "│".join(shown) + "│"

    return "\n".join(
        [
            rule("┌", "┬", "┐"),
            *(line(t, True) for t in above),
            rule("├", "┼", "┤"),
            *(line(r, False) for r in rows),
            rule("└", "┴", "┘"),
        ]
    )


def listing(rows: Sequence[tuple[str, str]]) -> str:
    """Two columns without headers and a rule between the rows; without the last newline. Cells may span lines."""
    lines = [(name.split("\n"), text.split("\n")) for name, text in rows]
    widths = [max(columns_of(x) for pair in lines for x in pair[i]) for i in (0, 1)]

    def rule(left: str, middle: str, right: str) -> str:
        return left + middle.join("─" * (w + 2) for w in widths) + right

    out = [rule("┌", "┬", "┐")]
    for i, pair in enumerate(lines):
        if i:
            out.append(rule("├", "┼", "┤"))
        for j in range(max(map(len, pair))):
            cells = [cell[j] if j < len(cell) else "" for cell in pair]
            shown = [f" {c}{' ' * (w - columns_of(c))} " for c, w in zip(cells, widths, strict=True)]
            out.append("│" + "│".join(shown) + "│")
    return "\n".join([*out, rule("└", "┴", "┘")])


def figures(rows: Sequence[tuple[str, str]]) -> str:
    """Names and, to the right, figures, without headers; without the last newline."""
    widths = [max(columns_of(row[i]) for row in rows) for i in (0, 1)]

    def rule(left: str, middle: str, right: str) -> str:
        return left + middle.join("─" * (w + 2) for w in widths) + right

    lines = [f"│ {a}{' ' * (widths[0] - columns_of(a))} │ {' ' * (widths[1] - columns_of(b))}{b} │" for a, b in rows]
    return "\n".join([rule("┌", "┬", "┐"), *lines, rule("└", "┴", "┘")])


def columns_of(text: str) -> int:
    """How many columns a terminal shows a text in: wide characters take two, combining and control ones none."""
    if text.isascii() and text.isprintable():
        return len(text)
    return sum(_columns(c) for c in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf", "Cc"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1

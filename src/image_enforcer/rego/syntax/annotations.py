"""``# METADATA`` blocks: YAML in comments, tied to the statement that follows."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from typing import Any, Final

import yaml

from ..errors import PARSE_ERROR, Problem
from ..places import Location
from .lexer import CommentToken, Source
from .nodes import Annotations, Module, Package, Rule, Scalar

SCOPES: Final = ("rule", "document", "package", "subpackages")
_LISTS: Final = ("organizations", "related_resources", "authors", "schemas")
_MAPS: Final = ("custom", "labels", "compile")
_BAD_SCOPE: Final = "invalid annotation scope '{}'. Use one of 'rule', 'document', 'package', or 'subpackages'"
_GO_TYPES: Final = {
    "organizations": "[]string", "related_resources": "[]interface {}", "authors": "[]interface {}",
    "schemas": "[]map[string]interface {}", "compile": "ast.rawCompileAnnotation",
}  # fmt: skip


def parse_blocks(source: Source, comments: list[CommentToken]) -> tuple[list[Annotations], list[Problem]]:
    """Every block of a text, and what is wrong with the others."""
    found: list[Annotations] = []
    problems: list[Problem] = []
    places = [source.location(c.start, c.end) for c in comments]
    i = 0
    while i < len(comments):
        if not _opens(comments[i], places[i]):
            i += 1
            continue
        first = i
        i += 1
        while (
            i < len(comments)
            and places[i].col == 1
            and places[i].row == places[i - 1].row + 1
            and not _opens(comments[i], places[i])
        ):
            i += 1
        block = comments[first + 1 : i]
        try:
            found.append(_parse(block, places[first], places[i - 1].row))
        except _Bad as e:
            row = e.row if e.row is not None else 0
            place = places[first + 1 + row] if block and e.row is not None else places[first]
            line, index = source.line_at(place.offset)
            problems.append(Problem(PARSE_ERROR, str(e), place, line, index))
    return found, problems


class _Bad(Exception):
    def __init__(self, message: str, row: int | None = None) -> None:
        super().__init__(message)
        self.row = row


def _opens(comment: CommentToken, place: Location) -> bool:
    return place.col == 1 and comment.text.strip().startswith("METADATA")


def _parse(block: list[CommentToken], place: Location, end_row: int) -> Annotations:
    text = "\n".join(c.text.removeprefix(" ") for c in block)
    if not text.strip():
        raise _Bad("expected METADATA block, found whitespace")
    try:
        raw: Any = yaml.safe_load(text)
    except yaml.YAMLError as e:
        mark = getattr(e, "problem_mark", None)
        row = min(mark.line, len(block) - 1) if mark is not None else 0
        raise _Bad(f"yaml: line {row + 1}: {_yaml_fault(e)}", row) from None
    except RecursionError:
        raise _Bad("yaml: nested too deep", 0) from None
    if not isinstance(raw, dict):
        raise _Bad(_no_match(1, raw, "ast.rawAnnotation"), 0)
    fields: dict[str, Any] = {}
    for k, v in raw.items():
        wrong = (k in _LISTS and not isinstance(v, list)) or (k in _MAPS and not isinstance(v, dict))
        if wrong and v is not None:
            line = _line_of(text, str(k))
            raise _Bad(_no_match(line, v, _GO_TYPES.get(str(k), "map[string]interface {}")), line - 1)
        if v is not None:
            fields[str(k)] = v
    _check(fields)
    return Annotations(str(fields.get("scope", "")), fields, (), place, end_row)


def _yaml_fault(error: yaml.YAMLError) -> str:
    """The fault in libyaml's words, which OPA shows, where the two parsers' words differ in form alone."""
    problem = str(getattr(error, "problem", None) or "could not be read")
    expected, _, found = problem.replace("not allowed here", "not allowed in this context").partition(", but found ")
    return f"did not find {expected.replace('expected the', 'expected')}" if found else expected


def _line_of(text: str, field: str) -> int:
    return next((i for i, line in enumerate(text.split("\n"), start=1) if line.startswith(field)), 1)


def _no_match(line: int, value: Any, wanted: str) -> str:
    """What Go says of a value that does not fit the field."""
    kind = {bool: "!!bool", int: "!!int", float: "!!float", str: "!!str", list: "!!seq", dict: "!!map"}.get(type(value))
    shown = "" if isinstance(value, list | dict) else f" `{_written(value)}`"
    return f"yaml: unmarshal errors:\n  line {line}: cannot unmarshal {kind or '!!timestamp'}{shown} into {wanted}"


def _written(value: Any) -> str:
    """A scalar as it was most likely written."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _check(fields: dict[str, Any]) -> None:
    for author in fields.get("authors", ()):
        if isinstance(author, str):
            if not author.split():
                raise _Bad(f"invalid author definition {author}: author is an empty string")
        elif isinstance(author, dict):
            if not (str(author.get("name") or "").strip() or str(author.get("email") or "").strip()):
                raise _Bad(
                    f"invalid author definition {_go_map(author)}: 'name' and/or 'email' values required in object"
                )
        else:
            raise _Bad(f"invalid author definition {author}: invalid value type, must be string or map")
    for item in fields.get("related_resources", ()):
        if isinstance(item, str):
            if not item:
                raise _Bad(f"invalid related-resource definition {item}: ref URL may not be empty string")
        elif isinstance(item, dict):
            if not str(item.get("ref") or "").strip():
                raise _Bad(f"invalid related-resource definition {_go_map(item)}: 'ref' value required in object")
        else:
            raise _Bad(f"invalid related-resource definition {item}: invalid value type, must be string or map")


def _go_map(value: dict[Any, Any]) -> str:
    return "map[" + " ".join(f"{k}:{v}" for k, v in sorted(value.items(), key=lambda p: str(p[0]))) + "]"


def attach(module: Module, blocks: list[Annotations]) -> tuple[Module, list[Problem]]:
    """Tie each block to the package or rule behind it, with its scope; the faults of blocks that fit nowhere."""
    if not blocks:
        return module, []
    problems: list[Problem] = []
    package = tuple(module.package.names)
    rules = sorted(enumerate(module.rules), key=lambda p: p[1].loc.row)
    rows = [r.loc.row for _, r in rules]
    settled: list[Annotations] = []
    on_rules: dict[int, list[Annotations]] = {}
    for block in blocks:
        target: tuple[int, Rule] | Package | None = None
        if module.package.loc.row > block.end_row:
            target = module.package
        else:
            following = bisect_right(rows, block.end_row)
            target = rules[following] if following < len(rules) else None
        scope = block.scope or ("package" if isinstance(target, Package) else "rule")
        have = "" if target is None else f" (have {'package' if isinstance(target, Package) else 'rule'})"
        if scope not in SCOPES:
            problems.append(Problem(PARSE_ERROR, _BAD_SCOPE.format(scope), block.loc))
            continue
        wants = "package" if scope in ("package", "subpackages") else "rule"
        if target is None or wants != ("package" if isinstance(target, Package) else "rule"):
            if target is None:
                have = ""
            problems.append(
                Problem(PARSE_ERROR, f"annotation scope '{scope}' must be applied to {wants}{have}", block.loc)
            )
            continue
        if isinstance(target, Package):
            settled.append(replace(block, scope=scope, path=package))
        else:
            index, rule = target
            steps = tuple(str(t.value) for t in rule.head.ref.terms[1:] if isinstance(t, Scalar))
            done = replace(block, scope=scope, path=(*package, rule.head.name, *steps))
            settled.append(done)
            on_rules.setdefault(index, []).append(done)
    made = tuple(replace(r, annotations=tuple(on_rules[i])) if i in on_rules else r for i, r in enumerate(module.rules))
    return replace(module, rules=made, annotations=tuple(settled)), problems

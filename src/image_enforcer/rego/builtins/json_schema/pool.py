"""The documents that schemas refer to: the schema, its parts that have an ``$id``, and the schemas of schemas."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Final

from ...meter import METER
from .faults import SchemaFault
from .metaschemas import DRAFTS, metaschema
from .references import ROOT, Reference, parsed
from .schema import Document

_INDEX: Final = re.compile(r"[+-]?[0-9]{1,18}")
_LITERAL: Final = ("const", "enum")
_BY_NAME: Final = ("properties", "dependencies", "patternProperties")

Found = tuple[Document, int | None]
"""A document and the draft that it follows, where it says so."""


def draft_of(document: Document) -> int | None:
    """The draft that ``$schema`` names, where it is one that we know."""
    if type(document) is bool:
        return None
    if type(document) is not dict:
        raise SchemaFault("schema is invalid")
    if "$schema" not in document:
        return None
    name = document["$schema"]
    if type(name) is not str:
        raise SchemaFault("$schema must be of type string")
    return DRAFTS.get(str(parsed(name)))


class Pool:
    """Documents by address. ``$ref`` in them is made absolute as they are added."""

    def __init__(self) -> None:
        self._documents: dict[str, Found] = {}

    def add(self, document: Document, address: Reference) -> None:
        """Add a whole document; it must not be there."""
        name = str(address)
        if name in self._documents:
            raise SchemaFault(f'Reference already exists: "{name}"')
        draft = draft_of(document)
        self._walk(document, address, draft)
        self._documents[name] = document, draft

    def _walk(self, value: Document, base: Reference, draft: int | None) -> None:
        if type(value) is list:
            METER.spend(len(value))
            for item in value:
                self._walk(item, base, draft)
        elif type(value) is dict:
            METER.spend(len(value))
            base = self._named(value, base, draft)
            target = value.get("$ref")
            if type(target) is str:
                with suppress(SchemaFault):  # said where the schema is read
                    value["$ref"] = str(base.join(parsed(target)))
            for k in sorted(value):
                part = value[k]
                if k in _BY_NAME:
                    if type(part) is dict:
                        for name in sorted(part):
                            self._walk(part[name], base, draft)
                elif k not in _LITERAL:
                    self._walk(part, base, draft)

    def _named(self, value: dict[str, Document], base: Reference, draft: int | None) -> Reference:
        """The base of what is in here: another one where the part has an address of its own."""
        name = value.get("id" if "id" in value else "$id")
        if type(name) is not str:
            return base
        try:
            base = base.join(parsed(name))
        except SchemaFault:
            return base
        if str(base) in self._documents:
            raise SchemaFault(f'Reference already exists: "{base}"')
        self._documents[str(base)] = value, draft
        return base

    def find(self, reference: Reference) -> Found:
        """What a reference means; what would have to be fetched is refused."""
        name = str(reference)
        if name in self._documents:
            return self._documents[name]
        whole = str(reference.document)
        if whole in self._documents:
            document, draft = self._documents[whole]
            found = self._documents[name] = _pointed(document, reference.pointer), draft
            return found
        if not reference.canonical:
            raise SchemaFault(f"Reference {name} must be canonical")
        if whole not in DRAFTS:
            raise SchemaFault(f"remote reference loading disabled: {whole}")
        document = metaschema(whole)
        self.add(document, reference.document)
        return _pointed(document, reference.pointer), draft_of(document)


def _pointed(document: Document, steps: list[str]) -> Document:
    METER.spend(len(steps))
    for step in steps:
        if type(document) is dict:
            name = step.replace("~1", "/").replace("~0", "~")
            if name not in document:
                raise SchemaFault(f"Object has no key '{name}'")
            document = document[name]
        elif type(document) is list:
            if not _INDEX.fullmatch(step):
                raise SchemaFault(f"Invalid array index '{step}'")
            if not 0 <= int(step) < len(document):
                raise SchemaFault(f"Out of bound array[0,{len(document)}] index '{int(step)}'")
            document = document[int(step)]
        else:
            raise SchemaFault(f"Invalid token reference '{step}'")
    return document


__all__ = ["ROOT", "Pool", "draft_of"]

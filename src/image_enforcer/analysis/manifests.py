"""Where images stand in Kubernetes manifests: every object that carries Pods, each of its images with its line.

Total: text that is no manifest, or one in which an image cannot be read, is a :class:`Flaw`, never nothing. Objects of
kinds that carry no Pods are counted. Source: the API types of Kubernetes 1.37.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from .marked import Mapping, Node, Scalar, Sequence, Type, Unreadable, documents, to_json
from .review import KIND as REVIEW

PODS: Final = {
    "Pod": (),
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "PodTemplate": ("template",),
}
"""The kinds that carry Pods, and where in them the Pod stands."""
CONTAINERS: Final = {
    "containers": "container",
    "initContainers": "init container",
    "ephemeralContainers": "ephemeral container",
}
"""The lists of containers, and what one of each is called."""
ANNOTATION: Final = ".image-policy.k8s.io/"
"""What the name of an annotation holds that the API server puts into a review."""
MAX_OBJECTS: Final = 100_000
MAX_IMAGES: Final = 100_000
MAX_LISTS: Final = 8
_LISTS: Final = ("List", *(f"{kind}List" for kind in PODS))
_CASES: Final = {kind.lower(): kind for kind in (*PODS, REVIEW)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """An image as written, where it stands in the object, the line of its key, and what runs or mounts it."""

    image: str
    path: str
    line: int
    role: str
    """``container``, ``init container``, ``ephemeral container`` or ``volume``."""
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """An object that carries Pods. ``namespace`` is empty where it names none; ``document`` counts from 1."""

    resource: str
    namespace: str
    annotations: dict[str, str]
    uses: tuple[Use, ...]
    document: int
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenReview:
    """An ImageReview, as JSON text, and the lines of its images in their order."""

    text: str
    lines: tuple[int, ...]
    document: int
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """What cannot be read, where, and why. ``document`` counts from 1."""

    text: str
    document: int
    line: int
    resource: str = ""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a text holds; ``others`` counts the kinds that carry no Pods."""

    found: list[Workload | WrittenReview | Flaw] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)


def read(text: str) -> Contents:
    """The contents of a text with manifests, JSON or YAML."""
    contents = Contents()
    reader = _Reader(contents)
    for number, node in enumerate(documents(text), 1):
        if isinstance(node, Unreadable):
            contents.found.append(Flaw(text=node.text, document=number, line=node.line))
            continue
        try:
            reader.object(node, number, "", 0)
        except Unreadable as e:
            contents.found.append(Flaw(text=e.text, document=number, line=e.line))
    return contents


class _Reader:
    """Takes objects, lists of objects included, and counts them: aliases can name one object many times."""

    def __init__(self, contents: Contents) -> None:
        self.contents = contents
        self.objects = 0
        self.images = 0

    def object(self, node: Node, document: int, implied: str, depth: int) -> None:
        self.objects += 1
        if self.objects > MAX_OBJECTS:
            raise Unreadable(f"more than {MAX_OBJECTS:,} objects", node.line)
        if not isinstance(node, Mapping):
            self._flaw("not an object, as manifests are", document, node.line)
            return
        kind = _string(node, "kind") or implied
        if not kind:
            self._flaw("an object without a kind", document, node.line)
        elif kind in PODS:
            self._workload(node, kind, document)
        elif kind == REVIEW:
            self._review(node, document)
        elif kind in _LISTS or (kind.endswith("List") and "items" in node.entries):
            self._list(node, kind.removesuffix("List"), document, depth)
        elif kind.lower() in _CASES:
            self._flaw(f"there is no kind {kind[:80]!r}; did you mean {_CASES[kind.lower()]!r}?", document, node.line)
        else:
            self.contents.others[kind] += 1

    def _count(self, images: int, line: int) -> None:
        self.images += images
        if self.images > MAX_IMAGES:
            raise Unreadable(f"more than {MAX_IMAGES:,} images", line)

    def _flaw(self, text: str, document: int, line: int, resource: str = "") -> None:
        self.contents.found.append(Flaw(text=text, document=document, line=line, resource=resource))

    def _list(self, node: Mapping, implied: str, document: int, depth: int) -> None:
        items = node.entries.get("items")
        if not isinstance(items, Sequence):
            self._flaw("its items are not a list", document, node.lines.get("items", node.line))
            return
        if depth >= MAX_LISTS:
            raise Unreadable(f"lists of lists deeper than {MAX_LISTS}", node.line)
        for item in items.items:
            self.object(item, document, implied, depth + 1)

    def _review(self, node: Mapping, document: int) -> None:
        spec = node.entries.get("spec")
        containers = spec.entries.get("containers") if isinstance(spec, Mapping) else None
        items = containers.items if isinstance(containers, Sequence) else []
        lines = tuple(c.lines.get("image", c.line) if isinstance(c, Mapping) else c.line for c in items)
        self.contents.found.append(WrittenReview(text=to_json(node), lines=lines, document=document, line=node.line))

    def _workload(self, node: Mapping, kind: str, document: int) -> None:
        pod = _Pod(kind)
        try:
            metadata = pod.mapping(node, ("metadata",), required=False)
            name = pod.string(metadata, "name") or pod.string(metadata, "generateName")
            pod.resource = f"{kind}/{name}"
            namespace = pod.string(metadata, "namespace")
            template = pod.mapping(node, PODS[kind])
            annotations = pod.annotations(template)
            spec = pod.mapping(template, ("spec",), PODS[kind])
            uses: list[Use] = []
            for use in pod.uses(spec, ".".join((*PODS[kind], "spec"))):
                self._count(1, use.line)
                uses.append(use)
            self._count(len(pod.flaws), node.line)
        except _Misshapen as e:
            self._flaw(str(e), document, e.line, pod.resource)
            return
        for text, line in pod.flaws:
            self._flaw(text, document, line, pod.resource)
        if not uses and not pod.flaws:
            self._flaw("it has no containers", document, spec.line, pod.resource)
        if uses and not pod.flaws:
            self.contents.found.append(
                Workload(
                    resource=pod.resource, namespace=namespace, annotations=annotations, uses=tuple(uses),
                    document=document, line=node.line,
                )
            )  # fmt: skip


class _Misshapen(Exception):
    """Something in an object has another type than it must have."""

    def __init__(self, text: str, line: int) -> None:
        super().__init__(text)
        self.line = line


class _Pod:
    """Reads one object; what is wrong with single images is collected, so that all of it is said at once."""

    def __init__(self, kind: str) -> None:
        self.resource = f"{kind}/"
        self.flaws: list[tuple[str, int]] = []

    def mapping(
        self, node: Mapping, path: tuple[str, ...], above: tuple[str, ...] = (), *, required: bool = True
    ) -> Mapping:
        for i, step in enumerate(path, 1):
            value = node.entries.get(step)
            if value is None or _is_null(value):
                if not required:
                    return Mapping({}, {}, node.line)
                raise _Misshapen(f"it has no {'.'.join((*above, *path[:i]))}", node.line)
            if not isinstance(value, Mapping):
                raise _Misshapen(f"{'.'.join((*above, *path[:i]))} is not an object", node.lines[step])
            node = value
        return node

    def string(self, node: Mapping, key: str) -> str:
        value = node.entries.get(key)
        if value is None or _is_null(value):
            return ""
        if not isinstance(value, Scalar) or value.type is not Type.STRING:
            raise _Misshapen(f"{key} is {_shown(value)}, not a string", node.lines[key])
        return value.text

    def annotations(self, template: Mapping) -> dict[str, str]:
        """Those that the API server would send along."""
        found = self.mapping(self.mapping(template, ("metadata",), required=False), ("annotations",), required=False)
        return {key: self.string(found, key) for key in found.entries if ANNOTATION in key}

    def uses(self, spec: Mapping, path: str) -> Iterator[Use]:
        """Every image: containers of each sort, then image volumes."""
        for group, role in CONTAINERS.items():
            for i, container in enumerate(self._items(spec, group)):
                place = f"{path}.{group}[{i}]"
                if not isinstance(container, Mapping):
                    self.flaws.append((f"{place} is {_shown(container)}, not an object", container.line))
                    continue
                name = self.string(container, "name") or f"{group}[{i}]"
                yield from self._image(container, "image", place, role, name)
        for i, volume in enumerate(self._items(spec, "volumes")):
            place = f"{path}.volumes[{i}]"
            if not isinstance(volume, Mapping):
                self.flaws.append((f"{place} is {_shown(volume)}, not an object", volume.line))
                continue
            image = volume.entries.get("image")
            if image is None or _is_null(image):
                continue
            if not isinstance(image, Mapping):
                self.flaws.append((f"{place}.image is {_shown(image)}, not an object", volume.lines["image"]))
                continue
            name = self.string(volume, "name") or f"volumes[{i}]"
            yield from self._image(image, "reference", f"{place}.image", "volume", name)

    def _items(self, spec: Mapping, key: str) -> list[Node]:
        value = spec.entries.get(key)
        if value is None or _is_null(value):
            return []
        if not isinstance(value, Sequence):
            raise _Misshapen(f"{key} is {_shown(value)}, not a list", spec.lines[key])
        return value.items

    def _image(self, holder: Mapping, key: str, place: str, role: str, name: str) -> Iterator[Use]:
        value = holder.entries.get(key)
        line = holder.lines.get(key, holder.line)
        if value is None or _is_null(value):
            self.flaws.append((f"{place} has no {key}", line))
        elif not isinstance(value, Scalar) or value.type is not Type.STRING:
            self.flaws.append((f"{place}.{key} is {_shown(value)}, not a string", line))
        elif not value.text:
            self.flaws.append((f"{place}.{key} is empty", line))
        else:
            yield Use(image=value.text, path=f"{place}.{key}", line=line, role=role, name=name)


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.type is Type.NULL


def _string(node: Mapping, key: str) -> str:
    value = node.entries.get(key)
    return value.text if isinstance(value, Scalar) and value.type is Type.STRING else ""


def _shown(node: Node) -> str:
    match node:
        case Scalar():
            return node.type.value
        case Sequence():
            return "a list"
        case Mapping():
            return "an object"

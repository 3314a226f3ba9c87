"""Reading an ImageReview (imagepolicy.k8s.io/v1alpha1) from the document of a request.

Total: whatever the document is, the answer is a review that can be judged or a refusal that says why not. What the
contract gives a type must have it, or be absent, or null, which Kubernetes reads as absent; what the contract does not
know is left alone and reaches the policy as it was sent. The API server puts the images of init containers into
``spec.containers`` itself.
"""

from __future__ import annotations

from typing import Any, Final

from ..domain.review import Cause, ImageUse, Refusal, Review
from . import text

KIND: Final = "ImageReview"
VERSION: Final = "imagepolicy.k8s.io/v1alpha1"
UNJUDGED: Final = ("initContainers", "ephemeralContainers", "volumes")
"""What a Pod has beside containers. The API server puts such images among the containers; no policy looks elsewhere."""
MAX_IMAGES: Final = 1000
MAX_IMAGE: Final = 4096
"""Characters of one image string."""
MAX_NAMESPACE: Final = 253
"""Characters of a namespace; Kubernetes' own have at most 63."""


def bad(text: str, remedy: str = "send an ImageReview of imagepolicy.k8s.io/v1alpha1") -> Refusal:
    """A refusal of what is no review."""
    return Refusal(cause=Cause.BAD_REVIEW, text=text, remedy=remedy)


def read(document: Any) -> Review | Refusal:
    """A review from a parsed JSON document."""
    if not isinstance(document, dict):
        return bad("the request is not a JSON object")
    kind, version = document.get("kind", KIND), document.get("apiVersion", VERSION)
    if kind != KIND or version != VERSION:
        return bad(f"the request is {_shown(version)} {_shown(kind)}, which is not reviewed here")
    for part in ("metadata", "status"):
        if not isinstance(document.get(part), dict | None):
            return bad(f"the review's {part} is not an object")
    spec = document.get("spec")
    if not isinstance(spec, dict):
        return bad("the review has no spec")
    for part in UNJUDGED:
        if spec.get(part):
            return bad(f"spec.{part} is no part of an ImageReview", "name every image in spec.containers")
    uses = _uses(spec.get("containers"))
    if isinstance(uses, Refusal):
        return uses
    namespace = spec.get("namespace")
    if namespace is None:
        namespace = ""
    if type(namespace) is not str:
        return bad("spec.namespace is not a string")
    if len(namespace) > MAX_NAMESPACE:
        return bad(f"spec.namespace is longer than {MAX_NAMESPACE} characters", "name a namespace of the cluster")
    annotations = spec.get("annotations")
    if annotations is not None and not _strings(annotations):
        return bad("spec.annotations is not an object of strings", "send annotations as strings")
    return Review(namespace=namespace, uses=uses, document=document)


def _uses(containers: Any) -> tuple[ImageUse, ...] | Refusal:
    """The images of ``spec.containers``, each with its place."""
    if containers is None or containers == []:
        return Refusal(
            cause=Cause.NO_IMAGES, text="the review names no image", remedy="name the images in spec.containers"
        )
    if not isinstance(containers, list):
        return bad("spec.containers is not a list", "name the images in spec.containers, each in an object")
    if len(containers) > MAX_IMAGES:
        return bad(f"the review names more than {MAX_IMAGES} images", "review fewer images at a time")
    uses: list[ImageUse] = []
    for i, container in enumerate(containers):
        image = container.get("image") if isinstance(container, dict) else None
        if type(image) is not str or not image:
            return Refusal(
                cause=Cause.NO_IMAGES,
                text=f"spec.containers[{i}] has no image string",
                remedy="give every container an image",
            )
        if len(image) > MAX_IMAGE:
            return bad(f"the image of spec.containers[{i}] is longer than {MAX_IMAGE} characters", "shorten it")
        uses.append(ImageUse(image=image, place=f"spec.containers[{i}].image"))
    return tuple(uses)


def _strings(value: Any) -> bool:
    return isinstance(value, dict) and all(type(v) is str for v in value.values())


def _shown(value: Any) -> str:
    return f"'{text.name(value, 80)}'" if isinstance(value, str) else "of no known kind"

"""Reading an ImageReview (imagepolicy.k8s.io/v1alpha1) from the bytes of a request.

Total: whatever the bytes are, the answer is a review that can be judged or a refusal that says why not.
"""

from __future__ import annotations

from typing import Any, Final

from ..domain.review import Cause, ImageUse, Refusal, Review

KIND: Final = "ImageReview"
VERSION: Final = "imagepolicy.k8s.io/v1alpha1"
MAX_IMAGES: Final = 1000
MAX_IMAGE: Final = 4096


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
    spec = document.get("spec")
    if not isinstance(spec, dict):
        return bad("the review has no spec")
    containers = spec.get("containers")
    if not isinstance(containers, list) or not containers:
        return Refusal(
            cause=Cause.NO_IMAGES, text="the review names no image", remedy="name the images in spec.containers"
        )
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
    namespace = spec.get("namespace", "")
    if type(namespace) is not str:
        return bad("spec.namespace is not a string")
    return Review(namespace=namespace, uses=tuple(uses), document=document)


def _shown(value: Any) -> str:
    return repr(value[:80]) if isinstance(value, str) else "of no known kind"
